"""`underwater bench`: how fast the simulator is on this machine, case by case.

Question: how long does one path take, how does that grow with positions and with liquidations, and in how much memory?
How many swaps, routes and orders a second do the markets do, from Python call by call and compiled as a batch?
What does the runner of experiments add to its paths, how much sooner are two processes done, and does memory stay flat?
Design: each case runs in a fresh process, so that its peak memory is its own. A small one of the same kind runs first
and is not counted: it compiles the kernels. Then `--repeat` runs are timed by the clock on the wall, paths with the
building of the world and of the tables, markets from a fresh state each, the making of their input not counted.
How to read the result: figures are medians, with the fastest and the slowest run beside them. Compare machines and
versions by ratios of medians of runs made in turn, not by single figures.
"""

import argparse
import json
import platform
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from experiments.bench import markets, paths, runner
from experiments.bench.memory import peak_mib
from experiments.commands.terminal import DONE, FAILED, INTERRUPTED, Parser, whole

SHORT = [*paths.PATHS, *markets.RATES]
CASES = [*SHORT, *runner.CASES]


def main(arguments: Sequence[str]) -> int:
    """Measure the cases asked for and print a table, of those that are done when it is interrupted; the exit code."""
    parser = Parser(prog="underwater bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--case",
        action="append",
        choices=CASES,
        metavar="CASE",
        help=f"one case only, or several, of: {', '.join(CASES)}; the runner's, which take minutes, run only so",
    )
    parser.add_argument("--repeat", type=whole(1), default=3, metavar="N", help="timed runs of each case (default 3)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(arguments)
    rows: list[dict[str, Any]] = []
    code = DONE
    try:
        for name in options.case or SHORT:
            print(f"measuring {name} …", file=sys.stderr, flush=True)
            rows.append(_in_fresh_process(name, options.repeat))
    except KeyboardInterrupt:
        code = INTERRUPTED
        print(f"Interrupted: {len(rows)} of {len(options.case or SHORT)} cases are measured", file=sys.stderr)
    except subprocess.CalledProcessError as error:
        code = FAILED
        print(f"underwater: {name} came to nothing: its process ended with {error.returncode}", file=sys.stderr)
    if rows:
        print(json.dumps(rows, indent=2) if options.json else table(rows))
    return code


def measure(name: str, repeat: int) -> dict[str, Any]:
    """Time one case in this process, after a warm-up; memory in MiB."""
    if name in paths.PATHS:
        figures = paths.measure(paths.PATHS[name], repeat)
    elif name in runner.CASES:
        figures = runner.measure(runner.CASES[name], repeat)
    else:
        figures = markets.measure(markets.RATES[name], repeat)
    return {"case": name} | figures | {"peak_mib": peak_mib()}


def table(rows: list[dict[str, Any]]) -> str:
    """The figures for the reader: paths, markets and the runner under a heading each."""
    lines = [f"Python {platform.python_version()} on {platform.machine()}"]
    for kind, cases in ((paths, paths.PATHS), (markets, markets.RATES), (runner, runner.CASES)):
        measured = [row for row in rows if row["case"] in cases]
        if measured:
            lines += ["", *kind.table(measured)]
    return "\n".join(lines)


def _in_fresh_process(name: str, repeat: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "experiments.bench", name, str(repeat)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    row: dict[str, Any] = json.loads(output)
    return row
