"""The command line `underwater`: run scenarios, draw stored results, list what there is.

Exit codes: 0 when all went well; 1 when a path crashed or something could not be written; 2 for an argument or
scenario that cannot be used, with one sentence and nothing written; 130 after Ctrl-C or a request to end (SIGTERM,
SIGHUP), with what had finished kept.
Heavy packages are imported by the commands that need them, so that help comes at once.
"""

# ruff: noqa: PLC0415 - see above

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from experiments.commands import asked as cli_experiments
from experiments.commands import compare as cli_compare
from experiments.commands import dashboard as cli_dashboard
from experiments.commands import stored as cli_stored
from experiments.commands.arguments import SCENARIO, add_overrides, add_paths, add_place
from experiments.commands.terminal import (
    DONE,
    FAILED,
    INTERRUPTED,
    PIPE_CLOSED,
    REFUSED,
    Parser,
    Stopped,
    explained,
    leave_stdout,
    list_files,
    open_streams,
    progress_bar,
)
from experiments.fit import arguments as fit
from experiments.numbers import counted
from experiments.running.interrupts import heard_as_ctrl_c
from experiments.stored.provenance import version_of

if TYPE_CHECKING:
    from abm import Scenario
    from abm.reading.beside import Variant
    from experiments.stored.storage import Results

__all__ = ["DONE", "FAILED", "INTERRUPTED", "PIPE_CLOSED", "REFUSED", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    open_streams()
    os.environ["MPLBACKEND"] = "agg"  # our figures go to files alone, whatever a user's go to
    try:
        with heard_as_ctrl_c():
            code = _carry_out(arguments)
            sys.stdout.flush()
    except Stopped as stopped:
        return stopped.code
    except KeyboardInterrupt:
        print("Interrupted: nothing was written.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader (`| head`) has seen enough
        leave_stdout()
        return PIPE_CLOSED
    except OSError as error:
        leave_stdout()
        print(f"underwater: not everything could be read or written: {error}", file=sys.stderr)
        return FAILED
    return code


def _carry_out(arguments: list[str]) -> int:
    if arguments[:1] == ["bench"]:  # has a command line of its own
        from experiments import bench

        return int(bench.main(arguments[1:]))
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    options.command_line = ["underwater", *arguments]
    return command(options)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="underwater", description="Simulate liquidation cascades, and see who pays for the bad debt.")
    parser.add_argument(
        "--version", action="version", version=f"underwater {version_of('underwater') or '(a source tree)'}"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="run a scenario and store what happened")
    run.add_argument("scenario", metavar="SCENARIO", help=SCENARIO)
    add_paths(run, 1)
    add_place(run, out="results/<scenario>-<seed>")
    add_overrides(run)
    run.set_defaults(command=_run)

    cli_compare.add_commands(commands)

    cli_experiments.add_commands(commands)

    cli_stored.add_commands(commands)

    cli_dashboard.add_commands(commands)

    fit.add_arguments(commands.add_parser("fit", help="fit price models to prices, or a population to positions"))

    for name, command, text in (
        ("scenarios", _scenarios, "list the shipped scenarios"),
        ("designs", _designs, "list the liquidation designs and their parameters"),
        ("schema", _schema, "print the JSON schema of a scenario, for editors"),
    ):
        commands.add_parser(name, help=text).set_defaults(command=command)
    words = commands.add_parser("columns", help="say what the columns of a run's tables mean")
    words.add_argument(
        "word", metavar="WORD", nargs="?", help="a table, or a word of a column's name or meaning; all by default"
    )
    words.set_defaults(command=_columns)
    commands.add_parser("bench", help="measure the speed of the simulator on this machine")
    return parser


def _run(options: argparse.Namespace) -> int:
    from abm.reading.beside import variants as beside
    from experiments.run import run_scenario
    from experiments.running.beside import check_beside
    from experiments.running.directories import RUN, check_directory
    from experiments.running.executors import check_scheduler
    from experiments.shipped import load_scenario
    from experiments.stored.storage import default_directory
    from experiments.stored.summary import describe

    with explained():
        check_scheduler(options.scheduler)
        scenario = load_scenario(options.scenario, dict(options.overrides))
        scenario.check_inputs()
        variants = beside(scenario)
        directory = options.out or default_directory(scenario.name, options.seed)
        check_directory(directory, RUN, options.resume)
        several = "" if options.paths == 1 else f", {options.paths:,} paths {_where(options)}"
        print(f"Compiling and running {scenario.name}, seed {options.seed}{several} …", file=sys.stderr, flush=True)
        check_beside(scenario, options.seed)
        blocks = options.paths == 1 and options.scheduler is None
        total, unit = (scenario.time.steps, "block") if blocks else (options.paths, "path")
        with progress_bar(total, unit) as progress:
            results = run_scenario(
                scenario,
                seed=options.seed,
                paths=options.paths,
                jobs=options.jobs,
                scheduler=options.scheduler,
                out=directory,
                resume=options.resume,
                progress=progress,
                command_line=options.command_line,
            )
    print(describe(results), flush=True)
    if variants and results.finished and results.manifest["status"] == "complete":
        try:
            _run_beside(options, scenario, variants, results)
        except KeyboardInterrupt:
            print(f"Interrupted: all results are in {results.directory}", file=sys.stderr)
            return INTERRUPTED
    if options.figures and results.finished and results.manifest["status"] == "complete":
        from experiments.figures import save_all

        with cli_stored.drawing(results.directory):
            save_all(results, results.directory / "figures")
    return _close(results)


def _where(options: argparse.Namespace) -> str:
    """Where the paths of a run are computed."""
    if options.scheduler is not None:
        return f"on the cluster {options.scheduler}"
    return f"on {counted(min(options.jobs, options.paths), 'core')}"


def _run_beside(
    options: argparse.Namespace, scenario: "Scenario", variants: "list[Variant]", results: "Results"
) -> None:
    """Run what the scenario asks for beside itself, and print it under the run."""
    from experiments.running.beside import describe_beside, run_beside

    runs = len(variants) * options.paths
    print(f"Running {runs:,} beside it, on the same seeds …", file=sys.stderr, flush=True)
    with explained(), progress_bar(runs, "run") as progress:
        rows = run_beside(
            variants,
            seed=options.seed,
            paths=options.paths,
            jobs=options.jobs,
            scheduler=options.scheduler,
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
        where = results.directory
        print(f"Interrupted: kept {kept:,} of {wanted:,} paths in {where}; --resume goes on with them", file=sys.stderr)
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


def _scenarios(_: argparse.Namespace) -> int:
    from experiments.shipped import describe, shipped_scenarios

    return list_files(shipped_scenarios(), describe)


def _designs(_: argparse.Namespace) -> int:
    from experiments.designs import catalogue

    print(catalogue())
    return DONE


def _columns(options: argparse.Namespace) -> int:
    from experiments.columns import glossary

    with explained():
        told = glossary(options.word)
    print(told)
    return DONE


def _schema(_: argparse.Namespace) -> int:
    from abm import Scenario

    print(json.dumps(Scenario.json_schema(), indent=2))
    return DONE
