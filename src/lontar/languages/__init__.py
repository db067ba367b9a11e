"""Languages: one YAML file each; whatever depends on a language asks `Language`.

Files are found in this folder, in `$LONTAR_HOME/languages`, and in the folders of packages that the entry point group
`lontar.languages` names. A user's file with the code of a built-in language replaces it.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from pydantic import Field, field_validator

from lontar.core import plugins
from lontar.core.config import Config, load_yaml, nearest, validate
from lontar.core.manifest import sha256_file
from lontar.errors import ConfigError, UnknownNameError
from lontar.text import normalize, normalizers, sentence_segmenters, word_segmenters
from lontar.text.unicode import script_share

GROUP = "lontar.languages"
# Other tags for the same language in common use.
ALIASES = {"fil": "tl", "in": "id", "may": "ms", "zsm": "ms", "cmn": "zh", "zh-cn": "zh", "zh-hans": "zh", "bur": "my"}


class AnswerTags(Config):
    """Words that mark the answer in a prompt of this language."""

    answer: str
    translation: str
    summary: str
    caption: str


class Language(Config):
    """What differs between languages."""

    code: str = Field(pattern=r"^[a-z]{2,3}(-[A-Za-z]+)?$")
    """our code, ISO 639-1 where there is one"""
    iso639_3: str = Field(pattern=r"^[a-z]{3}$")
    script: str
    """Unicode script name: Thai, Latin, Myanmar"""
    name: str
    endonym: str
    """the language's name in the language"""
    spaced: bool
    """whether words are parted by spaces"""
    digits: str = Field(min_length=10, max_length=10)
    """native digits from zero to nine"""
    answer_tags: AnswerTags
    normalize: tuple[str, ...]
    """normalizers, in order"""
    word_segmenter: str = Field(alias="words")
    """registered function that finds words"""
    sentence_segmenter: str = Field(alias="sentences")
    """registered function that finds sentences"""
    samples: tuple[str, ...] = Field(min_length=3)
    """native sentences; the shared tests run on them"""

    @field_validator("normalize")
    @classmethod
    def _known_normalizers(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in normalizers:
                raise ValueError(f"unknown normalizer {name!r}; {nearest(name, (e.name for e in normalizers))}")
        return names

    @field_validator("word_segmenter")
    @classmethod
    def _known_words(cls, name: str) -> str:
        if name not in word_segmenters:
            raise ValueError(f"unknown word segmenter {name!r}; {nearest(name, (e.name for e in word_segmenters))}")
        return name

    @field_validator("sentence_segmenter")
    @classmethod
    def _known_sentences(cls, name: str) -> str:
        if name not in sentence_segmenters:
            hint = nearest(name, (e.name for e in sentence_segmenters))
            raise ValueError(f"unknown sentence segmenter {name!r}; {hint}")
        return name

    @cached_property
    def tag(self) -> str:
        """Language and script as other projects write them: `tha_Thai`."""
        return f"{self.iso639_3}_{SCRIPT_CODES.get(self.script, self.script[:4])}"

    def normalized(self, text: str) -> str:
        """The text in this language's normal form."""
        return normalize(text, self.normalize)

    def words(self, text: str) -> list[str]:
        """Words, by this language's segmenter (extra `text`)."""
        return word_segmenters.get(self.word_segmenter).function(text, self.code)

    def sentences(self, text: str) -> list[str]:
        """Sentences, by this language's segmenter (extra `text`)."""
        return sentence_segmenters.get(self.sentence_segmenter).function(text, self.code)

    def script_share(self, text: str) -> float:
        """Share in [0, 1] of letters in this language's script; 0 for text without letters."""
        return script_share(text, self.script)


SCRIPT_CODES = {
    "Latin": "Latn",
    "Thai": "Thai",
    "Lao": "Laoo",
    "Myanmar": "Mymr",
    "Khmer": "Khmr",
    "Tamil": "Taml",
    "Han": "Hans",
    "Arabic": "Arab",
    "Javanese": "Java",
}


def _folders() -> list[Path]:
    folders = [Path(__file__).parent]
    for point in importlib.metadata.entry_points(group=GROUP):
        folders.append(Path(importlib.import_module(point.value).__file__ or "").parent)
    return [*folders, plugins.home() / "languages"]


def _files() -> dict[str, Path]:
    """Language files by code; a later folder wins."""
    return {path.stem: path for folder in _folders() if folder.is_dir() for path in sorted(folder.glob("*.yaml"))}


_cache: dict[tuple[Path, int], Language] = {}


def load(path: Path) -> Language:
    """Read one language file.

    Raises:
        ConfigError: listing everything that is wrong in it.
    """
    key = (path, path.stat().st_mtime_ns)
    if key not in _cache:
        parsed = load_yaml(path)
        language = validate(Language, parsed.value, parsed)
        if language.code != path.stem:
            raise ConfigError(f"{path}: the code {language.code!r} and the file's name differ", hint="rename one of them")
        _cache[key] = language
    return _cache[key]


def get(name: str) -> Language:
    """A language by its code ("th"), ISO 639-3 code ("tha"), or tag ("tha_Thai"; "zh-Hans").

    Raises:
        UnknownNameError: with near codes as a hint.
    """
    files = _files()
    code = name if name in files else ALIASES.get(name.lower(), name)
    if code in files:
        return load(files[code])
    for language in all_languages():
        if name in (language.iso639_3, language.tag):
            return language
    raise UnknownNameError(f"unknown language {name!r}", hint=nearest(name, files) or "lontar list languages")


def all_languages() -> list[Language]:
    """Every language, sorted by code."""
    return [load(path) for _, path in sorted(_files().items())]


def pipeline(codes: Iterable[str]) -> tuple[str, ...]:
    """The normalizers of several languages in one order: safe on mixed text, since each keeps to its own script."""
    names: list[str] = []
    for code in sorted(set(codes)):
        names += [name for name in get(code).normalize if name not in names]
    return tuple(sorted(names, key=_ORDER.index if set(names) <= set(_ORDER) else names.index))


# Composition first, order of marks last: what one makes, the next may need.
_ORDER = ["control", "zwsp", "nfc", "sara_am", "mark_order", "line_space"]


def digests(codes: Iterable[str]) -> dict[str, str]:
    """What an output that depends on these languages depends on: their files, and plug-in functions they name."""
    files, found = _files(), dict[str, str]()
    for code in sorted(set(codes)):
        language = get(code)
        found[f"language:{language.code}"] = sha256_file(files[language.code])
        entries = [normalizers.get(name) for name in language.normalize]
        for entry in [*entries, word_segmenters.get(language.word_segmenter)]:
            if not entry.builtin:
                found[f"plugin:text:{entry.name}"] = entry.source_digest
    return found
