import pytest

from lontar.core.command import Table
from lontar.tokenizer.parity import measure
from lontar.tokenizer.pictures import charts, html, picture
from lontar.tokenizer.vocabularies import Vocabulary, open_vocabulary
from tests.unit.report.html_checks import Page, problems_of

pytest.importorskip("jinja2")
HOSTILE = "</style><script>alert(1)</script>"


def by_bytes(name="bytes"):
    return Vocabulary(name, "made", lambda text: list(text.encode()), [bytes([i]) for i in range(256)])


def by_text(name="text"):
    """Every text is one token, and SentencePiece's space stands before it."""
    known = []

    def encode(text):
        known.append(b" " + text.encode())
        return [len(known) - 1]

    return Vocabulary(name, "made", encode, known)


@pytest.fixture
def folders(base, extension, tmp_path):
    made = []
    for name, bpe in (("before", base), ("after", extension.new)):
        (tmp_path / name).mkdir()
        bpe.tokenizer.save(str(tmp_path / name / "tokenizer.json"))
        made.append(tmp_path / name)
    return made


def test_picture_of_bytes_and_of_one_token():
    torn, whole = picture(by_bytes(), "กี"), picture(by_text(), "กี")
    assert torn.n == 6 and torn.torn == [*range(6)] and not any(span.is_text for span in torn.spans)
    assert [(span.start, span.end) for span in whole.spans] == [(0, 6)] and whole.torn == []


def test_no_picture_where_the_tokens_do_not_spell_the_sentence():
    lower = Vocabulary("lower", "made", lambda text: list(text.lower().encode()), by_bytes().tokens)
    assert picture(lower, "Ab") is None and picture(lower, "ab").n == 2


def test_the_same_sentence_in_each_language_those_served_worst_first():
    sentences = {
        "en": ["a", "long one", "middle"],
        "id": ["x", "y", "z"],
        "my": ["က", "ခ\u200b", "ဂ\u200b"],
        "th": ["ก"],
    }
    found = charts([by_bytes()], sentences)
    assert [(chart["lang"], chart["text"]) for chart in found] == [("my", "ဂ"), ("en", "middle"), ("id", "z")]
    assert found[0]["gloss"] == "middle" and found[1]["gloss"] == ""
    assert charts([by_bytes()], {}) == []


def page_of(vocabularies, sentences):
    found = [measure(each, sentences, dead=False) for each in vocabularies]
    return html(
        found, vocabularies, sentences, [Table("t " + HOSTILE, ("name", "x"), [(HOSTILE, 1.5), ("th", None)])], []
    )


def test_page_is_well_formed_inert_and_small(folders, texts):
    sentences = {code: texts[code] for code in ("en", "my", "km", "th", "ta")}
    text = page_of([open_vocabulary(folder) for folder in folders], sentences)
    assert problems_of(text) == [] and len(text.encode()) < 100_000
    labels = [a["aria-label"] for a in Page(text).named("div") if a.get("role") == "img"]
    assert len(labels) == 10 and all(" tokens, " in label for label in labels)


def test_text_and_names_that_mean_harm_do_nothing():
    lower = Vocabulary(HOSTILE, "made", lambda text: list(text.lower().encode()), by_bytes().tokens)
    text = page_of([by_bytes(HOSTILE), lower], {"en": [HOSTILE + "A"], "xx": [HOSTILE]})
    assert problems_of(text) == [] and "<script" not in text and "is not drawn" in text


def test_command_writes_the_page(folders, tmp_path):
    from lontar.tokenizer.commands import report

    made = report(tuple(folders), langs="my,th", dead=False, html=str(tmp_path / "x.html"))
    text = (tmp_path / "x.html").read_text("utf-8")
    assert problems_of(text) == [] and 'lang="my"' in text
    assert [row["name"] for row in made.value] == ["before", "after"]
    assert made.tables[0].rows[0][-1] == "not counted"
