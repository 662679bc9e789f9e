"""The command line of `underwater fit`. Light to import: what fits is imported when the command runs."""

# ruff: noqa: PLC0415 - see above

import argparse
import sys
from pathlib import Path

from experiments.fit import MODELS


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Give the command its arguments, and itself to be run."""
    command.add_argument("file", type=Path, metavar="FILE", help="a CSV or Parquet file with times and prices")
    command.add_argument("--model", default="all", metavar="NAME", help=f"{', '.join(MODELS)} or all (default all)")
    command.add_argument("--time", default="time", metavar="COL", help="the column of times (default time)")
    command.add_argument("--price", default="price", metavar="COL", help="the column of prices (default price)")
    command.add_argument("--out", type=Path, metavar="DIR", help="a new directory for a figure of each model")
    command.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Fit as the options say; the exit code."""
    from abm import ScenarioError
    from experiments.fit.command import fit_file
    from experiments.storage import ResultsError
    from experiments.terminal import DONE, FAILED, refuse

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    try:
        fitted = fit_file(options.file, options.model, options.time, options.price, options.out, say)
    except (ScenarioError, ResultsError) as error:
        return refuse(str(error))
    except OSError as error:
        say(f"underwater: the figures could not be written: {error}")
        return FAILED
    return DONE if fitted else FAILED
