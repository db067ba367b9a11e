"""Documents as rows, optional libraries, and the error tree."""

import pytest

from lontar import errors
from lontar.core.extras import extra_of, need, needed_by
from lontar.core.records import Chat, Document, Message
from lontar.errors import DataError, MissingExtraError


def test_a_document_is_a_row_with_its_meta_beside_the_fixed_fields():
    doc = Document("1", "ข้อความ", "th", "web", "CC0-1.0", {"url": "x", "a": [1]})
    assert doc.row() == {
        "a": [1],
        "url": "x",
        "id": "1",
        "text": "ข้อความ",
        "lang": "th",
        "source": "web",
        "license": "CC0-1.0",
    }
    assert Document.from_row(doc.row()) == doc


def test_source_and_license_may_be_left_out():
    assert Document.from_row({"id": "1", "text": "", "lang": "th"}) == Document("1", "", "th")


def test_meta_cannot_hide_a_fixed_field():
    assert Document("1", "t", "th", meta={"text": "other"}).row()["text"] == "t"


@pytest.mark.parametrize(
    "row", [{"text": "t", "lang": "th"}, {"id": 1, "text": "t", "lang": "th"}, {"id": "1", "text": None, "lang": "th"}]
)
def test_a_field_that_is_no_text_is_named(row):
    with pytest.raises(DataError, match=r"a\.jsonl:3: field '(id|text)' must be text"):
        Document.from_row(row, "a.jsonl:3")


def test_a_message_has_a_known_role():
    assert Chat(id="1", messages=(Message(role="user", content="hi"),)).messages[0].content == "hi"
    with pytest.raises(ValueError, match="role"):
        Message(role="robot", content="hi")


def test_an_optional_library_is_imported_or_named():
    assert need("json", extra="data").dumps([]) == "[]"
    with pytest.raises(MissingExtraError) as caught:
        need("no_such_library.part", extra="ray")
    assert caught.value.message == "no_such_library is not installed"
    assert caught.value.hint == "pip install 'lontar[ray]'"


def absent(name):
    raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("torch", "pip install 'lontar[train]'"),
        ("huggingface_hub.file", "pip install 'lontar[hub]'"),
        ("zebra", "pip install the package that brings zebra"),
    ],
)
def test_a_plain_import_that_fails_in_a_stage_says_what_to_install(name, hint):
    with pytest.raises(MissingExtraError) as caught, needed_by("train.cpt"):
        absent(name)
    assert caught.value.message == f"train.cpt needs {name.partition('.')[0]}, which is not installed"
    assert caught.value.hint == hint


def test_a_module_of_ours_that_is_missing_is_our_mistake():
    with pytest.raises(ModuleNotFoundError), needed_by("train.cpt"):
        absent("lontar.train.nothing")
    with needed_by("train.cpt"):
        pass


def test_a_source_tree_that_is_not_installed_knows_no_extras(monkeypatch):
    import importlib.metadata

    def requires(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", requires)
    assert extra_of("torch") is None


def every_error():
    found, todo = [], [errors.LontarError]
    while todo:
        kind = todo.pop()
        if kind.__module__ == "lontar.errors":
            found.append(kind)
            todo += kind.__subclasses__()
    return found


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_is_drawn_in_the_tree_with_its_exit_code(kind):
    import pickle

    assert kind.__name__ in errors.__doc__
    assert kind("x").exit_code in range(1, 9)
    again = pickle.loads(pickle.dumps(kind("message", hint="hint")))
    assert (type(again), again.message, again.hint) == (kind, "message", "hint")
