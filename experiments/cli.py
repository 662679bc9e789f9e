"""The command line `underwater`: run scenarios, draw stored results, list what there is.

Exit codes: 0 when all went well; 1 when a path crashed or the results could not be written; 2 for an argument or
scenario that cannot be used, with one sentence and nothing written; 130 after Ctrl-C, with what had finished kept.
Heavy packages are imported by the commands that need them, so that help comes at once.
"""

# ruff: noqa: PLC0415 - see above

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from experiments import cli_dashboard, cli_experiments, cli_stored
from experiments.fit import arguments as fit
from experiments.terminal import (
    DONE,
    FAILED,
    INTERRUPTED,
    PIPE_CLOSED,
    REFUSED,
    assignment,
    percentage,
    progress_bar,
    refuse,
    whole,
)

if TYPE_CHECKING:
    from abm import Scenario
    from abm.beside import Variant
    from experiments.storage import Results


class _Parser(argparse.ArgumentParser):
    """An argument parser that refuses in one line, and takes option names only in full."""

    def __init__(self, **settings: object) -> None:
        super().__init__(allow_abbrev=False, **settings)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        self.exit(REFUSED, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["bench"]:  # has a command line of its own
        from experiments import bench

        return int(bench.main(arguments[1:]))
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    options.command_line = ["underwater", *arguments]
    try:
        code = command(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("Interrupted: nothing was written.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has seen enough; without this the interpreter complains once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="underwater", description="Simulate liquidation cascades, and see who pays for the bad debt.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="run a scenario and store what happened")
    _add_running(run, paths=1, out="results/<scenario>-<seed>")
    run.set_defaults(command=_run)

    compare = commands.add_parser("compare", help="compare liquidation designs on the same seeds")
    _add_running(compare, paths=50, out="results/<scenario>-compare-<seed>")
    _add_comparing(compare)
    compare.set_defaults(command=_compare)

    cli_experiments.add_commands(commands)

    cli_stored.add_commands(commands)

    cli_dashboard.add_commands(commands)

    fit.add_arguments(commands.add_parser("fit", help="fit price models to a file of prices"))

    for name, command, text in (
        ("scenarios", _scenarios, "list the shipped scenarios"),
        ("designs", _designs, "list the liquidation designs and their parameters"),
        ("schema", _schema, "print the JSON schema of a scenario, for editors"),
    ):
        commands.add_parser(name, help=text).set_defaults(command=command)
    commands.add_parser("bench", help="measure the speed of the simulator on this machine")
    return parser


def _add_running(command: argparse.ArgumentParser, paths: int, out: str) -> None:
    """The arguments of every command that simulates a scenario."""
    command.add_argument("scenario", metavar="SCENARIO", help="a shipped scenario's name, or the path of a TOML file")
    command.add_argument("--seed", type=whole(0), default=1, metavar="N", help="seed of the first path (default 1)")
    command.add_argument(
        "--paths",
        type=whole(1),
        default=paths,
        metavar="N",
        help=f"random paths, with seeds from --seed on (default {paths})",
    )
    command.add_argument(
        "--jobs", type=whole(1), default=1, metavar="N", help="processes to spread paths over (default 1)"
    )
    command.add_argument("--out", type=Path, metavar="DIR", help=f"a new directory (default {out})")
    command.add_argument(
        "--set",
        dest="overrides",
        type=assignment,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one value of the scenario, such as agents.liquidators.0.capital_usd=5e6; may be repeated",
    )
    command.add_argument("--no-figures", dest="figures", action="store_false", help="store the tables only")


def _add_comparing(command: argparse.ArgumentParser) -> None:
    """The arguments of a comparison alone."""
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
    command.add_argument("--resume", action="store_true", help="go on with what the directory holds")


def _run(options: argparse.Namespace) -> int:
    from abm import ScenarioError
    from abm.beside import variants as beside
    from experiments.beside import check_beside
    from experiments.run import run_scenario
    from experiments.shipped import load_scenario
    from experiments.storage import ResultsError, check_vacant, default_directory
    from experiments.summary import describe

    try:
        scenario = load_scenario(options.scenario, dict(options.overrides))
        scenario.check_inputs()
        variants = beside(scenario)
        directory = options.out or default_directory(scenario.name, options.seed)
        check_vacant(directory)
        several = "" if options.paths == 1 else f", {options.paths:,} paths on {min(options.jobs, options.paths)} cores"
        print(f"Compiling and running {scenario.name}, seed {options.seed}{several} …", file=sys.stderr, flush=True)
        check_beside(scenario, options.seed)
        total, unit = (scenario.time.steps, "block") if options.paths == 1 else (options.paths, "path")
        with progress_bar(total, unit) as progress:
            results = run_scenario(
                scenario,
                seed=options.seed,
                paths=options.paths,
                jobs=options.jobs,
                out=directory,
                progress=progress,
                command_line=options.command_line,
            )
    except (ScenarioError, ResultsError) as error:
        return refuse(str(error))
    except OSError as error:
        print(f"underwater: the results could not be written: {error}", file=sys.stderr)
        return FAILED
    print(describe(results), flush=True)
    if variants and results.finished and results.manifest["status"] == "complete":
        try:
            _run_beside(options, scenario, variants, results)
        except KeyboardInterrupt:
            print(f"Interrupted: all results are in {results.directory}", file=sys.stderr)
            return INTERRUPTED
    if options.figures and results.finished and results.manifest["status"] == "complete":
        from experiments.figures import save_all

        try:
            save_all(results, results.directory / "figures")
        except KeyboardInterrupt:
            where = results.directory
            print(f"Interrupted: all results are in {where}; `underwater plot {where}` draws them", file=sys.stderr)
            return INTERRUPTED
    return _close(results)


def _run_beside(
    options: argparse.Namespace, scenario: "Scenario", variants: "list[Variant]", results: "Results"
) -> None:
    """Run what the scenario asks for beside itself, and print it under the run."""
    from experiments.beside import describe_beside, run_beside

    runs = len(variants) * options.paths
    print(f"Running {runs:,} beside it, on the same seeds …", file=sys.stderr, flush=True)
    with progress_bar(runs, "run") as progress:
        rows = run_beside(
            variants,
            seed=options.seed,
            paths=options.paths,
            jobs=options.jobs,
            out=results.directory,
            progress=progress if runs > 1 else None,
        )
    print(describe_beside(scenario, variants, results.paths, rows), flush=True)


def _close(results: "Results") -> int:
    """Say where the results are and what is missing from them; the exit code."""
    drawn = sorted(file.stem for file in (results.directory / "figures").glob("*.png"))
    figures = f" (figures: {', '.join(drawn)})" if drawn else ""
    print(f"Results in {results.directory}{figures}", flush=True)
    if results.manifest["status"] == "interrupted":
        kept, wanted = results.finished, results.manifest["paths_requested"]
        print(f"Interrupted: kept {kept:,} of {wanted:,} paths in {results.directory}", file=sys.stderr)
        return INTERRUPTED
    if failed := results.manifest["failed_paths"]:
        first = failed[0]
        print(
            f"{len(failed):,} of {len(results.paths):,} paths failed; path {first['path']} (seed {first['seed']}): "
            f"{first['error']}. The rest is in paths.parquet and manifest.json.",
            file=sys.stderr,
        )
        return FAILED
    return DONE


def _compare(options: argparse.Namespace) -> int:
    from abm import ScenarioError
    from experiments.compare import Plan, compare
    from experiments.comparison import check_directory, default_directory
    from experiments.comparison_text import describe
    from experiments.shipped import load_scenario
    from experiments.storage import ResultsError
    from experiments.tune import check_installed

    try:
        if options.tune:
            check_installed()
        scenario = load_scenario(options.scenario, dict(options.overrides))
        directory = options.out or default_directory(scenario.name, options.seed)
        check_directory(directory, options.resume)
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
        print(f"Comparing {len(plan.entrants)} designs on {scenario.name} …", file=sys.stderr, flush=True)
        with progress_bar(0, "run") as progress:
            comparison = compare(
                plan,
                out=directory,
                jobs=options.jobs,
                resume=options.resume,
                progress=progress,
                command_line=options.command_line,
            )
    except (ScenarioError, ResultsError) as error:
        return refuse(str(error))
    except OSError as error:
        print(f"underwater: the results could not be written: {error}", file=sys.stderr)
        return FAILED
    if comparison.manifest["status"] == "interrupted":
        print(f"Interrupted: what has finished is kept in {directory}; --resume goes on with it", file=sys.stderr)
        return INTERRUPTED
    print(describe(comparison), flush=True)
    if options.figures:
        try:
            cli_stored.draw(directory)
        except KeyboardInterrupt:
            print(f"Interrupted: all is in {directory}; `underwater plot {directory}` draws it", file=sys.stderr)
            return INTERRUPTED
    print(f"Results in {directory}", flush=True)
    return FAILED if comparison.manifest["failed_runs"] else DONE


def _scenarios(_: argparse.Namespace) -> int:
    from experiments.shipped import describe, shipped_scenarios

    shipped = shipped_scenarios()
    width = max(map(len, shipped), default=0)
    for name, file in shipped.items():
        print(f"{name:<{width}}  {describe(file)}".rstrip())
    return DONE


def _designs(_: argparse.Namespace) -> int:
    from experiments.designs import catalogue

    print(catalogue())
    return DONE


def _schema(_: argparse.Namespace) -> int:
    from abm import Scenario

    print(json.dumps(Scenario.json_schema(), indent=2))
    return DONE
