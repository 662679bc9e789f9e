"""Any world keeps its books: random scenarios of every kind of part and agent, run with checks on.

A world follows from one number, drawn by Hypothesis: all its choices are independent and even, so that rare meetings of
parts are as likely as they can be; the number shows in the report of a failure.
"""

from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from abm import Scenario
from abm.bond_settlement import LENDERS
from abm.english_auctions import EnglishAuctions
from abm.metrics import summarise
from abm.model import UnderwaterModel
from abm.stability import StabilityPool
from models.losses import PRESETS, TIMED_LAYERS
from models.market.stakes import STAKED
from models.types import FloatArray

HISTORY = Path(__file__).parents[1] / "experiments" / "scenarios" / "data" / "black_thursday_eth.csv"
KINDS = [get_args(kind.model_fields["kind"].annotation)[0] for kind in TIMED_LAYERS]
FALLS = [-0.05, -0.1, -0.3, 0.0, 0.2, -0.9]


def choose(draw: Random, *options: Any) -> Any:
    return draw.choice(options)


def maybe(draw: Random, key: str, *options: Any) -> dict[str, Any]:
    """A key with one of its values, or left to its default."""
    value = draw.choice((None, *options))
    return {} if value is None else {key: value}


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


def reserve(draw: Random) -> dict[str, Any]:
    """The rates are far above any that is seen, so that twenty blocks of interest show."""
    threshold = choose(draw, 0.83, 0.75, 0.83, 0.0)
    return {
        "ltv": min(threshold, 0.7),
        "liquidation_threshold": threshold,
        "reserve_factor": choose(draw, 0.0, 0.2, 1.0),
        "treasury": choose(draw, 0.0, 500.0),
        "rates": choose(
            draw,
            {"kind": "fixed", "rate_per_year": 0.0},
            {"kind": "fixed", "rate_per_year": 5.0},
            {"kind": "kinked", "base_per_year": 0.0, "slope1_per_year": 0.1, "slope2_per_year": 50.0, "kink": 0.8},
        ),
    }


def layer(draw: Random, kind: str, assets: list[str]) -> dict[str, Any]:
    """A layer with little in it, which pays soon: now, after some blocks, or after the end."""
    terms: dict[str, Any] = {
        "kind": kind,
        **maybe(draw, "share", 0.5, 0.3),
        **maybe(draw, "deductible_usd", 10.0, 1000.0),
        **maybe(draw, "limit_usd", 0.0, 100.0),
        **maybe(draw, "covers", *assets),
    }
    if kind not in ("reserve", "insurance"):
        terms |= {**maybe(draw, "attachment_usd", 100.0), **maybe(draw, "aggregate_limit_usd", 500.0)}
    capital = {"capital": choose(draw, 0.0, 100.0, 5000.0)}
    delay = choose(draw, 0.0, 60.0, 300.0, 1e6)
    pause = maybe(draw, "paused_from_seconds", 0.0, 600.0) | maybe(draw, "paused_until_seconds", 300.0, 900.0)
    token = {"asset": choose(draw, "USD", "ETH", "ALT")}
    more: dict[str, dict[str, Any]] = {
        "dao_offset": capital | {"delay_seconds": delay},
        "staked_same_asset": capital
        | pause
        | {"target_liquidity": 1000.0, "cover_delay_seconds": delay, "liquidation_fee": choose(draw, 0.0, 0.1)},
        "staked_own_token": capital | pause | token | {"delay_seconds": delay},
        "stability_pool": capital,
        "backstop_vault": capital | pause | maybe(draw, "asset", "ALT", "ETH") | {"component_share": 0.5},
        "insurance_fund": capital | maybe(draw, "asset", "ALT", "ETH") | maybe(draw, "all_or_nothing", True),
        "external_cover": capital | maybe(draw, "asset", "ETH") | {"assessment_seconds": delay},
        "mint_auction": token
        | {"surplus": choose(draw, 0.0, 500.0), "lot": choose(draw, 10.0, 1000.0), "wait_seconds": delay}
        | {"auction_seconds": 60.0, "unsold_seconds": 120.0, "first_offer": choose(draw, 0.1, 100.0)},
        "price_bucket": maybe(draw, "buckets", 1, 3),
        "in_kind": maybe(draw, "discount", 0.1),
        "auto_deleverage": maybe(draw, "key", "pro_rata"),
        "discretionary_rescue": capital
        | maybe(draw, "asset", "ALT")
        | {"probability": choose(draw, 0.0, 0.5, 1.0), "delay_seconds": delay},
    }
    return terms | more.get(kind, {})


def losses(draw: Random, assets: list[str]) -> dict[str, Any]:
    """A waterfall of any layers in any order, the plain ones more often; sometimes a protocol's with more beside."""
    preset = choose(draw, None, None, *PRESETS)
    kinds = draw.sample([*KINDS, "reserve", "insurance", "insurance", "insurance"], draw.randint(0, 5))
    described: dict[str, Any] = {
        "recognition": choose(draw, "immediate", "deferred"),
        "layers": [layer(draw, kind, assets) for kind in dict.fromkeys(kinds)],
        "recoveries": [
            {"at_seconds": choose(draw, 300.0, 900.0), "share": choose(draw, 0.3, 1.0)} | maybe(draw, "asset", *assets)
            for _ in range(choose(draw, 0, 0, 1, 2))
        ],
        "depth_usd": choose(draw, {}, {"ALT": 1e4}),
    }
    if preset is None:
        return described
    # The sizes of the presets are those of their protocols, and their tokens are none of these worlds'.
    sizes = {"aave_v2_safety_module": "staked_own_token", "maker": "mint_auction", "aave_v3_umbrella": "dao_offset"}
    if preset in sizes and all(one["kind"] != sizes[preset] for one in described["layers"]):
        described["layers"].append(layer(draw, sizes[preset], assets))
    return described | {"preset": preset}


def claim(draw: Random, on: str, reserve: str) -> dict[str, Any]:
    terms = {"kind": "claim", "pool": on, "reserve": reserve, "marks": choose(draw, "index", "backing")}
    return {"price": terms, "oracle": oracle(draw, traded=False)}


def claim_sources(draw: Random) -> list[dict[str, Any]]:
    shallow = {"kind": "constant_product", "value": choose(draw, 2e3, 2e5), "fee": 0.003}
    return [choose(draw, shallow, {"kind": "infinite"})]


def liquidation(draw: Random) -> dict[str, Any]:
    """Any design, and those that take time with little of it; the fixed spreads as often as all the other spot ones."""
    bonus = choose(draw, 0.05, 0.1, 0.15, 0.0)
    fee = choose(draw, 0.0, 0.1)
    spread = {"liquidation_bonus": bonus, "protocol_fee": fee, "close_factor": choose(draw, 0.5, 1.0)}
    fixed = choose(
        draw,
        {"design": "fixed_spread", **spread},
        {"design": "aave_v3", **spread, "min_leftover_usd": choose(draw, 0.0, 1000.0)},
    )
    other = choose(
        draw,
        {"design": "aave_v2", "liquidation_bonus": bonus},
        {"design": "aave_v4", "max_bonus": bonus, "protocol_fee": fee, **maybe(draw, "dust_usd", 0.0)},
        {"design": "compound_v2", "liquidation_incentive": 1.0 + bonus},
        {"design": "euler_v1", **maybe(draw, "booster", 2.0), **maybe(draw, "reserves_fee", 0.0)},
        {"design": "euler_v2", "max_discount": bonus},
        {"design": "fluid", "liquidation_penalty": bonus, **maybe(draw, "absorption", False)},
        {"design": "gearbox", "liquidation_premium": bonus, "liquidation_fee": fee},
        {"design": "kamino", "max_bonus": bonus, "protocol_fee": fee, **maybe(draw, "full_below_usd", 2000.0)},
        {"design": "morpho_blue", "max_incentive": bonus},
        {"design": "silo", "liquidation_fee": bonus, **maybe(draw, "target_ltv", 0.0, 0.5)},
        {"design": "toxic_halt", **spread, **maybe(draw, "halt_ltv", 0.9)},
    )
    return choose(draw, fixed, other, timed_liquidation(draw)) | wrappers(draw)


def wrappers(draw: Random) -> dict[str, Any]:
    """What may go around a design."""
    auctioned = {
        "share": choose(draw, 0.0, 0.6, 1.0),
        "auction_seconds": choose(draw, 0.0, 60.0),
        "fallback_seconds": choose(draw, 60.0, 600.0, 1e6),
        "failures": choose(draw, 0.0, 0.5),
    }
    last = {
        "capital_usd": choose(draw, 0.0, 1e3, 1e7),
        "delay_seconds": choose(draw, 0.0, 60.0, 600.0),
        "at_most": choose(draw, 0.8, 1.0, 1.2),
        "selling": choose(draw, "at_once", "over_time", "never"),
        "sell_every_seconds": choose(draw, 60.0, 600.0),
    }
    return choose(draw, {}, {}, {"oev": auctioned}, {"backstop": last}, {"oev": auctioned, "backstop": last})


def timed_liquidation(draw: Random) -> dict[str, Any]:
    """A design that takes time, made to meet dust, holes, resets and ends within some tens of blocks."""
    return choose(
        draw,
        {
            "design": "maker_clip",
            "buffer": choose(draw, 0.9, 1.1),
            "step_seconds": 60.0,
            "dust_usd": choose(draw, 0.0, 1000.0),
            "tip_usd": choose(draw, 0.0, 10.0),
            **maybe(draw, "cut", 0.9, 1.0),
            **maybe(draw, "tail_seconds", 120.0, 600.0),
            **maybe(draw, "cusp", 0.9),
            **maybe(draw, "penalty", 0.0),
            **maybe(draw, "hole_usd", 2000.0),
        },
        {
            "design": "compound_v3",
            **maybe(draw, "liquidation_factor", 0.85),
            **maybe(draw, "store_front_price_factor", 0.0, 1.0),
            **maybe(draw, "target_reserves_usd", 100.0),
        },
        {
            "design": "maker_flip",
            "lot_units": choose(draw, 0.5, 50.0),
            "bid_seconds": choose(draw, 60.0, 300.0),
            "auction_seconds": choose(draw, 120.0, 1200.0),
            **maybe(draw, "min_bid_increase", 0.2),
            **maybe(draw, "penalty", 0.0),
        },
        {
            "design": "liquity_v1",
            "stability_pool": choose(draw, 0.0, 100.0, 1e4, 1e6),
            **maybe(draw, "critical_collateral_ratio", 1.2, 3.0),
            **maybe(draw, "gas_compensation", 0.0),
        },
        {
            "design": "liquity_v2",
            "stability_pool": choose(draw, 0.0, 100.0, 1e4, 1e6),
            **maybe(draw, "redistribution_penalty", 0.0, 0.5),
            **maybe(draw, "gas_deposit_units", 0.0),
        },
        {
            "design": "ajna",
            "settle_seconds": choose(draw, 60.0, 600.0, 3600.0),
            **maybe(draw, "reserves_cap_seconds", 0.0, 600.0),
            **maybe(draw, "max_bond_factor", 0.2),
            **maybe(draw, "collateralization_factor", 1.0),
        },
    )


def llamma(draw: Random, name: str) -> dict[str, Any]:
    """A pool whose borrowers' collateral is in bands: it takes one collateral and lends one asset."""
    described = pool(draw, name, ["USD", "ETH"])
    described["reserves"]["USD"] |= {"ltv": 0.0, "liquidation_threshold": 0.0}
    described["reserves"]["ETH"] |= {"ltv": 0.7, "liquidation_threshold": choose(draw, 0.75, 0.83)}
    described["liquidation"] = {
        "design": "llamma",
        "amplification": choose(draw, 10.0, 50.0, 100.0),
        "bands": choose(draw, 1, 4, 10),
        "loan_discount": choose(draw, 0.06, 0.2),
        **maybe(draw, "liquidation_discount", 0.0, 0.05),
        **maybe(draw, "fee", 0.0, 0.05),
    }
    return described


def pool(draw: Random, name: str, assets: list[str]) -> dict[str, Any]:
    return {
        "name": name,
        "reserves": {asset: reserve(draw) for asset in assets},
        "liquidation": liquidation(draw),
        "exits": {
            **maybe(draw, "limit_share", 0.05, 1.0),
            **maybe(draw, "limit_seconds", 120.0),
            **maybe(draw, "pauses", [[60.0, 200.0], [120.0, 500.0]]),
            **maybe(draw, "halt_after_loss_seconds", 90.0),
            **maybe(draw, "halt_while_liquidatable", True),
        },
        "losses": losses(draw, assets),
    }


def depositors(draw: Random, described: dict[str, Any]) -> dict[str, Any]:
    """Of every temper, with loans of their own or not; some quick to return, so that they do within some blocks."""
    reserves = list(described["reserves"])
    cohort = {"count": choose(draw, 3, 12), "deposits": {asset: choose(draw, 1.0, 1000.0) for asset in reserves}}
    if draw.random() < 0.3:
        in_bands = described["liquidation"]["design"] == "llamma"
        posted, owed = ("ETH", "USD") if in_bands else (choose(draw, *reserves), choose(draw, *reserves))
        cohort["loan"] = {
            "collateral": {posted: choose(draw, 0.0, 500.0)},
            "debt": {owed: choose(draw, 0.1, 300.0)},
            "wallet_share": choose(draw, 0.0, 0.5, 1.2),
            "retry_seconds": 60.0,
        }
    if draw.random() < 0.1:
        return cohort | {"locked": True}
    if draw.random() < 0.6:
        cohort["judges"] = {
            "noise": choose(draw, 0.0, 0.01, {"kind": "uniform", "low": 0.0, "high": 0.2}),
            "patience_seconds": choose(draw, 60.0, 1e6, {"kind": "lognormal", "median": 1e4, "sigma": 2.0}),
            "look_every_seconds": choose(draw, 0.0, 120.0, {"kind": "uniform", "low": 0.0, "high": 300.0}),
            "memory_half_life_seconds": choose(draw, 60.0, 1e5),
            "reads_positions": choose(draw, True, False),
            **maybe(draw, "outside_rate_per_year", 0.5, 5.0),
        }
        cohort |= maybe(draw, "returns", {"trust_half_life_seconds": 60.0}, {})
    return (
        cohort
        | maybe(draw, "leave_at_utilisation", 0.3, 0.9)
        | maybe(draw, "leave_at_hole", 0.001)
        | maybe(draw, "leave_at_haircut", 0.001)
        | maybe(draw, "delay_seconds", 60.0)
    )


def borrowers(draw: Random, described: dict[str, Any]) -> dict[str, Any]:
    assets = list(described["reserves"])
    units = {"USD": 2000.0, "ETH": 1.0, "ALT": 200.0, "CORE": 100.0, "SIDE": 2.0}
    backing = [asset for asset in assets if described["reserves"][asset]["liquidation_threshold"] > 0.0]
    habits = {
        "watching": choose(draw, 0.0, 0.6, 1.0),
        "watch_interval_seconds": choose(draw, 60.0, 600.0),
        "react_below": choose(draw, 0.9, 1.1, 1.6),
        "react_delay_seconds": choose(draw, 0.0, 60.0),
        "target_health": choose(draw, 1.2, 2.0),
        "reactions": choose(
            draw, {"top_up": 1.0}, {"repay": 1.0}, {"sell": 1.0}, {"top_up": 1.0, "repay": 1.0, "sell": 1.0}
        ),
        "wallet_share": choose(draw, 0.0, 0.02, 1.0),
        **maybe(draw, "max_gas_gwei", 20.0, 60.0),
        **maybe(draw, "max_rate_per_year", 0.05, 4.0),
    }
    in_bands = described["liquidation"]["design"] == "llamma"
    if backing and choose(draw, True, True, False):
        drawn = {
            "debt_usd": {"kind": "lognormal", "median": 3000.0, "sigma": 1.5},
            "health": {"kind": "lognormal", "median": 0.1, "sigma": 1.0, "shift": 1.0},
        }
        limited = {"collateral_usd": 4000.0, "limit_used": {"kind": "uniform", "low": 0.5, "high": 1.2}}
        looped = {"equity_usd": choose(draw, 10.0, 1000.0), "loops": choose(draw, 1, 5), "loop_ltv": 0.6}
        return habits | {
            "count": draw.randint(1, 20),
            "collateral": choose(draw, *backing),
            "debt": choose(draw, *(["USD"] if in_bands else assets)),
            **(drawn if in_bands else choose(draw, drawn, drawn, limited, looped)),
        }

    def side(assets: list[str]) -> dict[str, float]:
        chosen = draw.sample(assets, draw.randint(0, len(assets)))
        return {asset: units[asset] * choose(draw, 0.0, 0.4, 1.0, 5.0) for asset in chosen}

    sides = (["ETH"], ["USD"]) if in_bands else (assets, assets)
    rows = [(side(sides[0]), side(sides[1])) for _ in range(draw.randint(1, 6))]
    return habits | {
        "positions": [
            {"collateral": {asset: 2.0 * held for asset, held in posted.items()}, "debt": owed}
            for posted, owed in rows
            if any((*posted.values(), *owed.values()))
        ]
        or [{"collateral": {sides[0][0]: 1.0}}]
    }


def providers(draw: Random, described: dict[str, Any]) -> dict[str, Any]:
    taking = [k for k, source in enumerate(described["sources"]) if source["kind"] in STAKED]
    return {
        "market": described["name"],
        "source": choose(draw, *taking),
        "count": draw.randint(1, 4),
        "capital_usd": choose(draw, 1.0, 1e4, 1e7, {"kind": "lognormal", "median": 1e4, "sigma": 2.0}),
        "lower": choose(draw, 0.5, 0.98),
        "upper": choose(draw, 1.01, 3.0),
        "leave_volatility_per_year": choose(draw, 0.5, 5.0, float("inf"), {"kind": "uniform", "low": 0.0, "high": 9.0}),
        "leave_loss": choose(draw, 0.001, 0.1, float("inf")),
        "reaction_seconds": choose(draw, 0.0, 120.0),
        "return_after_seconds": choose(draw, 0.0, 60.0, 600.0),
        "conversion_cost": choose(draw, 0.0, 0.01),
        "stays": choose(draw, True, False, False, False),
    }


def attacker(draw: Random, described: dict[str, Any]) -> dict[str, Any]:
    """Somebody who tries the cheap way first: often, early, and with any capital."""
    reserve = described["reserves"].get("ETH")
    lends = reserve is not None and reserve["ltv"] > 0.0 and "USD" in described["reserves"]
    return {
        "market": "ETH/USD",
        "pool": described["name"],
        "capital_usd": choose(draw, 1e3, 1e6, 1e8),
        "strategy": choose(draw, "trigger_liquidations", *(["pump_and_borrow"] * 2 if lends else [])),
        "hold_blocks": choose(draw, 1, 1, 4),
        "margin": choose(draw, 0.0, 0.05),
        "evaluate_every_seconds": choose(draw, 60.0, 7200.0),
        "gas_usd": choose(draw, 0.0, 20.0),
    }


def insurer(draw: Random, reserves: list[str]) -> dict[str, Any]:
    """What an insurer may be beside its money and its limits."""
    pricing = {
        "shock": choose(draw, 0.1, 0.5),
        "shocks_per_year": 1000.0,
        "estimate_every_seconds": 300.0,
        "curve": choose(draw, 0.0, 2.0),
        **maybe(draw, "expected_loss_usd_per_year", 1e6),
        **maybe(draw, "credibility_years", 0.0, 1e-5),
    }
    return {
        **maybe(draw, "pool_claims", {reserves[0]: choose(draw, 1.0, 1000.0)}),
        **maybe(draw, "tokens", {"ETH": 1.0}, {"ALT": 50.0, "ETH": 0.1}),
        **maybe(draw, "pricing", pricing),
        **maybe(draw, "event_limit_usd", 0.0, 200.0),
        **maybe(draw, "event_seconds", 0.0, 300.0),
        **maybe(draw, "payout_delay_seconds", 0.0, 60.0, 600.0, 1e6),
        **maybe(draw, "renewal_seconds", 300.0),
        **maybe(draw, "min_capital_ratio", 0.2, 2.0),
        **maybe(draw, "recapitalisation_usd", 500.0),
        **maybe(draw, "recapitalisation_delay_seconds", 300.0),
        **maybe(draw, "cooldown_seconds", 120.0),
        **maybe(draw, "window_seconds", 0.0, 600.0),
    }


SELLERS = {"staked_own_token", "backstop_vault", "insurance_fund", "external_cover", "mint_auction", "insurance"} | {
    "discretionary_rescue"
}
"""Layers that may sell something for what they pay."""


def stakers(draw: Random, described: dict[str, Any], insurers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Stakers on the layers of a pool that have room for them, and on its insurers."""
    kinds = [one["kind"] for one in described["losses"]["layers"]]
    places = [kind for kind in kinds if kind in ("staked_same_asset", "staked_own_token", "backstop_vault")]
    here = sum(one["pool"] == described["name"] for one in insurers)
    if "insurance" in kinds:
        places += ["insurance"] if here == 1 else [f"insurance.{k}" for k in range(here)]
    return [
        {
            "pool": described["name"],
            "layer": choose(draw, *places),
            "count": draw.randint(1, 3),
            "capital": choose(draw, 1.0, 500.0),
            **maybe(draw, "enter_at_yield_per_year", 0.0, 0.05),
            **maybe(draw, "leave_at_yield_per_year", 0.01, 1.0),
            **maybe(draw, "leave_at_hole", 0.001, 0.1),
            **maybe(draw, "leave_at_fall", 0.1),
            **maybe(draw, "reaction_seconds", 60.0),
        }
        for _ in range(draw.randint(0, 2) if places else 0)
    ]


def liquidators(draw: Random, assets: list[str]) -> dict[str, Any]:
    flash = draw.random() < 0.5
    return {
        "count": draw.randint(1, 3),
        "capital_usd": choose(draw, 1e6, float("inf"), 1000.0, 0.0),
        "capital_asset": choose(draw, *assets),
        "financing": "flash" if flash else "inventory",
        "flash_fee": choose(draw, 0.0, 0.001),
        "margin": choose(draw, 0.0, 0.0, 0.01),
        "delay_seconds": choose(draw, 0.0, 120.0),
        "prefers": choose(draw, "largest", "oldest"),
        "gas_usd": choose(draw, 0.0, 3.0),
        "max_gas_gwei": choose(draw, 20.0, float("inf")),
        "selling": "at_once" if flash else choose(draw, "at_once", "over_time"),
        "sell_every_seconds": choose(draw, 60.0, 180.0),
        **maybe(draw, "first_bid", 0.01, 1.0),
        **maybe(draw, "looks_back_blocks", 1, 3),
        **maybe(draw, "reaction_seconds", 1.0, 20.0),
        **maybe(draw, "risk_aversion", 1.0, 100.0),
        **maybe(draw, "holding_limit_usd", 100.0, 1e5),
        **maybe(draw, "entry", {"active": 1, "evaluate_every_seconds": 120.0, "memory_seconds": 600.0, "moves": 2}),
        **maybe(draw, "calls_per_block", 1, 3),
        **maybe(draw, "attention", 1, 5),
    }


def world_of(draw: Random) -> dict[str, Any]:
    """A small world with any parts, and a few of every kind of agent."""
    traded = choose(draw, ["ETH"], ["ETH", "ALT"])
    assets = {"USD": {"price": {"kind": "constant", "price": 1.0}}}
    for name, start in (("ETH", 2000.0), ("ALT", 10.0)):
        assets[name] = {
            "price": price(draw, start),
            "impact": impact(draw),
            "oracle": oracle(draw, name in traded),
        }
    markets = [{"name": f"{base}/USD", "base": base, "quote": "USD", "sources": sources(draw)} for base in traded]
    if draw.random() < 0.4:
        pair = choose(draw, ("ETH", "USD"), ("USD", "ETH"))
        markets.append({"name": "another", "base": pair[0], "quote": pair[1], "sources": sources(draw)})
    closed = len(traded) == 2 and draw.random() < 0.6
    if closed:
        markets.append({"name": "third side", "base": "ETH", "quote": "ALT", "sources": sources(draw)})
    for market in markets:
        if any(source["kind"] == "bands" for source in market["sources"]):
            assets[market["base"]]["oracle"] = oracle(draw, traded=False)
    names = [market["name"] for market in markets]
    booked = [n for n, m in zip(names, markets, strict=True) if any(s["kind"] == "order_book" for s in m["sources"])]
    core, side = ["USD", "ETH", "ALT"], choose(draw, ["ETH", "USD"], ["ALT", "ETH"])
    if draw.random() < 0.5:
        # A claim on a pool is posted in the other, in itself, or both; so is that on the other: chains and loops.
        assets["CORE"] = claim(draw, "core", choose(draw, *core))
        assets["SIDE"] = claim(draw, "side", choose(draw, *side))
        core += draw.sample(["CORE", "SIDE"], draw.randint(0, 2))
        side += draw.sample(["CORE", "SIDE"], draw.randint(1, 2))
        pools = [pool(draw, "core", core), pool(draw, "side", side)]
        markets += [
            {"name": name, "base": name, "quote": "USD", "sources": claim_sources(draw)}
            for name in draw.sample(["CORE", "SIDE"], draw.randint(0, 2))
        ]
    else:
        pools = [pool(draw, "core", core)]
        if draw.random() < 0.5:
            pools.append(pool(draw, "side", side))
        if draw.random() < 0.3:
            pools[-1] = llamma(draw, pools[-1]["name"])
            assets["ETH"]["oracle"] = oracle(draw, traded=False)
    agents: dict[str, list[dict[str, Any]]] = {
        "borrowers": [],
        "liquidators": [],
        "depositors": [],
        "insurers": [],
        "stakers": [],
        "attackers": [],
        "arbitrageurs": [
            {
                "market": name,
                "capital_usd": choose(draw, 1e3, 1e6, float("inf")),
                "settlement_seconds": choose(draw, 0.0, 180.0),
                "count": choose(draw, 1, 2),
                **maybe(draw, "hedge_usd_per_hour", 1e3, 1e5, 1e7),
            }
            for name in names
            for _ in range(draw.randint(0, 2))
        ],
        "triangle_arbitrageurs": [
            {
                "assets": draw.sample(["USD", "ETH", "ALT"], 3),
                "capital_usd": choose(draw, 1e3, 1e6, float("inf")),
                "cost": choose(draw, 0.0, 0.001),
                "count": choose(draw, 1, 2),
            }
            for _ in range(draw.randint(0, 2) if closed else 0)
        ],
        "market_makers": [
            {
                "market": name,
                "count": 2,
                "capital_usd": choose(draw, 1e3, 1e6),
                "size_usd": 1e4,
                "withdraw_volatility_per_year": choose(draw, 1.0, 1000.0),
                "size_volatility_multiple": choose(draw, 0.0, 2.0),
                "inventory_limit": choose(draw, 0.5, 0.7, 1.0),
                "recovery_half_life_seconds": choose(draw, 0.0, 30.0, 3600.0),
                "stays": choose(draw, True, False, False),
            }
            for name in booked
        ],
        "liquidity_providers": [
            providers(draw, described)
            for described in markets
            if any(source["kind"] in STAKED for source in described["sources"])
            for _ in range(draw.randint(0, 2))
        ],
        "noise_traders": [
            {"market": name, "trades_per_hour": 60.0, "size_usd": {"kind": "pareto", "minimum": 100.0, "shape": 1.2}}
            for name in names
            if draw.random() < 0.5
        ],
    }
    for described in pools:
        here = {"pool": described["name"]}
        reserves = list(described["reserves"])
        for _ in range(draw.randint(1, 2)):
            agents["borrowers"].append(here | borrowers(draw, described))
        for _ in range(draw.randint(1, 3)):
            agents["liquidators"].append(here | liquidators(draw, list(assets)))
        for _ in range(draw.randint(0, 2)):
            agents["depositors"].append(here | depositors(draw, described))
        if "ETH" in described["reserves"] and draw.random() < 0.5:
            agents["attackers"].append(attacker(draw, described))
        for _ in range(draw.randint(0, 2)):
            agents["insurers"].append(
                here
                | {"capital": {asset: choose(draw, 0.0, 0.5, 1000.0) for asset in reserves}}
                | {"premium_share": choose(draw, 0.0, 0.5, 1.0), "deductible_usd": choose(draw, 0.0, 200.0)}
                | maybe(draw, "limit_usd", 0.0, 300.0)
                | insurer(draw, reserves)
            )
        agents["stakers"] += stakers(draw, described, agents["insurers"])
    world: dict[str, Any] = {
        "name": "any",
        "checks": True,
        "feedback": draw.random() < 0.8,
        "time": {"step_seconds": choose(draw, 12.0, 60.0, 3600.0), "steps": choose(draw, 20, 40)},
        "assets": assets,
        "markets": markets,
        "pools": pools,
        "agents": agents,
    }
    if draw.random() < 0.5:
        world["correlations"] = [{"assets": ["ETH", "ALT"], "rho": 0.7}]
        world |= maybe(draw, "copula", {"degrees_of_freedom": 3.0})
        world |= maybe(draw, "common_draws", [{"assets": ["ALT", "ETH"]}])
    if draw.random() < 0.5:
        world["blockspace"] = {
            "gas_price_gwei": {"kind": "constant", "price": 30.0},
            "asset": choose(draw, "USD", "ETH"),
            **maybe(draw, "capacity_gas", 4e5, 2e6),
            **maybe(draw, "bidding", {"kind": "open", "min_raise": 0.3}, {"kind": "sealed"}),
            **maybe(draw, "failed_calls", "free"),
        }
    return world


def finished(model: UnderwaterModel) -> SimpleNamespace:
    """The tables and the summary of a model that has run."""
    tables = {
        name: getattr(model.recorder, name)() for name in ("steps", "liquidations", "write_offs", "balance_sheets")
    }
    return SimpleNamespace(**tables, summary=summarise(model))


@given(number=st.integers(0, 2**64))
@example(number=9883)  # a claim that somebody sells once a loss has wiped out the shares behind it
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_world_keeps_its_books(assert_books_agree, assert_losses_add_up, number):
    """Never an exception; ledger, books, watch and waterfall agree after every block, whatever meets whatever."""
    world, seed = world_of(Random(number)), number % 2**32
    model = UnderwaterModel(Scenario.from_dict(world), seed)
    owed: list[list[list[float]]] = []
    became: list[list[float]] = []
    for _ in range(world["time"]["steps"]):
        model.step()
        assert_books_agree(model)
        units = [losses.open_units() for losses in model.losses]
        owed.append([[one for of_pool in units for one in of_pool[k]] for k in range(2)])
        became.append([sum(usd) for usd in zip(*[losses.totals.figures() for losses in model.losses], strict=True)])
    run = finished(model)
    assert_losses_are_noted(run, np.array(owed), np.array(became))
    assert_losses_add_up(run)
    assert_sane(model, run, seed)


def assert_losses_are_noted(run: SimpleNamespace, owed: FloatArray, became: FloatArray) -> None:
    """The tables say of each block what its layers said: `owed` (blocks, 2, reserves), `became` (blocks, 5) or none."""
    sheets = run.balance_sheets.sort_values("step", kind="stable")
    for k, name in enumerate(("pending", "uncovered")):
        np.testing.assert_array_equal(sheets[name].to_numpy(), owed[:, k].ravel())
    names = ["absorbed_usd", "written_off_usd", "pending_usd", "uncovered_usd", "recovered_usd"]
    np.testing.assert_array_equal(run.steps[names].to_numpy(), became if became.size else 0.0)


def assert_sane(model: UnderwaterModel, run: SimpleNamespace, seed: int) -> None:
    """What holds of the tables of any run."""
    rows = run.liquidations
    # Where a penalty is raised after the debt, the last buyers repay nothing any more.
    assert (rows["repaid"] >= 0.0).all()
    assert (rows["seized"] > 0.0).all()
    assert (rows["protocol_fee"] <= rows["seized"]).all()
    assert (rows["slippage"] >= -1e-12).all()
    assert (rows["slippage"] < 1.0).all()
    assert (rows["generation"] >= 0).all()
    # A generation can follow only one that has been there: none is skipped.
    seen = set(rows["generation"].unique())
    assert seen == set(range(len(seen))) or not model.scenario.feedback or sold_otherwise(model)
    prices = [name for name in run.steps if name.startswith(("reference_", "oracle_"))]
    assert np.isfinite(run.steps[prices]).all(axis=None)
    assert (run.steps[prices] > 0.0).all(axis=None)
    assert (run.steps["utilisation"] <= 1.0 + 1e-12).all()
    if not model.scenario.feedback:
        assert run.summary["amplification"] == 1.0
        assert not rows["generation"].any()
        alone = UnderwaterModel.baseline(model.scenario, seed)
        own = [k for k in range(len(model.world.assets)) if k not in model.world.claims.of]
        names = [f"oracle_{model.world.assets[k]}" for k in own]
        # Without pools there are no borrowers' bands: who trades around a triangle finds another ladder there.
        if not (any(lender.loans is not None for lender in model.world.lenders) and model.people.triangle_arbitrageurs):
            np.testing.assert_array_equal(run.steps[names].to_numpy(), alone[:, own])
    assert all(isinstance(value, float) and not np.isnan(value) for value in run.summary.values())
    assert_each_profit_is_asked_for(model, rows)
    assert_depositors_are_accounted_for(model)


def assert_depositors_are_accounted_for(model: UnderwaterModel) -> None:
    """What was paid out lies in wallets or came back; queues hold whom they say; no haircut is below 0 or above 1."""
    rows = model.recorder.depositors()
    assert ((rows["haircut"] >= 0.0) & (rows["haircut"] <= 1.0 + 1e-9)).all()
    assert (rows["members"] >= rows["asked_members"]).all()
    for lender in model.world.lenders:
        for reserve, queue in enumerate(lender.exits.queues):
            waiting = sum(lender.pool.claims(account, reserve) for account in queue)
            scale = max(lender.exits.withdrawn[reserve], waiting)
            assert abs(lender.exits.waiting(reserve) - waiting) <= 1e-9 * scale
        away = lender.exits.away.sum(axis=0)
        out = np.array(lender.exits.withdrawn) - lender.exits.returned
        np.testing.assert_allclose(away, out, rtol=1e-9, atol=1e-9 * max(lender.exits.withdrawn))


def sold_otherwise(model: UnderwaterModel) -> bool:
    """Borrowers who sell, and attackers who do, count as generations that the table of liquidations does not show."""
    attacked, mended = len(model.recorder.attacks()) > 0, model.recorder.mendings > 0
    layers = model.recorder.write_offs()["layer"].str.split(".").str[0]
    return attacked or mended or bool(layers.isin(SELLERS).any())


def assert_each_profit_is_asked_for(model: UnderwaterModel, rows: pd.DataFrame) -> None:
    """Nobody liquidates below the margin that its cohort asks for, nor at a loss.

    But a bid is made before the end, a stability pool repays for the caller, and lenders take what nobody wants.
    """
    others = (EnglishAuctions, StabilityPool)
    apart = [lender.name for lender in model.world.lenders if isinstance(lender.auctions, others)]
    rows = rows[~rows["pool"].isin(apart) & (rows["liquidator"] != LENDERS)]
    for k, cohort in enumerate(model.scenario.agents.liquidators):
        mine = rows[rows["liquidator"].str.startswith(f"liquidators.{k}")]
        # A call that winds up a loan in bands has a row for each asset, and its gas in the first.
        calls = mine.groupby(["step", "pool", "account", "liquidator"])[["profit_usd", "repaid_usd"]].sum()
        assert (calls["profit_usd"] >= cohort.margin * calls["repaid_usd"] - 1e-9).all()
