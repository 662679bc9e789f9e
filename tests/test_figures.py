"""The figures are drawn from stored results alone, of every shape that a run can leave behind."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from experiments.figures import (
    FIGURES,
    depth_map,
    draw_all,
    flows,
    ladder,
    palette,
    save_all,
    style,
    timeline,
    waterfall,
)
from experiments.figures.clock import Clock
from experiments.figures.markets import BID, Depth
from experiments.figures.reading import Story, fall, layers_of, moving_assets
from experiments.run import PathOutcome
from experiments.storage import Results, ResultsUnreadableError, ResultsWriter
from experiments.tables import TABLES

mpl.use("Agg")

LAYERS = ("reserve", "insurance", "depositors", "uncovered")


@dataclass(frozen=True)
class Shape:
    """What a synthetic run is to look like; by default a crash with a cascade and bad debt in one asset."""

    steps: int = 1440
    step_seconds: float = 60.0
    fall: float = 0.45
    collateral: tuple[str, ...] = ("ETH",)
    liquidations: int = 400
    write_offs: int = 25
    markets: tuple[str, ...] = ("ETH",)
    capital_usd: float = 4e6
    gas: bool = True
    paths: int = 1
    layers: tuple[str, ...] = LAYERS
    liquidity: str = "ladder"  # or "endless", or "none" where nobody quotes
    trades: bool = True

    name: str = "synthetic"

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "time": {"steps": self.steps, "step_seconds": self.step_seconds},
            "pools": [{"losses": {"layers": [{"kind": "reserve"}, {"kind": "insurance"}]}}],
            "agents": {"liquidators": [{"capital_usd": self.capital_usd}]},
        }

    def input_files(self) -> dict[str, Path]:
        return {}


CALM = Shape(fall=0.0, liquidations=0, write_offs=0, gas=False)


def crash(shape: Shape, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """A price of 1: calm, then a fall over a tenth of the time, then half of it back, with some noise."""
    time = np.linspace(0.0, 1.0, shape.steps)
    course = np.interp(
        time, [0.0, 0.35, 0.45, 0.7, 1.0], [1.0, 0.97, 1 - shape.fall, 1 - shape.fall / 2, 1 - shape.fall / 2]
    )
    noise = np.cumsum(rng.normal(0.0, 0.15 * shape.fall / np.sqrt(shape.steps), shape.steps))
    price: np.ndarray[Any, Any] = course * np.exp(noise - noise[0])
    return price


def outcome(shape: Shape, path: int, seed: int = 1) -> PathOutcome:
    """One synthetic path with the columns that a simulated one has."""
    rng = np.random.default_rng(seed + path)
    step = np.arange(shape.steps)
    columns: dict[str, Any] = {"path": path, "step": step, "time_seconds": step * shape.step_seconds}
    relative = crash(shape, rng)
    stress = np.clip((1.0 - relative) / max(shape.fall, 1e-9) - 0.4, 0.0, None) if shape.fall else np.zeros(shape.steps)
    for k, asset in enumerate(shape.collateral):
        reference = 2000.0 / 10**k * (relative if k == 0 else crash(replace(shape, fall=shape.fall / (k + 1)), rng))
        columns[f"reference_{asset}"] = reference
        columns[f"venue_{asset}"] = reference * (1.0 - 0.03 * stress) if asset in shape.markets else np.nan
        columns[f"oracle_{asset}"] = reference[np.maximum(step // 30 * 30, 0)]
    columns |= {"reference_DAI": 1.0, "venue_DAI": np.nan, "oracle_DAI": 1.0}
    liquidations = events(shape, rng, path, stress, shape.liquidations)
    write_offs = losses(shape, rng, path, stress)
    paid = np.bincount(write_offs["step"].to_numpy(dtype=np.int64), weights=write_offs["paid"], minlength=shape.steps)
    columns |= {
        "debt_usd": 9e6,
        "collateral_usd": 2e7 * relative,
        "liquidatable_usd": 3e6 * stress,
        "underwater_usd": 2e6 * np.clip(stress - 0.3, 0.0, None),
        "bad_debt_usd": np.cumsum(paid),
        "deposits_usd": 1.2e7,
        "cash_usd": 3e6,
        "utilisation": 0.75,
        "gas_gwei": 20.0 + 400.0 * stress if shape.gas else 0.0,
        "liquidations": np.bincount(liquidations["step"].to_numpy(dtype=np.int64), minlength=shape.steps),
        "waiting": np.floor(300.0 * stress),
        "liquidator_capital_usd": shape.capital_usd if np.isfinite(shape.capital_usd) else 0.0,
        "liquidator_capital_in_use_usd": min(shape.capital_usd, 4e6) * np.minimum(1.4 * stress, 0.97),
    }
    steps = pd.DataFrame(columns, index=range(shape.steps))
    depth = pd.concat([depth_of(shape, asset, path, stress, steps) for asset in shape.markets] or [no_depth()])
    tables = {"steps": steps, "liquidations": liquidations, "write_offs": write_offs, "depth": depth}
    tables["trades"] = trades_of(shape, path)
    unread = {name: pd.DataFrame({"path": []}) for name in TABLES if name not in tables}  # by any figure
    summary = {
        "bad_debt_usd": float(paid.sum()),
        "liquidated_usd": float(liquidations["repaid"].sum()),
        "liquidations": float(len(liquidations)),
    }
    return PathOutcome(path, seed + path, tables=tables | unread, summary=summary)


def when(shape: Shape, rng: np.random.Generator, stress: np.ndarray[Any, Any], count: int) -> np.ndarray[Any, Any]:
    """The steps of `count` events, in order: more of them where the stress is greater."""
    weights = stress**2 / (stress**2).sum() if stress.any() else np.full(shape.steps, 1.0 / shape.steps)
    return np.sort(rng.choice(shape.steps, size=count, p=weights))


def events(shape: Shape, rng: np.random.Generator, path: int, stress: np.ndarray[Any, Any], count: int) -> pd.DataFrame:
    step = when(shape, rng, stress, count)
    repaid = rng.lognormal(9.0, 1.0, count)
    return pd.DataFrame(
        {
            "path": path,
            "step": step,
            "pool": "core",
            "account": np.arange(count),
            "liquidator": "liquidators.0[0]",
            "debt_asset": "DAI",
            "repaid": repaid,
            "collateral_asset": rng.choice(np.array(shape.collateral), count),
            "seized": repaid / 1500.0,
            "protocol_fee": 0.0,
            "gas_usd": 5.0,
            "profit_usd": 0.03 * repaid,
            "slippage": 0.01,
            "repaid_usd": repaid,
            "seized_usd": 1.05 * repaid,
            "generation": rng.choice(6, count, p=[0.4, 0.25, 0.15, 0.1, 0.06, 0.04]),
        },
        index=range(count),
    )


def losses(shape: Shape, rng: np.random.Generator, path: int, stress: np.ndarray[Any, Any]) -> pd.DataFrame:
    step = when(shape, rng, stress, shape.write_offs)
    amount = rng.lognormal(10.0, 1.0, shape.write_offs)
    rows = [
        {
            "path": path,
            "step": at,
            "pool": "core",
            "account": account,
            "debt_asset": "DAI",
            "amount": owed,
            "layer": layer,
            "paid": owed * share,
            "paid_usd": owed * share,
        }
        for account, (at, owed) in enumerate(zip(step, amount, strict=True))
        for layer, share in zip(shape.layers, (0.2, 0.1, 0.6, 0.1), strict=False)
    ]
    columns = ["path", "step", "pool", "account", "debt_asset", "amount", "layer", "paid", "paid_usd"]
    return pd.DataFrame(rows, columns=columns)


SOURCES = {"constant_product": 0.2, "order_book": 1.0}
"""By source, how much of what it had is gone under the greatest stress."""


def depth_of(shape: Shape, asset: str, path: int, stress: np.ndarray[Any, Any], steps: pd.DataFrame) -> pd.DataFrame:
    size = {"ladder": 1.0, "endless": np.inf, "none": 0.0}[shape.liquidity]
    samples = np.unique(np.linspace(0, shape.steps - 1, min(shape.steps, 100)).astype(int))
    distance = np.array([0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1])
    rows = [
        {
            "path": path,
            "step": at,
            "time_seconds": at * shape.step_seconds,
            "market": f"{asset}/DAI",
            "base": asset,
            "quote": "DAI",
            "source": source,
            "side": side,
            "mid": steps[f"venue_{asset}"][at] if shape.liquidity != "none" else np.nan,
            "distance": far,
            "base_units": size * 40_000.0 * far * (1.0 - gone * min(1.0, stress[at]) * (1.0 if side == "bid" else 0.4)),
        }
        for at in samples
        for side in ("bid", "ask")
        for source, gone in SOURCES.items()
        for far in distance
    ]
    return pd.DataFrame(rows)


def no_depth() -> pd.DataFrame:
    columns = ["path", "step", "time_seconds", "market", "base", "quote", "source", "side", "mid"]
    return pd.DataFrame([], columns=[*columns, "distance", "base_units"])


TRADES = [
    ("liquidators", "constant_product", "sell", 6e6),
    ("liquidators", "market_makers", "sell", 1e6),
    ("noise_traders", "market_makers", "sell", 1e6),
    ("arbitrageurs", "constant_product", "buy", 5e6),
]


def trades_of(shape: Shape, path: int) -> pd.DataFrame:
    """The same trades in every market, half of them in the first block and half in the last."""
    columns = ["path", "step", "time_seconds", "market", "base", "quote", "taker", "maker", "side", "trades"]
    rows = [
        (
            path,
            at,
            at * shape.step_seconds,
            f"{asset}/DAI",
            asset,
            "DAI",
            taker,
            maker,
            side,
            7,
            usd / 4000.0,
            usd / 2,
            usd / 2,
        )
        for at in (0, shape.steps - 1)
        for asset in shape.markets
        for taker, maker, side, usd in TRADES
        if shape.trades
    ]
    return pd.DataFrame(rows, columns=[*columns, "base_units", "quote_units", "usd"])


def stored(directory: Path, shape: Shape) -> Results:
    with ResultsWriter(directory, shape, seed=1, paths=shape.paths) as writer:
        for path in range(shape.paths):
            writer.add(outcome(shape, path))
        writer.finish("complete", wall_seconds=1.0)
    return Results.load(directory)


SHAPES = {
    "crash": Shape(),
    "many paths": Shape(paths=5, steps=300),
    "calm": CALM,
    "two blocks": Shape(steps=2, liquidations=1, write_offs=1, gas=False),
    "one block": Shape(steps=1, liquidations=0, write_offs=0, markets=(), capital_usd=0.0),
    "five assets": Shape(collateral=("ETH", "WBTC", "LINK", "UNI", "CRV"), markets=("ETH", "WBTC", "LINK")),
    "unlimited capital": Shape(capital_usd=float("inf"), steps=200),
    "a market without end": Shape(steps=60, liquidity="endless"),
    "a market where nobody quotes or trades": Shape(steps=60, liquidity="none", trades=False),
    "long": Shape(steps=8_000, step_seconds=12.0, liquidations=5_000),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_every_figure_can_be_drawn_of_every_shape_of_run(tmp_path: Path, shape: Shape) -> None:
    for name, drawn in draw_all(stored(tmp_path / "run", shape)).items():
        drawn.set_dpi(40)
        drawn.canvas.draw()
        assert title(drawn).startswith(shape.name), name


def test_figures_are_saved_under_their_names_and_are_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style, "DPI", 40)
    results = stored(tmp_path / "run", Shape(steps=60))
    files = save_all(results, tmp_path / "figures")
    assert [file.stem for file in files] == sorted(FIGURES)
    waterfall.draw(results).savefig(tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "figures" / "waterfall.png").read_bytes()


def test_a_run_without_a_finished_path_cannot_be_drawn(tmp_path: Path) -> None:
    with ResultsWriter(tmp_path / "run", CALM, seed=1, paths=1) as writer:
        writer.add(PathOutcome(0, 1, error="KeyError: 'ETH'"))
        writer.finish("complete", wall_seconds=1.0)
    with pytest.raises(ResultsUnreadableError, match="none of its paths finished"):
        draw_all(Results.load(tmp_path / "run"))


def test_titles_say_the_main_number(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=60))
    drawn = draw_all(results)
    bad_debt = style.usd(results.write_offs["paid"].sum())
    assert bad_debt in title(drawn["timeline"])
    assert bad_debt in title(drawn["waterfall"])
    assert style.percent(fall(Story.read(results), "ETH")) in title(drawn["timeline"])


def test_a_calm_run_says_that_nothing_happened(tmp_path: Path) -> None:
    drawn = draw_all(stored(tmp_path / "run", CALM))
    assert "no position was liquidated" in title(drawn["timeline"])
    assert "no bad debt" in title(drawn["waterfall"])
    assert "no account ever waited" in title(drawn["capital"])
    for name in ("depth", "ladder", "depth_map"):
        assert "never thinned" in title(drawn[name])


def test_of_many_paths_the_median_by_bad_debt_is_shown_and_named(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(paths=5, steps=60))
    story = Story.read(results)
    ranks = results.paths["bad_debt_usd"].rank().to_numpy()
    assert ranks[story.path] == 3.0
    assert f"path {story.path} (seed {story.seed}, the median of 5" in title(timeline.draw(results))
    assert (story.steps["path"] == story.path).all()


def test_failed_paths_are_never_the_median(tmp_path: Path) -> None:
    with ResultsWriter(tmp_path / "run", CALM, seed=1, paths=3) as writer:
        writer.add(PathOutcome(0, 1, error="KeyError"))
        writer.add(outcome(CALM, 1))
        writer.add(PathOutcome(2, 3, error="KeyError"))
        writer.finish("complete", wall_seconds=1.0)
    story = Story.read(Results.load(tmp_path / "run"))
    assert (story.path, story.of) == (1, 1)


def test_the_waterfall_adds_up_to_the_mean_bad_debt(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(paths=3, steps=60))
    paid = waterfall.paid_by_layer(results)
    assert sum(paid.values()) == pytest.approx(results.summary["bad_debt_usd"], rel=1e-12)
    assert list(paid) == list(LAYERS)


def test_the_bars_of_the_timeline_hold_all_that_was_repaid(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=100, step_seconds=13.0))
    bars = timeline.draw(results).axes[-3].patches
    assert sum(bar.get_height() for bar in bars if isinstance(bar, Rectangle)) == pytest.approx(
        results.liquidations["repaid_usd"].sum()
    )


def test_layers_keep_the_scenarios_order_and_close_with_depositors_and_nobody(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", CALM)
    seen = pd.Series(["insurance.1", "insurance.0", "uncovered", "treasury"])
    ordered = ["reserve", "insurance.0", "insurance.1", "treasury", "depositors", "uncovered"]
    assert layers_of(results, seen) == ordered
    assert style.layer_title("insurance.1") == "insurance 2"


def test_assets_are_shown_by_what_was_seized_of_them_and_four_at_most(tmp_path: Path) -> None:
    story = Story.read(stored(tmp_path / "run", SHAPES["five assets"]))
    seized = story.liquidations.groupby("collateral_asset")["seized_usd"].sum().sort_values(ascending=False)
    assert moving_assets(story) == list(seized.index[:4])


def test_the_last_block_has_a_width(tmp_path: Path) -> None:
    story = Story.read(stored(tmp_path / "run", SHAPES["two blocks"]))
    assert list(story.edges) == [0.0, 60.0, 120.0]


def test_a_layer_has_its_colour_whatever_stands_beside_it() -> None:
    alone, together = palette.layer_colours(["uncovered"]), palette.layer_colours(["treasury", *LAYERS, "auction"])
    assert alone["uncovered"] == together["uncovered"]
    assert len(set(together.values())) == 6


# The market: its ladder, its depth through time, who traded with whom


def test_depth_is_read_by_source_and_sums_over_them(tmp_path: Path) -> None:
    (depth,) = Depth.read(stored(tmp_path / "run", Shape(steps=200)), path=0)
    assert depth.sources == list(SOURCES)
    assert depth.units.shape == (2, 100, 2, 7)
    np.testing.assert_allclose(depth.total[:, 0, depth.near], 2 * 40_000.0 * 0.02)
    assert depth.moments == {"before": 0, "worst": depth.worst, "after": 99}
    worst = depth.units[BID, depth.worst, :, depth.near]
    assert worst[1] < 0.5 * worst[0]


def test_the_ladders_areas_are_the_depth(tmp_path: Path) -> None:
    """What stands between two distances is the height of the step times its width, for each source and side."""
    (depth,) = Depth.read(stored(tmp_path / "run", Shape(steps=200)), path=0)
    assert list(depth.edges) == [0.0, 0.005, 0.01, 0.02, 0.05, 0.1]
    areas = (depth.density * 100.0 * np.diff(depth.edges)).sum(axis=-1)
    np.testing.assert_allclose(areas, depth.units[..., -1], rtol=1e-12)


def test_the_ladder_says_whose_bids_vanished_and_shows_three_moments(tmp_path: Path) -> None:
    drawn = ladder.draw(stored(tmp_path / "run", Shape(steps=200)))
    assert "of the bids within 2 % of the mid vanished, 83.3 % of them the order book's" in title(drawn)
    shown = [axes.get_title(loc="left").splitlines()[-1] for axes in drawn.axes]
    assert [words.partition(":")[0] for words in shown] == ["start", "fewest bids", "end"]
    assert len({axes.get_ylim() for axes in drawn.axes}) == 1


def test_a_ladder_that_never_changed_is_drawn_once(tmp_path: Path) -> None:
    drawn = ladder.draw(
        stored(tmp_path / "run", Shape(steps=1, markets=("ETH",), fall=0.0, liquidations=0, write_offs=0))
    )
    remarks = [text.get_text() for axes in drawn.axes[1:] for text in axes.texts]
    assert remarks == ["Fewest bids: the same\nas at the start", "End: the same\nas at the start"]


def test_the_map_is_dark_where_the_ladder_is_deep_and_empty_beyond_what_was_sampled(tmp_path: Path) -> None:
    (depth,) = Depth.read(stored(tmp_path / "run", Shape(steps=200)), path=0)
    mid = depth.mids[0]
    worth = depth_map._worth(depth, mid * np.array([0.85, 0.93, 0.999, 1.001, 1.03, 1.2]))[:, 0]
    # 2 x 40,000 units up to a distance of 1: 800 units per 1 % at every distance, worth their price.
    np.testing.assert_allclose(worth / mid, [np.nan, 744.0, 799.2, 800.8, 824.0, np.nan], rtol=1e-9)


def test_the_map_says_for_how_long_bids_were_thin(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=600, fall=0.0, liquidations=0, write_offs=0))
    drawn = depth_map.draw(results)
    assert "bids within 2 % of the mid never thinned" in title(drawn)
    assert {line.get_label() for line in drawn.axes[0].lines} == {"our venue", "rest of the market"}
    (depth,) = Depth.read(results, path=0)
    edges = np.append(depth.seconds, 36_000.0)
    units = depth.units * np.where((edges[:-1] >= 7_200.0) & (edges[:-1] < 18_000.0), 0.1, 1.0)[:, None, None]
    said = depth_map._sentence(replace(depth, units=units), edges, Clock.of(36_000.0))
    assert said.startswith("bids within 2 % of the mid fell from 1,600 to 160 ETH, below half for")
    assert float(said.split()[-2]) == pytest.approx(3.0, abs=0.1)


def test_the_map_follows_the_sampled_mids_where_the_blocks_show_another_venue(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=200))
    story, (depth,) = Story.read(results), Depth.read(results, path=0)
    edges = np.append(depth.seconds, story.edges[-1])
    assert len(depth_map._venue(story, depth, edges)[1]) == 200
    other = replace(depth, mids=1.01 * depth.mids)
    assert depth_map._venue(story, other, edges)[1] is other.mids


def test_flows_show_every_dollar_once_and_who_sold_and_bought_most(tmp_path: Path) -> None:
    drawn = flows.draw(stored(tmp_path / "run", Shape(steps=60)))
    assert "liquidators sold 7M USD of ETH (87.5 % of all sold)" in title(drawn)
    assert "arbitrageurs bought 5M USD of ETH (100 % of all bought)" in title(drawn)
    sold, bought = ([text.get_text() for text in axes.texts] for axes in drawn.axes)
    assert sold == [
        *("6M\n75 %", "1M\n12.5 %", "7M\n87.5 %"),
        *("-", "-", "-"),
        *("-", "1M\n12.5 %", "1M\n12.5 %"),
        *("6M\n75 %", "2M\n25 %", "8M\n100 %"),
    ]
    assert bought[3:6] == ["5M\n100 %", "-", "5M\n100 %"]


def test_a_run_without_markets_or_trades_says_so(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", SHAPES["one block"])
    for draw, said in ((ladder.draw, "no ladder"), (depth_map.draw, "no depth to map"), (flows.draw, "nobody traded")):
        assert title(draw(results)).endswith(said)
    endless = stored(tmp_path / "endless", SHAPES["a market without end"])
    for draw in (ladder.draw, depth_map.draw):
        assert title(draw(endless)).endswith("the market takes any size")
    empty = stored(tmp_path / "empty", SHAPES["a market where nobody quotes or trades"])
    for draw in (ladder.draw, depth_map.draw):
        assert title(draw(empty)).endswith("there were no bids for ETH within 2 % of the mid")


def test_a_source_has_the_colour_of_its_kind_and_the_second_of_a_kind_a_paler_one() -> None:
    colours = palette.source_colours(["constant_product.1", "constant_product.2", "order_book", "hooked_pool"])
    assert colours["constant_product.1"] == palette.source_colours(["constant_product"])["constant_product"]
    assert len(set(colours.values())) == 4


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.004321, "0.0043"),
        (9.999, "10"),
        (12.34, "12.3"),
        (999.4, "999"),
        (999.9, "1k"),
        (1_234_567.0, "1.23M"),
        (-2.5e9, "-2.5bn"),
        (100_000.0, "100k"),
        (4e12, "4tn"),
    ],
)
def test_numbers_are_written_in_three_figures(value: float, text: str) -> None:
    assert style.short(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.0, "0"), (156.4, "156"), (1_684.0, "1,680"), (2_345_678.0, "2.35M")])
def test_quantities_are_written_in_full_up_to_a_million(value: float, text: str) -> None:
    assert style.units(value) == text


def test_a_title_has_no_orphan() -> None:
    lines = style._wrapped("a title that would leave a single word alone on the last of its lines", 60).splitlines()
    assert len(lines) == 2
    assert abs(len(lines[0]) - len(lines[1])) < 12


@given(st.floats(min_value=1.0, max_value=9e14))
def test_a_short_number_is_within_half_a_percent_of_the_number(value: float) -> None:
    sizes = {"k": 1e3, "M": 1e6, "bn": 1e9, "tn": 1e12}
    text = style.short(value).replace(",", "")
    suffix = text.lstrip("0123456789.")
    assert float(text.removesuffix(suffix)) * sizes.get(suffix, 1.0) == pytest.approx(value, rel=0.005)


@pytest.mark.parametrize(("value", "text"), [(0.0, "0 %"), (0.4321, "43.2 %"), (1.0, "100 %"), (5e-6, "under 0.01 %")])
def test_percentages(value: float, text: str) -> None:
    assert style.percent(value) == text


@pytest.mark.parametrize(
    ("length", "unit"), [(60.0, "seconds"), (7_200.0, "minutes"), (86_400.0, "hours"), (7 * 86_400.0, "days")]
)
def test_the_clock_suits_the_length_of_the_run(length: float, unit: str) -> None:
    clock = Clock.of(length)
    assert clock.unit == unit
    assert float(clock.read(np.array(length))) * clock.seconds == length


def title(drawn: Figure) -> str:
    return drawn.get_suptitle().replace("\n", " ")
