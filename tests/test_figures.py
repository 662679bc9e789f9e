"""The figures are drawn from stored results alone, of every shape that a run can leave behind."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from experiments.figures import (
    FIGURES,
    FIGURES_OF_MANY,
    depth_map,
    distributions,
    draw_all,
    flows,
    generations,
    ladder,
    landscape,
    lending,
    network,
    palette,
    phase,
    profit_and_loss,
    save_all,
    style,
    survival,
    timeline,
    tornado,
    waterfall,
)
from experiments.figures.clock import Clock
from experiments.figures.markets import BID, Depth
from experiments.figures.reading import Story, fall, layers_of, moving_assets
from experiments.figures.saving import FORMATS, encoded, save
from experiments.stored.outcomes import PathOutcome
from experiments.stored.storage import Results, ResultsUnreadableError, ResultsWriter
from experiments.stored.tables import TABLES

mpl.use("Agg")

Faults = Callable[[Figure], list[str]]

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
    depositors: bool = False
    start: str | None = None

    name: str = "synthetic"

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "time": {"steps": self.steps, "step_seconds": self.step_seconds}
            | ({"start": self.start} if self.start is not None else {}),
            "pools": [
                {
                    "reserves": {asset: {"liquidation_threshold": 0.8} for asset in self.collateral},
                    "losses": {"layers": [{"kind": "reserve"}, {"kind": "insurance"}]},
                }
            ],
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
        columns[f"unforced_{asset}"] = 0.5 * columns[f"oracle_{asset}"] + 0.5 * columns[f"oracle_{asset}"][0]
    columns |= {"reference_DAI": 1.0, "venue_DAI": np.nan, "oracle_DAI": 1.0, "unforced_DAI": 1.0}
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
        "refused": np.floor(3.0 * stress),
        "deficit_usd": 0.0,
        "treasury_usd": 1e5 * np.clip(1.0 - stress, 0.0, 1.0),
        "insurer_capital_usd": 1e5 * np.clip(1.0 - 0.5 * stress, 0.0, 1.0) if "insurance" in shape.layers else 0.0,
        "queued_withdrawals_usd": 1e6 * stress,
        "liquidator_capital_usd": shape.capital_usd if np.isfinite(shape.capital_usd) else 0.0,
        "liquidator_capital_in_use_usd": min(shape.capital_usd, 4e6) * np.minimum(1.4 * stress, 0.97),
    }
    steps = pd.DataFrame(columns, index=range(shape.steps))
    depth = pd.concat([depth_of(shape, asset, path, stress, steps) for asset in shape.markets] or [no_depth()])
    tables = {"steps": steps, "liquidations": liquidations, "write_offs": write_offs, "depth": depth}
    tables["trades"] = trades_of(shape, path)
    tables["landscape"] = landscape_of(shape, path, steps)
    unread = {name: pd.DataFrame({"path": []}) for name in TABLES if name not in tables}  # by any figure
    summary = {
        "bad_debt_usd": float(paid.sum()),
        "liquidated_usd": float(liquidations["repaid"].sum()),
        "liquidations": float(len(liquidations)),
        "liquidator_profit_usd": float(liquidations["profit_usd"].sum()),
        "borrower_loss_usd": float((liquidations["seized_usd"] - liquidations["repaid_usd"]).sum()),
        "reserve_paid_usd": float(write_offs[write_offs["layer"] == "reserve"]["paid_usd"].sum()),
        "depositor_loss_usd": float(write_offs[write_offs["layer"] == "depositors"]["paid_usd"].sum()),
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


def landscape_of(shape: Shape, path: int, steps: pd.DataFrame) -> pd.DataFrame:
    """Debt in bins of 2 % below the first price of every asset; what a price has passed goes within an hour."""
    samples = np.unique(np.linspace(0, shape.steps - 1, min(shape.steps, 24)).astype(int))
    ratios = np.exp(np.arange(-0.9, -0.02, 0.02))
    rows = [
        {
            "path": path,
            "step": at,
            "time_seconds": at * shape.step_seconds,
            "pool": "core",
            "asset": asset,
            "price_low": low * steps[f"oracle_{asset}"][0],
            "price_high": low * np.exp(0.02) * steps[f"oracle_{asset}"][0],
            "debt_usd": 4e5 * np.exp(-(((low - 0.7) / 0.2) ** 2)),
        }
        for at in samples
        for asset in shape.collateral
        for low in ratios
        if shape.liquidations and low < steps[f"oracle_{asset}"][: at + 1].min() / steps[f"oracle_{asset}"][0] + 0.02
    ]
    columns = ["path", "step", "time_seconds", "pool", "asset", "price_low", "price_high", "debt_usd"]
    return pd.DataFrame(rows, columns=columns)


def depositors_of(path: int) -> pd.DataFrame:
    """Ten groups by exit order, of whom only the last three lose."""
    haircut = np.array([0.0] * 7 + [0.1, 0.3, 0.5])
    return pd.DataFrame(
        {"path": path, "cohort": "depositors.0", "asset": "DAI", "group": np.arange(10), "haircut": haircut}
    )


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
    if shape.depositors:
        depositors_of(path=0).to_parquet(directory / "depositors.parquet")
    return Results.load(directory)


SHAPES = {
    "crash": Shape(depositors=True, start="2020-03-12T00:00:00+00:00"),
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


QUICK = {"crash", "many paths", "calm", "two blocks", "one block", "five assets"}
MARKED = [
    pytest.param(shape, id=name, marks=() if name in QUICK else pytest.mark.slow) for name, shape in SHAPES.items()
]


@pytest.mark.parametrize("shape", MARKED)
def test_every_figure_of_every_shape_of_run_says_what_it_shows_and_can_be_read(
    tmp_path: Path, shape: Shape, faults: Faults
) -> None:
    figures = draw_all(stored(tmp_path / "run", shape))
    assert list(figures) == list(FIGURES) + (list(FIGURES_OF_MANY) if shape.paths > 1 else [])
    for name, drawn in figures.items():
        assert title(drawn).startswith(shape.name), name
        assert faults(drawn) == [], name


def test_figures_are_saved_under_their_names_and_are_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style, "DPI", 40)
    results = stored(tmp_path / "run", Shape(steps=60))
    files = save_all(results, tmp_path / "figures")
    assert [file.stem for file in files] == sorted(FIGURES)
    save(waterfall.draw(results), tmp_path / "again.png")
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


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_of_a_day_of_minutes_is_made_in_two_seconds(tmp_path: Path, name: str) -> None:
    results = stored(tmp_path / "run", Shape(depositors=True))
    begun = process_time()
    encoded(FIGURES[name](results), "png")
    assert process_time() - begun < 2.0


def test_an_actor_has_one_colour_in_all_figures(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=60))
    bars = {bar.get_facecolor() for bar in profit_and_loss.draw(results).axes[0].patches}
    rows = {to_rgba(palette.ACTOR[who]) for who in ("borrowers", "liquidators", "reserve", "depositors")}
    assert bars == rows
    painted = {bar.get_facecolor() for bar in waterfall.draw(results).axes[0].patches}
    assert {to_rgba(palette.ACTOR[layer]) for layer in LAYERS} < painted
    circles = {tuple(one.get_facecolor()[0]) for one in network.draw(results).axes[0].collections}
    assert rows < circles


MACHADO = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
"""What is seen of linear RGB. Source: Machado, Oliveira and Fernandes (2009), severity 1."""


@pytest.mark.parametrize("seen", MACHADO.values(), ids=MACHADO.keys())
@pytest.mark.parametrize(
    "together",
    [
        [palette.ACTOR[who] for who in LAYERS],
        [palette.ACTOR[who] for who in ("borrowers", "liquidators", "depositors", "insurance", "protocol")],
        [palette.PRICE[kind] for kind in ("reference", "venue", "oracle")],
        list(palette.GENERATION),
        [palette.LIQUIDATABLE, palette.UNDERWATER],
        [palette.SOLD, palette.BOUGHT],
    ],
)
def test_colours_that_stand_together_can_be_told_apart_by_any_eye(
    seen: tuple[tuple[float, ...], ...], together: list[str]
) -> None:
    """By lightness or hue: the distance in CIELAB is beyond eight times what can just be noticed (2.3)."""
    labs = [lab(np.clip(np.array(seen) @ linear(colour), 0.0, 1.0)) for colour in together]
    for k, one in enumerate(labs):
        for other in labs[:k]:
            assert np.linalg.norm(one - other) > 8 * 2.3


def linear(colour: str) -> np.ndarray[Any, Any]:
    """The light of an sRGB colour."""
    part = np.array(to_rgba(colour)[:3])
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """CIELAB of linear sRGB under D65."""
    mix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = mix @ light / (mix @ np.ones(3))
    x, y, z = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


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
    shown = [axes.get_title(loc="left").splitlines()[-3] for axes in drawn.axes]
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


def test_a_scenario_that_states_when_it_begins_has_dates(tmp_path: Path) -> None:
    story = Story.read(stored(tmp_path / "run", Shape(steps=60, start="2020-03-12T01:30:00+02:00")))
    assert story.clock.at(3_000.0) == "12 March, 00:20"
    drawn = timeline.draw(stored(tmp_path / "dated", Shape(steps=1440, start="2020-03-12")))
    FigureCanvasAgg(drawn).draw()
    assert drawn.axes[-1].get_xlabel() == "time in 2020 (UTC)"
    assert [label.get_text() for label in drawn.axes[-1].get_xticklabels()][:2] == ["12 Mar", "03:00"]
    assert Story.read(stored(tmp_path / "undated", Shape(steps=60))).clock.at(3_000.0) == "minute 50"


# The figures of one run that explain it


def test_the_map_holds_the_debt_where_it_is_liquidated(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=240))
    (ground,) = landscape.Ground.read(results, path=0)
    table = results.table("landscape")
    assert ground.debt.sum() == pytest.approx(table["debt_usd"].sum())
    assert ground.debt[0].sum() == pytest.approx(table[table["step"] == 0]["debt_usd"].sum())
    row = table.iloc[0]
    inside = ground.between(row["price_low"] * 1.001, row["price_high"] * 0.999)
    assert inside == pytest.approx(row["debt_usd"])
    assert "of debt lay in the way of ETH's fall" in title(landscape.draw(results))


def test_runs_of_versions_that_recorded_less_are_drawn_and_say_so(tmp_path: Path) -> None:
    older = stored(tmp_path / "run", Shape(steps=60))
    (older.directory / "landscape.parquet").unlink()
    steps = older.steps.drop(columns=["unforced_ETH", "unforced_DAI"])
    steps.to_parquet(older.directory / "steps.parquet")
    drawn = draw_all(older)
    assert title(drawn["landscape"]).endswith("no debt to map")
    assert title(drawn["generations"]).endswith("no counterfactual")


def test_generations_say_how_much_deeper_the_fall_was_for_the_sales(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=240))
    said = title(generations.draw(results))
    assert "2.00 times as far" in said
    repaid = results.liquidations.groupby("generation")["repaid_usd"].sum()
    assert f"{style.percent(repaid.iloc[1:].sum() / repaid.sum())} of what was liquidated was set off" in said
    bars = [bar.get_width() for bar in generations.draw(results).axes[3].patches]
    assert bars == pytest.approx(repaid.tolist())


def test_profit_and_loss_shows_the_summary_and_depositors_by_exit_order(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=60, depositors=True))
    money, exits = profit_and_loss.draw(results).axes
    shown = sorted(bar.get_width() for bar in money.patches)
    summary = results.summary
    losses = ["borrower_loss_usd", "reserve_paid_usd", "depositor_loss_usd"]
    assert shown == pytest.approx(sorted([summary["liquidator_profit_usd"], *(-summary[name] for name in losses)]))
    assert [bar.get_height() for bar in exits.patches] == [0.0] * 7 + [0.1, 0.3, 0.5]


def test_the_networks_links_are_what_the_tables_say(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=60))
    found = {(link.giver, link.taker): link.usd for link in network.links(results, Story.read(results))}
    assert found["borrowers", "pools"] == pytest.approx(results.write_offs["paid_usd"].sum())
    assert sum(usd for (giver, _), usd in found.items() if giver == "pools") == pytest.approx(
        9e6 + results.write_offs["paid_usd"].sum()
    )
    assert found["liquidators", "constant_product"] == 6e6


def test_lending_says_who_waits_and_shows_rates_where_they_are_recorded(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=60))
    assert len(lending.draw(results).axes) == 3
    peak = results.steps["queued_withdrawals_usd"].max()
    assert f"at most {style.usd(peak)} of claims waited" in title(lending.draw(results))
    assert "nobody waited to be paid out" in title(lending.draw(stored(tmp_path / "calm", CALM)))


# The figures of many runs


def test_tails_are_those_of_the_summary(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=60, paths=20))
    marked = {line.get_label(): line.get_xdata()[0] for line in distributions.draw(results).axes[0].lines}
    assert marked == {
        "value at risk (95 %)": results.summary["bad_debt_usd_p95"],
        "expected shortfall\nbeyond it": results.summary["bad_debt_usd_es95"],
    }


def test_a_fund_survives_until_it_first_has_less(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=60, paths=4))
    story = Story.read(results)
    fell = survival._first_below(results, "treasury_usd", story.seconds)
    money = results.table("steps", path=2)["treasury_usd"].to_numpy()
    assert fell.shape == (4, 4)
    assert fell[1, 2] == story.seconds[np.argmax(money < 0.5 * money[0])]
    assert (fell[:-1] <= fell[1:]).all()


@pytest.mark.parametrize("draw", FIGURES_OF_MANY.values(), ids=FIGURES_OF_MANY.keys())
def test_one_path_has_no_spread_and_the_figure_says_so(tmp_path: Path, draw: Any) -> None:
    assert re.search("one path (has|is) no", title(draw(stored(tmp_path / "run", Shape(steps=60)))))


GRID = pd.DataFrame(
    [(shock, depth, 1e6 * shock / depth) for shock in (0.1, 0.2, 0.4) for depth in (1.0, 2.0, 4.0, 8.0)],
    columns=["shock", "depth", "loss"],
)
X, Y = phase.Quantity("depth", "depth, USD"), phase.Quantity("shock", "shock, %", style.percent)
LOSS = phase.Quantity("loss", "bad debt, USD")


def test_a_phase_diagram_separates_what_is_below_a_threshold(faults: Faults) -> None:
    drawn = phase.draw(GRID.iloc[1:], X, Y, LOSS, title="t", caption="c", threshold=1e5)
    axes = drawn.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["10 %", "20 %", "40 %"]
    assert len(axes.texts) == 11
    assert faults(drawn) == []
    # By rows, where the loss passes 1e5: from 2 to 4 ETH between the third and the fourth column, and so on.
    assert len(axes.lines) == 4
    assert "no point has an answer" in said(phase.draw(GRID.iloc[:0], X, Y, LOSS, title="t", caption="c"))


def test_a_tornado_has_what_moves_the_answer_most_on_top(faults: Faults) -> None:
    rows = [("fee", 0.0, 0.01, 9.0, 12.0), ("depth", 1e6, 1e8, 40.0, 2.0), ("name", "a", "b", 10.0, 10.0)]
    table = pd.DataFrame(rows, columns=list(tornado.COLUMNS))
    drawn = tornado.draw(table, 10.0, "bad debt, USD", title="t", caption="c")
    assert [label.get_text() for label in drawn.axes[0].get_yticklabels()] == ["depth", "fee", "name"]
    assert faults(drawn) == []
    assert "no parameter moves" in said(tornado.draw(table.iloc[2:], 10.0, "USD", title="t", caption="c"))
    with pytest.raises(ValueError, match="needs the column at_high"):
        tornado.draw(table.drop(columns="at_high"), 10.0, "USD", title="t", caption="c")


def said(drawn: Figure) -> str:
    """What a figure without anything to see says."""
    return " ".join(text.get_text() for text in drawn.axes[0].texts).lower()


@pytest.mark.parametrize("form", FORMATS)
def test_files_hold_the_title_and_are_the_same_each_time(tmp_path: Path, form: str) -> None:
    results = stored(tmp_path / "run", Shape(steps=60))
    once, again = (encoded(waterfall.draw(results), form) for _ in range(2))
    assert once == again
    assert form == "pdf" or "of bad debt, of which" in once.decode("latin-1")


def title(drawn: Figure) -> str:
    return drawn.get_suptitle().replace("\n", " ")
