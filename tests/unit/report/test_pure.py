"""The pure parts: numbers, clusters, plots, corrected p-values, rank ranges."""

from __future__ import annotations

import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lontar import languages
from lontar.pages import numbers
from lontar.pages.clusters import Box, boxes, clusters, cut_short, parts, piece_label, safe_cuts
from lontar.pages.page import font_rules, policy, squeezed, text_lang
from lontar.report import plots, ranks
from lontar.report.changes import change
from lontar.report.compared import Figure, Pair, judged
from lontar.scoring import Sure
from lontar.scoring.ranking import rank_sets
from lontar.scoring.significance import holm


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (1.452, 1.373, 1.532, "1.5"),  # a tenth of the interval is 0.016: hundredths would be finer
        (0.4583, 0.25, 0.667, "0.5"),
        (-0.8123, -0.8134, -0.8112, "−0.812"),
        (8.302, 8.289, 8.314, "8.30"),
        (117.6, 110.0, 130.0, "118"),
        (1234567.0, None, None, "1,234,567"),
        (0.0, -0.1, 0.1, "0.0"),
        (-0.001, -0.2, 0.2, "0.0"),
        (None, None, None, "–"),
    ],
)
def test_numbers_are_no_finer_than_their_interval(
    value: float | None, low: float | None, high: float | None, text: str
) -> None:
    assert numbers.number(value, low, high) == text


@given(st.floats(-1e3, 1e3), st.floats(1e-2, 1e3))
def test_last_digit_is_at_least_a_tenth_of_the_interval(value: float, width: float) -> None:
    places = numbers.decimals(value, value - width / 2, value + width / 2)
    assert places == 0 or 10.0**-places >= width / 10 * (1 - 1e-6)


def test_signs_percent_and_intervals() -> None:
    assert numbers.number(0.136, 0.11, 0.17, signed=True, percent=True) == "+14%"
    assert numbers.interval(0.136, 0.11, 0.17, signed=True, percent=True) == "+11 to +17%"
    assert numbers.interval(1.0, None, None) == ""
    assert numbers.number(-2.0, signed=True) == "−2"
    assert [numbers.duration(s) for s in (0.061, 6.04, 59, 125, 7300)] == [
        "0.061 s",
        "6 s",
        "59 s",
        "2 min 5 s",
        "2 h 1 min",
    ]
    assert [numbers.size(b) for b in (12, 2_220, 533_745_664)] == ["12 B", "2.22 kB", "534 MB"]
    assert [numbers.probability(p) for p in (None, 0.0002, 0.0161)] == ["–", "< 0.001", "0.016"]
    assert [numbers.short(n) for n in (535_296, 2_500_000, 8.03e9)] == ["535,296", "2.5 million", "8.03 billion"]


def test_clusters_keep_what_readers_see_as_one_letter() -> None:
    assert clusters("ကျွန်တော်") == ["ကျွ", "န်", "တော်"]
    assert clusters("ဗုဒ္ဓ") == ["ဗု", "ဒ္ဓ"]  # U+1039 binds the letter after it
    assert clusters("ខ្មែរ") == ["ខ្មែ", "រ"]
    assert clusters("น้ำ") == ["น้ำ"]  # SARA AM, which is a letter to Unicode
    assert clusters("") == []


@pytest.mark.parametrize("code", [language.code for language in languages.all_languages()])
def test_no_cluster_starts_with_a_mark(code: str) -> None:
    for text in languages.get(code).samples:
        assert "".join(clusters(text)) == text
        assert not any(unicodedata.category(cluster[0]).startswith("M") for cluster in clusters(text))


def test_tokens_that_end_inside_a_cluster_share_a_box() -> None:
    text = "ခ a"
    bytewise = [bytes([b]) for b in text.encode()]
    assert boxes(text, bytewise) == [Box("ခ", tuple(bytewise[:3])), Box(" ", (b" ",)), Box("a", (b"a",))]
    low, mark = "က".encode(), "ိ".encode()
    assert boxes("ကိ", [low, mark]) == [Box("ကိ", (low, mark))]
    with pytest.raises(ValueError, match="do not spell"):
        boxes("ab", [b"a"])


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.data())
def test_boxes_spell_the_text_whatever_the_tokens(text: str, data: st.DataObject) -> None:
    raw = text.encode()
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(raw) - 1))))) if len(raw) > 1 else []
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    made = boxes(text, [piece for piece in pieces if piece])
    assert "".join(box.text for box in made) == text
    starts = set(safe_cuts(text))
    assert all(sum(len(b.text) for b in made[:i]) in starts for i in range(len(made)))


def test_chips_name_what_cannot_be_seen() -> None:
    assert [(p.text, p.chip) for p in parts("a\u200bb\ud800")] == [
        ("a", False),
        ("ZWSP", True),
        ("b", False),
        ("U+D800", True),
    ]
    assert piece_label(b"\xe1\x80") == "E1 80"
    assert piece_label("ិ".encode()) == "◌ិ"
    assert piece_label(b" the") == " the"
    assert cut_short("  ខ្មែរ ", 3) == "…"  # not a letter without its marks
    assert cut_short("abc def", 4) == "abc…"


def test_axes_have_round_ticks_and_hold_everything() -> None:
    assert plots.axis([0.3, 9.2], zero=True).ticks == (0.0, 5.0, 10.0)
    assert plots.axis([]).ticks[0] <= 0.0
    assert plots.axis([2.0, 2.0]).low < 2.0 < plots.axis([2.0]).high
    assert plots.axis([-0.4, 0.1, math.nan]).low <= -0.4
    assert [plots.axis([0.0, 10.0]).at(v) for v in (-5, 0, 5, 50)] == [0.0, 0.0, 50.0, 100.0]


def test_thinning_keeps_every_spike() -> None:
    points = [(float(i), 0.0) for i in range(5000)]
    points[2501], points[3777] = (2501.0, 9.0), (3777.0, -9.0)
    thin = plots.thinned(points)
    assert len(thin) <= plots.MOST_POINTS
    assert {points[2501], points[3777]} <= set(thin)
    assert thin == sorted(thin)


def test_plots_escape_what_they_say() -> None:
    across, up = plots.Axis((0.0, 1.0)), plots.Axis((0.0, 1.0))
    drawn = plots.line_chart([plots.Line([(0.0, 0.0), (1.0, 1.0)])], across, up, '"><script>')
    assert "<script>" not in drawn and "&quot;&gt;&lt;script&gt;" in drawn
    assert "viewBox" not in drawn.split("<svg")[1]  # the outer one: its text must not shrink on a phone


def test_heat_levels_span_the_scale() -> None:
    assert [plots.heat(v, 0.0, 1.0) for v in (0.0, 0.5, 1.0, None)] == [1, 5, 9, 0]
    assert plots.heat(3.0, 3.0, 3.0) == 5


def test_holm_as_in_the_paper() -> None:
    assert holm([0.01, 0.04, None, 0.03, 0.005]) == pytest.approx([0.03, 0.06, None, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def _pair(p: float | None, value: float, low: float, high: float, better: str = "higher") -> Pair:
    return Pair(
        "s", "t", "th", "share", better, 0.5, 9, Figure(0.7, 0.6, 0.8), Figure(0.5), Figure(value, low, high), p
    )


def test_verdicts_need_interval_and_corrected_p() -> None:
    pairs = [_pair(0.001, 0.2, 0.1, 0.3), _pair(0.04, 0.2, 0.1, 0.3), _pair(0.001, -0.2, -0.3, -0.1)]
    assert [pair.verdict for pair in judged(pairs, 0.95)] == ["better", "better", "worse"]
    crowd = judged([_pair(0.04, 0.2, 0.1, 0.3) for _ in range(3)], 0.95)
    assert {pair.verdict for pair in crowd} == {"not decided"}
    assert judged([_pair(0.001, 0.1, -0.1, 0.3)], 0.95)[0].verdict == "not decided"
    assert judged([_pair(0.001, 0.2, 0.1, 0.3, "lower")], 0.95)[0].verdict == "worse"
    assert judged([_pair(None, 0.2, 0.1, 0.3)], 0.95)[0].verdict == "not decided"


def test_above_chance_asks_the_whole_interval() -> None:
    assert _pair(None, 0, 0, 0).above_chance is True
    low = Pair("s", "t", "th", "share", "higher", 0.5, 9, Figure(0.7, 0.5, 0.8))
    assert low.above_chance is False
    assert Pair("s", "t", "th", "", "lower", None, 9, Figure(0.7)).above_chance is None
    assert Pair("s", "t", "th", "", "higher", 0.5, 3, Figure(0.9)).above_chance is False  # too few for an interval


def test_change_weighs_languages_alike() -> None:
    small = [(f"g{i}", 10.0, 5.0 + i % 2) for i in range(10)]
    large = [(f"g{i}", 1000.0, 1000.0) for i in range(10)]
    found = change({"my": small, "en": large}, Sure(resamples=500))
    assert found is not None and found.value == pytest.approx(-0.225)
    assert found.low is not None and found.high is not None and found.low < found.value < found.high
    assert (found.best, found.least, found.n) == ("my", "en", 10)
    assert change({}, Sure()) is None
    few = change({"my": small[:3]}, Sure())
    assert few is not None and few.low is None  # three sentences show nothing


def test_rank_ranges_and_ties() -> None:
    assert rank_sets(3, [(0, 1), (0, 2)]) == [(1, 1), (2, 3), (2, 3)]
    assert rank_sets(3, [(0, 2)]) == [(1, 2), (1, 3), (2, 3)]
    rows = ranks.rows(["c", "a", "b"], [1, 2, 3], rank_sets(3, [(0, 1), (0, 2)]))
    assert [(row["from"], row["to"], [m["name"] for m in row["models"]]) for row in rows] == [
        (1, 1, ["c"]),
        (2, 3, ["a", "b"]),
    ]


def test_fonts_go_by_script_and_text_by_its_own() -> None:
    rules = font_rules(["km", "my", "id"])
    assert ':lang(und-Khmr),:lang(km){font-family:"Noto Sans Khmer"' in rules
    assert ":lang(id)" not in rules  # the page's own font serves it
    assert text_lang("ភាសាខ្មែរ", "km") == "km"
    assert text_lang("hello", "km") == "und-Latn"
    assert text_lang("123", "km") == "km"


def test_policy_names_the_style_sheet() -> None:
    style = squeezed("/* a */\nb{\nc:d\n}\n")
    assert style == "b{c:d}"
    assert policy(style).startswith("default-src 'none'; style-src 'sha256-")
