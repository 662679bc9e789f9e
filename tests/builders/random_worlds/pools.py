"""Random lending pools: reserves, loss layers and liquidation designs."""

from random import Random
from typing import Any, get_args

from builders.random_worlds.draws import choose, maybe
from builders.random_worlds.markets import oracle
from models.losses import PRESETS, TIMED_LAYERS

KINDS = {get_args(kind.model_fields["kind"].annotation)[0]: kind for kind in TIMED_LAYERS}


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
            {"kind": "adaptive_curve", "initial_per_year": 1.0, "speed_per_year": 1000.0},
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
        "dao_offset": {"delay_seconds": delay},
        "staked_same_asset": pause
        | {"target_liquidity": 1000.0, "cover_delay_seconds": delay, "liquidation_fee": choose(draw, 0.0, 0.1)},
        "staked_own_token": pause | token | {"delay_seconds": delay},
        "backstop_vault": pause | maybe(draw, "asset", "ALT", "ETH") | {"component_share": 0.5},
        "insurance_fund": maybe(draw, "asset", "ALT", "ETH") | maybe(draw, "all_or_nothing", True),
        "external_cover": maybe(draw, "asset", "ETH") | {"assessment_seconds": delay},
        "mint_auction": token
        | {"surplus": choose(draw, 0.0, 500.0), "lot": choose(draw, 10.0, 1000.0), "wait_seconds": delay}
        | {"auction_seconds": 60.0, "unsold_seconds": 120.0, "first_offer": choose(draw, 0.1, 100.0)},
        "price_bucket": maybe(draw, "buckets", 1, 3),
        "in_kind": maybe(draw, "discount", 0.1),
        "auto_deleverage": maybe(draw, "key", "pro_rata"),
        "discretionary_rescue": maybe(draw, "asset", "ALT")
        | {"probability": choose(draw, 0.0, 0.5, 1.0), "delay_seconds": delay},
    }
    if kind in KINDS and "capital" in KINDS[kind].model_fields:
        terms |= capital  # also of a kind that is new here
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
        **maybe(draw, "max_discount", 0.0, 0.01, 1.0),
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
