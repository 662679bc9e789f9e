"""Where paths are computed: in this process, on processes of this machine, or on a dask cluster.

Each is a crew: something that takes tasks through `submit`, as an executor of `concurrent.futures` does, and knows what
the runner must know besides: how many tasks it does at a time, which error means that a worker died rather than that
its task failed, and how to stop. The task function and its results are the same everywhere.

Dask's schedulers ask nobody who they are, and unpickle whatever they are sent. A cluster of our own therefore listens
on the loopback interface alone, and one that is there already is reached over TLS if dask is configured for it
(`distributed.comm.require-encryption` and `distributed.comm.tls`), as that is none of our business.
"""

# ruff: noqa: PLC0415 - dask is an extra, and this module is imported by every worker before it can ignore Ctrl-C

import logging
import multiprocessing
import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, TypeVar

from experiments.running.interrupts import deaf_children, end_with_parent, listen_to, uninterrupted

LOCAL = "local"
JOIN_SECONDS = 30.0
"""How long a cluster may take to answer, and its first worker to join."""

_LOOK_SECONDS = 5.0

Taken = TypeVar("Taken")
Given = TypeVar("Given")


class SchedulerError(Exception):
    """A scheduler cannot be used; one sentence with the remedy."""


class SchedulerLostError(SchedulerError):
    """A scheduler was there, and is no more."""


class Crew(Protocol):
    """Who computes: an executor, and what the runner must know of it."""

    @property
    def slots(self) -> int:
        """How many tasks are done at a time."""
        ...

    def submit(self, function: Callable[[Taken], Given], task: Taken) -> "Future[Given]":
        """Have a task done by whoever is free next."""
        ...

    def alone(self, function: Callable[[Taken], Given], task: Taken) -> "Future[Given]":
        """Have a task done where its death harms no other."""
        ...

    def lost(self, error: BaseException) -> bool:
        """Whether an error means that the worker died."""
        ...

    def stop(self) -> None:
        """Cancel what has not begun, and have the rest give up soon."""
        ...


class Here:
    """This process, one task after another: `submit` returns when the task is done."""

    slots = 1

    def submit(self, function: Callable[[Taken], Given], task: Taken) -> "Future[Given]":
        """Do the task now. An interrupt passes on, as it is this process that is interrupted."""
        future: Future[Given] = Future()
        try:
            future.set_result(function(task))
        except Exception as error:
            future.set_exception(error)
        return future

    alone = submit

    def lost(self, error: BaseException) -> bool:
        """Whether the worker died: it never does, without everything else."""
        return False

    def stop(self) -> None:
        """There is nothing to stop."""


class Processes:
    """A pool of processes that survives the death of one, and stops within a block when asked.

    No process is started before the first task.
    """

    def __init__(self, jobs: int) -> None:
        # Named explicitly, as importing Mesa changes the default; and fork is unsafe once libraries have threads.
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._context: Any = multiprocessing.get_context(method)
        self._stop = self._context.RawValue("b", 0)
        self.slots = jobs
        self._pool = self._start(jobs)

    def submit(self, function: Callable[[Taken], Given], task: Taken) -> "Future[Given]":
        """Have a task done by whichever process is free next."""
        try:
            return self._pool.submit(function, task)
        except BrokenExecutor:
            self._pool = self._start(self.slots)
            return self._pool.submit(function, task)

    def alone(self, function: Callable[[Taken], Given], task: Taken) -> "Future[Given]":
        """Do a task in a process of its own and wait for it: if that dies as well, it died of this task."""
        with self._start(1) as pool:
            future = pool.submit(function, task)
            future.exception()
        return future

    def lost(self, error: BaseException) -> bool:
        """Whether a process died."""
        return isinstance(error, BrokenExecutor)

    def stop(self) -> None:
        """Cancel what has not begun and wait for the rest, which gives up at its next block."""
        self._stop.value = 1
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self, jobs: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(jobs, mp_context=self._context, initializer=_begin_work, initargs=(self._stop,))


class Cluster:
    """The workers of a dask scheduler, however many there are at the moment. Dask itself does lost tasks again."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._executor: Executor = client.get_executor(pure=False)
        self._slots, self._looked = 1, -_LOOK_SECONDS

    @property
    def slots(self) -> int:
        """How many threads all workers have together, as of a few seconds ago."""
        if time.monotonic() - self._looked >= _LOOK_SECONDS:
            self._slots = max(sum(self._client.nthreads().values()), 1)
            self._looked = time.monotonic()
        return self._slots

    def submit(self, function: Callable[[Taken], Given], task: Taken) -> "Future[Given]":
        """Have a task done by whichever worker is free next."""
        return self._executor.submit(function, task)

    alone = submit

    def lost(self, error: BaseException) -> bool:
        """Whether several workers died of a task, one after another."""
        from distributed.scheduler import KilledWorker

        return isinstance(error, KilledWorker)

    def stop(self) -> None:
        """Cancel what has not begun. What has begun gives up at its next path, where its results are not wanted."""
        self._executor.shutdown(wait=False)


def carried_out(
    work: "Callable[[Crew], None]", directory: Path, jobs: int, scheduler: str | None
) -> KeyboardInterrupt | SchedulerLostError | None:
    """Have a crew do the work; what stopped it, where the directory has something that was finished before.

    With nothing finished an interrupt or a lost cluster passes on. Raises `SchedulerError` as `crew` does.
    """
    try:
        with crew(jobs, scheduler) as workers:
            work(workers)
    except (KeyboardInterrupt, SchedulerLostError) as stopped:
        if not (directory.is_dir() and any(directory.iterdir())):
            raise
        return stopped
    return None


@contextmanager
def crew(jobs: int, scheduler: str | None = None) -> "Iterator[Crew]":
    """The crew for so many jobs: this process for one, processes for several, or that of a scheduler.

    `scheduler` is `local`, for a cluster of `jobs` processes on this machine, or the address of one that is there.
    Raises `SchedulerError` when it cannot be reached or has no workers.
    """
    if scheduler is not None:
        with _client(jobs, scheduler) as client:
            yield Cluster(client)
    elif jobs == 1:
        yield Here()
    else:
        processes = Processes(jobs)
        try:
            yield processes
        finally:
            processes.stop()


def check_scheduler(text: str | None) -> None:
    """Raise `SchedulerError` where what is given is no scheduler, or dask is not installed to reach it."""
    if text is None:
        return
    if text != LOCAL and not re.fullmatch(r"(tcp|tls|ws|wss|ucx)://\S+:\d+", text):
        raise SchedulerError(
            f"--scheduler {text!r} is no scheduler; give local, or the address of one, such as tcp://127.0.0.1:8786"
        )
    if find_spec("distributed") is None:
        raise SchedulerError("--scheduler needs dask, which is not installed; pip install 'underwater[cluster]'")


def check_program(asked: bytes) -> None:
    """Raise `SchedulerError` where this process has another version of the simulator than the one that asked."""
    from experiments.stored.provenance import program

    if asked != program():
        raise SchedulerError(
            "a worker has another version of underwater than this one; install the same on every machine of the cluster"
        )


@contextmanager
def _client(jobs: int, scheduler: str) -> Iterator[Any]:
    check_scheduler(scheduler)
    from distributed import Client, LocalCluster

    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # we report lost workers and failed paths ourselves
    if scheduler == LOCAL:
        terms = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "silence_logs": logging.CRITICAL}
        with ExitStack() as stack:
            with uninterrupted(), deaf_children():  # a Ctrl-C is ours to answer; workers hear of it from us
                cluster = stack.enter_context(LocalCluster(n_workers=jobs, threads_per_worker=1, **terms))
            yield stack.enter_context(Client(cluster))
        return
    try:
        client = Client(scheduler, timeout=JOIN_SECONDS)
    except (OSError, TimeoutError) as error:
        raise SchedulerError(f"no scheduler answers at {scheduler}; start one with `dask scheduler`") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=JOIN_SECONDS)
        except TimeoutError as error:
            raise SchedulerError(
                f"the scheduler at {scheduler} has no workers; start some with `dask worker {scheduler}`"
            ) from error
        try:
            yield client
        except CancelledError as error:
            raise SchedulerLostError(
                f"the scheduler at {scheduler} was lost; what has finished is kept, and --resume goes on with it"
            ) from error


def _begin_work(stop_flag: Any) -> None:
    """Prepare a new worker process, and keep its numerical libraries from starting threads beside other workers."""
    listen_to(stop_flag)
    end_with_parent()
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
