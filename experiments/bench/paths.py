"""Cases of `underwater bench` that run whole paths, the building of the world and of the tables included."""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from abm import Scenario, simulate

Tree = dict[str, Any]


@dataclass(frozen=True)
class Path:
    """A kind of scenario and its size.

    Attributes:
        what: for the reader.
        tree: the scenario for a number of borrowers and of blocks.
    """

    what: str
    tree: Callable[[int, int], Tree]
    borrowers: int
    blocks: int


def everybody(borrowers: int, steps: int) -> Tree:
    """Price feedback and every kind of agent, in a market that falls and recovers."""
    return {
        "name": "everybody",
        "time": {"step_seconds": 60.0, "steps": steps},
        "assets": {
            "DAI": {"price": {"kind": "constant", "price": 1.0}},
            "ETH": {
                "price": {"kind": "gbm", "start": 2000.0, "volatility_per_year": 1.5, "drift_per_year": -20.0},
                "impact": {"kind": "linear", "daily_volume_usd": 2e7 * borrowers / 1000, "half_life_seconds": 7200.0},
                "oracle": {"kind": "push", "deviation": 0.005, "heartbeat_seconds": 3600.0},
            },
        },
        "markets": [
            {
                "base": "ETH",
                "quote": "DAI",
                "sources": [
                    {"kind": "constant_product", "value": 8e6 * borrowers / 1000, "fee": 0.003},
                    {"kind": "order_book", "tick": 0.01},
                ],
            }
        ],
        "pools": [
            {
                "reserves": {
                    "DAI": {
                        "rates": {
                            "kind": "kinked",
                            "base_per_year": 0.0,
                            "slope1_per_year": 0.04,
                            "slope2_per_year": 0.75,
                            "kink": 0.9,
                        },
                        "reserve_factor": 0.1,
                    },
                    "ETH": {"ltv": 0.8, "liquidation_threshold": 0.83},
                },
                "liquidation": {"design": "aave_v3", "liquidation_bonus": 0.05},
                "losses": {"layers": [{"kind": "reserve"}, {"kind": "insurance"}]},
            }
        ],
        "blockspace": {"asset": "ETH", "gas_price_gwei": {"kind": "constant", "price": 20.0}, "capacity_gas": 3e7},
        "agents": {
            "borrowers": [
                {
                    "count": borrowers,
                    "collateral": "ETH",
                    "debt": "DAI",
                    "debt_usd": {"kind": "lognormal", "median": 8000.0, "sigma": 1.0},
                    "health": {"kind": "lognormal", "median": 0.4, "sigma": 0.8, "shift": 1.0},
                    "watching": 0.3,
                    "reactions": {"top_up": 1.0, "repay": 1.0, "sell": 1.0},
                }
            ],
            "liquidators": [
                {"count": 3, "capital_usd": 2e5 * borrowers / 1000},
                {"count": 1, "capital_usd": 1e5 * borrowers / 1000, "selling": "over_time"},
            ],
            "depositors": [{"count": 20, "deposits": {"DAI": 1e6 * borrowers / 1000}, "leave_at_haircut": 0.001}],
            "insurers": [{"capital": {"DAI": 50_000.0}, "premium_share": 0.3}],
            "arbitrageurs": [{"count": 1, "capital_usd": 1e6 * borrowers / 1000}],
            "market_makers": [{"count": 1, "capital_usd": 1e6 * borrowers / 1000, "size_usd": 2e4}],
            "noise_traders": [
                {"trades_per_hour": 30.0, "size_usd": {"kind": "lognormal", "median": 2000.0, "sigma": 1.0}}
            ],
        },
    }


def calm(borrowers: int, steps: int) -> Tree:
    """Many healthy borrowers, prices that hardly move, and a liquidator who watches them all."""
    tree = everybody(1000, steps)
    tree["assets"]["ETH"]["price"] = {"kind": "gbm", "start": 2000.0, "volatility_per_year": 0.3}
    tree["agents"] = {
        "borrowers": [
            tree["agents"]["borrowers"][0]
            | {
                "count": borrowers,
                "watching": 0.0,
                "health": {"kind": "lognormal", "median": 0.5, "sigma": 0.5, "shift": 1.2},
            }
        ],
        "liquidators": [{"capital_usd": 1e9}],
    }
    return tree


def crash(borrowers: int, steps: int) -> Tree:
    """A price that halves while everybody is within reach: every position is liquidated, one by one."""
    tree = calm(borrowers, steps)
    tree["assets"]["ETH"] = {
        "price": {"kind": "path", "prices": [2000.0 * (1.0 - 0.5 * k / (steps - 1)) for k in range(steps)]}
    }
    tree["markets"][0]["sources"] = [{"kind": "infinite"}]
    tree["pools"][0]["liquidation"] = {"design": "fixed_spread", "liquidation_bonus": 0.08, "close_factor": 1.0}
    tree["agents"]["borrowers"][0] |= {"health": {"kind": "uniform", "low": 1.01, "high": 1.9}}
    tree["agents"]["liquidators"] = [{"capital_usd": float("inf")}]
    del tree["blockspace"]
    return tree


def frightened(borrowers: int, steps: int) -> Tree:
    """Everybody, a price that falls for good, and a hole from the start: one pool, one depositor."""
    tree = everybody(borrowers, steps)
    falls = [2000.0 * (1.0 - 0.35 * min(max(k / steps - 0.2, 0.0) / 0.12, 1.0)) for k in range(steps)]
    tree["assets"]["ETH"]["price"] = {"kind": "path", "prices": falls}
    tree["pools"][0] |= {"name": "core"}
    tree["pools"][0]["losses"]["recognition"] = "deferred"
    agents = tree["agents"]
    agents["borrowers"].append({"pool": "core", "positions": [{"debt": {"DAI": 300.0 * borrowers}}]})
    agents["depositors"] = [{"pool": "core", "deposits": {"DAI": 20_000.0 * borrowers}, "judges": {"noise": 0.001}}]
    for cohorts in ("borrowers", "liquidators", "insurers"):
        agents[cohorts] = [cohort | {"pool": "core"} for cohort in agents[cohorts]]
    return tree


def frightened_chain(borrowers: int, steps: int) -> Tree:
    """The same divided over five pools, each with claims on the one before as collateral, and ten times as many savers.

    They differ in size, patience, information and speed, and come back.
    """
    tree = frightened(borrowers, steps)
    one, people = tree["pools"][0], tree["agents"]
    tree["pools"], tree["agents"] = [], {name: list(people[name]) for name in people}
    for name in ("borrowers", "liquidators", "insurers", "depositors"):
        tree["agents"][name] = []
    for k in range(5):
        name, here = f"pool-{k}", {"pool": f"pool-{k}"}
        below = {f"claim-{k - 1}": {"ltv": 0.8, "liquidation_threshold": 0.85}} if k > 0 else {}
        tree["pools"].append(one | {"name": name, "reserves": one["reserves"] | below})
        tree["assets"][f"claim-{k}"] = {"price": {"kind": "claim", "pool": name, "reserve": "DAI"}}
        drawn, hole = people["borrowers"]
        looped = {"count": 10, "collateral": f"claim-{k - 1}", "debt": "DAI", "equity_usd": 1e4, "loops": 4}
        tree["agents"]["borrowers"] += [
            drawn | here | {"count": borrowers // 5},
            hole | here | {"positions": [{"debt": {"DAI": 60.0 * borrowers}}]},
            *([looped | here] if k > 0 else []),
        ]
        for cohorts in ("liquidators", "insurers"):
            tree["agents"][cohorts] += [cohort | here for cohort in people[cohorts]]
        tree["agents"]["depositors"] += [
            here | {"count": 20, "deposits": {"DAI": 50.0 * borrowers}, "judges": {"noise": 0.001}},
            here
            | {
                "count": 2 * borrowers - 20,
                "deposits": {"DAI": {"kind": "lognormal", "median": 1000.0, "sigma": 1.0}},
                "returns": {},
                "judges": {
                    "noise": {"kind": "uniform", "low": 0.0, "high": 0.01},
                    "patience_seconds": {"kind": "lognormal", "median": 2.6e6, "sigma": 1.0},
                    "look_every_seconds": {"kind": "lognormal", "median": 7200.0, "sigma": 1.0},
                },
            },
        ]
    return tree


PATHS = {
    "everybody-1k": Path("1,000 borrowers x 1,000 blocks, feedback, every agent kind", everybody, 1_000, 1_000),
    "everybody-10k": Path("10,000 borrowers x 1,000 blocks, feedback, every agent kind", everybody, 10_000, 1_000),
    "run-1-pool": Path("1,000 borrowers x 1,000 blocks, one pool, one depositor", frightened, 1_000, 1_000),
    "run-5-pools": Path("the same over five pools, 10,000 depositors who run", frightened_chain, 1_000, 1_000),
    "calm-1m": Path("1,000,000 borrowers x 1,440 calm blocks", calm, 1_000_000, 1_440),
    "crash-100k": Path("a crash that liquidates 100,000 positions", crash, 100_000, 200),
}


def measure(path: Path, repeat: int) -> dict[str, Any]:
    """Time a path under `repeat` seeds, after a small one of its kind; wall times in seconds."""
    simulate(Scenario.from_dict(path.tree(200, 100)))
    scenario = Scenario.from_dict(path.tree(path.borrowers, path.blocks))
    walls: list[float] = []
    liquidations = 0
    for seed in range(1, repeat + 1):
        gc.collect()
        start = time.perf_counter()
        run = simulate(scenario, seed=seed)
        walls.append(time.perf_counter() - start)
        liquidations = max(liquidations, len(run.liquidations))
    wall = statistics.median(walls)
    return {
        "what": path.what,
        "wall_seconds": wall,
        "fastest_seconds": min(walls),
        "slowest_seconds": max(walls),
        "blocks_per_second": path.blocks / wall,
        "position_blocks_per_second": path.borrowers * path.blocks / wall,
        "liquidations": liquidations,
    }


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Lines for the reader, one for each measured path under a heading."""
    heading = (
        f"{'one path':<62}{'wall s':>9}{'(fastest':>10}{'slowest)':>10}{'blocks/s':>11}"
        f"{'position-blocks/s':>19}{'liquidated':>12}{'peak MiB':>10}"
    )
    return [heading] + [
        f"{row['what']:<62}{row['wall_seconds']:>9.3f}{row['fastest_seconds']:>10.3f}{row['slowest_seconds']:>10.3f}"
        f"{row['blocks_per_second']:>11,.0f}{row['position_blocks_per_second']:>19,.0f}"
        f"{row['liquidations']:>12,}{row['peak_mib']:>10,.0f}"
        for row in rows
    ]
