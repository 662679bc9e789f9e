"""The command `compare`: liquidation designs on the same seeds."""

# ruff: noqa: PLC0415 - heavy packages are imported by the commands that need them, so that help comes at once

import argparse
import sys
from typing import Any

from experiments.commands.arguments import SCENARIO, add_overrides, add_paths, add_place
from experiments.commands.stored import conclude
from experiments.commands.terminal import explained, percentage, progress_bar, whole
from experiments.numbers import counted


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the command of this module to the parser of the command line."""
    command = commands.add_parser("compare", help="compare liquidation designs on the same seeds")
    command.add_argument("scenario", metavar="SCENARIO", help=SCENARIO)
    add_paths(command, 50)
    add_place(command, out="results/<scenario>-compare-<seed>")
    add_overrides(command)
    command.add_argument("--designs", required=True, metavar="A,B,C", help="the designs to compare, or all")
    command.add_argument(
        "--baseline", metavar="DESIGN", help="whom the others are compared to (default the scenario's own design)"
    )
    command.add_argument(
        "--objectives",
        metavar="A,B,C",
        help="metrics of the summary, _p95 or _es95 behind one for its tail, :min or :max for the direction; the first "
        "ranks the designs (default total_bad_debt_usd,borrower_loss_usd,amplification)",
    )
    command.add_argument(
        "--precision",
        type=percentage,
        metavar="P%",
        help="add paths until the interval of the first objective is that narrow on either side (2,000 at most)",
    )
    command.add_argument(
        "--tune",
        type=whole(2),
        nargs="?",
        const=30,
        default=0,
        metavar="TRIALS",
        help="look for each design's best parameters first, on other seeds (30 trials of each unless given)",
    )
    command.set_defaults(command=_compare)


def _compare(options: argparse.Namespace) -> int:
    from experiments.compare import Plan, compare
    from experiments.comparing.comparison import default_directory
    from experiments.comparing.comparison_text import describe
    from experiments.comparing.tune import check_installed
    from experiments.running.directories import COMPARISON, check_directory
    from experiments.running.executors import check_scheduler
    from experiments.shipped import load_scenario

    with explained():
        if options.tune:
            check_installed()
        check_scheduler(options.scheduler)
        scenario = load_scenario(options.scenario, dict(options.overrides))
        directory = options.out or default_directory(scenario.name, options.seed)
        check_directory(directory, COMPARISON, options.resume)
        plan = Plan.of(
            scenario,
            options.designs,
            seed=options.seed,
            paths=options.paths,
            objectives=options.objectives,
            baseline=options.baseline,
            precision=options.precision,
            trials=options.tune,
        )
        for name, reason in plan.left_out.items():
            print(f"Left out: {name}, which cannot run here: {reason}", file=sys.stderr)
        print(f"Comparing {counted(len(plan.entrants), 'design')} on {scenario.name} …", file=sys.stderr, flush=True)
        with progress_bar(0, "run") as progress:
            comparison = compare(
                plan,
                out=directory,
                jobs=options.jobs,
                scheduler=options.scheduler,
                resume=options.resume,
                progress=progress,
                command_line=options.command_line,
            )
    return conclude(directory, comparison.manifest, lambda: describe(comparison), options.figures)
