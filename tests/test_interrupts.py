"""Ctrl-C: held back where it would spoil something, heard by us and not by our workers, and never lost."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from experiments.running.executors import Here, crew
from experiments.running.interrupts import deaf_children, never_lost, uninterrupted
from experiments.running.runner import run_all


def test_an_interrupt_waits_for_what_must_not_be_cut_off() -> None:
    """A Ctrl-C in the middle of a write is delivered once the write is whole."""
    done = []

    def write() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append("written")

    with pytest.raises(KeyboardInterrupt):
        write()
    assert done == ["written"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_outside_the_main_thread_nothing_is_held_back() -> None:
    """Python allows signal handlers in the main thread only; a dashboard runs scenarios in another."""
    done = []

    def work() -> None:
        with uninterrupted():
            done.append("written")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == ["written"]


def test_an_interrupt_that_a_library_swallows_is_raised_all_the_same() -> None:
    """Python drops what is raised in a finaliser; dask's futures have some."""
    took = []

    def swallow(task: int) -> int:
        if task == 1:
            with suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        return task

    with pytest.raises(KeyboardInterrupt):
        run_all(swallow, range(50), Here(), on_result=lambda task, _: took.append(task))
    assert took == [0, 1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_who_answers_a_ctrl_c_otherwise_goes_on_to() -> None:
    heard = []
    previous = signal.signal(signal.SIGINT, lambda *_: heard.append("theirs"))
    try:
        with never_lost() as raise_if_interrupted:
            signal.raise_signal(signal.SIGINT)
            raise_if_interrupted()
    finally:
        signal.signal(signal.SIGINT, previous)
    assert heard == ["theirs"]


ECHO = "import sys; print('up', flush=True); print(sys.stdin.readline().strip())"


def test_children_are_deaf_and_we_hear_afterwards() -> None:
    def begin() -> None:
        with uninterrupted(), deaf_children():
            children.append(
                subprocess.Popen([sys.executable, "-c", ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            os.kill(os.getpid(), signal.SIGINT)

    children: list[subprocess.Popen[str]] = []
    with pytest.raises(KeyboardInterrupt):
        begin()
    (child,) = children
    assert child.stdout is not None
    assert child.stdout.readline() == "up\n"
    child.send_signal(signal.SIGINT)
    said, _ = child.communicate("still here\n", timeout=60)
    assert said == "still here\n"
    assert child.returncode == 0
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_an_interrupt_while_a_local_cluster_starts_is_heard_and_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    told = []

    @contextmanager
    def starting(**_: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            yield "a cluster"
        finally:
            told.append("closed")

    monkeypatch.setattr(distributed, "LocalCluster", starting)
    with pytest.raises(KeyboardInterrupt), crew(2, "local"):
        told.append("nobody comes to work")
    assert told == ["closed"]
