"""Synthetic runs of every shape that a run can have, as they are stored."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.stored.outcomes import PathOutcome
from experiments.stored.storage import Results, ResultsWriter
from experiments.stored.tables import TABLES

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
        "liquidator_net_usd": 0.75 * float(liquidations["profit_usd"].sum()),
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


def said(drawn: Figure) -> str:
    """What a figure without anything to see says."""
    return " ".join(text.get_text() for text in drawn.axes[0].texts).lower()


def title(drawn: Figure) -> str:
    return drawn.get_suptitle().replace("\n", " ")
