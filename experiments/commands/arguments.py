"""The arguments that commands share: where paths are computed and kept, and what is changed in the scenario."""

import argparse

from experiments.commands.terminal import assignment, folder, whole
from experiments.running.counts import MOST_SEED

SCENARIO = "a shipped scenario's name, or the path of a TOML file"


def add_place(command: argparse.ArgumentParser, out: str) -> None:
    """Where paths are computed, and where what comes of them is kept (`out` unless it is said)."""
    command.add_argument(
        "--jobs", type=whole(1), default=1, metavar="N", help="processes to spread paths over (default 1)"
    )
    command.add_argument(
        "--scheduler",
        metavar="WHERE",
        help="use dask: local for a cluster of --jobs processes on this machine, or the address of a scheduler, such "
        "as tcp://127.0.0.1:8786",
    )
    command.add_argument("--out", type=folder, metavar="DIR", help=f"a new directory (default {out})")
    command.add_argument("--resume", action="store_true", help="go on with what the directory holds")
    command.add_argument("--no-figures", dest="figures", action="store_false", help="store the tables only")


def add_overrides(command: argparse.ArgumentParser) -> None:
    """What is changed in the scenario."""
    command.add_argument(
        "--set",
        dest="overrides",
        type=assignment,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one value of the scenario, such as agents.liquidators.0.capital_usd=5e6; may be repeated",
    )


def add_paths(command: argparse.ArgumentParser, paths: int) -> None:
    """Which seeds a scenario is simulated with."""
    command.add_argument(
        "--seed", type=whole(0, MOST_SEED), default=1, metavar="N", help="seed of the first path (default 1)"
    )
    command.add_argument(
        "--paths",
        type=whole(1),
        default=paths,
        metavar="N",
        help=f"random paths, with seeds from --seed on (default {paths})",
    )
