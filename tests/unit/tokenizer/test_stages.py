import hashlib
import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from lontar.core.artifact import Corpus, Model, Tokenizer
from lontar.core.config import Config, validate
from lontar.core.job import Job
from lontar.core.shards import write_json, write_jsonl
from lontar.core.stage import stage
from lontar.errors import ArtifactError, ConfigError, DataError
from lontar.models.tiny import make_model
from lontar.models.vocab import write_tokenizer
from lontar.tokenizer.config import ExtendConfig
from lontar.tokenizer.resize_config import ResizeConfig
from lontar.tokenizer.stages import aligned, extend, resize
from tests.unit.tokenizer.conftest import make_base, sentences

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "tokenizer_extend.json").read_text(encoding="utf-8"))


class TextConfig(Config):
    languages: tuple[str, ...] = ("en", "zh", "th", "my", "id")
    split: str = "train"


class BaseConfig(Config):
    model: bool = True
    model_type: str = "qwen3"
    template: str = ""


@stage("test.sentences", out=Corpus, version=1)
def make_corpus(job: Job, *, config: TextConfig = TextConfig()) -> None:  # noqa: B008 - frozen
    """The packaged sentences."""
    for lang in config.languages:
        rows = [{"id": f"{i}", "text": text, "lang": lang} for i, text in enumerate(sentences(config.split)[lang])]
        write_jsonl(job.dir / "train" / f"{lang}-00000.jsonl.zst", rows)
    (job.dir / "train").mkdir(exist_ok=True)
    write_json(job.dir / "counts.json", {})
    job.add_license("CC0-1.0", "a test", 1)


@stage("test.base_model", out=Model, version=1)
def make_model_artifact(job: Job, *, config: BaseConfig = BaseConfig()) -> None:  # noqa: B008 - frozen
    """A tiny model on the small base."""
    make_model(job.dir, "nano", tokenizer=make_base().tokenizer, normalization=("nfc",))
    settings = json.loads((job.dir / "config.json").read_text(encoding="utf-8"))
    write_json(job.dir / "config.json", {**settings, "model_type": config.model_type})
    if config.template:
        (job.dir / "chat_template.jinja").write_bytes(config.template.encode("utf-8"))
    job.add_license("Apache-2.0", "a test")


@stage("test.base_tokenizer", out=Tokenizer, version=1)
def make_tokenizer_artifact(job: Job) -> None:
    """The small base alone."""
    write_tokenizer(job.dir, make_base().tokenizer)
    job.add_license("Apache-2.0", "a test")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus") / "corpus")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_model_artifact(tmp_path_factory.mktemp("model") / "model")


@pytest.fixture(scope="module")
def extended(tmp_path_factory, model, corpus):
    return extend(tmp_path_factory.mktemp("made") / "tokenizer", model, corpus, config=ExtendConfig(new_tokens=400))


def read(artifact, name):
    return json.loads((artifact.path / name).read_text(encoding="utf-8"))


def test_the_folder_tells_what_was_done(extended, model):
    assert extended.verify() == []
    assert set(extended.manifest.files) == {
        "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "extension.json", "report.json",
        "lontar.json", "candidates.jsonl.zst", "ranks.tiktoken",
    }  # fmt: skip
    assert read(extended, "tokenizer_config.json")["tokenizer_class"] == "PreTrainedTokenizerFast"
    template = "chat_template.jinja"
    assert (extended.path / template).read_bytes() == (model.path / template).read_bytes()
    rows = read(extended, "extension.json")
    vocab = read(extended, "tokenizer.json")["model"]["vocab"]
    assert all(vocab[token] == row["id"] and len(row["pieces"]) > 1 for token, row in rows.items())
    assert sorted(row["rank"] for row in rows.values()) == list(range(len(rows)))
    assert {row["group"] for row in rows.values()} == {"Thai", "Myanmar", "Latin"}
    unused = [row for row in rows.values() if not row["count"]]
    assert len(unused) < 0.25 * len(rows), "only steps on the way to longer tokens are not used"


def test_report_and_metrics(extended):
    report, metrics = read(extended, "report.json"), extended.manifest.metrics
    assert report["pattern_before"] == "qwen2" and report["pattern"] == "qwen35"
    for lang in ("th", "my", "id"):
        numbers = report["languages"][lang]
        ratio = numbers["after"]["tokens_per_sentence"] / numbers["before"]["tokens_per_sentence"]
        assert numbers["after"]["ratio"] == pytest.approx(ratio) and ratio < 1
        assert numbers["after"]["bytes_per_token"] > numbers["before"]["bytes_per_token"]
        assert metrics[f"ratio.{lang}"] == pytest.approx(ratio, abs=1e-3)
    assert report["languages"]["en"]["after"]["ratio"] == 1
    assert metrics["tokens.added"] == report["added"] <= 400
    assert report["added"] == 400 or "asked for" in report["notes"][0]


def test_two_runs_are_equal_to_the_byte(extended, model, corpus, tmp_path):
    again = extend(tmp_path / "again", model, corpus, config=ExtendConfig(new_tokens=400))
    assert again.digest == extended.digest


def test_golden(extended):
    """Changed output needs another stage version and a reason in the changelog."""
    tree = read(extended, "tokenizer.json")
    merges = [f"{left} {right}" for left, right in tree["model"]["merges"]]
    assert merges[-len(GOLDEN["last_merges"]) :] == GOLDEN["last_merges"]
    digest = hashlib.sha256(json.dumps(tree, sort_keys=True, ensure_ascii=False).encode("utf-8")).hexdigest()
    assert digest == GOLDEN["sha256"]
    assert extend.version == GOLDEN["stage_version"]


def test_a_bare_tokenizer_is_a_base_too(corpus, tmp_path, extended):
    base = make_tokenizer_artifact(tmp_path / "base")
    made = extend(tmp_path / "made", base, corpus, config=ExtendConfig(new_tokens=400))
    assert read(made, "tokenizer.json") == read(extended, "tokenizer.json")
    assert "chat_template.jinja" not in made.manifest.files


def test_template_is_copied_byte_by_byte(corpus, tmp_path):
    template = "{# \u1019\u103c\u1014\u103a\u1019\u102c #}\r\n{{ messages }}  \n\n"
    base = make_model_artifact(tmp_path / "base", config=BaseConfig(template=template))
    made = extend(tmp_path / "made", base, corpus, config=ExtendConfig(new_tokens=50))
    assert (made.path / "chat_template.jinja").read_bytes() == template.encode("utf-8")


def test_another_parallel_corpus_decides(corpus, model, extended, tmp_path):
    parallel = make_corpus(tmp_path / "parallel", config=TextConfig(languages=("en", "th"), split="heldout"))
    assert aligned(parallel).keys() == {"en", "th"}
    made = extend(tmp_path / "made", model, corpus, parallel, config=ExtendConfig(new_tokens=100))
    assert made.manifest.metrics["tokens.added"] == 100
    assert made.digest != extended.digest


def test_marks_on_qwen2_are_refused_and_auto_says_so(corpus, tmp_path):
    base = make_model_artifact(tmp_path / "base", config=BaseConfig(model_type="qwen2"))
    with pytest.raises(ConfigError, match="qwen2"):
        extend(tmp_path / "no", base, corpus, config=ExtendConfig(new_tokens=50, pattern="marks"))
    assert not (tmp_path / "no").exists()
    made = extend(tmp_path / "made", base, corpus, config=ExtendConfig(new_tokens=50))
    report = read(made, "report.json")
    assert report["pattern"] == "qwen2" and "qwen2" in report["notes"][0]


def test_empty_and_unaligned_corpora_are_named(corpus, model, tmp_path):
    empty = make_corpus(tmp_path / "empty", config=TextConfig(languages=()))
    with pytest.raises(DataError, match="no documents"):
        extend(tmp_path / "no", model, empty, config=ExtendConfig())
    with pytest.raises(DataError, match="no document is there in every language"):
        extend(tmp_path / "no", model, corpus, empty, config=ExtendConfig())
    english = make_corpus(tmp_path / "english", config=TextConfig(languages=("en",)))
    with pytest.raises(DataError, match="guarded languages"):
        extend(tmp_path / "no", model, english, config=ExtendConfig())


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"new_tokns": 5}, "new_tokens"),
        ({"languages": ["xx"]}, "xx"),
        ({"pattern": "mark"}, "marks"),
        ({"new_tokens": 0}, "1"),
    ],
)
def test_typos_in_a_config(given, hint):
    with pytest.raises(ConfigError) as caught:
        validate(ExtendConfig, given)
    assert hint in str(caught.value)


def test_resize_makes_a_whole_model(model, extended, tmp_path):
    made = resize(tmp_path / "resized", model, extended, config=ResizeConfig())
    assert made.verify() == [] and set(made.manifest.files) == {*model.manifest.files, "resize.json"}
    new = read(extended, "tokenizer.json")["model"]["vocab"]
    assert read(made, "config.json")["vocab_size"] == made.manifest.metrics["rows"] == len(new)
    assert made.manifest.metrics["new_tokens"] == extended.manifest.metrics["tokens.added"]
    both = {*read(model, "lontar.json")["normalization"], *read(extended, "lontar.json")["normalization"]}
    assert set(read(made, "lontar.json")["normalization"]) == both > {"nfc"}, "what was learned is what is served"
    for name in ("generation_config.json", "chat_template.jinja"):
        assert (made.path / name).read_bytes() == (model.path / name).read_bytes()
    assert (made.path / "tokenizer.json").read_bytes() == (extended.path / "tokenizer.json").read_bytes()
    again = resize(tmp_path / "again", model, extended, config=ResizeConfig())
    assert again.digest == made.digest


def test_resize_refuses_a_tokenizer_of_another_model(model, corpus, tmp_path):
    @stage("test.other_tokenizer", out=Tokenizer, version=1)
    def other(job: Job) -> None:
        """Another base."""
        write_tokenizer(job.dir, make_base(vocab_size=350).tokenizer)
        job.add_license("Apache-2.0", "a test")

    with pytest.raises(ArtifactError, match="does not extend"):
        resize(tmp_path / "no", model, other(tmp_path / "other"), config=ResizeConfig())
    assert not (tmp_path / "no").exists()


def test_mean_rows_start_better_than_random_ones(model, extended, corpus, tmp_path):
    """Even untrained, a mean of rows is nearer to the rows it stands for than noise is."""
    import torch

    from lontar.models.weights import read_tensors

    name = "model.embed_tokens.weight"
    rows = read(extended, "extension.json").values()
    old = dict(read_tensors(model.path, [name]))[name]
    distance = {}
    for method in ("mean", "random"):
        made = resize(tmp_path / method, model, extended, config=ResizeConfig(method=method))
        new = dict(read_tensors(made.path, [name]))[name]
        distance[method] = torch.stack([(new[r["id"]] - old[r["pieces"]]).norm(dim=1).mean() for r in rows]).mean()
    assert distance["mean"] < 0.9 * distance["random"]
