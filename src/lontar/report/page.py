"""The pages of this family: their templates, and the plots that these draw with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lontar.pages import page
from lontar.report import drawing, plots

FOLDER = Path(__file__).parent / "templates"
_DRAWINGS = {
    **{name: getattr(drawing, name) for name in ("score_row", "difference_row", "length_row", "learning_chart")},
    "loss_chart": drawing.loss_chart,
    "bar": plots.bar,
    "scale_text": plots.scale_text,
}
_VALUES = {
    **{name: getattr(drawing, name) for name in ("score_axis", "difference_axis", "length_axis", "learning_axes")},
    "moved": drawing.moved,
    "heat": plots.heat,
}


def render(template: str, context: Mapping[str, Any]) -> str:
    """The page as HTML text.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    return page.render(FOLDER, template, context, drawings=_DRAWINGS, values=_VALUES)
