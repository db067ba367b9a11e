"""Language files: where they are, by which tags a language is found, and what depends on them.

Files are looked up anew at each call and parsed once per modification, so a file added while a program runs is seen.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path

from lontar.core import plugins
from lontar.core.config import load_yaml, nearest, validate
from lontar.core.manifest import sha256_file
from lontar.errors import ConfigError, UnknownNameError
from lontar.languages.language import Language
from lontar.text import SCRIPTS, normalizers, sentence_segmenters, word_segmenters

GROUP = "lontar.languages"


@functools.cache
def _package_folders() -> tuple[Path, ...]:
    """Our folder, and those of packages that the entry points name; looked up once: it reads all installed metadata."""
    folders = [Path(__file__).parent]
    for point in importlib.metadata.entry_points(group=GROUP):
        try:
            spec = importlib.util.find_spec(point.module)
        except ImportError as err:
            raise ConfigError(f"language package {point.name} ({point.value}): {err}") from err
        if spec is None or spec.submodule_search_locations is None:
            raise ConfigError(f"language package {point.name} ({point.value}) is not a package", hint="uninstall it")
        folders += [Path(place) for place in spec.submodule_search_locations]
    return tuple(folders)


def _files() -> dict[str, Path]:
    """Language files by code; the user's own folder comes last and wins."""
    folders = [*_package_folders(), plugins.home() / "languages"]
    return {path.stem: path for folder in folders if folder.is_dir() for path in sorted(folder.glob("*.yaml"))}


_cache: dict[tuple[Path, int], Language] = {}


def refresh() -> None:
    """Forget the languages read and the folders found; needed only when packages or plug-ins changed meanwhile."""
    _cache.clear()
    _package_folders.cache_clear()


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
            raise ConfigError(
                f"{parsed.where(('code',))}: the code {language.code!r} and the file's name differ",
                hint=f"call the file {language.code}.yaml",
            )
        _cache[key] = language
    return _cache[key]


def get(name: str) -> Language:
    """A language by its code ("th"), ISO 639-3 code ("tha"), tag ("tha_Thai"), or alias ("fil").

    Raises:
        UnknownNameError: with near codes as a hint.
    """
    files = _files()
    if name in files:
        return load(files[name])
    found = _by_tag(all_languages())
    if (language := found.get(_folded(name))) is not None:
        return language
    known = {*files, *(language.iso639_3 for language in found.values())}
    raise UnknownNameError(f"unknown language {name!r}", hint=nearest(name, known) or "lontar list languages")


def _folded(tag: str) -> str:
    return tag.replace("_", "-").casefold()


def _by_tag(languages: Sequence[Language]) -> dict[str, Language]:
    """Languages by every tag, with and without script; a code wins over an ISO code, and that over an alias."""
    tags: dict[str, Language] = {}
    for rank in range(3):
        for language in languages:
            for tag in ((language.code,), (language.iso639_3,), language.aliases)[rank]:
                tags.setdefault(_folded(tag), language)
                tags.setdefault(_folded(f"{tag}-{SCRIPTS[language.script]}"), language)
    return tags


def all_languages() -> list[Language]:
    """Every language, sorted by code.

    Raises:
        ConfigError: a language file is wrong.
    """
    return [load(path) for _, path in sorted(_files().items())]


def pipeline(codes: Iterable[str]) -> tuple[str, ...]:
    """The normalizers of several languages, each once and after those that any of the languages puts before it.

    Raises:
        UnknownNameError: no such language.
        ConfigError: two languages put the same normalizers in opposite orders.
    """
    languages = {language.code: language for language in map(get, codes)}
    orders = [language.normalize for _, language in sorted(languages.items())]
    pending = dict.fromkeys(name for order in orders for name in order)
    found: list[str] = []
    while pending:
        ready = next((name for name in pending if not _blocked(name, orders, pending)), None)
        if ready is None:
            names = ", ".join(pending)
            raise ConfigError(f"languages put these normalizers in opposite orders: {names}", hint="agree on one order")
        del pending[ready]
        found.append(ready)
    return tuple(found)


def _blocked(name: str, orders: Iterable[Sequence[str]], pending: Iterable[str]) -> bool:
    return any(before in pending for order in orders if name in order for before in order[: order.index(name)])


def digests(codes: Iterable[str]) -> dict[str, str]:
    """What an output made with these languages depends on: their files, and the plug-in functions that they name.

    Returns:
        Name ("language:th", "plugin:normalizer:mine") to SHA-256 of the file.
    """
    found: dict[str, str] = {}
    for language in map(get, codes):
        found[f"language:{language.code}"] = sha256_file(_files()[language.code])
        for registry, names in (
            (normalizers, language.normalize),
            (word_segmenters, (language.word_segmenter,)),
            (sentence_segmenters, (language.sentence_segmenter,)),
        ):
            for entry in (registry.get(name) for name in names):
                if not entry.builtin:
                    found[f"plugin:{registry.noun}:{entry.name}"] = entry.source_digest
    return dict(sorted(found.items()))
