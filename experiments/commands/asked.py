"""The commands that ask questions: `experiment`, `sweep`, `sensitivity`, and the list of shipped `experiments`."""

# ruff: noqa: PLC0415 - heavy packages are imported by the commands that need them, so that help comes at once

import argparse
import sys
from typing import TYPE_CHECKING, Any

from experiments.commands.arguments import SCENARIO, add_overrides, add_place
from experiments.commands.stored import conclude
from experiments.commands.terminal import (
    assignment,
    explained,
    list_files,
    percentage,
    progress_bar,
    whole,
)
from experiments.running.counts import MOST_SEED

if TYPE_CHECKING:
    from experiments.asking.question import Experiment


def add_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Add the commands of this module to the parser of the command line."""
    experiment = commands.add_parser("experiment", help="answer a question: a table and a figure from many paths")
    experiment.add_argument("experiment", metavar="NAME|FILE", help="a shipped experiment, or the path of a TOML file")
    _add_asking(experiment, paths="as the experiment says", out="results/<experiment>-<seed>")
    experiment.set_defaults(command=_experiment)

    sweep = commands.add_parser("sweep", help="run a scenario over values of some keys, in every combination")
    sweep.add_argument("scenario", metavar="SCENARIO", help=SCENARIO)
    sweep.add_argument(
        "--vary",
        type=assignment,
        action="append",
        required=True,
        metavar="KEY=V1,V2,...",
        help="a key of the scenario and its values, such as pools.0.liquidation.liquidation_bonus=0.05,0.1; repeatable",
    )
    sweep.add_argument("--designs", metavar="A,B,C", help="run every combination under these liquidation designs")
    sweep.add_argument(
        "--metrics",
        metavar="A,B,C",
        help="metrics of the summary; _p99 or _es95 behind one for its tail, '> 1e6' for the chance of more "
        "(default total_bad_debt_usd,total_bad_debt_usd > 0)",
    )
    _add_asking(sweep, paths="20", out="results/<scenario>-sweep-<seed>")
    sweep.set_defaults(command=_sweep)

    sensitivity = commands.add_parser("sensitivity", help="which parameters matter: Morris screening, Sobol indices")
    sensitivity.add_argument(
        "given", metavar="SCENARIO|FILE", help="a scenario, or an experiment whose factors are to be looked at"
    )
    sensitivity.add_argument(
        "--vary",
        type=assignment,
        action="append",
        default=[],
        metavar="KEY=LOW,HIGH",
        help="a key of the scenario and its range; repeatable (default the liquidation design's own bounds)",
    )
    sensitivity.add_argument(
        "--method",
        choices=("morris", "sobol"),
        default="morris",
        help="screen cheaply, or share out the variance (default morris)",
    )
    sensitivity.add_argument(
        "--size",
        type=whole(2),
        metavar="N",
        help="trajectories of Morris (default 16), base samples of Sobol (default 64)",
    )
    sensitivity.add_argument("--metrics", metavar="A,B,C", help="metrics of the summary, as for sweep")
    _add_asking(sensitivity, paths="10", out="results/<scenario>-<method>-<seed>")
    sensitivity.set_defaults(command=_sensitivity)

    commands.add_parser("experiments", help="list the shipped experiments").set_defaults(command=_experiments)


def _add_asking(command: argparse.ArgumentParser, paths: str, out: str) -> None:
    """The arguments of every command that computes many points."""
    command.add_argument("--seed", type=whole(0, MOST_SEED), metavar="N", help="seed of the first path of every point")
    command.add_argument("--paths", type=whole(1), metavar="N", help=f"random paths of each point (default {paths})")
    add_place(command, out)
    command.add_argument(
        "--precision",
        type=percentage,
        metavar="P%",
        help="add paths until the interval of the first metric is that narrow on either side (10,000 paths at most)",
    )
    add_overrides(command)


def _experiment(options: argparse.Namespace) -> int:
    from experiments.asking.question import Experiment

    with explained():
        experiment = Experiment.load(options.experiment)
    return _ask(options, experiment)


def _sweep(options: argparse.Namespace) -> int:
    from experiments.sweep import sweep_of

    with explained():
        experiment = sweep_of(options.scenario, options.vary, designs=options.designs, metrics=options.metrics)
    return _ask(options, experiment)


def _sensitivity(options: argparse.Namespace) -> int:
    from experiments.sensitivity import sensitivity_of

    with explained():
        experiment = sensitivity_of(
            options.given, options.vary, method=options.method, size=options.size, metrics=options.metrics
        )
    return _ask(options, experiment)


def _ask(options: argparse.Namespace, experiment: "Experiment") -> int:
    """Answer an experiment, print its table, draw its figure; the exit code."""
    from experiments.asking.answer_text import describe
    from experiments.asking.answers import default_directory
    from experiments.asking.inquiry import Inquiry
    from experiments.experiment import ask
    from experiments.running.directories import EXPERIMENT, check_directory
    from experiments.running.executors import check_scheduler

    seed = experiment.seed if options.seed is None else options.seed
    directory = options.out or default_directory(experiment.name, seed)
    with explained():
        check_scheduler(options.scheduler)
        check_directory(directory, EXPERIMENT, options.resume, experiment.name)
        inquiry = Inquiry.of(
            experiment,
            overrides=dict(options.overrides),
            paths=options.paths,
            seed=options.seed,
            precision=options.precision,
        )
        for name, reason in inquiry.left_out.items():
            print(f"Left out: {name}, which cannot run here: {reason}", file=sys.stderr)
        points, paths = len(inquiry.points), inquiry.experiment.paths
        print(f"Running {experiment.name}: {points:,} points, {paths:,} paths each …", file=sys.stderr, flush=True)
        with progress_bar(points * paths, "path") as progress:
            answer = ask(
                inquiry,
                out=directory,
                jobs=options.jobs,
                scheduler=options.scheduler,
                resume=options.resume,
                progress=progress,
                command_line=options.command_line,
            )
    return conclude(directory, answer.manifest, lambda: describe(answer), options.figures)


def _experiments(_: argparse.Namespace) -> int:
    from experiments.asking.question import describe, shipped_experiments

    return list_files(shipped_experiments(), describe)
