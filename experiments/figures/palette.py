"""One colour for one thing wherever it appears.

Actors have the colours of Paul Tol's *muted* scheme, made for readers with any colour vision; what is ordered (the
generations of a cascade, debt in trouble and in deep trouble) goes from light to dark, so that it survives a
black-and-white printer. Next to one another some pairs are close: figures put a white edge between areas, or words.
"""

from collections.abc import Sequence

from matplotlib.colors import to_hex, to_rgb

INK = "#222222"
MUTED = "#6f6f6f"
GRID = "#e4e4e4"

ACTOR = {
    "borrowers": "#CC6677",
    "liquidators": "#117733",
    "depositors": "#DDCC77",
    "reserve": "#44AA99",
    "insurance": "#332288",
    "uncovered": "#882255",
    "protocol": "#88CCEE",
    "market": "#999933",
    "market_makers": "#999933",
    "liquidity_providers": "#4477AA",
    "arbitrageurs": "#AA4499",
    "triangle_arbitrageurs": "#AA4499",
    "noise_traders": "#BBBBBB",
    "attackers": INK,
}
"""By the kind of agent, or by the name of a loss layer that somebody stands for."""

PRICE = {"reference": INK, "venue": "#0099CC", "oracle": "#CC3377", "unforced": MUTED}
GENERATION = ("#c9c9c9", "#fdae6b", "#e6550d", "#7f2704")
LIQUIDATABLE, UNDERWATER = "#c9b6dc", "#5b2a86"
MOMENT = {"before": MUTED, "worst": "#e6550d", "after": "#0099CC"}
SOLD, BOUGHT = "#e6550d", "#0072B2"
LOSS = "#e6550d"
AS_IT_IS, TUNED, OTHER = "#0072B2", "#E69F00", "#9a9a9a"
"""Of a comparison: a design as it entered, tuned, and one that another beats at everything."""

_SOURCE = {
    "constant_product": "#4477AA",
    "order_book": "#CCBB44",
    "concentrated": "#66CCEE",
    "stable_swap": "#228833",
    "bands": "#AA3377",
    "infinite": "#BBBBBB",
}
_MORE_SOURCES = ("#EE6677", "#999933")
_MORE_LAYERS = ("#88CCEE", "#999933", "#AA4499", "#117733")


def layer_colours(layers: Sequence[str]) -> dict[str, str]:
    """A colour for each loss layer; the usual ones keep theirs whatever stands beside them."""
    usual = {layer: ACTOR[layer.removesuffix(".0")] for layer in layers if layer.removesuffix(".0") in ACTOR}
    others = [layer for layer in layers if layer not in usual]
    return usual | {layer: _MORE_LAYERS[k % len(_MORE_LAYERS)] for k, layer in enumerate(others)}


def source_colours(sources: Sequence[str]) -> dict[str, str]:
    """A colour for each source of liquidity: that of its kind, paler for the second and later ones of a kind."""
    kinds = list(dict.fromkeys(source.partition(".")[0] for source in sources))
    others = [kind for kind in kinds if kind not in _SOURCE]
    more = {kind: _MORE_SOURCES[k % len(_MORE_SOURCES)] for k, kind in enumerate(others)}
    colours = {}
    for source in sources:
        kind, _, number = source.partition(".")
        colours[source] = paler((_SOURCE | more)[kind], 0.65 ** (int(number) - 1 if number else 0))
    return colours


def paler(colour: str, strength: float) -> str:
    """A colour mixed with white: all of it at a strength of 1, white at 0."""
    red, green, blue = (1.0 - strength * (1.0 - part) for part in to_rgb(colour))
    return to_hex((red, green, blue))
