"""`underwater bench`: how fast the simulator is on this machine, case by case.

Question: how long does one path take, how does that grow with positions and with liquidations, and in how much memory?
Design: each case runs in a fresh process, so that its peak memory is its own. A small path of the same kind runs first
and is not counted: it compiles the kernels. Then `simulate` is timed as a whole, building the world and making the
tables included, `--repeat` times.
How to read the result: `wall` is the median; `blocks/s` and `position-blocks/s` follow from it. Compare machines and
versions by ratios of medians of runs made in turn, not by single figures.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

Tree = dict[str, Any]


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


CASES: dict[str, tuple[str, Callable[[int, int], Tree], int, int]] = {
    "everybody-1k": ("1,000 borrowers x 1,000 blocks, feedback, every agent kind", everybody, 1_000, 1_000),
    "everybody-10k": ("10,000 borrowers x 1,000 blocks, feedback, every agent kind", everybody, 10_000, 1_000),
    "calm-1m": ("1,000,000 borrowers x 1,440 calm blocks", calm, 1_000_000, 1_440),
    "crash-100k": ("a crash that liquidates 100,000 positions", crash, 100_000, 200),
}


def main(arguments: Sequence[str]) -> int:
    """Measure the cases asked for and print a table; the exit code."""
    parser = argparse.ArgumentParser(prog="underwater bench", description=__doc__, allow_abbrev=False)
    parser.add_argument("--case", action="append", choices=list(CASES), help="one case only; may be repeated")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="timed runs of each case (default 3)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(arguments)
    if options.repeat < 1:
        parser.error(f"--repeat {options.repeat} measures nothing; give 1 or more")
    rows: list[dict[str, Any]] = []
    for name in options.case or CASES:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        rows.append(_in_fresh_process(name, options.repeat))
    print(json.dumps(rows, indent=2) if options.json else _table(rows))
    return 0


def measure(name: str, repeat: int) -> dict[str, Any]:
    """Time one case in this process, after a warm-up; wall times in seconds, memory in MiB."""
    import resource  # noqa: PLC0415  POSIX only, and only wanted here

    from abm import Scenario, simulate  # noqa: PLC0415

    text, build, borrowers, steps = CASES[name]
    simulate(Scenario.from_dict(build(200, 100)))
    scenario = Scenario.from_dict(build(borrowers, steps))
    walls: list[float] = []
    liquidations = 0
    for seed in range(1, repeat + 1):
        start = time.perf_counter()
        run = simulate(scenario, seed=seed)
        walls.append(time.perf_counter() - start)
        liquidations = max(liquidations, len(run.liquidations))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024.0 * (1024.0 if sys.platform == "darwin" else 1.0))
    wall = statistics.median(walls)
    return {
        "case": name,
        "what": text,
        "wall_seconds": wall,
        "fastest_seconds": min(walls),
        "slowest_seconds": max(walls),
        "blocks_per_second": steps / wall,
        "position_blocks_per_second": borrowers * steps / wall,
        "liquidations": liquidations,
        "peak_mib": peak,
    }


def _in_fresh_process(name: str, repeat: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "experiments.bench", name, str(repeat)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    row: dict[str, Any] = json.loads(output)
    return row


def _table(rows: list[dict[str, Any]]) -> str:
    lines = [
        f"Python {platform.python_version()} on {platform.machine()}",
        f"{'case':<62}{'wall s':>9}{'(fastest':>10}{'slowest)':>10}{'blocks/s':>11}"
        f"{'position-blocks/s':>19}{'liquidated':>12}{'peak MiB':>10}",
    ]
    lines += [
        f"{row['what']:<62}{row['wall_seconds']:>9.3f}{row['fastest_seconds']:>10.3f}{row['slowest_seconds']:>10.3f}"
        f"{row['blocks_per_second']:>11,.0f}{row['position_blocks_per_second']:>19,.0f}"
        f"{row['liquidations']:>12,}{row['peak_mib']:>10,.0f}"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
