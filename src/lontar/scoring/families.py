"""How each metric family of the official benchmark is scored in our default mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lontar.core.config import JsonValue, nearest
from lontar.errors import DataError


@dataclass(frozen=True)
class Rule:
    """Extraction, scorer and aggregate of a family."""

    extract: JsonValue
    scorer: JsonValue
    aggregate: JsonValue
    note: str
    chance: Literal["labels"] | float | None = None
    """what the aggregate is told of chance: one over the number of labels, a figure, or nothing"""
    unit: str = "points"
    better: Literal["higher", "lower"] = "higher"

    def aggregate_for(self, n_labels: int) -> JsonValue:
        """The aggregate, told what guessing scores among so many labels."""
        if self.chance is None:
            return self.aggregate
        return {str(self.aggregate): {"chance": 1 / max(1, n_labels) if self.chance == "labels" else self.chance}}


_CHOICE = "balanced accuracy above chance"
_OVERLAP = "overlap with the references in the language's own words"


def _official(note: str) -> Rule:
    return Rule("spoken", "official_row", "percent", note)


_RULES: dict[str, Rule] = {
    "label_choice": Rule("label", "label_match", "balanced", _CHOICE, "labels"),
    "minimal_pairs": Rule("label", "label_match_by_phenomenon", "balanced", "accuracy by phenomenon", "labels"),
    "pragmatics": Rule("label", "label_match_by_phenomenon", "balanced", "accuracy by phenomenon", 0.5),
    "qa_f1": Rule("tagged_text", "token_f1", "percent", f"token F1: {_OVERLAP}"),
    "translation": Rule("tagged_text", {"chrf": {"canonical": True}}, "corpus_chrf", "chrF++"),
    "rougeL": Rule("tagged_text", "rouge_l", "percent", f"ROUGE-L: {_OVERLAP}"),
    "sea_ifeval": Rule("spoken", "instructions", "percent", "instructions followed in the right language"),
    "logprob": Rule("whole", "label_probability", "percent", "probability of the right label"),
    "exact_match": Rule("tagged_text", "exact_match", "percent", "the answer equals the reference"),
    "niah": Rule("between_tags", {"set_recall": {"strict": True}}, "percent", "all that was hidden is found"),
    "math_verify": Rule("spoken", "math_equal", "percent", "equal as mathematics"),
    "judge_criteria": Rule("spoken", "judged_criteria", "judged_percent", "criteria met, as a judge says"),
    "judge_mtbench": Rule("spoken", "judged_turns", "judged_percent", "criteria met per turn, as a judge says"),
    "judge_lindsea": Rule("spoken", "judged_syntax", "judged_percent", "weighted criteria met, as a judge says"),
    "judge_pairwise": Rule("spoken", "judged_pairwise", "judged_percent", "wins over a baseline in both orders"),
    "judge_correct": Rule("spoken", "judged_correct", "judged_percent", "correct, as a judge says"),
    "judge_healthbench": Rule("spoken", "judged_points", "judged_percent", "points of a rubric, as a judge says"),
    "longproc_countdown": _official("share of the procedure that is right"),
    "longproc_html_to_tsv": _official("F1 of the rows"),
    "longproc_path_traversal": _official("share of the route that is right"),
    "longproc_tom": _official("share of the beliefs that are right"),
    "longproc_travel": _official("share of the plan that is right"),
}
_ALIASES = {
    "label_choice+difficulty": "label_choice",
    "metricx": "translation",
    "chrf": "translation",
    "minimal_pairs_logprob": "logprob",
    "pragmatics_logprob": "logprob",
    "cwe": "niah",
}
# Families that need pictures, or a sandbox for the model's code, or are not in the text suites.
OUTSIDE = {
    "pass_at_1": "it runs code that the model writes",
    "refclip": "it needs pictures",
    "judge_correct_boxed": "it needs pictures",
    "judge_truefalse": "it needs pictures",
    "ifeval_en": "English only",
}


def rule_of(family: str) -> Rule:
    """The rule of a family.

    Raises:
        DataError: it is not one of text, or there is none of that name.
    """
    name = _ALIASES.get(family, family)
    if name in OUTSIDE:
        raise DataError(f"metric family {family!r} is not scored here: {OUTSIDE[name]}")
    if name not in _RULES:
        raise DataError(f"no metric family {family!r}", hint=nearest(family, [*_RULES, *_ALIASES]))
    return _RULES[name]


def families() -> list[str]:
    """Names of all families that are scored, sorted."""
    return sorted([*_RULES, *_ALIASES])
