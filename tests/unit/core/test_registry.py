"""Names to functions: knobs from signatures, shorthand, hints."""

import importlib.util
import sys

import pytest

from lontar.core.config import parse_yaml
from lontar.core.registry import Registry
from lontar.errors import ConfigError, UnknownNameError


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr("lontar.core.plugins.load_all", lambda: None)
    made = Registry("filter")

    @made("longer_than")
    def longer_than(text: str, /, *, n: int = 3, strict: bool = True) -> bool:
        """Keep what is longer.

        More words.
        """
        return len(text) > n if strict else len(text) >= n

    @made("needs")
    def needs(text: str, /, *, word: str) -> bool:
        return word in text

    @made("plain")
    def plain(text: str, /) -> bool:
        """Keep all."""
        return True

    return made


def test_an_entry_knows_its_knobs_and_summary(registry):
    entry = registry.get("longer_than")
    assert list(entry.knobs.model_fields) == ["n", "strict"]
    assert entry.summary == "Keep what is longer."
    assert not entry.builtin
    assert entry.origin == __file__
    assert len(entry.source_digest) == 64
    assert registry.get("needs").summary == ""


def test_a_use_binds_knobs(registry):
    assert registry.use("longer_than")("abcd")
    assert not registry.use({"longer_than": {"n": 4}})("abcd")
    assert registry.use({"longer_than": {"n": 4, "strict": False}})("abcd")
    assert not registry.use({"longer_than": 4})("abcd")
    assert registry.use({"plain": None})("x")
    assert registry.use({"needs": "b"}).knobs == {"word": "b"}
    assert registry.use({"needs": "b"}).name == "needs"


def test_iteration_is_sorted_and_membership_works(registry):
    assert [entry.name for entry in registry] == ["longer_than", "needs", "plain"]
    assert "plain" in registry
    assert "plane" not in registry


@pytest.mark.parametrize(
    ("spec", "words", "hint"),
    [
        ("longer_then", "unknown filter 'longer_then'", "longer_than"),
        ({"longer_than": {"stric": 4}}, "stric: unknown field", "did you mean strict?"),
        ({"longer_than": {"n": "four"}}, "n: ", None),
        ({"needs": {}}, "word: required", None),
        ({"plain": 3}, "takes no settings", None),
        ({"plain": 3, "needs": 4}, "is not a filter", "write a name"),
        ([1], "is not a filter", "write a name"),
        ({}, "is not a filter", "write a name"),
    ],
)
def test_wrong_uses(registry, spec, words, hint):
    with pytest.raises(ConfigError) as caught:
        registry.use(spec)
    assert words in caught.value.message
    if hint:
        assert hint in str(caught.value.hint) + caught.value.message


def test_wrong_knobs_are_all_named_with_their_place(registry):
    doc = parse_yaml("a: 1\n", "r.yaml")
    with pytest.raises(ConfigError) as caught:
        registry.use({"longer_than": {"m": 4, "n": "x"}}, doc)
    assert caught.value.message.startswith("2 problems:")
    assert "r.yaml:1" in caught.value.message
    with pytest.raises(ConfigError, match="filter longer_than: m"):
        registry.use({"longer_than": {"m": 4}})


def test_an_unknown_name_is_its_own_error(registry):
    with pytest.raises(UnknownNameError):
        registry.get("x")


def module_from(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_name_is_taken_once(registry, tmp_path):
    (tmp_path / "other.py").write_text("def plain(text, /):\n    return False\n", encoding="utf-8")
    other = module_from(tmp_path / "other.py", "other")
    with pytest.raises(ConfigError, match="filter 'plain' is defined by both") as caught:
        registry.add("plain", other.plain)
    assert __file__ in caught.value.message
    assert str(tmp_path / "other.py") in caught.value.message
    with pytest.raises(ConfigError, match="defined by both"):
        registry.add("plain", module_from)
    registry.add("other", other.plain)
    registry.add("other", module_from_again := module_from(tmp_path / "other.py", "again").plain)
    assert registry.get("other").function is module_from_again, "the same file imported again"


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "some_package"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from lontar.core.registry import Registry\nreg = Registry('x', package=__name__)\n"
    )
    (folder / "one.py").write_text("from some_package import reg\n\n@reg('one')\ndef one(a, /): return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("lontar.core.plugins.load_all", lambda: None)
    yield folder
    for name in [n for n in sys.modules if n.startswith("some_package")]:
        del sys.modules[name]


def test_built_in_entries_are_imported_at_the_first_look_up(package):
    import some_package

    assert "some_package.one" not in sys.modules
    assert [e.name for e in some_package.reg] == ["one"]


def test_a_failed_import_is_not_forgotten(package):
    (package / "two.py").write_text("raise RuntimeError('broken')\n")
    import some_package

    for _ in range(2):
        with pytest.raises(RuntimeError, match="broken"):
            some_package.reg.get("two")


def test_a_loader_is_called_once(monkeypatch):
    calls = []
    monkeypatch.setattr("lontar.core.plugins.load_all", lambda: calls.append("plugins"))
    made = Registry("gate", loader=lambda: calls.append("loader"))
    assert list(made) == []
    assert "x" not in made
    assert calls == ["loader", "plugins"]


def test_real_entries_are_built_in():
    from lontar.core.recipe import gates

    assert gates.get("no_regression").builtin
