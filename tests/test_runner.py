"""The runner: the same bytes wherever paths are computed, whoever is killed, and what it does when things go wrong."""

import errno
import gc
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

import abm
from experiments import load_scenario, run_scenario
from experiments.asking.answers import Answer
from experiments.asking.inquiry import Inquiry
from experiments.asking.question import Experiment
from experiments.cli import DONE, FAILED, INTERRUPTED, REFUSED, main
from experiments.experiment import ask
from experiments.running.cells import Address, Batch, compute, replace
from experiments.running.executors import Here, Processes, SchedulerError, check_scheduler, crew
from experiments.running.paths import Task, simulate_path
from experiments.running.runner import AHEAD, Lost, run_all
from experiments.running.shards import Cells
from experiments.stored.provenance import program
from experiments.stored.storage import Results

EXPERIMENT = """
    name = "bonus"
    question = "What does the bonus cost borrowers?"
    scenario = "small.toml"
    paths = PATHS
    metrics = ["borrower_loss_usd", "borrower_loss_usd_p50", "liquidations > 0"]
    baseline = { bonus = 0.05 }
    [[factors]]
    name = "bonus"
    key = "pools.0.liquidation.liquidation_bonus"
    values = [0.05, 0.1, 0.15]
"""
TABLES = ("answer.parquet", "points.parquet", "runs.parquet")


@pytest.fixture
def home(small_file: Callable[..., Path]) -> Path:
    """A working directory of its own with an experiment in it."""
    home = small_file().parent
    write(home, 8)
    return home


def write(home: Path, paths: int) -> None:
    (home / "bonus.toml").write_text(textwrap.dedent(EXPERIMENT).replace("PATHS", str(paths)))


def answer(out: str, **terms: Any) -> Answer:
    return ask(Inquiry.of(Experiment.load("bonus.toml")), out=Path(out), **terms)


def tables_of(directory: str | Path) -> dict[str, bytes]:
    return {name: (Path(directory) / name).read_bytes() for name in TABLES}


# The same bytes everywhere


def test_one_experiment_gives_the_same_bytes_on_one_process_and_on_two(home: Path) -> None:
    serial, parallel = answer("serial"), answer("parallel", jobs=2)
    assert tables_of("serial") == tables_of("parallel")
    assert serial.manifest["digest"] == parallel.manifest["digest"]


@pytest.mark.slow
def test_it_gives_the_same_bytes_on_a_local_dask_cluster(home: Path) -> None:
    pytest.importorskip("distributed")
    answer("serial")
    assert main(["experiment", "bonus.toml", "--scheduler", "local", "--jobs", "2", "--out", "dask"]) == DONE
    assert tables_of("serial") == tables_of("dask")


@pytest.mark.slow
def test_every_command_gives_the_same_bytes_on_a_cluster(home: Path, scheduler: Any) -> None:
    pytest.importorskip("distributed")
    vary = ["--vary", "pools.0.liquidation.liquidation_bonus=0.05,0.1"]
    commands = {
        "run": ["run", "small.toml", "--paths", "3"],
        "one": ["run", "small.toml"],
        "compare": ["compare", "small.toml", "--designs", "aave_v3,fixed_spread", "--paths", "3", "--tune", "2"],
        "sweep": ["sweep", "small.toml", "--paths", "3", *vary],
        "sensitivity": ["sensitivity", "small.toml", "--size", "2", "--paths", "2", *vary],
    }
    with scheduler() as address, worker(address), worker(address):
        for name, command in commands.items():
            for where, place in (("serial", []), ("dask", ["--scheduler", address])):
                assert main([*command, "--no-figures", "--out", f"{where}/{name}", *place]) == DONE
            tables = sorted(file.name for file in Path(f"serial/{name}").glob("*.parquet"))
            assert tables
            for table in tables:
                assert Path(f"dask/{name}/{table}").read_bytes() == Path(f"serial/{name}/{table}").read_bytes(), table
            manifests = [json.loads(Path(f"{where}/{name}/manifest.json").read_text()) for where in ("serial", "dask")]
            assert manifests[0]["digest"] == manifests[1]["digest"]


@pytest.mark.slow
def test_a_run_whose_scheduler_is_lost_goes_on_where_it_stopped(
    home: Path, start: Any, wait_until: Any, scheduler: Any
) -> None:
    pytest.importorskip("distributed")
    lost: list[subprocess.Popen[str]] = []
    arguments = ["run", "small.toml", "--paths", "2000", "--out", "dask", "--no-figures", "--scheduler"]
    with scheduler(lost) as address, worker(address), start([*arguments, address]) as run:
        wait_until(lambda: Path("dask/steps.parquet").exists(), run)
        time.sleep(0.5)
        lost[0].kill()
        _, complained = run.communicate(timeout=240)
    assert run.returncode == FAILED, complained
    assert "was lost; what has finished is kept, and --resume goes on" in complained
    kept = Results.load("dask")
    assert kept.manifest["status"] == "interrupted"
    assert 0 < kept.finished < 2000
    paths = str(kept.finished + 2)
    assert main(["run", "small.toml", "--paths", paths, "--out", "dask", "--no-figures", "--resume"]) == DONE
    whole = run_scenario(load_scenario("small.toml"), paths=int(paths), out=Path("serial"))
    assert Results.load("dask").manifest["digest"] == whole.manifest["digest"]


@pytest.mark.slow
def test_it_gives_the_same_bytes_on_a_scheduler_whose_worker_is_killed_in_the_middle(
    home: Path, start: Any, wait_until: Any, scheduler: Any
) -> None:
    """Two workers in processes of their own, on loopback, one of which does not see the end."""
    pytest.importorskip("distributed")
    write(home, 80)
    with scheduler() as address, worker(address) as doomed, worker(address):
        arguments = ["experiment", "bonus.toml", "--scheduler", address, "--out", "dask", "--no-figures"]
        with start(arguments) as run:
            wait_until(lambda: len(shards("dask")) >= 4, run)
            doomed.send_signal(signal.SIGKILL)
            assert run.poll() is None, "it was over before the worker could be killed"
            _, complained = run.communicate(timeout=240)
    assert run.returncode == DONE, complained
    answer("serial")
    assert tables_of("serial") == tables_of("dask")


@pytest.mark.slow
def test_workers_that_do_not_see_the_directory_send_back_what_they_made(home: Path, scheduler: Any) -> None:
    pytest.importorskip("distributed")
    with scheduler() as address, worker(address):
        cells = [Address(load_scenario("small.toml")).cell(path, 1) for path in range(3)]
        with crew(1, address) as workers:
            batch = Batch(tuple(cells), Path("/nowhere/at/all"), ".token", program())
            sent = workers.submit(compute, batch).result()
    assert sent.cells == 3
    assert len(sent.shards) == 1


@pytest.mark.slow
def test_ctrl_c_on_a_cluster_leaves_a_directory_to_go_on_with(home: Path, start: Any, wait_until: Any) -> None:
    pytest.importorskip("distributed")
    write(home, 2000)
    arguments = ["experiment", "bonus.toml", "--scheduler", "local", "--jobs", "2", "--out", "dask", "--no-figures"]
    with start(arguments) as run:
        wait_until(lambda: len(shards("dask")) >= 4, run)
        os.killpg(run.pid, signal.SIGINT)
        _, complained = run.communicate(timeout=120)
    assert run.returncode == INTERRUPTED, complained
    assert "Traceback" not in complained
    kept = Answer.load("dask")
    assert kept.manifest["status"] == "interrupted"
    assert 0 < len(kept.runs) < 6000
    write(home, 4)
    answer("dask", resume=True)
    answer("serial")
    assert tables_of("serial") == tables_of("dask")


@pytest.mark.slow
def test_a_process_that_is_killed_costs_what_it_was_doing(home: Path, start: Any, wait_until: Any) -> None:
    """By somebody else, such as a kernel short of memory: the others and its successor do the rest."""
    write(home, 60)
    with start(["experiment", "bonus.toml", "--jobs", "2", "--out", "out", "--no-figures"]) as run:
        wait_until(lambda: len(shards("out")) >= 3, run)
        os.kill(one_worker_of(run.pid), signal.SIGKILL)
        _, complained = run.communicate(timeout=240)
    assert run.returncode == DONE, complained
    assert Answer.load("out").manifest["failed_runs"] == 0
    assert len(Answer.load("out").runs) == 180


def one_worker_of(pid: int) -> int:
    """A process of a pool: a child of the fork server, which is a child of the run."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            grandparent = int(Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        if grandparent == pid:
            return int(status.parent.name)
    raise AssertionError("no worker is there")


def shards(directory: str) -> list[Path]:
    return list((Path(directory) / "cells").glob("*.parquet"))


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(abm.__file__).parents[1])}


@contextmanager
def ended(process: "subprocess.Popen[str]") -> Iterator["subprocess.Popen[str]"]:
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def scheduler(wait_until: Any) -> Callable[..., AbstractContextManager[str]]:
    """Start a scheduler on loopback, in a process of its own, which is put into `processes`; its address."""

    @contextmanager
    def begun(processes: "list[subprocess.Popen[str]] | None" = None) -> Iterator[str]:
        command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
        command += ["--no-dashboard", "--scheduler-file", "scheduler.json"]
        Path("scheduler.json").unlink(missing_ok=True)
        with ended(
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        ) as process:
            wait_until(lambda: Path("scheduler.json").is_file() and bool(Path("scheduler.json").read_text()), process)
            time.sleep(0.2)
            if processes is not None:
                processes.append(process)
            yield json.loads(Path("scheduler.json").read_text())["address"]

    return begun


@contextmanager
def worker(address: str) -> Iterator["subprocess.Popen[str]"]:
    """A worker of one thread, in a process of its own that nobody starts again."""
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny"]
    command += ["--host", "127.0.0.1", "--no-dashboard", "--death-timeout", "60"]
    with ended(
        subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
    ) as process:
        yield process


# What the runner promises


class Told:
    """A crew that finishes its tasks when it is told to, and whose workers die of some of them."""

    def __init__(self, slots: int = 2, deadly: dict[int, int] | None = None) -> None:
        self.slots = slots
        self.deadly = deadly or {}
        self.submitted: list[Any] = []
        self.stopped = False

    def submit(self, function: Callable[[Any], Any], task: Any) -> "Future[Any]":
        self.submitted.append(task)
        future: Future[Any] = Future()
        guilty = task[0] if isinstance(task, list) else task
        if self.deadly.get(guilty, 0) > 0:
            self.deadly[guilty] -= 1
            future.set_exception(BrokenPipeError("a worker died"))
        else:
            future.set_result(function(task))
        return future

    alone = submit

    def lost(self, error: BaseException) -> bool:
        return isinstance(error, BrokenPipeError)

    def stop(self) -> None:
        self.stopped = True


def test_results_come_in_the_order_of_the_tasks_where_that_is_wanted() -> None:
    took: list[Any] = []
    done: list[int] = []
    with crew(2) as processes:
        run_all(
            _slow_first,
            range(6),
            processes,
            on_result=lambda *pair: took.append(pair),
            ordered=True,
            report=done.append,
        )
    assert took == [(k, k) for k in range(6)]
    assert done[-1] == 6
    assert done == sorted(done)


def _slow_first(task: int) -> int:
    time.sleep(0.3 if task == 0 else 0.0)
    return task


def test_only_so_many_tasks_are_drawn_ahead() -> None:
    drawn: list[int] = []
    release = threading.Event()

    class Waiting(Told):
        def submit(self, function: Callable[[Any], Any], task: Any) -> "Future[Any]":
            future: Future[Any] = Future()
            threading.Thread(target=lambda: (release.wait(10), future.set_result(task))).start()
            return future

    def tasks() -> Iterator[int]:
        for k in range(100):
            drawn.append(k)
            if k + 1 == AHEAD * 3:
                threading.Timer(0.1, release.set).start()
            yield k

    def first(*_: Any) -> None:
        assert len(drawn) <= AHEAD * 3 + len(handed)
        handed.append(1)

    handed: list[int] = []
    run_all(lambda task: task, tasks(), Waiting(3), on_result=first)
    assert len(handed) == 100


def test_a_task_under_which_a_worker_died_is_tried_again() -> None:
    took: list[Any] = []
    crowd = Told(deadly={3: 1})
    run_all(lambda task: -task, [1, 2, 3, 4], crowd, on_result=lambda *pair: took.append(pair))
    assert sorted(took) == [(1, -1), (2, -2), (3, -3), (4, -4)]
    assert crowd.submitted.count(3) == 2


def test_a_batch_is_split_so_that_only_the_guilty_part_is_lost() -> None:
    took: dict[int, Any] = {}
    crowd = Told(deadly={7: 99})

    def take(task: list[int], result: Any) -> None:
        took.update(dict.fromkeys(task, result))

    run_all(sum, [[1, 2], [7, 8, 9]], crowd, on_result=take, split=lambda task: [[part] for part in task])
    assert (took[1], took[2], took[8], took[9]) == (3, 3, 8, 9)
    assert isinstance(took[7], Lost)


def test_what_a_worker_has_loaded_is_left_alone_by_the_garbage_collector_and_nothing_of_ours() -> None:
    task, before = Task(load_scenario("one-position"), 1, 0, tables=False), gc.get_freeze_count()
    assert simulate_path(task).error is None
    assert gc.get_freeze_count() == before
    workers = Processes(1)
    try:
        assert workers.submit(simulate_path, task).result().error is None
        assert workers.submit(eval, "__import__('gc').get_freeze_count()").result() > 10_000
    finally:
        workers.stop()


def test_an_exception_of_a_task_passes_on() -> None:
    with pytest.raises(ZeroDivisionError):
        run_all(lambda task: 1 // task, [1, 0], Here(), on_result=lambda *_: None)


def test_an_interrupt_stops_the_crew_and_hands_over_what_is_done() -> None:
    took: list[Any] = []
    crowd = Told()

    def interrupted(task: int, result: int | Lost) -> None:
        took.append((task, result))
        if len(took) == 1:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_all(lambda task: task, range(50), crowd, on_result=interrupted)
    assert crowd.stopped
    assert len(took) >= AHEAD * 2


# Cells and their shards


def test_batches_grow_with_quick_cells_and_shrink_towards_the_end(home: Path) -> None:
    sizes: list[int] = []

    class Counting(Here):
        def submit(self, function: Callable[[Any], Any], task: Any) -> "Future[Any]":
            sizes.append(len(task.cells))
            return super().submit(function, task)

    cells = Cells(Path("out"))
    address = Address(load_scenario("small.toml"))
    cells.compute([address.cell(path, 1) for path in range(60)], Counting())
    assert sum(sizes) == 60
    assert sizes[0] == 1
    assert max(sizes) > 4
    assert sizes[-1] == 1
    assert len(shards("out")) == len(sizes)


def test_a_worker_with_another_version_is_refused() -> None:
    with pytest.raises(SchedulerError, match="another version"):
        compute(Batch((), Path(), ".token", b"another"))


def test_a_shard_is_named_after_what_is_in_it(home: Path) -> None:
    """So that a task that is done twice leaves one shard, and a second try does not hide the first."""
    address = Address(load_scenario("small.toml"))
    for _ in range(2):
        cells = Cells(Path("out"))
        cells.compute([address.cell(0, 1)], Here())
        assert len(shards("out")) == 1
    again = Cells(Path("again"))
    again.compute([address.cell(0, 1)], Here())
    assert [one.name for one in shards("again")] == [one.name for one in shards("out")]


def test_nothing_stays_of_a_shard_that_does_not_fit_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace(tmp_path / "shard.parquet", b"rows")
    assert list(tmp_path.iterdir()) == []


def test_packing_keeps_every_cell_in_one_file(home: Path) -> None:
    address = Address(load_scenario("small.toml"))
    wanted = [address.cell(path, 1) for path in range(5)]
    cells = Cells(Path("out"))
    cells.compute(wanted, Here())
    before = [cells.row(cell) for cell in wanted]
    cells.pack()
    assert sorted(file.name for file in Path("out").iterdir()) == ["cells.parquet"]
    again = Cells(Path("out"))
    assert again.wanting(wanted) == []
    assert [again.row(cell) for cell in wanted] == before


def test_nothing_is_left_where_nothing_was_computed(home: Path) -> None:
    cells = Cells(Path("deep/out"))
    cells.compute([], Here())

    class Interrupted(Here):
        def submit(self, function: Callable[[Any], Any], task: Any) -> "Future[Any]":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cells.compute([Address(load_scenario("small.toml")).cell(0, 1)], Interrupted())
    assert not Path("deep").exists()


# Schedulers


@pytest.mark.parametrize("text", ["localhost", "tcp://here", "http://127.0.0.1:8786", ""])
def test_what_is_no_scheduler_is_refused(text: str) -> None:
    with pytest.raises(SchedulerError, match="local, or the address of one"):
        check_scheduler(text)


@pytest.mark.parametrize(
    "command",
    [
        ["experiment", "bonus.toml"],
        ["run", "small.toml"],
        ["compare", "small.toml", "--designs", "aave_v3"],
        ["sweep", "small.toml", "--vary", "time.steps=1,2"],
    ],
    ids=" ".join,
)
def test_without_dask_the_scheduler_says_what_to_install(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setattr("experiments.running.executors.find_spec", lambda _: None)
    assert main([*command, "--scheduler", "local"]) == REFUSED
    assert "pip install 'underwater[cluster]'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_or_has_no_workers_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, scheduler: Any
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("experiments.running.executors.JOIN_SECONDS", 1.0)
    assert main(["experiment", "bonus.toml", "--scheduler", "tcp://127.0.0.1:9"]) == REFUSED
    assert "no scheduler answers at tcp://127.0.0.1:9" in capsys.readouterr().err
    with scheduler() as address:
        assert main(["experiment", "bonus.toml", "--scheduler", address]) == REFUSED
        assert "has no workers" in capsys.readouterr().err
    assert not Path("results").exists()


@pytest.mark.slow
def test_a_scheduler_that_is_lost_leaves_a_directory_to_go_on_with(
    home: Path, start: Any, wait_until: Any, scheduler: Any
) -> None:
    pytest.importorskip("distributed")
    write(home, 2000)
    lost: list[subprocess.Popen[str]] = []
    arguments = ["experiment", "bonus.toml", "--out", "dask", "--no-figures", "--scheduler"]
    with scheduler(lost) as address, worker(address), start([*arguments, address]) as run:
        wait_until(lambda: len(shards("dask")) >= 4, run)
        lost[0].kill()
        _, complained = run.communicate(timeout=240)
    assert run.returncode == FAILED, complained
    assert "was lost; what has finished is kept, and --resume goes on" in complained
    assert Answer.load("dask").manifest["status"] == "interrupted"
    write(home, 4)
    answer("dask", resume=True)
    answer("serial")
    assert tables_of("serial") == tables_of("dask")


@pytest.mark.slow
def test_local_clusters_listen_on_loopback_alone_and_stand_beside_one_another(home: Path) -> None:
    pytest.importorskip("distributed")
    with crew(1, "local") as some, crew(1, "local") as others:
        clients: list[Any] = [workers._client for workers in (some, others)]  # type: ignore[attr-defined]
        addresses = [
            address for client in clients for address in (client.scheduler_info()["address"], *client.nthreads())
        ]
    assert len(set(addresses)) == 4
    assert all(address.startswith("tcp://127.0.0.1:") for address in addresses)


def test_processes_start_again_after_one_died() -> None:
    processes = Processes(1)
    try:
        error = processes.submit(os._exit, 13).exception()
        assert error is not None
        assert processes.lost(error)
        assert processes.submit(abs, -3).result() == 3
    finally:
        processes.stop()


def test_failures_are_counted_in_the_exit_code(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crashes(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(abm, "simulate", crashes)
    assert main(["experiment", "bonus.toml", "--no-figures"]) == FAILED
