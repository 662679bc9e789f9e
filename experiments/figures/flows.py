"""Who traded with whom: what each kind of taker sold to, and bought from, each pool and each kind of maker."""

from math import sqrt

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure

from experiments.figures import palette, style
from experiments.figures.reading import MOST_ASSETS, Story
from experiments.stored.storage import Results

SIDES = {"sell": ("sold", "to", palette.SOLD), "buy": ("bought", "from", palette.BOUGHT)}
ALL = "all"


@style.ours
def draw(results: Results) -> Figure:
    """The trades of up to four markets on the only path, or on the one with the median bad debt."""
    story = Story.read(results)
    trades = results.table("trades", path=story.path)
    markets = list(trades.groupby("market", sort=False))[:MOST_ASSETS]
    if not markets:
        return style.nothing(f"{results.name}: nobody traded", "Nobody traded on a venue")
    heights = [0.8 + 0.44 * (market["taker"].nunique() + 1) for _, market in markets]
    drawn = style.figure(1.4 + sum(heights))
    rows = drawn.subplots(len(markets), 2, squeeze=False, height_ratios=heights)
    for row, (name, market) in zip(rows, markets, strict=True):
        _market(list(row), str(name) if len(markets) > 1 else "", market)
    how = (
        "Rows are those who came to trade, columns whom they met: a pool, or the kind of agent whose resting order "
        "they hit. USD at the moment's prices, and its share of all that was sold, or bought."
    )
    style.headline(drawn, f"{results.name}{story.which}: {_sentence(markets[0][1])}", how)
    return drawn


def _market(panels: list[Axes], name: str, market: pd.DataFrame) -> None:
    """Draw one market, named where there are several: sales to the left, purchases to the right, alike in rows."""
    base, where = market["base"].iloc[0], f" ({name})" if name else ""
    takers, makers = (market.groupby(who)["usd"].sum().sort_values(ascending=False).index for who in ("taker", "maker"))
    for axes, (side, (done, towards, colour)) in zip(panels, SIDES.items(), strict=True):
        chosen = market[market["side"] == side]
        volume = chosen.pivot_table(index="taker", columns="maker", values="usd", aggfunc="sum", fill_value=0.0)
        volume = volume.reindex(index=takers, columns=makers, fill_value=0.0)
        axes.set_title(f"{base} {done} {towards} …{where}", loc="left", color=palette.INK)
        _matrix(axes, volume, colour)


def _matrix(axes: Axes, volume: pd.DataFrame, colour: str) -> None:
    """Draw dollars as shaded cells, with sums to the right and below."""
    whole = float(volume.to_numpy().sum())
    most = float(volume.to_numpy().max())
    shades = LinearSegmentedColormap.from_list("", ["white", colour])
    table = volume.assign(**{ALL: volume.sum(axis=1)})
    table.loc[ALL] = table.sum()
    rows, columns = len(table), len(table.columns)
    for row, (taker, cells) in enumerate(table.iterrows()):
        for column, (maker, usd) in enumerate(cells.items()):
            is_sum = ALL in (taker, maker)
            face = shades(sqrt(usd / most)) if most > 0.0 and not is_sum else "white"
            axes.fill_between([column, column + 1], row, row + 1, color=face, edgecolor="white", lw=1.5)
            ink = "white" if sum(to_rgb(face)) < 1.6 else palette.INK
            said = f"{style.short(usd)}\n{style.percent(usd / whole)}" if usd > 0.0 else "-"
            weight = "bold" if is_sum else "normal"
            axes.text(column + 0.5, row + 0.5, said, ha="center", va="center", color=ink, fontweight=weight)
    axes.set_xlim(0, columns)
    axes.set_ylim(rows, 0)
    axes.set_xticks([k + 0.5 for k in range(columns)], [style.words(str(k)).replace(" ", "\n") for k in table.columns])
    axes.set_yticks([k + 0.5 for k in range(rows)], [style.words(str(name)) for name in table.index])
    axes.tick_params(length=0)
    axes.axhline(rows - 1, color=palette.MUTED, lw=0.8)
    axes.axvline(columns - 1, color=palette.MUTED, lw=0.8)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _sentence(market: pd.DataFrame) -> str:
    """Who sold most and who bought most, of the base."""
    base = market["base"].iloc[0]
    said = []
    for side, (done, _, _) in SIDES.items():
        volumes = market[market["side"] == side].groupby("taker")["usd"].sum()
        if len(volumes):
            who = str(volumes.idxmax())
            share = style.percent(float(volumes.max() / volumes.sum()))
            volume = style.usd(float(volumes.max()))
            said.append(f"{style.words(who)} {done} {volume} of {base} ({share} of all {done})")
    return "; ".join(said)
