"""Who ends a command otherwise than by Ctrl-C: what has finished is kept, and no worker stays behind."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from experiments.cli import INTERRUPTED
from experiments.running.interrupts import heard_as_ctrl_c, uninterrupted
from experiments.stored.storage import Results

REQUESTS = [signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("request_to_end", REQUESTS)
def test_a_request_to_end_is_heard_as_a_ctrl_c(request_to_end: signal.Signals) -> None:
    """Also while a file is being written: once that is whole."""
    done = []

    def write() -> None:
        with heard_as_ctrl_c(), uninterrupted():
            signal.raise_signal(request_to_end)
            done.append("written")

    with pytest.raises(KeyboardInterrupt):
        write()
    assert done == ["written"]
    assert signal.getsignal(request_to_end) is signal.SIG_DFL


def test_who_is_deaf_to_ctrl_c_still_ends_when_asked_to() -> None:
    """A shell ignores Ctrl-C on behalf of what it starts in the background."""

    def wait() -> None:
        with heard_as_ctrl_c():
            signal.raise_signal(signal.SIGTERM)

    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(KeyboardInterrupt):
            wait()
    finally:
        signal.signal(signal.SIGINT, previous)


def test_what_nohup_has_seen_to_stays_as_it_is() -> None:
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with heard_as_ctrl_c():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, previous)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_nobody_stays_behind_a_run_that_is_ended(
    small_file: Any, start: Any, wait_until: Any, end: signal.Signals
) -> None:
    """The run alone is ended, not its process group; a terminated one keeps what has finished."""
    small_file()
    with start(["run", "small.toml", "--paths", "100000", "--jobs", "2", "--out", "run", "--no-figures"]) as run:
        wait_until(Path("run/steps.parquet").is_file, run)
        workers = family_of(run.pid)
        assert len(workers) >= 2
        os.kill(run.pid, end)
        _, complained = run.communicate(timeout=60)
    deadline = time.monotonic() + 20.0
    while family_of(run.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    left = family_of(run.pid)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []
    if end is signal.SIGTERM:
        assert run.returncode == INTERRUPTED, complained
        assert "--resume goes on with them" in complained
        assert Results.load("run").finished > 0


def family_of(group: int) -> list[int]:
    """The processes of a group that are still alive, but for the one that leads it."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it is gone by now
            continue
        if int(of) == group != int(stat.parent.name) and state != "Z":
            found.append(int(stat.parent.name))
    return found
