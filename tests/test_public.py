"""What users hold: the public names, and a word at the head of every module."""

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import lontar

ROOT = Path(lontar.__file__).parent
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))


def test_public_names_are_sorted_and_there():
    assert lontar.__all__
    assert list(lontar.__all__) == sorted(set(lontar.__all__))
    for name in lontar.__all__:
        assert getattr(lontar, name) is not None
    assert set(lontar.__all__) <= set(dir(lontar))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = lontar.no_such_name


def test_public_things_are_documented():
    for name in lontar.__all__:
        thing = getattr(lontar, name)
        if callable(thing):
            assert thing.__doc__, name


@pytest.mark.parametrize("path", MODULES)
def test_a_module_opens_with_what_it_is_for(path):
    text = ast.get_docstring(ast.parse((ROOT / path).read_text(encoding="utf-8")))
    assert text, "no docstring"
    first = text.splitlines()[0]
    assert len(first) >= 10


def test_packages_name_what_they_export():
    for info in pkgutil.walk_packages([str(ROOT)], prefix="lontar."):
        if info.ispkg:
            module = importlib.import_module(info.name)
            for name in getattr(module, "__all__", ()):
                assert hasattr(module, name), f"{info.name}.{name}"


def test_types_are_shipped():
    assert (ROOT / "py.typed").is_file()
