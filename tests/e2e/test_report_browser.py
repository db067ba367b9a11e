"""The pages in a real browser: three widths, two themes, print. Skipped where there is no browser.

`apt-get install chromium-headless-shell fonts-noto-core fonts-noto-cjk` brings what this needs on Debian.
"""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lontar.core.artifact import Artifact, Evaluation
from tests.e2e.browser import Browser, find, running
from tests.unit.report.conftest import LESS, SKILL, evaluations, run

__all__ = ["evaluations", "run"]  # fixtures
WIDTHS, THEMES = (360, 768, 1400), ("light", "dark")
pytest.importorskip("jinja2")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find()
    if program is None:
        pytest.skip("no headless chromium on the path: apt-get install chromium-headless-shell")
    with running(program, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(
    run: dict[str, Artifact],
    evaluations: Callable[..., Evaluation],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    from lontar.report.config import CompareConfig, ReportConfig
    from lontar.report.stages import build, compare
    from lontar.tokenizer.commands import report as tokenizer_report

    root = tmp_path_factory.mktemp("pages")
    report = build(root / "report", tuple(run.values()), config=ReportConfig(bootstraps=2000))
    sides = (evaluations("old", LESS), evaluations("new", SKILL))
    both = compare(root / "compare", sides, config=CompareConfig(bootstraps=2000))
    tokenizers = root / "tokenizers.html"
    folders = (run["english"].path, run["tokenizer"].path)
    tokenizer_report(folders, langs="my,km,th,ta,id", dead=False, html=str(tokenizers))
    return {
        "report": report.path / "report.html",
        "compare": both.path / "compare.html",
        "tokenizers": tokenizers,
    }


OPEN_ALL = "document.querySelectorAll('details').forEach(d => { d.open = true })"

CHECKS = Path(__file__).with_name("page_checks.js").read_text(encoding="utf-8")


def wrong(browser: Browser, check: str) -> list[str]:
    """What one of the checks in `page_checks.js` finds wrong with the open page."""
    found: list[str] = browser.value(f"({CHECKS}).{check}()")
    return found


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["report", "compare", "tokenizers"])
def test_page_at_every_width(browser: Browser, pages: dict[str, Path], name: str, width: int, theme: str) -> None:
    browser.open(pages[name], width, theme)
    assert browser.value("document.documentElement.scrollWidth") == width == browser.value("innerWidth")
    assert wrong(browser, "places") == []
    browser.value(OPEN_ALL)
    assert browser.value("document.documentElement.scrollWidth") == width
    assert wrong(browser, "places") == []
    assert wrong(browser, "contrast") == []
    assert wrong(browser, "strokes") == []
    assert wrong(browser, "small") == []
    assert wrong(browser, "torn") == []
    assert browser.complaints() == []
    assert browser.requests() == [pages[name].resolve().as_uri()]


def test_targets_are_large_enough_for_a_thumb(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["report"], 360, "light")
    heights = "[...document.querySelectorAll('nav a, summary, .again')].filter(e => e.checkVisibility())"
    assert min(browser.value(heights + ".map(e => e.getBoundingClientRect().height)")) >= 44


def test_five_seconds_on_a_phone(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["report"], 360, "light")
    for element in (".verdict", ".big", ".gate", ".limits h2"):
        assert browser.value(f"document.querySelector('{element}').getBoundingClientRect().bottom") <= 640, element


def _has_fonts(code: str) -> bool:
    try:
        return bool(subprocess.run(["fc-list", f":lang={code}"], capture_output=True, check=False).stdout.strip())
    except FileNotFoundError:
        return False


def test_every_character_has_a_glyph(browser: Browser, pages: dict[str, Path]) -> None:
    scripts = [code for code in ("my", "km", "th") if _has_fonts(code)]
    if not scripts:
        pytest.skip("this machine has no fonts for Burmese, Khmer or Thai: apt-get install fonts-noto-core")
    browser.open(pages["report"], 768, "light")
    browser.value(OPEN_ALL)
    missing = [text for text in wrong(browser, "glyphs") if text.split()[0] in (*scripts, "en")]
    assert missing == []


def test_closed_details_are_printed(browser: Browser, pages: dict[str, Path]) -> None:
    closed = "document.querySelectorAll('details:not([open]) dl, details:not([open]) table')"
    seen = f"[...{closed}].map(e => e.checkVisibility())"
    browser.open(pages["report"], 768, "light")
    on_screen: list[Any] = browser.value(seen)
    assert on_screen and not any(on_screen)
    browser.open(pages["report"], 768, "light", media="print")
    assert all(browser.value(seen))
    printed = base64.b64decode(browser.send("Page.printToPDF", printBackground=True)["data"])
    assert printed.startswith(b"%PDF") and len(printed) > 50_000
