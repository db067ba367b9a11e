"""Write docs/images/tokens-{my,km,lo,th,ta}.png: one sentence each as two tokenizers cut it, before and after.

python scripts/token_pictures.py BASE EXTENDED [--before NAME] [--after NAME] [--out docs/images] [--sentence q070]

BASE and EXTENDED are files or folders with a vocabulary. The sentence is one of the package's own that nothing is
trained on. Needs a headless Chromium and fonts: apt-get install chromium-headless-shell fonts-noto-core
"""

from __future__ import annotations

import argparse
import base64
import struct
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np

from lontar import samples
from lontar.core.shards import read_jsonl
from lontar.pages import page
from lontar.text import normalize
from lontar.tokenizer.pictures import picture
from lontar.tokenizer.vocabularies import Vocabulary, open_vocabulary

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.e2e.browser import Browser, find, running  # noqa: E402

LANGS = ("my", "km", "lo", "th", "ta")
WIDTH = 720  # CSS pixels: what a README column shows without shrinking
SCALE = 2  # device pixels for one of CSS, for screens with small pixels
MOST_BYTES = 60_000
LEVELS = 17  # of each color channel: few enough for a palette, and no step that is seen at the edge of a letter


def sentence(lang: str, id_: str) -> str:
    """A sentence of the packaged test sentences."""
    rows = [row for _, row in read_jsonl(samples.path("parity") / f"{lang}.jsonl")]
    return normalize(next(str(row["text"]) for row in rows if row["id"] == id_ and row["split"] == "test"), ["zwsp"])


def drawing(lang: str, id_: str, sides: list[tuple[str, Vocabulary]]) -> str:
    """A page with nothing but the picture."""
    text = sentence(lang, id_)
    drawn = [(name, picture(vocabulary, text)) for name, vocabulary in sides]
    if odd := [name for name, side in drawn if side is None]:
        raise SystemExit(f"{lang}: the tokens of {', '.join(odd)} do not spell the sentence")
    listed = [(name, side.json()) for name, side in drawn if side]
    context = {"title": lang, "lang": lang, "gloss": sentence("en", id_), "sides": listed}
    return page.render(Path(__file__).parent, "token_picture.jinja", context)


def photograph(browser: Browser, file: Path) -> bytes:
    """The page as PNG, as high as its content."""
    browser.open(file, WIDTH, "light")
    height = browser.value("Math.ceil(document.querySelector('main').getBoundingClientRect().bottom)")
    clip = {"x": 0, "y": 0, "width": WIDTH, "height": height, "scale": SCALE}
    shot = browser.send("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
    return base64.b64decode(shot["data"])


def pixels(png: bytes) -> np.ndarray:
    """Colors [height, width, 3] of a PNG with 8 bits for red, green and blue, without interlace (RFC 2083, 6)."""
    at, data, size = 8, b"", (0, 0)
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        if kind == b"IHDR":
            size = struct.unpack(">II", png[at + 8 : at + 16])
        data += png[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += length + 12
    width, height = size
    lines = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, 1 + 3 * width)
    found = np.zeros((height + 1, width + 1, 3), np.int64)
    for y, (method, given) in enumerate(zip(lines[:, 0], lines[:, 1:].reshape(height, width, 3), strict=True), 1):
        if method == 0:
            found[y, 1:] = given
        elif method == 1:
            found[y, 1:] = given.astype(np.int64).cumsum(0) % 256
        elif method == 2:
            found[y, 1:] = (given + found[y - 1, 1:]) % 256
        else:
            _along(found[y], found[y - 1], given, closest=method == 4)
    return found[1:, 1:].astype(np.uint8)


def _along(row: np.ndarray, above: np.ndarray, given: np.ndarray, *, closest: bool) -> None:
    """Undo a filter that looks to the left, pixel by pixel: the closest of three neighbors, or the average of two."""
    for x in range(1, len(row)):
        a, b, c = row[x - 1], above[x], above[x - 1]
        if closest:
            pa, pb, pc = abs(b - c), abs(a - c), abs(a + b - 2 * c)
            guess = np.where((pa <= pb) & (pa <= pc), a, np.where(pb <= pc, b, c))
        else:
            guess = (a + b) // 2
        row[x] = (given[x - 1] + guess) % 256


def with_palette(colors: np.ndarray) -> bytes:
    """PNG of at most 256 colors: the browser's own is about three times as large."""
    coarse = np.rint(colors / 255 * (LEVELS - 1)).astype(np.int64) @ [LEVELS**2, LEVELS, 1]
    kinds, place, counts = np.unique(coarse, return_inverse=True, return_counts=True)
    place = place.reshape(coarse.shape)
    # The mean of what shares a place, so that large grounds keep their color exactly.
    sums = [np.bincount(place.ravel(), colors[..., c].ravel(), len(kinds)) for c in range(3)]
    means = np.stack(sums, 1) / counts[:, None]
    kept = np.argsort(-counts)[:256]
    nearest = ((means[:, None] - means[kept][None]) ** 2).sum(2).argmin(1).astype(np.uint8)
    height, width = place.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), nearest[place]], 1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    palette = np.rint(means[kept]).astype(np.uint8).tobytes()
    body = chunk(b"IDAT", zlib.compress(lines.tobytes(), 9))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"PLTE", palette) + body + chunk(b"IEND", b"")


def main() -> None:
    """Draw all five."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("base", type=Path)
    parser.add_argument("extended", type=Path)
    parser.add_argument("--before", default="Qwen3", help="name of the base on the pictures")
    parser.add_argument("--after", default="with 16,384 new tokens", help="name of the extended tokenizer on them")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--sentence", default="q070", help="id among the packaged test sentences")
    given = parser.parse_args()
    program = find()
    if program is None:
        raise SystemExit("no headless Chromium on the path: apt-get install chromium-headless-shell fonts-noto-core")
    sides = [(given.before, open_vocabulary(given.base)), (given.after, open_vocabulary(given.extended))]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch, running(program, Path(scratch)) as browser:
        for lang in LANGS:
            file = Path(scratch) / f"{lang}.html"
            file.write_text(drawing(lang, given.sentence, sides), encoding="utf-8")
            shot = with_palette(pixels(photograph(browser, file)))
            if len(shot) > MOST_BYTES:
                raise SystemExit(f"{lang}: {len(shot):,} bytes, more than {MOST_BYTES:,}")
            (given.out / f"tokens-{lang}.png").write_bytes(shot)
            print(f"tokens-{lang}.png: {len(shot):,} bytes")


if __name__ == "__main__":
    main()
