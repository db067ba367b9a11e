"""One self-contained page: templates with escaping on, one style sheet, and a policy that lets nothing else in.

The page makes no request and runs no script; its Content-Security-Policy allows the one style sheet by its hash, so
that markup in a model's answer, had it slipped through, would do nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from lontar.core.extras import need
from lontar.languages import all_languages
from lontar.pages import numbers
from lontar.pages.boxes import chipped, token_boxes
from lontar.pages.names import language_name
from lontar.text import SCRIPTS, script_counts

FOLDER = Path(__file__).parent / "templates"
# Per script: fonts that systems have, the script's own first, and the line height that clips no ink of it. A Latin font
# stands before the last Khmer one, which would otherwise draw the digits too.
FONTS: dict[str, tuple[str, float]] = {
    "Myanmar": ('"Noto Sans Myanmar","Myanmar Text","Myanmar Sangam MN",Padauk', 1.9),
    "Khmer": ('"Noto Sans Khmer","Leelawadee UI","Khmer Sangam MN",system-ui,"Khmer OS"', 2.0),
    "Lao": ('"Noto Sans Lao","Leelawadee UI","Lao Sangam MN"', 1.8),
    "Thai": ('"Noto Sans Thai","Leelawadee UI",Thonburi', 1.7),
    "Tamil": ('"Noto Sans Tamil","Nirmala UI","Tamil Sangam MN"', 1.6),
    "Han": ('"Noto Sans CJK SC","PingFang SC","Microsoft YaHei"', 1.6),
}
# From this share of letters on, a text is said to be in a script.
MOST = 0.5


def font_rules(codes: Iterable[str]) -> str:
    """Rules for the scripts of these languages, by `lang`; text of another language in that script is `und-<code>`."""
    scripts: dict[str, list[str]] = {script: [f":lang(und-{SCRIPTS[script]})"] for script in FONTS}
    for code in sorted(set(codes)):
        if (script := language_name(code).script) in scripts:
            scripts[script].append(f":lang({code})")
    rule = "{names}{{font-family:{fonts},sans-serif;line-height:{height}}}"
    return "".join(
        rule.format(names=",".join(names), fonts=FONTS[script][0], height=FONTS[script][1])
        for script, names in scripts.items()
    )


def text_lang(text: str, code: str) -> str:
    """The `lang` of a text that should be in a language: that, or only the script when it is in another one."""
    counts = script_counts(text)
    script = max(counts, key=lambda name: counts[name], default="")
    if not script or script not in SCRIPTS or counts[script] < MOST * sum(counts.values()):
        return code
    return code if language_name(code).script == script else f"und-{SCRIPTS[script]}"


def render(
    folder: Path,
    template: str,
    context: Mapping[str, Any],
    *,
    drawings: Mapping[str, Callable[..., str]] | None = None,
    values: Mapping[str, Any] | None = None,
) -> str:
    """A page as HTML text.

    Args:
        folder: where the template is; those that all pages share are found beside it.
        template: its file name.
        context: what it prints.
        drawings: functions that return HTML, which it may call; everything else is escaped.
        values: other functions and values that it may use.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    jinja = need("jinja2", extra="report")
    environment = jinja.Environment(
        loader=jinja.FileSystemLoader([folder, FOLDER], encoding="utf-8"),
        autoescape=True,
        undefined=jinja.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    markup = need("markupsafe", extra="report").Markup
    made: dict[str, Callable[..., str]] = {
        "spoken": spoken,
        "chipped": chipped,
        "token_boxes": token_boxes,
        **(drawings or {}),
    }
    environment.filters |= {name: getattr(numbers, name) for name in _FILTERS}
    environment.globals |= {name: _html(function, markup) for name, function in made.items()}
    environment.globals |= {"language": language_name, **(values or {})}
    style = sheet()
    page: str = environment.get_template(template).render(**context, style=style, policy=policy(style))
    # Half of a surrogate pair has no UTF-8 form; texts show it as a chip, this is for names and ids.
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


_FILTERS = ("number", "interval", "count", "short", "size", "duration", "probability")


def _html(function: Callable[..., str], markup: Any) -> Any:
    return lambda *args, **kwargs: markup(function(*args, **kwargs))


def sheet() -> str:
    """The style sheet of all pages."""
    return squeezed((FOLDER / "page.css").read_text(encoding="utf-8") + font_rules(x.code for x in all_languages()))


def squeezed(style: str) -> str:
    """A style sheet without comments and indentation."""
    lines = (line.strip() for line in style.splitlines())
    return "".join(line for line in lines if line and not line.startswith("/*"))


def policy(style: str) -> str:
    """Content-Security-Policy of a page with this one style sheet and no script."""
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def spoken(text: str, code: str) -> str:
    """HTML of a text that should be in a language."""
    return f'<bdi lang="{escape(text_lang(text, code))}">{chipped(text)}</bdi>'
