"""The command line of `underwater fit`. Light to import: what fits is imported when the command runs."""

# ruff: noqa: PLC0415 - see above

import argparse
import sys
from pathlib import Path

from experiments.commands.terminal import folder, whole
from experiments.fit import MODELS


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Give the command its arguments, and itself to be run."""
    command.add_argument(
        "file", type=Path, metavar="FILE", help="a CSV or Parquet file with times and prices, or with positions"
    )
    command.add_argument("--out", type=folder, metavar="DIR", help="a new directory for what to paste, and for figures")
    prices = command.add_argument_group("a file of prices")
    prices.add_argument("--model", metavar="NAME", help=f"{', '.join(MODELS)} or all (default all)")
    prices.add_argument("--time", metavar="COL", help="the column of times (default time)")
    prices.add_argument("--price", metavar="COL", help="the column of prices (default price)")
    positions = command.add_argument_group(
        "a file of positions",
        "columns collateral_<asset> and debt_<asset> in units, or debt_usd, health, collateral and debt",
    )
    positions.add_argument(
        "--scenario", metavar="NAME|FILE", help="whose prices and liquidation thresholds value units of assets"
    )
    positions.add_argument("--pool", metavar="NAME", help="the pool of that scenario (default the first)")
    positions.add_argument("--count", type=whole(1), metavar="N", help="positions to draw (default as in the file)")
    command.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Fit as the options say; the exit code."""
    from abm import ScenarioError
    from experiments.commands.terminal import FAILED, refuse
    from experiments.fit.positions.reading import holds_positions
    from experiments.stored.storage import ResultsError

    try:
        if options.price is None and holds_positions(options.file):
            return _positions(options)
        return _prices(options)
    except (ScenarioError, ResultsError) as error:
        return refuse(str(error))
    except OSError as error:
        print(f"underwater: not everything could be read or written: {error}", file=sys.stderr, flush=True)
        return FAILED


def _prices(options: argparse.Namespace) -> int:
    from experiments.commands.terminal import DONE, FAILED
    from experiments.fit.command import fit_file

    _refuse_idle(options, ("scenario", "pool", "count"), "positions", "prices")
    fitted = fit_file(
        options.file,
        options.model or "all",
        options.time or "time",
        options.price or "price",
        options.out,
        lambda line: print(line, file=sys.stderr, flush=True),
    )
    return DONE if fitted else FAILED


def _positions(options: argparse.Namespace) -> int:
    from experiments.commands.terminal import DONE
    from experiments.fit.positions.command import fit_positions

    _refuse_idle(options, ("model", "time"), "prices", "positions")
    fit_positions(options.file, options.scenario, options.pool, options.count, options.out)
    return DONE


def _refuse_idle(options: argparse.Namespace, names: tuple[str, ...], of: str, held: str) -> None:
    """Refuse options that say nothing of a file of this kind."""
    from abm import ScenarioError

    for name in names:
        if getattr(options, name) is not None:
            raise ScenarioError(f"--{name} goes with a file of {of}, but {options.file} holds {held}; leave it out")
