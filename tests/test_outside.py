"""A language, a filter, a scorer, a back-end and a stage: each added from outside the package with one file."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from lontar.core.artifact import Artifact, Corpus
from lontar.core.shards import write_jsonl

pytestmark = pytest.mark.usefixtures("home")


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)


def lontar(*arguments):
    """The command line in a process of its own: nothing that this process has imported helps it."""
    command = [sys.executable, "-m", "lontar", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=dict(os.environ), check=False)
    return Result(done.returncode, done.stdout, done.stderr)


def listed(what):
    rows = lontar("list", what, "--json").json
    return {row.get("code") or row["name"]: row for row in rows}


BALINESE = """
code: ban
iso639_3: ban
script: Latin
name: Balinese
endonym: Basa Bali
spaced: true
digits: "0123456789"
answer_tags: {answer: Pasaur, translation: Terjemahan, summary: Cutetan, caption: Katerangan}
normalize: [control, nfc]
words: icu
sentences: icu
samples:
  - Tiang lakar luas ka peken mani semeng.
  - Anake cerik ento demen maca buku di perpustakaan.
  - Yeh tukade ening pesan.
"""


@pytest.fixture
def balinese(home, tmp_path):
    """A file of texts in a language that the package does not know, and the language."""
    (home / "languages").mkdir()
    (home / "languages" / "ban.yaml").write_text(BALINESE, encoding="utf-8")
    texts = ["Tiang lakar luas ka peken mani semeng.", "Yeh tukade ening pesan.", "SUBA PETENG DI DESA!"]
    rows = [
        {"id": str(i), "text": t, "lang": "ban", "source": "ours", "license": "CC0-1.0"} for i, t in enumerate(texts)
    ]
    write_jsonl(tmp_path / "ban.jsonl", rows)
    return tmp_path / "ban.jsonl"


def test_a_language(home, balinese, tmp_path):
    assert listed("languages")["ban"]["endonym"] == "Basa Bali"
    source = f"sources=[{{jsonl: {balinese}}}]"
    made = lontar("data", "build", "--out", tmp_path / "corpus", source, "heldout.share=0", "--json").json
    assert any("ban" in name for name in made["manifest"]["uses"])
    corpus = Corpus.open(tmp_path / "corpus")
    assert corpus.langs() == ["ban"]
    assert len(list(corpus.documents())) == 3
    with (home / "languages" / "ban.yaml").open("a", encoding="utf-8") as stream:
        stream.write("  - Ia suba majalan uli ituni.\n")
    drifted = lontar("data", "build", "--out", tmp_path / "corpus", source, "heldout.share=0")
    assert drifted.code == 4, "the language file is part of the derivation"
    assert "ban" in drifted.err


def test_a_wrong_language_file_is_a_clear_error(home, balinese):
    path = home / "languages" / "ban.yaml"
    path.write_text(BALINESE.replace("words: icu", "words: icuu").replace("endonym:", "endonim:"), encoding="utf-8")
    result = lontar("list", "languages")
    assert result.code == 2
    assert f"{path}:" in result.err
    assert "did you mean endonym?" in result.err
    assert "icuu" in result.err


FILTER = """
from lontar.core.records import Document
from lontar.data.filters import corpus_filter
from lontar.languages import Language


@corpus_filter("no_shouting")
def no_shouting(doc: Document, lang: Language, /, *, share: float = 0.5) -> str | None:
    '''Drop documents whose letters are mostly capitals.'''
    letters = [c for c in doc.text if c.isalpha()]
    return "shouting" if letters and sum(c.isupper() for c in letters) / len(letters) > share else None
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_a_filter(home, balinese, tmp_path, workers):
    path = home / "plugins" / "no_shouting.py"
    path.write_text(FILTER, encoding="utf-8")
    assert listed("filters")["no_shouting"]["from"] == str(path)
    command = ["data", "build", "--out", tmp_path / "corpus", "heldout.share=0", f"sources=[{{jsonl: {balinese}}}]"]
    made = lontar(*command, "filters=[{no_shouting: 0.8}]", "--resources", f"workers={workers}", "--json").json
    assert "plugin:filter:no_shouting" in made["manifest"]["uses"]
    assert len(list(Corpus.open(tmp_path / "corpus").documents())) == 2
    assert "shouting" in (tmp_path / "corpus" / "counts.json").read_text(encoding="utf-8")
    typo = lontar(*command, "filters=[{no_shoutin: 0.8}, {no_shouting: {shar: 1}}]")
    assert typo.code == 2
    assert "did you mean no_shouting?" in typo.err
    assert "did you mean share?" in typo.err


SCORER = """
from lontar.languages import Language
from lontar.scoring import Prediction, RowScore, Sample, scorer


@scorer("brevity")
def brevity(sample: Sample, prediction: Prediction, lang: Language, /, *, most: int = 5) -> RowScore:
    '''1 when the answer has no more than so many words.'''
    if prediction.answer is None:
        return RowScore(value=None, reason=prediction.reason)
    return RowScore(value=float(len(lang.words(prediction.answer)) <= most))
"""

BACKEND = """
from lontar.backends import register_backend
from lontar.backends.echo import Echo


class Parrot(Echo):
    '''Says one word, whatever it is asked.'''

    def __init__(self, target="", **options):
        super().__init__(target, answer=lambda prompt: "selamat")


def parrot(target="", /):
    '''says one word, whatever it is asked'''
    return Parrot(target)


register_backend("parrot", parrot)
"""

TASK = """
name: say_little
version: 1
competency: nlg
source: {sample: parallel}
prompt: "{text}"
output: text
scorer: {brevity: 1}
"""


@pytest.fixture
def model(make_artifact, tmp_path):
    return make_artifact(tmp_path / "model", "model", {"config.json": b"{}"}).path


def evaluated(model, out, tmp_path, *settings):
    common = ["limit=5", "languages=[id, th]", "bootstraps=100", "--json"]
    made = lontar("eval", "run", "--model", model, "--out", out, *settings, *common).json
    return made["manifest"], json.loads((out / "scores.json").read_text(encoding="utf-8"))["rows"]


def test_a_scorer(home, model, tmp_path):
    (home / "plugins" / "brevity.py").write_text(SCORER, encoding="utf-8")
    assert listed("scorers")["brevity"]["settings"] == "most"
    (tmp_path / "say_little.yaml").write_text(TASK, encoding="utf-8")
    settings = ["backend=echo", f"tasks=[{tmp_path / 'say_little.yaml'}]"]
    manifest, rows = evaluated(model, tmp_path / "scores", tmp_path, *settings)
    assert manifest["uses"]["plugin:scorer:brevity"]
    assert [(row["lang"], row["n"], row["value"]) for row in rows] == [("id", 5, 0.0), ("th", 5, 0.0)]


def test_a_backend(home, model, tmp_path):
    (home / "plugins" / "parrot.py").write_text(BACKEND, encoding="utf-8")
    assert listed("backends")["parrot"]["what it runs"] == "says one word, whatever it is asked"
    settings = ["backend=parrot", "tasks=[continue_in_language]"]
    _, rows = evaluated(model, tmp_path / "scores", tmp_path, *settings)
    assert {row["lang"]: row["value"] for row in rows} == {"id": 1.0, "th": 0.0}, "its word is Indonesian"


STAGE = """
from lontar.core.artifact import Corpus, Report
from lontar.core.config import Config
from lontar.core.job import Job
from lontar.core.shards import write_json
from lontar.core.stage import stage


class CountConfig(Config):
    '''What to count.'''

    unit: str = "documents"
    '''documents or characters'''


@stage("mine.count", out=Report, version=1)
def count(job: Job, corpus: Corpus, *, config: CountConfig) -> None:
    '''Count what a corpus holds, language by language.'''
    totals: dict[str, int] = {}
    for doc in corpus.documents():
        totals[doc.lang] = totals.get(doc.lang, 0) + (1 if config.unit == "documents" else len(doc.text))
    write_json(job.dir / "totals.json", totals)
"""


def test_a_stage(home, corpus, tmp_path):
    path = home / "plugins" / "count.py"
    path.write_text(STAGE, encoding="utf-8")
    assert listed("stages")["mine.count"]["inputs"] == "corpus: corpus"
    text = lontar("mine", "count", "--help").out
    assert "unit = 'documents'" in text
    assert "documents or characters" in text
    assert lontar("mine", "count", "--corpus", corpus.path, "--out", tmp_path / "count").code == 0
    made = Artifact.open(tmp_path / "count")
    assert json.loads((made.path / "totals.json").read_text()) == {"en": 2, "th": 2}
    assert made.verify() == []
    (tmp_path / "r.yaml").write_text(
        "name: r\ninputs: {corpus: null}\nsteps:\n"
        "  counted: {stage: mine.count, inputs: {corpus: corpus}, config: {unit: characters}}\n",
        encoding="utf-8",
    )
    run = ["run", tmp_path / "r.yaml", "--input", f"corpus={corpus.path}", "--out", tmp_path / "run", "--json"]
    assert [s["action"] for s in lontar(*run).json["steps"]] == ["built"]
    assert [s["action"] for s in lontar(*run).json["steps"]] == ["reused"]
    path.write_text(STAGE + "# edited\n", encoding="utf-8")
    drifted = lontar(*run)
    assert drifted.code == 4
    assert "uses.plugin:stage:mine.count" in drifted.err


def test_a_recipe(home):
    (home / "recipes").mkdir()
    (home / "recipes" / "own.yaml").write_text(
        "name: own\ndescription: Mine.\nsteps:\n  c: {stage: data.build, config: {sources: [{sample: parallel}]}}\n"
    )
    assert listed("recipes")["own"]["what it does"] == "Mine."
    assert lontar("run", "own", "--plan", "--json", "--out", home / "run").json[0]["status"] == "build"


def test_a_plugin_that_fails_is_named_and_breaks_nothing_that_does_not_need_it(home, corpus):
    (home / "plugins" / "broken.py").write_text("1/0\n", encoding="utf-8")
    result = lontar("list", "filters")
    assert result.code == 2
    assert "broken.py: the plug-in failed to load: ZeroDivisionError" in result.err
    assert lontar("verify", corpus.path).code == 0
    assert lontar("list", "languages").code == 0
    assert lontar("--help").code == 0
