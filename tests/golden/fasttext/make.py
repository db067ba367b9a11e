"""Makes the models and expected predictions beside this file; needs the official trainer (fastText 0.9.2).

    pip install 'numpy<2' fasttext-wheel==0.9.2
    python tests/golden/fasttext/make.py

Training is deterministic with one thread, but not across builds of the trainer: models and expectations are replaced
together. The text is our own (src/lontar/samples/paragraphs, CC0).
"""

import json
import random
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SAMPLES = HERE.parents[2] / "src" / "lontar" / "samples"
BASE = {"dim": 4, "minCount": 8, "minn": 2, "maxn": 4, "bucket": 500, "epoch": 40, "lr": 1.0, "thread": 1, "seed": 7}
# name: labels, training settings, quantization settings; what each adds is said in test_fasttext.py
MODELS = {
    "softmax.bin": ("language", {"loss": "softmax"}, None),
    "hs.bin": ("language", {"loss": "hs", "dim": 7}, None),
    "ova.bin": ("language", {"loss": "ova"}, None),
    "plain.bin": ("language", {"loss": "softmax", "minn": 0, "maxn": 0, "minCount": 5, "label": "__lang__"}, None),
    "words2.bin": ("language", {"loss": "softmax", "wordNgrams": 2, "minn": 0, "maxn": 0}, None),
    "words3.bin": ("language", {"loss": "hs", "wordNgrams": 3, "minn": 1, "maxn": 3}, None),
    "hs-qnorm.ftz": ("language", {"loss": "hs", "dim": 5}, {"qnorm": True}),
    "hs-cutoff.ftz": ("language", {"loss": "hs", "bucket": 1000, "wordNgrams": 2}, {"qnorm": True, "cutoff": 400}),
    "softmax-cutoff.ftz": ("language", {"loss": "softmax", "bucket": 1000}, {"cutoff": 400, "dsub": 3}),
    "words-cutoff.ftz": ("language", {"loss": "softmax", "minn": 0, "maxn": 0, "minCount": 3}, {"cutoff": 300}),
    "lines-qout.ftz": ("line", {"loss": "softmax", "dim": 5, "minCount": 6}, {"qnorm": True, "qout": True}),
}
ODD = [
    "",
    " ",
    " \t\v\f\r ",
    "\0",
    "a\0b",
    "\0\0saya\0\0makan",
    "</s>",
    "saya </s> makan nasi",
    "nasi</s>",
    "</s></s>",
    "__label__id",
    "__label__id saya makan",
    "__label__xx saya makan",
    "__label__",
    "saya__label__id",
    "__lang__id saya __lang__xx makan",
    "__LABEL__id",
    "1234567890",
    "๑๒๓ ១២៣ ၁၂၃ ໑໒໓ ௧௨௩",
    "3,14 -5 1e9",
    "👩🏽‍🌾 🇮🇩🇹🇭 😀😀😀",
    "e\u0301 \u0301\u0301\u0301",
    "\u200b\u200b\u200b",
    "\ufeffsaya makan",
    "a\u00a0b\u3000c\u2028d\u0085e\x1cf\x1dg\x1fh",
    "<>",
    "< > <saya> a<b>c",
    "x",
    "ก",
    "中",
    "😀",
    "\U0010ffff\uffff\ufffd",
    "saya\rmakan\tnasi\vgoreng\fenak",
    "kata" * 50,
    "ภาษาไทย" * 20,
    "nasi " * 40,
    "SAYA MAKAN NASI",
    "https://example.org/a?b=c&d=%20 user@example.org #tagar @nama",
    "wkwkwk gue lg otw nih macet bgt",
    "\x01\x02\x7f\x80\xff",
]


def main() -> None:
    rows = [row for path in sorted((SAMPLES / "paragraphs").glob("*.jsonl")) for row in read(path)]
    texts = ODD + [row["text"] for lang in sorted({row["lang"] for row in rows}) for row in held_out(rows, lang)[:2]]
    with tempfile.TemporaryDirectory() as folder:
        models = {name: expected(Path(folder), rows, texts, name, *how) for name, how in MODELS.items()}
    origin = "predictions of fasttext-wheel 0.9.2 (C++ library of fastText 0.9.2) by make.py"
    (HERE / "expected.json").write_text(dumped(origin, texts, models), encoding="utf-8")


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def held_out(rows, lang):
    return [row for row in rows if row["lang"] == lang and row["split"] == "heldout"]


def lines(rows, kind, prefix):
    """Unequal numbers of lines per language, some of them equal, or the beginnings of 20 lines each as labels."""
    found = []
    for n, lang in enumerate(sorted({row["lang"] for row in rows})):
        mine = [row["text"] for row in rows if row["lang"] == lang and row["split"] == "train"]
        if kind == "line":
            found += [f"{prefix}{lang}-{at:02d} {text[:120]}" for at, text in enumerate(mine[:20])]
        else:
            found += [f"{prefix}{lang} {text}" for text in mine[: 12 + 4 * (n % 4)]]
    random.Random(1).shuffle(found)
    return found


def expected(folder, rows, texts, name, kind, training, quantization):
    """Labels of a model and lists of [text number, k, threshold, predictions as label number and probability]."""
    import fasttext

    corpus = folder / "lines.txt"
    corpus.write_text("\n".join(lines(rows, kind, training.get("label", "__label__"))) + "\n", encoding="utf-8")
    model = fasttext.train_supervised(str(corpus), **{**BASE, **training, "verbose": 0})
    if quantization:
        model.quantize(**quantization)
    model.save_model(str(HERE / name))
    model = fasttext.load_model(str(HERE / name))
    cases = [
        [at, *query, predicted(model, text, *query)] for at, text in enumerate(texts) for query in queries(at, kind)
    ]
    return {"labels": model.labels, "cases": cases}


def queries(at, kind):
    """The best label of every text; by turns the best five or those above a bar; of some texts all labels."""
    yield 1, 0.0
    yield (5, 0.0) if at % 2 else (3, 0.3)
    if at % 30 == 0 and kind != "line":
        yield -1, 0.0


def predicted(model, text, k, threshold):
    labels, probabilities = model.predict(text, k=k, threshold=threshold)
    at = {label: n for n, label in enumerate(model.labels)}
    return [[at[label], float(f"{p:.6g}")] for label, p in zip(labels, probabilities, strict=True)]


def dumped(origin, texts, models) -> str:
    """One line per text and per model."""
    lines = [json.dumps(text) for text in texts], [f"{json.dumps(k)}: {compact(v)}" for k, v in models.items()]
    both = [",\n".join(some) for some in lines]
    return f'{{"origin": {json.dumps(origin)},\n"texts": [\n{both[0]}\n],\n"models": {{\n{both[1]}\n}}}}\n'


def compact(value) -> str:
    return json.dumps(value, separators=(",", ":"))


if __name__ == "__main__":
    main()
