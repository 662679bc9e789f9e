"""Ctrl-C: held back while a file is being written, never lost, and heard by workers at the end of a block.

Who ends this process otherwise is answered alike, as far as it can be answered, and its workers do not outlive it.

This module is imported by every worker before it can ignore Ctrl-C, so it imports nothing slow.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import parent_process, resource_tracker
from types import FrameType
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


def end_with_parent() -> None:
    """End this worker process as soon as its parent is gone, killed perhaps: nobody else would ever end it."""
    parent = parent_process()

    def wait_and_end() -> None:
        assert parent is not None
        parent.join()
        os._exit(1)

    if parent is not None:
        threading.Thread(target=wait_and_end, daemon=True).start()


@contextmanager
def heard_as_ctrl_c() -> Iterator[None]:
    """Answer a request to end (`kill`, a batch queue whose time is up, a terminal that is closed) like a Ctrl-C.

    What has finished is kept then. A signal that somebody has seen to already, as `nohup` has, stays as it is.
    """
    requests = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    ours = threading.current_thread() is threading.main_thread()
    taken = [number for number in requests if ours and signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _as_ctrl_c)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _as_ctrl_c(_number: int, _frame: FrameType | None) -> None:
    if callable(signal.getsignal(signal.SIGINT)):
        signal.raise_signal(signal.SIGINT)
    else:  # a shell starts what is to run in the background deaf to Ctrl-C
        raise KeyboardInterrupt


@contextmanager
def deaf_children() -> Iterator[None]:
    """Have the processes that are started within the block never hear of a Ctrl-C; we do, within the block or after it.

    They inherit that it is blocked. Only where signals cannot be blocked is it ignored meanwhile, and lost.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
    elif hasattr(signal, "pthread_sigmask"):
        resource_tracker.ensure_running()  # with the first process it would start later, and unblock what we block
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    else:
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, previous)


@contextmanager
def never_lost() -> Iterator[Callable[[], None]]:
    """Hand over what raises `KeyboardInterrupt` once more if there was a Ctrl-C within the block.

    Where it strikes in a finaliser or in a library's callback, Python or the library swallows it.
    """
    heard: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        signal.default_int_handler(number, frame)

    def raise_again() -> None:
        if heard:
            raise KeyboardInterrupt

    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield raise_again  # somebody else answers a Ctrl-C
        return
    signal.signal(signal.SIGINT, hear)
    try:
        yield raise_again
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
