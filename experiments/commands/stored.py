"""The commands that work on stored results alone: plot, animate and report; and how one that has stored some ends."""

# ruff: noqa: PLC0415 - heavy packages are imported by the commands that need them, so that help comes at once

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from experiments.commands.terminal import DONE, FAILED, INTERRUPTED, Stopped, folder, refuse, whole

FORMATS = ("png", "svg", "pdf")


def add_commands(commands: Any) -> None:
    """Add the commands to the sub-parsers of the command line."""
    plot = commands.add_parser("plot", help="draw the figures of stored results again")
    plot.add_argument("directory", type=folder, metavar="DIR", help="a directory with stored results")
    plot.add_argument("--format", dest="form", choices=FORMATS, default="png", help="of the files (default png)")
    plot.set_defaults(command=_plot)

    animate = commands.add_parser("animate", help="show the cascade of a stored run as a moving picture")
    animate.add_argument("directory", type=folder, metavar="DIR", help="a directory that run has written")
    animate.add_argument(
        "--frames", type=whole(2, 1_000), default=80, metavar="N", help="pictures of the crash (default 80)"
    )
    animate.set_defaults(command=_animate)

    report = commands.add_parser("report", help="write one HTML page of stored results that can be sent")
    report.add_argument("directory", type=folder, metavar="DIR", help="a directory with stored results")
    report.set_defaults(command=_report)


def draw(directory: Path, form: str = "png") -> list[Path]:
    """Draw the figures of whatever is stored, from that alone. Raises `ResultsError`."""
    from experiments.figures.stored import draw_stored

    return draw_stored(directory, form)


def conclude(directory: Path, manifest: Mapping[str, Any], describe: Callable[[], str], figures: bool) -> int:
    """End a command that has simulated many runs: print what came of them, draw it, say where it is; the exit code."""
    if manifest["status"] == "interrupted":
        print(f"Interrupted: what has finished is kept in {directory}; --resume goes on with it", file=sys.stderr)
        return INTERRUPTED
    print(describe(), flush=True)
    if figures:
        with drawing(directory):
            print(f"Figures: {', '.join(map(str, draw(directory)))}")
    print(f"Results in {directory}", flush=True)
    return FAILED if manifest["failed_runs"] else DONE


@contextmanager
def drawing(directory: Path) -> Iterator[None]:
    """Say where the results are that are drawn within the block, where they cannot be, or it is interrupted."""
    from experiments.stored.storage import ResultsUnreadableError

    stored = f"all results are in {directory}; `underwater plot {directory}` draws them"
    try:
        yield
    except ResultsUnreadableError as error:  # no path has finished
        print(f"No figures: {error}", file=sys.stderr)
    except BrokenPipeError:  # of what is said of them
        raise
    except KeyboardInterrupt:
        print(f"Interrupted: {stored}", file=sys.stderr)
        raise Stopped(INTERRUPTED) from None
    except OSError as error:
        reason = error.strerror or error
        print(f"underwater: the figures could not be written ({reason}); {stored}", file=sys.stderr)
        raise Stopped(FAILED) from None


@contextmanager
def _written(what: str, where: Path, directory: Path) -> Iterator[None]:
    """Say in one sentence why a directory's results cannot be read, or what is made of them not be written there."""
    from experiments.stored.loading import intact
    from experiments.stored.storage import ResultsError

    try:
        with intact(directory):
            yield
    except ResultsError as error:
        raise Stopped(refuse(str(error))) from None
    except OSError as error:
        reason = error.strerror or error
        raise Stopped(refuse(f"{what} cannot be written to {where} ({reason})")) from None


def _plot(options: argparse.Namespace) -> int:
    with _written("the figures", options.directory / "figures", options.directory):
        files = draw(options.directory, options.form)
    print(*files, sep="\n")
    return DONE


def _animate(options: argparse.Namespace) -> int:
    from experiments.figures.film import animate
    from experiments.results import load_results
    from experiments.stored.storage import Results

    with _written("the film", options.directory / "figures", options.directory):
        if not isinstance(load_results(options.directory), Results):
            return refuse(f"{options.directory} holds many runs; a film shows one: name a directory that run wrote")
        files = animate(options.directory, options.frames)
    print(*files, sep="\n")
    return DONE


def _report(options: argparse.Namespace) -> int:
    from experiments.report import write_report

    with _written("the report", options.directory, options.directory):
        file = write_report(options.directory)
    print(file)
    return DONE
