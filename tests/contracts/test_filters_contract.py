"""Every registered filter: named, described, settings with defaults, total, pure, the same answer again."""

import inspect
import json
import re

import pytest

from lontar import languages
from lontar.core.records import Document
from lontar.data.filters import checked_spec, corpus_filter
from lontar.errors import MissingExtraError

FILTERS = list(corpus_filter)
ODD_TEXTS = ["", " ", "\n\n", "a", "\u200b" * 50, "👍" * 20, "1 2 3", "\0", "ก" * 5000, "word " * 500, "a\r\nb\u2028c"]


def documents():
    for lang in languages.all_languages():
        for i, text in enumerate([*lang.samples, *ODD_TEXTS]):
            yield Document(f"{lang.code}-{i}", text, lang.code, "test", "CC0-1.0", {"n": i}), lang


@pytest.fixture(params=FILTERS, ids=lambda entry: entry.name)
def entry(request):
    return request.param


def test_there_are_the_filters_that_recipes_use():
    assert {"word_count", "language_share"} <= {entry.name for entry in FILTERS}


def test_a_filter_takes_two_positional_values_and_knobs_with_defaults(entry):
    parameters = inspect.signature(entry.function).parameters.values()
    assert [p.kind for p in parameters][:2] == [inspect.Parameter.POSITIONAL_ONLY] * 2
    knobs = list(parameters)[2:]
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY and p.default is not inspect.Parameter.empty for p in knobs)


def test_a_filter_is_described_in_one_sentence(entry):
    assert re.fullmatch(r"[A-Z].{10,}[.]", entry.summary)


def test_a_filter_in_a_config_survives_being_written_down(entry):
    spelled = checked_spec(entry.name)
    assert checked_spec(json.loads(json.dumps(spelled))) == spelled


def test_a_filter_answers_every_document_the_same_way_twice(entry):
    use = corpus_filter.use(entry.name)
    try:
        first = [use(doc, lang) for doc, lang in documents()]
    except MissingExtraError as err:
        pytest.skip(str(err))
    assert first == [use(doc, lang) for doc, lang in reversed(list(documents()))][::-1]
    assert all(reason is None or re.fullmatch(r"[a-z0-9_]+", reason) for reason in first)
