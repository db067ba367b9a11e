"""Numbers as people read them: a true minus sign, and no digit finer than a tenth of the interval."""

from __future__ import annotations

import math

MINUS, DASH = "\N{MINUS SIGN}", "\N{EN DASH}"
# Without an interval three significant digits are shown; more would claim what nothing supports.
SIGNIFICANT = 3
MOST_DECIMALS = 4
PERCENT_DECIMALS = 1


def decimals(value: float, low: float | None = None, high: float | None = None) -> int:
    """Decimals to show: the last digit's place is at least a tenth of the interval's width."""
    if low is not None and high is not None and high > low:
        wanted = math.floor(-math.log10((high - low) / 10) + 1e-9)
    elif value != round(value):
        wanted = SIGNIFICANT - 1 - math.floor(math.log10(abs(value)))
    else:
        wanted = 0
    return min(MOST_DECIMALS, max(0, wanted))


def fixed(value: float, places: int, *, signed: bool = False) -> str:
    """A number with so many decimals; zero has no sign."""
    text = f"{abs(value):,.{places}f}"
    if not text.strip("0.,"):
        return text
    return (MINUS if value < 0 else "+" if signed else "") + text


def number(
    value: float | None,
    low: float | None = None,
    high: float | None = None,
    *,
    signed: bool = False,
    percent: bool = False,
    places: int | None = None,
) -> str:
    """A value to the digits that its interval supports, or to `places`; a dash when there is none."""
    if value is None:
        return DASH
    if places is None:
        places = _places(value, low, high, percent)
    scale, sign = (100, "%") if percent else (1, "")
    return fixed(value * scale, places, signed=signed) + sign


def interval(
    value: float | None, low: float | None, high: float | None, *, signed: bool = False, percent: bool = False
) -> str:
    """`1.4 to 1.6`, with the digits of its value; empty when there is no interval."""
    if value is None or low is None or high is None:
        return ""
    places = _places(value, low, high, percent)
    scale, sign = (100, "%") if percent else (1, "")
    return " to ".join(fixed(end * scale, places, signed=signed) for end in (low, high)) + sign


def _places(value: float, low: float | None, high: float | None, percent: bool) -> int:
    if not percent:
        return decimals(value, low, high)
    ends = [None if end is None else 100 * end for end in (low, high)]
    return min(PERCENT_DECIMALS, decimals(100 * value, *ends))


def count(value: float) -> str:
    """A whole number with its thousands apart."""
    return fixed(round(value), 0)


def short(value: float) -> str:
    """A large number in three digits: `2.5 million`."""
    for size, name in ((1e9, "billion"), (1e6, "million")):
        if value >= size:
            return f"{value / size:.3g} {name}"
    return count(value)


def size(n_bytes: float) -> str:
    """Bytes in decimal units."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= scale:
            return f"{n_bytes / scale:.3g} {unit}"
    return f"{n_bytes:.0f} B"


def duration(seconds: float) -> str:
    """Seconds in the two largest units that say something."""
    if seconds < 100:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left} min" if hours else f"{minutes} min {rest} s"


def probability(p: float | None) -> str:
    """A p-value; nothing below a thousandth is told apart."""
    return DASH if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"
