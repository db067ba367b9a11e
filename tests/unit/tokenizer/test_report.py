import pytest

from lontar.tokenizer.report import as_json, compare, equality, measure, metrics, notes, summary, token_rows


def test_measure_by_hand(base):
    text = "กา"
    n = len(base.encode(text))
    found = measure(base, [text, ""])
    lengths = {"tokens_per_sentence": n / 2, "tokens_per_character": n / 2, "bytes_per_token": 6 / n}
    assert found == {**lengths, "breaking": 1.0}, "its tokens are parts of characters"
    assert measure(base, [])["tokens_per_sentence"] == 0


def test_ratio(extension, texts):
    table = compare(extension.original, extension.new, {"th": texts["th"], "en": texts["en"]})
    assert table["en"]["after"]["ratio"] == 1.0 > table["th"]["after"]["ratio"]
    assert as_json(table) == table


def test_equality_is_before_and_after(extension, texts):
    table = compare(extension.original, extension.new, texts)
    found = equality(table)
    assert found["after"]["gini"] < found["before"]["gini"]
    assert found["after"]["parity"]["th"] < found["before"]["parity"]["th"] and found["after"]["parity"]["en"] == 1
    assert table["th"]["after"]["breaking"] < table["th"]["before"]["breaking"]


def test_rows_of_tokens(extension):
    rows = token_rows(extension)
    assert rows.keys() == extension.new_ids.keys()
    for token, row in rows.items():
        assert row["pieces"] == extension.original.old_pieces(token)
        assert max(row["pieces"]) < extension.original.size


def test_summary_and_metrics_agree(extension, texts):
    numbers = summary(extension, 600)
    found = metrics(extension, 600, compare(extension.original, extension.new, {"th": texts["th"]}))
    assert found["tokens.added"] == numbers["added"] == len(extension.new_ids)
    assert sum(numbers["groups"].values()) == numbers["added"]
    assert found["tokens.used"] == numbers["used"] <= numbers["added"]
    assert found["ratio.th"] == pytest.approx(
        found["tokens_per_sentence.after.th"] / found["tokens_per_sentence.before.th"], abs=1e-3
    )
    assert notes(extension, numbers["added"]) == []
