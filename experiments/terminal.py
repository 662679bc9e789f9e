"""What the commands of the command line share: the types of their arguments, the progress bar, and refusing."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from tqdm import tqdm

DONE, FAILED, REFUSED, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141


@contextmanager
def progress_bar(total: int, unit: str) -> Iterator[Callable[..., None]]:
    """A bar on stderr, drawn seldom when nobody watches; it is told what is done and, where that changes, of what."""
    from tqdm import tqdm  # noqa: PLC0415  help must come at once

    often = 0.1 if sys.stderr.isatty() else 30.0
    with tqdm(total=total, unit=f" {unit}s", file=sys.stderr, mininterval=often, leave=False) as bar:
        yield lambda done, of=total: _advance(bar, done, of)


def _advance(bar: "tqdm[NoReturn]", done: int, total: int) -> None:
    bar.total = total
    bar.update(done - bar.n)


def whole(least: int) -> Callable[[str], int]:
    """The type of a whole number of at least `least`."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.lstrip("+-").isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"must be a whole number, {least} or more, not {text!r}")
        return int(text)

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


def refuse(message: str) -> int:
    """Say why nothing was done; the exit code."""
    print(f"underwater: {message}", file=sys.stderr)
    return REFUSED
