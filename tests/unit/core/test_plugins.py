"""Plug-in files, plug-in packages, and what they leave in a fingerprint."""

import importlib.metadata
import sys

import pytest

from lontar.core import plugins
from lontar.errors import ConfigError

pytestmark = pytest.mark.usefixtures("unloaded")


def test_home_is_lontar_home_or_a_folder_of_the_user(home, monkeypatch):
    assert plugins.home() == home
    monkeypatch.setenv("LONTAR_HOME", "~/x")
    assert not str(plugins.home()).startswith("~")
    monkeypatch.setenv("LONTAR_HOME", "")
    assert plugins.home().name == ".lontar"


def test_files_of_the_home_are_imported_once(home, tmp_path):
    (home / "plugins" / "one.py").write_text(
        f"with open({str(tmp_path / 'count')!r}, 'a') as stream:\n    stream.write('x')\n"
    )
    plugins.load_all()
    plugins.load_all()
    assert (tmp_path / "count").read_text() == "x"
    assert plugins.loaded_files() == (home / "plugins" / "one.py",)


def test_no_folder_and_no_files_is_fine(home, monkeypatch):
    monkeypatch.setenv("LONTAR_HOME", str(home / "absent"))
    plugins.load_all()
    assert plugins.loaded_files() == ()


def test_files_that_an_editor_left_are_passed_over(home):
    (home / "plugins" / ".#one.py").symlink_to("nobody@nowhere:1")
    (home / "plugins" / "._one.py").write_bytes(b"\x00\x05\x16\x07")
    plugins.load_all()
    assert plugins.loaded_files() == ()


def test_the_same_name_in_two_folders_are_two_modules(home, tmp_path):
    (home / "plugins" / "one.py").write_text("VALUE = 1\ndef f(): return VALUE\n")
    (tmp_path / "one.py").write_text("VALUE = 2\ndef f(): return VALUE\n")
    plugins.load_file(home / "plugins" / "one.py")
    plugins.load_file(tmp_path / "one.py")
    modules = [m for n, m in sys.modules.items() if n.startswith("lontar_plugin_one_")]
    assert sorted(m.f() for m in modules) == [1, 2]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("1/0\n", "ZeroDivisionError"),
        ("import no_such_module_here\n", "no_such_module_here"),
        ("def (\n", "SyntaxError"),
    ],
)
def test_a_plugin_that_fails_names_its_file_and_leaves_nothing(home, source, words):
    path = home / "plugins" / "bad.py"
    path.write_text(source)
    for _ in range(2):
        with pytest.raises(ConfigError) as caught:
            plugins.load_all()
        assert str(path) in caught.value.message
        assert words in caught.value.message
    assert plugins.loaded_files() == ()
    assert not [name for name in sys.modules if name.startswith("lontar_plugin_bad")]


def test_a_missing_plugin_file(tmp_path):
    with pytest.raises(ConfigError, match="no such plug-in file"):
        plugins.load_file(tmp_path / "none.py")
    (tmp_path / "text.txt").write_text("x = 1\n")
    with pytest.raises(ConfigError, match="not a Python file"):
        plugins.load_file(tmp_path / "text.txt")


class Point:
    name, value = "mine", "mine:plugin"

    def __init__(self, fails):
        self.fails = fails
        self.loaded = 0

    def load(self):
        self.loaded += 1
        if self.fails:
            raise ImportError("gone")


def test_packages_are_found_by_their_entry_point(monkeypatch):
    monkeypatch.setattr(plugins, "_entry_points_loaded", False)
    point = Point(fails=False)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point] if group == "lontar.plugins" else [])
    plugins.load_all()
    plugins.load_all()
    assert point.loaded == 1


def test_a_package_that_fails_is_named(monkeypatch):
    monkeypatch.setattr(plugins, "_entry_points_loaded", False)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [Point(fails=True)])
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"plug-in mine \(mine:plugin\) failed to load: ImportError: gone"):
            plugins.load_all()


def test_the_digest_of_a_function_is_of_its_file(tmp_path):
    (tmp_path / "one.py").write_text("def f(): return 1\n")
    plugins.load_file(tmp_path / "one.py")
    module = next(m for n, m in sys.modules.items() if n.startswith("lontar_plugin_one_"))
    before = plugins.source_digest(module.f)
    (tmp_path / "one.py").write_text("def f(): return 2\n")
    assert plugins.source_digest(module.f) != before


def typed(source):
    scope = {}
    exec(source, scope)
    return scope["f"]


def test_functions_typed_at_a_prompt_are_told_apart():
    first, again = typed("def f(): return [x + 1 for x in (1, 2)]"), typed("def f(): return [x + 1 for x in (1, 2)]")
    other = typed("def f(): return [x + 2 for x in (1, 2)]")
    assert plugins.source_digest(first) == plugins.source_digest(again)
    assert plugins.source_digest(first) != plugins.source_digest(other)
