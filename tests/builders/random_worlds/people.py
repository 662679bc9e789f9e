"""Random agents."""

from random import Random
from typing import Any

from builders.random_worlds.draws import choose, maybe
from models.market.stakes import STAKED


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
        **maybe(draw, "max_discount", 0.0, 0.01, 1.0),
        **maybe(draw, "entry", {"active": 1, "evaluate_every_seconds": 120.0, "memory_seconds": 600.0, "moves": 2}),
        **maybe(draw, "calls_per_block", 1, 3),
        **maybe(draw, "attention", 1, 5),
    }
