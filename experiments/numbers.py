"""Numbers that people can read at a glance, in tables and figures alike."""


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
