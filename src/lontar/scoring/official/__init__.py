"""Scores as the official SEA-HELM code gives them, its defects included.

Written from a description of what that code does (github.com/aisingapore/SEA-HELM at 6844e6c), and held against its
outputs by `lontar eval parity`. No text of theirs is in here: labels, constants and prompts come from the user's copy.
"""

from __future__ import annotations

from lontar.scoring.official.case import Case, Facts, Scored, family, score

__all__ = ["Case", "Facts", "Scored", "family", "score"]
