"""What every page must hold, read with the standard library's parser."""

from __future__ import annotations

import unicodedata
from html.parser import HTMLParser
from itertools import pairwise

from lontar import languages
from lontar.text import script_of

VOID = {"meta", "link", "br", "img", "hr", "path", "circle"}
SHARED = ("Common", "Other", "Latin")


class Page(HTMLParser):
    """Elements in order, text with the nearest `lang`, and what is wrong with the nesting."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[tuple[str, str]] = []
        self.stack: list[tuple[str, str]] = [("", "")]
        self.problems: list[str] = []
        self.feed(text)
        self.close()
        self.problems += [f"never closed: {tag}" for tag, _ in self.stack[1:]]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.elements.append((tag, given))
        if tag not in VOID:
            self.stack.append((tag, given.get("lang", self.stack[-1][1])))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if self.stack[-1][0] != tag:
            self.problems.append(f"</{tag}> closes <{self.stack[-1][0]}>")
        else:
            self.stack.pop()

    def handle_data(self, data: str) -> None:
        if data.strip() and self.stack[-1][0] not in ("style", "code"):
            self.texts.append((data, self.stack[-1][1]))

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attrs for name, attrs in self.elements if name == tag]


def problems_of(text: str) -> list[str]:
    """Everything that is wrong with a page, in words."""
    page = Page(text)
    return [
        *page.problems,
        *_ids(page),
        *_headings(page),
        *_pictures(page),
        *_inert(page),
        *_tables(page),
        *_langs(page),
    ]


def _ids(page: Page) -> list[str]:
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    wanted = [a["href"][1:] for a in page.named("a") if a.get("href", "").startswith("#")]
    wanted += [attrs["aria-labelledby"] for _, attrs in page.elements if "aria-labelledby" in attrs]
    return [f"id twice: {i}" for i in sorted({i for i in ids if ids.count(i) > 1})] + [
        f"points nowhere: {i}" for i in wanted if i not in ids
    ]


def _headings(page: Page) -> list[str]:
    levels = [int(tag[1]) for tag, _ in page.elements if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit()]
    found = [] if levels.count(1) == 1 and levels[0] == 1 else ["not exactly one h1, first"]
    return found + [f"h{a} then h{b}" for a, b in pairwise(levels) if b > a + 1]


def _pictures(page: Page) -> list[str]:
    outer = [attrs for attrs in page.named("svg") if "x" not in attrs]
    named = [a for a in outer if a.get("aria-hidden") == "true" or (a.get("role") == "img" and a.get("aria-label"))]
    return [] if len(named) == len(outer) else ["an svg is neither named nor hidden"]


def _inert(page: Page) -> list[str]:
    found = [
        f"<{tag}> has {name}" for tag, a in page.elements for name in a if name == "style" or name.startswith("on")
    ]
    found += [f"<{tag}>" for tag, _ in page.elements if tag in ("script", "iframe", "img", "object", "form")]
    for tag, attrs in page.elements:
        for name in ("src", "href", "xlink:href", "srcset"):
            if name in attrs and not attrs[name].startswith(("#", "data:,")):
                found.append(f"<{tag} {name}={attrs[name]}>")
    return found


def _tables(page: Page) -> list[str]:
    found = [] if len(page.named("table")) == len(page.named("caption")) else ["a table has no caption"]
    return found + [f"th without scope: {attrs}" for attrs in page.named("th") if "scope" not in attrs]


def _langs(page: Page) -> list[str]:
    """Text in a script of its own stands under a `lang` of that script."""
    by_code = {language.code: language.script for language in languages.all_languages()}
    found = []
    for text, lang in page.texts:
        scripts = {script_of(c) for c in text if unicodedata.category(c)[0] == "L"} - set(SHARED)
        expected = by_code.get(lang)
        if scripts and expected not in scripts and not lang.startswith("und-"):
            found.append(f"{text.strip()[:30]!r} stands under lang={lang!r}")
    return found
