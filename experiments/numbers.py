"""Numbers that people can read at a glance, in tables and figures alike."""

import math


def short(value: float) -> str:
    """A number in three figures with k, M, bn or tn: 1234567 is `1.23M`."""
    for suffix, size in (("tn", 1e12), ("bn", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= 0.9995 * size:
            return f"{three_figures(value / size)}{suffix}"
    return three_figures(value)


def is_share(metric: str) -> bool:
    """Whether a metric of the summary is a fraction, which people read as a percentage."""
    return metric in ("mean_slippage", "largest_haircut") or metric.endswith(("_share", "_fall", "_drift"))


def counted(number: int, what: str) -> str:
    """So many of something: `1 design`, `2,000 designs`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def three_figures(value: float) -> str:
    """A number below a thousand in three figures, without zeros at its end."""
    decimals = 0 if abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2
    text = f"{value:,.{decimals}f}" if abs(value) >= 0.01 or value == 0.0 else f"{value:.2g}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def aligned(cells: list[list[str]]) -> str:
    """A heading and rows as columns: the first to the left, the others to the right; empty ones are left out."""
    columns = [column for column in zip(*cells, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    lines = []
    for row in zip(*columns, strict=True):
        first, *rest = (
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join([first, *rest]).rstrip())
    return "\n".join(lines)


def usd(value: float) -> str:
    """A sum of money in full; cents where they are a visible part of it."""
    return _finite(value, f"{value:,.2f} USD" if abs(value) < 1000.0 else f"{value:,.0f} USD")


def percent(value: float) -> str:
    """A fraction as a percentage; what two decimals cannot show is not shown as nothing."""
    return "under 0.01 %" if 0.0 < value < 0.00005 else _finite(value, f"{100.0 * value:,.2f} %")


def count(value: float) -> str:
    """A number of things; a mean of numbers keeps a decimal."""
    return _finite(value, f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}")


def times(value: float) -> str:
    """A multiple."""
    return _finite(value, f"{value:,.2f} x")


def duration(seconds: float) -> str:
    """A length of time in the largest unit of which it holds two or more; `36 hours`, `90 s`."""
    for name, length in (("days", 86_400.0), ("hours", 3_600.0), ("minutes", 60.0)):
        if seconds >= 2.0 * length:
            return f"{seconds / length:,.4g} {name}"
    return f"{seconds:,.4g} s"


def _finite(value: float, text: str) -> str:
    return text if math.isfinite(value) else "undefined"
