"""Random prices, oracles and sources of liquidity."""

from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from builders.random_worlds.draws import choose, maybe

HISTORY = Path(__file__).parents[3] / "experiments" / "scenarios" / "data" / "black_thursday_eth.csv"
FALLS = [-0.05, -0.1, -0.3, 0.0, 0.2, -0.9]


def price(draw: Random, start: float) -> dict[str, Any]:
    kind = choose(draw, "path", "path", "gbm", "jump_diffusion", "constant", "modelled")
    if kind == "constant":
        return {"kind": kind, "price": start}
    if kind == "path":
        moves = draw.choices(FALLS, k=draw.randint(1, 6))
        return {"kind": kind, "prices": (start * np.cumprod([1.0, *(1.0 + move for move in moves)])).tolist()}
    if kind == "modelled":
        return modelled_price(draw, start)
    path = {"kind": kind, "start": start, "volatility_per_year": choose(draw, 3.0, 10.0)}
    if kind == "jump_diffusion":
        path |= {"jumps_per_year": 30000.0, "jump_mean": -0.03, "jump_volatility": 0.1}
    return path


def modelled_price(draw: Random, start: float) -> dict[str, Any]:
    """A price that jumps both ways, or whose variance, regime or history moves it, wild enough to show in 20 blocks."""
    wild = {"start": start, "volatility_per_year": choose(draw, 3.0, 10.0)}
    jumps = {"kind": "double_exponential", "up_share": 0.3, "up_mean": 0.05, "down_mean": 0.1}
    switches = [[0.0, 5e4], [5e4, 0.0]]
    calm, crash = (
        {"volatility_per_year": sigma, "drift_per_year": mu, "switches_per_year": rates}
        for sigma, mu, rates in zip((1.0, 15.0), (0.0, -200.0), switches, strict=True)
    )
    innovations = choose(draw, {"kind": "normal"}, {"kind": "student_t", "degrees_of_freedom": 2.5})
    return choose(
        draw,
        wild | {"kind": "jump_diffusion", "jumps_per_year": 30000.0, "jumps": jumps},
        wild | {"kind": "garch", "alpha": 0.5, "beta": 0.4, "recursion_seconds": 3600.0, "innovations": innovations},
        wild
        | {"kind": "heston", "reversion_per_year": 500.0, "volatility_of_variance": choose(draw, 0.0, 300.0)}
        | maybe(draw, "correlation", -1.0, -0.7),
        {"kind": "regime_switching", "start": start, "regimes": [calm, crash], **maybe(draw, "first_regime", 0, 1)},
        {
            "kind": "mean_reverting",
            "level": start,
            "half_life_seconds": choose(draw, 120.0, 3600.0),
            "volatility_per_year": choose(draw, 3.0, 10.0),
            "jumps_per_year": 30000.0,
            "jumps": jumps,
        },
        {
            "kind": "block_bootstrap",
            "file": str(HISTORY),
            "price": "close",
            "start": start,
            "mean_block_seconds": choose(draw, 3600.0, 36000.0),
        },
    )


def impact(draw: Random) -> dict[str, Any]:
    kind = choose(draw, "none", "linear", "square_root")
    if kind == "none":
        return {"kind": kind}
    return {
        "kind": kind,
        "daily_volume_usd": choose(draw, 1e5, 1e7),
        "half_life_seconds": choose(draw, 60.0, 36000.0),
        "daily_volatility": 0.1,
    }


def oracle(draw: Random, traded: bool) -> dict[str, Any]:
    kind = choose(draw, "reference", "push", "delayed", *(["venue", "twap"] if traded else []))
    if kind == "twap":
        return {"kind": kind, "window_seconds": choose(draw, 30.0, 300.0)}
    if kind == "push":
        return {"kind": kind, "deviation": 0.01, "heartbeat_seconds": 600.0, "delay_seconds": choose(draw, 0.0, 120.0)}
    return {"kind": kind} | ({"hop_seconds": choose(draw, 60.0, 600.0)} if kind == "delayed" else {})


def sources(draw: Random) -> list[dict[str, Any]]:
    """Any ladder; one of nothing but a book may stand empty."""
    parts = {
        "pool": {"kind": "constant_product", "value": choose(draw, 2e4, 2e6), "fee": choose(draw, 0.0, 0.003)},
        "ranges": {
            "kind": "concentrated",
            "ranges": [{"lower": 0.5, "upper": 1.3, "value": 1e5}, {"lower": 0.97, "upper": 1.02, "value": 1e5}],
            "fee": choose(draw, 0.0, 0.003),
        },
        "curve": {"kind": "stable_swap", "value": choose(draw, 2e4, 2e6), "amplification": choose(draw, 1.0, 200.0)},
        "bands": {
            "kind": "bands",
            "amplification": choose(draw, 20.0, 100.0),
            "fee": choose(draw, 0.0, 0.006),
            "admin_fee": choose(draw, 0.0, 0.5),
            "deposits": [{"base": choose(draw, 1.0, 1e3), "n1": choose(draw, -3, 1), "n2": n2} for n2 in (5, 30)],
        },
        "book": {"kind": "order_book", "tick": 0.01, "taker_fee": choose(draw, 0.0, 0.001)},
        "infinite": {"kind": "infinite", "spread": choose(draw, 0.0, 0.02)},
    }
    chosen = choose(
        draw,
        ("pool",),
        ("pool", "book"),
        ("infinite",),
        ("book",),
        ("pool", "book", "infinite"),
        ("pool", "pool"),
        ("ranges", "book"),
        ("ranges",),
        ("curve", "pool"),
        ("ranges", "curve", "book"),
        ("bands",),
        ("bands", "pool", "book"),
    )
    return [parts[name] for name in chosen]
