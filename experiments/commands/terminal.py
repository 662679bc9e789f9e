"""What the commands of the command line share: types of arguments, the progress bar, listing, and refusing."""

# ruff: noqa: PLC0415 - heavy packages are imported by the commands that need them, so that help comes at once

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from tqdm import tqdm

DONE, FAILED, REFUSED, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141


class Parser(argparse.ArgumentParser):
    """An argument parser that refuses in one line, and takes option names only in full."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Refuse, and say where help is."""
        self.exit(REFUSED, f"{self.prog}: {message} (see {self.prog} --help)\n")


def open_streams() -> None:
    """See to it that whatever is said can be said: to nobody, or with signs in place of letters a terminal lacks."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # a service may start us with none
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for good
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def leave_stdout() -> None:
    """Say no more to a stream that takes nothing: else the interpreter tries and complains once more at exit."""
    with suppress(OSError):  # a stream that is no file has no end to be redirected
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def progress_bar(total: int, unit: str) -> Iterator[Callable[..., None]]:
    """A bar on stderr, drawn seldom when nobody watches; it is told what is done and, where that changes, of what."""
    from tqdm import tqdm

    often = 0.1 if sys.stderr.isatty() else 30.0
    with tqdm(total=total, unit=f" {unit}s", file=sys.stderr, mininterval=often, leave=False) as bar:
        yield lambda done, of=total: _advance(bar, done, of)


def _advance(bar: "tqdm[NoReturn]", done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """The type of a whole number of at least `least`, and of at most `most` where that is given."""
    within = f", {least} or more" if most is None else f" from {least} to {most}"

    def parse(text: str) -> int:
        number = int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else None
        if number is None or number < least or (most is not None and number > most):
            raise argparse.ArgumentTypeError(f"must be a whole number{within}, not {text!r}")
        return number

    return parse


def percentage(text: str) -> float:
    """The type of a share that is written as a percentage or as a fraction below 1."""
    try:
        share = float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
    except ValueError:
        share = 0.0
    if not 0.001 <= share < 1.0:
        raise argparse.ArgumentTypeError(f"must be a percentage from 0.1% to 99%, such as 5%, not {text!r}")
    return share


def assignment(text: str) -> tuple[str, str]:
    """The type of KEY=VALUE."""
    key, equals, value = text.partition("=")
    if not (key.strip() and equals):
        raise argparse.ArgumentTypeError(f"must be KEY=VALUE, such as time.steps=100, not {text!r}")
    return key.strip(), value.strip()


def folder(text: str) -> Path:
    """The type of a directory. No name is what an unset variable leaves, not the directory that one is in."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"must name a directory, such as . for the present one, not {text!r}")
    return Path(text)


def refuse(message: str) -> int:
    """Say why nothing was done; the exit code."""
    print(f"underwater: {message}", file=sys.stderr)
    return REFUSED


class Stopped(Exception):
    """A command that has said why it stops, with the exit code for that."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@contextmanager
def explained() -> Iterator[None]:
    """Say in one sentence what stops the command within the block, and raise `Stopped` with the code for it."""
    from abm import ScenarioError
    from experiments.running.executors import SchedulerError, SchedulerLostError
    from experiments.stored.storage import ResultsError

    try:
        yield
    except SchedulerLostError as error:
        print(f"underwater: {error}", file=sys.stderr)
        raise Stopped(FAILED) from None
    except (ScenarioError, ResultsError, SchedulerError) as error:
        raise Stopped(refuse(str(error))) from None
    except OSError as error:
        print(f"underwater: the results could not be written: {error}", file=sys.stderr)
        raise Stopped(FAILED) from None


def list_files(files: Mapping[str, Path], describe: Callable[[Path], str]) -> int:
    """Print a line for each file: its name, and what it says of itself; the exit code."""
    width = max(map(len, files), default=0)
    for name, file in files.items():
        print(f"{name:<{width}}  {describe(file)}".rstrip())
    return DONE
