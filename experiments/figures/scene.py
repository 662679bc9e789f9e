"""The cascade as a moving picture: the price, the debt that waits below it, and the ladder that sales run into.

Three panels share one axis of prices, so that a fall is seen to reach debt, and the sales of that debt to run into
bids. `Scene` draws what does not move once and then, frame by frame, only what does.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch

from experiments.figures import palette, style
from experiments.figures.markets import ASK, BID, Depth
from experiments.figures.stage import Stage, between

DPI = 100
BARS = 60
_STATES = (
    ("waits", palette.paler(palette.LIQUIDATABLE, 0.6)),
    ("can be liquidated", "#9b7cc4"),
    ("under water", palette.UNDERWATER),
)


class Scene:
    """A figure in motion; `frames` yields its pictures one by one, each (height, width, 4) of bytes."""

    @style.ours
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._prices = {k: stage.story.column(f"{k}_{stage.asset}") for k in ("venue", "reference", "oracle")}
        self._times = stage.story.clock.read(stage.story.seconds)
        self.figure = Figure(figsize=(style.WIDTH, 5.8), dpi=DPI)
        self.figure.set_layout_engine("none")
        self._moving: list[tuple[Axes, Artist]] = []
        grid = self.figure.add_gridspec(
            2, 3, width_ratios=[2.2, 1.0, 1.0], height_ratios=[3.2, 1.1],
            left=0.075, right=0.985, top=0.87, bottom=0.09, wspace=0.08, hspace=0.3,
        )  # fmt: skip
        self._course = self.figure.add_subplot(grid[0, 0])
        self._debt = self.figure.add_subplot(grid[0, 1], sharey=self._course)
        self._ladder = self.figure.add_subplot(grid[0, 2], sharey=self._course)
        self._bars = self.figure.add_subplot(grid[1, 0], sharex=self._course)
        self._words = self.figure.add_subplot(grid[1, 1:])
        self._set_course()
        self._set_debt()
        self._set_ladder()
        self._set_bars()
        self._set_words()
        title = f"{stage.name}: how the fall of {stage.asset} reached the debt, and what became of it"
        self.figure.text(0.012, 0.97, title, fontsize=12, fontweight="bold", va="top")

    @style.ours
    def frames(self) -> Iterator[np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]]:
        """Yield the picture of each of the stage's blocks."""
        canvas = FigureCanvasAgg(self.figure)
        canvas.draw()  # type: ignore[no-untyped-call]
        still = canvas.copy_from_bbox(self.figure.bbox)  # type: ignore[no-untyped-call]
        for block in self._stage.blocks.tolist():
            self._show(block)
            canvas.restore_region(still)  # type: ignore[no-untyped-call]
            for axes, artist in self._moving:
                axes.draw_artist(artist)
            yield np.array(canvas.buffer_rgba())  # type: ignore[no-untyped-call]

    def _add(self, axes: Axes, artist: Artist) -> None:
        artist.set_animated(True)
        self._moving.append((axes, artist))

    # What stands still

    def _set_course(self) -> None:
        axes, stage = self._course, self._stage
        shown = slice(int(stage.blocks[0]), int(stage.blocks[-1]) + 1)
        seen = np.concatenate([price[shown][np.isfinite(price[shown])] for price in self._prices.values()])
        room = max(0.12 * float(np.ptp(seen)), 0.02 * float(seen.max()))
        axes.set_ylim(max(float(seen.min()) - room, 0.0), float(seen.max()) + room)
        axes.set_xlim(self._times[stage.blocks[0]], self._times[stage.blocks[-1]] + 1e-9)
        style.panel(axes, f"Price of {stage.asset}", "USD")
        style.price_axis(axes)
        axes.tick_params(labelbottom=False)
        self._lines: dict[str, Line2D] = {}
        for kind, label, width in (
            ("venue", "our venue", 1.2),
            ("reference", "rest of the market", 0.9),
            ("oracle", "oracle", 2.0),
        ):
            (line,) = axes.plot([], [], color=palette.PRICE[kind], lw=width, drawstyle="steps-post", label=label)
            self._lines[kind] = line
            self._add(axes, line)
        self._dots = axes.scatter(
            [], [], s=[], color=palette.GENERATION[2], alpha=0.6, lw=0, label="liquidated", zorder=3
        )
        self._add(axes, self._dots)
        handles = [*self._lines.values(), Line2D([], [], color=palette.GENERATION[2], marker="o", ls="", alpha=0.6)]
        names = [str(line.get_label()) for line in self._lines.values()] + ["liquidated"]
        axes.legend(handles, names, loc="upper right", frameon=True, edgecolor="none", framealpha=0.8)

    def _set_debt(self) -> None:
        axes, ground = self._debt, self._stage.ground
        style.panel(axes, "Debt by liquidation price", "")
        axes.tick_params(labelleft=False)
        self._edges = np.where(np.isfinite(ground.edges), ground.edges, 2.0 * ground.edges[-2])
        shown = (self._edges[1:] > axes.get_ylim()[0]) & (self._edges[:-1] < axes.get_ylim()[1])
        density = ground.density(slice(None))[:, shown]
        axes.set_xlim(0.0, 1.1 * (float(density.max()) if density.size else 0.0) or 1.0)
        axes.set_xlabel("USD per 1 % of price")
        style.number_axis(axes, "x")
        axes.locator_params(axis="x", nbins=3)
        self._waiting: list[StepPatch] = []
        for label, colour in _STATES:
            patch = axes.stairs(
                np.zeros(len(self._edges) - 1),
                self._edges,
                orientation="horizontal",
                fill=True,
                color=colour,
                label=label,
            )
            self._waiting.append(patch)
            self._add(axes, patch)
        self._level = axes.axhline(1.0, color=palette.PRICE["oracle"], lw=2.0)
        self._add(axes, self._level)
        axes.legend(loc="upper right", frameon=True, edgecolor="none", framealpha=0.8)

    def _set_ladder(self) -> None:
        axes, depth = self._ladder, self._stage.depth
        style.panel(axes, "Bids and asks", "")
        axes.tick_params(labelleft=False)
        self._steps: list[tuple[StepPatch, StepPatch]] = []
        if depth is None:
            style.remark(axes, "Any size trades at\nthe reference price")
            return
        colours = palette.source_colours(depth.sources)
        times = self._stage.story.seconds[self._stage.blocks[[0, -1]]]
        seen = (depth.seconds >= times[0] - np.ptp(depth.seconds) / len(depth.seconds)) & (depth.seconds <= times[1])
        worth = (depth.density.sum(axis=2) * depth.mids[None, :, None])[:, seen]
        axes.set_xlim(0.0, 1.1 * float(np.nanmax(worth, initial=0.0)) or 1.0)
        axes.set_xlabel(f"{depth.quote} per 1 % of price")
        style.number_axis(axes, "x")
        axes.locator_params(axis="x", nbins=3)
        nothing = np.zeros(len(depth.edges) - 1)
        for source in depth.sources:
            pair = [
                axes.stairs(
                    nothing,
                    depth.edges + 1.0,
                    orientation="horizontal",
                    baseline=nothing,
                    fill=True,
                    color=colours[source],
                    label=label,
                )
                for label in (style.words(source), None)
            ]
            self._steps.append((pair[0], pair[1]))
            for patch in pair:
                self._add(axes, patch)
        self._mid = axes.axhline(1.0, color=palette.PRICE["venue"], lw=1.2)
        self._add(axes, self._mid)

    def _set_bars(self) -> None:
        axes, story, blocks = self._bars, self._stage.story, self._stage.blocks
        style.panel(axes, "", "USD repaid")
        style.number_axis(axes)
        self._stretch = np.linspace(story.seconds[blocks[0]], story.seconds[blocks[-1]] + story.block_seconds, BARS + 1)
        self._repaid = story.liquidations["repaid_usd"].to_numpy(dtype=np.float64)
        self._when = story.seconds_of(story.liquidations)
        self._generation = story.liquidations["generation"].to_numpy()
        top, _ = np.histogram(self._when, bins=self._stretch, weights=self._repaid)
        axes.set_ylim(0.0, 1.1 * float(top.max()) or 1.0)
        clock = story.clock
        clock.label(axes, story.seconds[blocks[[0, -1]]] + np.array([0.0, 1e-9]))
        axes.locator_params(axis="x", nbins=7) if clock.start is None else None
        edges = clock.read(self._stretch)
        self._columns: list[StepPatch] = []
        for number, colour in enumerate(palette.GENERATION):
            nothing = np.zeros(BARS)
            label = f"generation {number}" + (" and later" if number == len(palette.GENERATION) - 1 else "")
            patch = axes.stairs(nothing, edges, baseline=nothing, fill=True, color=colour, label=label)
            self._columns.append(patch)
            self._add(axes, patch)

    def _set_words(self) -> None:
        axes, depth = self._words, self._stage.depth
        axes.axis("off")
        names = ["price shock alone", "set off by its sales", "set off by those", "and so on"]
        colours = dict(zip(names, palette.GENERATION, strict=True))
        if depth is not None:
            colours |= {style.words(name): colour for name, colour in palette.source_colours(depth.sources).items()}
        handles = [Line2D([], [], color=colour, lw=6) for colour in colours.values()]
        axes.legend(
            handles,
            list(colours),
            loc="lower left",
            bbox_to_anchor=(0.0, -0.45),
            ncols=2,
            columnspacing=1.0,
            labelspacing=0.25,
        )
        self._text = axes.text(0.02, 0.98, "", va="top", fontsize=9.5, linespacing=1.5)
        self._add(axes, self._text)

    # What moves

    def _show(self, block: int) -> None:
        stage, story = self._stage, self._stage.story
        first, seconds = int(stage.blocks[0]), float(story.seconds[block])
        for kind, line in self._lines.items():
            line.set_data(self._times[first : block + 1], self._prices[kind][first : block + 1])
        self._show_liquidations(seconds)
        oracle = float(self._prices["oracle"][block])
        self._level.set_ydata([oracle, oracle])
        self._show_debt(seconds, oracle)
        if stage.depth is not None:
            self._show_ladder(stage.depth, seconds)
        bad = float(story.steps["bad_debt_usd"].iloc[block])
        liquidated = float(self._repaid[self._when <= seconds].sum())
        sunk = float(story.steps["underwater_usd"].iloc[block])
        said = (
            f"{story.clock.at(seconds)}; liquidated so far: {style.usd(liquidated)}\n"
            f"under water: {style.usd(sunk)}; bad debt so far: {style.usd(bad)}"
        )
        self._text.set_text(said)

    def _show_liquidations(self, seconds: float) -> None:
        done = self._when <= seconds
        base: Any = np.zeros(BARS)  # matplotlib takes any array for a baseline
        last = len(self._columns) - 1
        for number, patch in enumerate(self._columns):
            chosen = done & (self._generation == number if number < last else self._generation >= last)
            height, _ = np.histogram(self._when[chosen], bins=self._stretch, weights=self._repaid[chosen])
            patch.set_data(base + height, baseline=base)
            base = base + height
        middle = 0.5 * (self._stretch[1:] + self._stretch[:-1])
        some = (base > 0.0) & (middle <= seconds)
        at = np.searchsorted(self._stage.story.seconds, middle[some], side="right") - 1
        self._dots.set_offsets(
            np.column_stack([self._stage.story.clock.read(middle[some]), self._prices["oracle"][at]])
        )
        self._dots.set_sizes(8.0 + 90.0 * base[some] / max(float(base.max()), 1e-9))

    def _show_debt(self, seconds: float, oracle: float) -> None:
        ground = self._stage.ground
        density = between(ground.seconds, ground.density(slice(None)), seconds)
        middle = 0.5 * (self._edges[1:] + self._edges[:-1])
        state = np.digitize(middle, [oracle, oracle / ground.threshold])
        for number, patch in enumerate(self._waiting):
            patch.set_data(np.where(state == number, density, 0.0))

    def _show_ladder(self, depth: Depth, seconds: float) -> None:
        mid = float(between(depth.seconds, depth.mids[:, None], seconds)[0])
        if not np.isfinite(mid):
            mid = 0.0
        worth = mid * between(depth.seconds, np.moveaxis(depth.density, 1, 0), seconds)
        base: Any = np.zeros((2, worth.shape[-1]))  # matplotlib takes any array for a baseline
        for number, (bids, asks) in enumerate(self._steps):
            top = base + worth[:, number]
            bids.set_data(top[BID, ::-1], mid * (1.0 - depth.edges[::-1]), base[BID, ::-1])
            asks.set_data(top[ASK], mid * (1.0 + depth.edges), base[ASK])
            base = top
        self._mid.set_ydata([mid, mid])
