"""License terms: obligations, union over parents, conflicts."""

import pytest

from lontar.core.license import License, SourceTerms, check_spdx, combine, conflicts, from_sources, obligations_of
from lontar.errors import LicenseError


def terms(*items):
    return from_sources(SourceTerms(spdx=s, source=w, documents=n) for s, w, n in items)


@pytest.mark.parametrize(
    ("spdx", "duties"),
    [
        ("CC0-1.0", set()),
        ("MIT", {"notice"}),
        ("apache-2.0", {"notice"}),
        ("CC-BY-4.0", {"attribution"}),
        ("CC-BY-SA-4.0", {"attribution", "share-alike"}),
        ("CC-BY-NC-ND-4.0", {"attribution", "non-commercial", "no-derivatives"}),
        ("gemma", {"notice", "use-restrictions"}),
        ("ODbL-1.0", {"attribution", "share-alike"}),
        ("LicenseRef-mine", {"unknown"}),
        ("", {"unknown"}),
    ],
)
def test_obligations(spdx, duties):
    assert obligations_of(spdx) == duties


def test_counts_of_one_source_are_added_and_everything_is_sorted():
    found = terms(("MIT", "b", 1), ("CC-BY-4.0", "a", 2), ("MIT", "b", 3))
    assert found.spdx == "CC-BY-4.0 AND MIT"
    assert found.obligations == ("attribution", "notice")
    assert [(t.spdx, t.source, t.documents) for t in found.sources] == [("CC-BY-4.0", "a", 2), ("MIT", "b", 4)]


def test_a_source_that_two_parents_share_is_counted_once():
    corpus = terms(("CC-BY-4.0", "web", 10), ("CC0-1.0", "ours", 2))
    model = combine([corpus, terms(("apache-2.0", "base", 0))])
    both = combine([corpus, model, corpus])
    assert {(t.source, t.documents) for t in both.sources} == {("web", 10), ("ours", 2), ("base", 0)}


def test_nothing_taken_in_is_cc0():
    assert combine([]) == License()
    assert from_sources([]).spdx == "CC0-1.0"


def test_combining_is_a_union_that_order_does_not_change():
    a, b, c = terms(("MIT", "a", 1)), terms(("CC-BY-4.0", "b", 2)), terms(("MIT", "a", 5))
    assert combine([a, b, c]) == combine([c, a, b]) == combine([combine([b, a]), c])


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("CC-BY-SA-4.0", "CC-BY-NC-SA-4.0"), ["each ask that derivatives carry that same license"]),
        (("CC-BY-SA-4.0", "CC-BY-SA-3.0"), []),
        (("CC-BY-SA-4.0", "CC-BY-NC-4.0"), []),
        (("CC-BY-ND-4.0",), ["forbids sharing derivatives"]),
        (("LicenseRef-x", "MIT"), ["the terms of LicenseRef-x are not known here"]),
        (("CC0-1.0", "MIT", "CC-BY-4.0"), []),
    ],
)
def test_conflicts_are_named(names, words):
    found = conflicts(terms(*((name, f"source of {name}", 1) for name in names)))
    assert len(found) == len(words)
    for text, part in zip(found, words, strict=True):
        assert part in text
        assert any(name in text for name in names)


@pytest.mark.parametrize("text", ["", "  ", "MIT OR Apache-2.0", "a b"])
def test_what_is_no_identifier(text):
    with pytest.raises(LicenseError, match="not an SPDX identifier"):
        check_spdx(text, "here")


def test_identifiers_are_trimmed():
    assert check_spdx(" MIT ", "here") == "MIT"
