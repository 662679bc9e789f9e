"""Notes below a table of results, as its manifest has what they say."""

from typing import Any


def of_left_out(manifest: dict[str, Any]) -> list[str]:
    """Which designs were left out, and why."""
    return [f"Left out: {name}, which cannot run here: {reason}." for name, reason in manifest["left_out"].items()]


def of_precision(manifest: dict[str, Any], heading: str, share_of: str) -> list[str]:
    """How narrow the widest interval of a metric is, as a share of what `share_of` says; none where none was asked."""
    precision = manifest["precision"]
    if precision["asked"] is None or precision["reached"] is None:
        return []
    reached = precision["reached"] <= precision["asked"]
    return [
        f"Half the widest interval of {heading} is {100.0 * precision['reached']:.3g} % of {share_of}; asked for were "
        f"{100.0 * precision['asked']:.3g} %"
        + ("." if reached else f", which {precision['most_paths']:,} paths, the most allowed, do not reach.")
    ]
