"""A random world."""

from random import Random
from typing import Any

from builders.random_worlds.draws import choose, maybe
from builders.random_worlds.markets import impact, oracle, price, sources
from builders.random_worlds.people import attacker, borrowers, depositors, insurer, liquidators, providers, stakers
from builders.random_worlds.pools import claim, claim_sources, llamma, pool
from models.market.stakes import STAKED


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
    if draw.random() < 0.25:
        assets["ALT"]["price"] = {"kind": "relative", "to": "ETH", "ratio": price(draw, 0.005)}
        assets["ALT"] |= maybe(draw, "oracle_quote", "ETH")
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
