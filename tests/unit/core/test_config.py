"""Strict YAML, overrides, and messages that come all at once."""

import math

import pytest
from pydantic import Field

from lontar.core.config import (
    Config,
    Parsed,
    Problem,
    assign,
    load_yaml,
    nearest,
    parse_assignment,
    parse_yaml,
    raise_problems,
    scalar,
    validate,
)
from lontar.errors import ConfigError, LontarError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("True", "True"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("Null", "Null"),
        ("12", 12),
        ("-3", -3),
        ("1_000", 1000),
        ("1e-4", 1e-4),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("3.", 3.0),
        ("+1.5", 1.5),
        ("007", "007"),
        ("0_1", "0_1"),
        ("12:30", "12:30"),
        ("2030-01-02", "2030-01-02"),
        ("0x10", "0x10"),
        (".inf", ".inf"),
        ("e5", "e5"),
        ("-e5", "-e5"),
        ("._", "._"),
        ("1e400", "1e400"),
        ("1.2.3", "1.2.3"),
        ("๑๒", "๑๒"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_a_plain_scalar_is_what_it_looks_like(text, value):
    found = scalar(text)
    assert found == value
    assert type(found) is type(value)


def test_yaml_values_and_their_lines():
    doc = parse_yaml("langs: [id, no]\nlr: 1e-4\nquoted: '12'\nlist:\n  - a: 1\n  - b\ntext: |\n  true\n", "x.yaml")
    assert doc.value == {
        "langs": ["id", "no"],
        "lr": 1e-4,
        "quoted": "12",
        "list": [{"a": 1}, "b"],
        "text": "true\n",
    }
    assert doc.where(("lr",)) == "x.yaml:2"
    assert doc.where(("list", 0, "a")) == "x.yaml:5"
    assert doc.where(("list", 1)) == "x.yaml:6"
    assert doc.where(("list", 0, "a", "deeper")) == "x.yaml:5"
    assert doc.where(()) == "x.yaml:1"


def test_an_empty_document_is_null():
    assert parse_yaml("").value is None
    assert parse_yaml("# only a comment\n").value is None


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "'a' is given twice"),
        ("x:\n  <<: {a: 1}\n", 2, "merge keys"),
        ("a: 1\nb: !x 1\n", 2, "tags such as !x"),
        ("a: !!str 1\n", 1, "tags such as !!str"),
        ("a: !!python/object:os.system {}\n", 1, "tags"),
        ("a: &x [1]\nb: *x\n", 1, "anchors"),
        ("&a [*a]\n", 1, "anchors"),
        ("a: 1\nb: [1,\n", 3, ""),
        ("? [a, b]\n: 1\n", 1, "must be plain text"),
        ("a: 1\n---\nb: 2\n", 2, "document"),
        ("a: b: c\n", 1, ""),
        ("a: 1\n\tb: 2\n", 2, ""),
    ],
)
def test_what_strict_yaml_refuses(text, line, words):
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "x.yaml")
    assert words in caught.value.message
    assert f"x.yaml:{line}:" in caught.value.message or f"line {line}," in caught.value.message


@pytest.mark.parametrize("text", ["a: \x00", "[" * 3000 + "]" * 3000], ids=["control character", "deep"])
def test_hostile_yaml_is_a_one_line_error(text):
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text)
    assert "\n" not in caught.value.message


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        load_yaml(tmp_path / "missing.yaml")
    with pytest.raises(ConfigError, match="cannot read"):
        load_yaml(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9")
    with pytest.raises(ConfigError, match="not UTF-8 at byte 9") as caught:
        load_yaml(tmp_path / "latin.yaml")
    assert caught.value.hint


def test_a_file_is_read_with_its_name(tmp_path):
    (tmp_path / "a.yaml").write_text("x: ภาษา\n", encoding="utf-8")
    doc = load_yaml(tmp_path / "a.yaml")
    assert doc.value == {"x": "ภาษา"}
    assert doc.where(("x",)) == f"{tmp_path / 'a.yaml'}:1"


# --- overrides -------------------------------------------------------------------------------------------------------


def test_assignments():
    assert parse_assignment("steps=200") == (("steps",), 200)
    assert parse_assignment("optim.lr=1e-3") == (("optim", "lr"), 1e-3)
    assert parse_assignment("lang=no") == (("lang",), "no")
    assert parse_assignment("langs=[id, th]") == (("langs",), ["id", "th"])
    assert parse_assignment("url=http://x/?a=b") == (("url",), "http://x/?a=b")
    assert parse_assignment("x=") == (("x",), None)


@pytest.mark.parametrize("text", ["steps", "=3", ".=3", "a=[1", "a=&x 1"])
def test_assignments_that_are_none(text):
    with pytest.raises(ConfigError):
        parse_assignment(text)


def test_assign_copies():
    tree = {"a": {"b": 1}, "items": [{"x": 1}, 2, [3, 4]]}
    assert assign(tree, ["a", "b"], 5) == {**tree, "a": {"b": 5}}
    assert assign(tree, ["new", "deep"], 5)["new"] == {"deep": 5}
    assert assign(tree, ["items", "1"], 5)["items"] == [{"x": 1}, 5, [3, 4]]
    assert assign(tree, ["items", "0", "x"], 5)["items"][0] == {"x": 5}
    assert assign(tree, ["items", "1", "name"], 5)["items"][1] == {"name": 5}
    assert assign(tree, ["items", "2", "0"], 5)["items"][2] == [5, 4]
    assert tree == {"a": {"b": 1}, "items": [{"x": 1}, 2, [3, 4]]}


@pytest.mark.parametrize("index", ["3", "-1", "x", "²", ""])
def test_assign_outside_a_list(index):
    with pytest.raises(ConfigError, match=r"items.*expected an index below 3"):
        assign({"items": [1, 2, 3]}, ["items", index], 0)


# --- validation ------------------------------------------------------------------------------------------------------


class Inner(Config):
    rate: float = 0.1
    """how fast"""


class Outer(Config):
    steps: int
    name: str = "x"
    inner: Inner = Field(default_factory=Inner)
    many: tuple[Inner, ...] = ()


def test_every_mistake_is_reported_with_place_and_hint():
    doc = parse_yaml("step: 3\ninner:\n  rte: 1\nname: 5\nmany:\n  - rate: 1\n  - rat: 2\n", "x.yaml")
    with pytest.raises(ConfigError) as caught:
        validate(Outer, doc.value, doc)
    text = caught.value.message
    assert text.startswith("5 problems:")
    assert "x.yaml:1: step: unknown field (did you mean steps?)" in text
    assert "x.yaml:3: inner.rte: unknown field (did you mean rate?)" in text
    assert "x.yaml:4: name:" in text
    assert "(got 5)" in text
    assert "x.yaml:7: many.1.rat: unknown field (did you mean rate?)" in text
    assert "steps: required, but not given" in text


def test_one_mistake_is_one_line():
    with pytest.raises(ConfigError) as caught:
        validate(Outer, {"steps": 1, "nam": "y"})
    assert caught.value.message == "<text>: nam: unknown field"
    assert caught.value.hint == "did you mean name?"


def test_a_long_value_is_shortened_in_the_message():
    with pytest.raises(ConfigError) as caught:
        validate(Outer, {"steps": "x" * 500})
    assert len(caught.value.message) < 200


def test_configs_are_frozen_finite_and_described():
    found = validate(Outer, {"steps": 1, "inner": {"rate": 2}})
    assert found.inner.rate == 2.0
    assert Inner.model_fields["rate"].description == "how fast"
    with pytest.raises(ValueError, match="frozen"):
        found.steps = 2
    with pytest.raises(ConfigError, match="finite"):
        validate(Inner, {"rate": math.inf})


def test_null_stands_for_no_settings():
    assert validate(Inner, None) == Inner()


def test_no_problems_raise_nothing():
    raise_problems([])


def test_a_problem_is_one_line():
    assert str(Problem("a:1", "wrong", "do that")) == "a:1: wrong (do that)"
    assert Parsed(1).where(("a",)) == "<text>"


def test_nearest():
    assert nearest("word_cuont", ["word_count", "char_count"]) == "did you mean word_count or char_count?"
    assert nearest("zzz", ["b", "a"]) == "known: a, b"
    assert nearest("zzz", []) is None
    assert nearest("zzz", map(str, range(100))) is None


def test_errors_show_their_hint_and_survive_pickling():
    import pickle

    err = pickle.loads(pickle.dumps(ConfigError("wrong", hint="do that")))
    assert type(err) is ConfigError
    assert (err.message, err.hint) == ("wrong", "do that")
    assert str(err) == "wrong\n  hint: do that"
    assert str(LontarError("plain")) == "plain"


def test_text_is_whole_characters():
    assert parse_yaml('{"\\ud83d\\ude00": "\\ud83d\\ude00 \\u0e01"}').value == {"\U0001f600": "\U0001f600 ก"}
    with pytest.raises(ConfigError, match="<text>:2: the text holds half of a surrogate pair"):
        parse_yaml('a: 1\nb: "\\ud83d"\n')
