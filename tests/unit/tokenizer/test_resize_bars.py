"""What new rows are worth: a model that has learned four languages in English tokens, resized and trained on.

Right after resizing, no language may cost more than 0.15 bits per byte above the base; after 60 steps the model must be
ahead of the base that went on in its old tokens, on average; and learned rows must beat the mean of pieces in three
languages of four. Random rows reach neither of the first two. `benchmarks/bench_resize.py` is the same on more text.
"""

from __future__ import annotations

import pytest

for name in ("torch", "transformers", "safetensors"):
    pytest.importorskip(name)

from lontar.core.artifact import Model, Tokenizer  # noqa: E402
from lontar.core.config import validate  # noqa: E402
from lontar.core.executor import Resources  # noqa: E402
from lontar.core.job import Job  # noqa: E402
from lontar.core.stage import stage  # noqa: E402
from lontar.data.config import BuildConfig  # noqa: E402
from lontar.data.stages import build  # noqa: E402
from lontar.models.tiny import make_model  # noqa: E402
from lontar.tokenizer.base import open_base  # noqa: E402
from lontar.tokenizer.config import ExtendConfig, TrainConfig  # noqa: E402
from lontar.tokenizer.resize_config import ResizeConfig  # noqa: E402
from lontar.tokenizer.stages import extend, resize  # noqa: E402
from lontar.tokenizer.stages import train as train_tokenizer  # noqa: E402
from lontar.train.config import CptConfig  # noqa: E402
from lontar.train.stages import cpt  # noqa: E402

pytestmark = pytest.mark.slow
LANGS = ("km", "my", "ta", "th")
WHEN = ("before", "after")
SOURCES = [{"synthetic": "stories", "langs": ["en", *LANGS], "count": 300}]
GIVEN = {"seed": 1, "resources": Resources(device="cpu", threads=1)}
SETTINGS = {
    "mean": ResizeConfig(measure=0),
    "distill": ResizeConfig(method="distill", steps=100, batch=8, rate=0.2, measure=0),
    "random": ResizeConfig(method="random", measure=0),
}


@stage("test.fresh", out=Model, version=1)
def make_fresh(job: Job, tokenizer: Tokenizer) -> None:
    """An untrained model."""
    make_model(job.dir, "nano", tokenizer=open_base(tokenizer.path).tokenizer, seed=job.seed, normalization=("nfc",))
    job.add_license("CC0-1.0", "a test")


def trained(place, model, corpus, steps, seq_len, eval_bytes=8000):
    config = CptConfig(
        languages=LANGS, steps=steps, seq_len=seq_len, batch=4, replay=0.0, dtype="float32", eval_bytes=eval_bytes
    )
    return cpt.using(**GIVEN)(place, model, corpus, config=config)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Bits per byte before and after 60 steps, by method and language."""
    place = tmp_path_factory.mktemp("bars")
    corpus = build(place / "corpus", config=validate(BuildConfig, {"sources": SOURCES}))
    old = train_tokenizer(place / "old", corpus, config=TrainConfig(vocab_size=600, languages=("en",)))
    wanted = ExtendConfig(new_tokens=600, languages=LANGS, guard=("en",))
    new = extend(place / "new", old, corpus, config=wanted)
    base = trained(place / "base", make_fresh.using(**GIVEN)(place / "fresh", old), corpus, 250, 384, 0)
    # The same text in as many steps: rows of the base hold as many more tokens as its text has.
    continued = {"base": trained(place / "continued", base, corpus, 60, round(96 * ratio(old, new, corpus)))}
    for method, config in SETTINGS.items():
        made = resize.using(**GIVEN)(place / method, base, new, corpus, config=config)
        continued[method] = trained(place / f"{method}-trained", made, corpus, 60, 96)
    return {
        method: {when: [model.manifest.metrics[f"bits_per_byte.{when}.{lang}"] for lang in LANGS] for when in WHEN}
        for method, model in continued.items()
    }


def ratio(old, new, corpus):
    texts = [doc.text for doc in corpus.documents("train", LANGS)]
    before, after = (sum(len(bpe.encode(text)) for text in texts) for bpe in (open_base(old.path), open_base(new.path)))
    return before / after


def worst(found, method):
    return max(a - b for a, b in zip(found[method]["before"], found["base"]["before"], strict=True))


def average(values):
    return sum(values) / len(values)


def test_right_after_resizing_it_is_near_the_base(found):
    assert worst(found, "distill") <= 0.15, found
    assert worst(found, "random") > 0.15, found


def test_after_sixty_steps_it_is_ahead_of_the_base(found):
    goal = average(found["base"]["after"])
    assert average(found["distill"]["after"]) < goal, found
    assert average(found["random"]["after"]) > goal, found


def test_learned_rows_beat_the_mean_of_pieces(found):
    for when in WHEN:
        pairs = zip(found["distill"][when], found["mean"][when], strict=True)
        assert sum(learned < mean for learned, mean in pairs) >= 3, found
