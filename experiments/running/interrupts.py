"""Ctrl-C: held back while a file is being written, and heard by workers at the end of a block.

This module is imported by every worker before it can ignore Ctrl-C, so it imports nothing slow.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class StopWork(BaseException):
    """Raised in a worker at the end of a block, once the parent has been interrupted."""


_stop_flag: Any = None  # a worker's view of its parent's flag; shared memory, so that looking costs nothing


def listen_to(stop_flag: Any) -> None:
    """Leave Ctrl-C to the parent of this worker process, and obey its flag instead."""
    global _stop_flag  # noqa: PLW0603 - the only way to hand shared memory to the tasks of a pool
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _stop_flag = stop_flag


def give_up_if_asked(_blocks: int = 0) -> None:
    """Raise `StopWork` in a worker whose parent has been interrupted; do nothing anywhere else."""
    if _stop_flag is not None and _stop_flag.value:
        raise StopWork


@contextmanager
def deaf_children() -> Iterator[None]:
    """Have the processes that are started within the block ignore Ctrl-C for good, as they inherit that from us."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold a Ctrl-C back until the block is done: half a row group would spoil a whole Parquet file."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    previous = signal.signal(signal.SIGINT, lambda number, _frame: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if held:
        raise KeyboardInterrupt
