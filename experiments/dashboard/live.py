"""A path that runs in a thread of its own, and can be paused, stepped and watched from any other.

The thread alone touches the model, and ends with the program: killed in compiled code, it would take the program down
with an error. What others see, the count of blocks and now and then a `Snapshot`, is replaced as a whole and never
changed, so that whoever reads it needs no lock.
"""

import threading
import time
from enum import StrEnum

from abm import Run, Scenario, ScenarioError
from abm.model import UnderwaterModel
from abm.simulation import begin, finish
from experiments.dashboard.snapshot import Snapshot

SNAPSHOT_SECONDS = 1.0
"""The least time between two snapshots of a path under way."""

SNAPSHOT_SHARE = 0.2
"""The part of the thread's time that snapshots may take at most."""


_LISTEN_SECONDS = 0.5
"""How often a path that pauses looks whether the program has ended."""


def program_ended() -> bool:
    """Whether the main thread is over, and the others are waited for."""
    return not threading.main_thread().is_alive()


class Stage(StrEnum):
    """Where a path is."""

    BUILDING = "building its world"
    PAUSED = "paused"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


class LivePath:
    """One path of a scenario under way; it pauses before its first block."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.seed = seed
        self.of = scenario.time.steps
        self.blocks = 0
        self.stage = Stage.BUILDING
        self.error = ""
        self.snapshot: Snapshot | None = None
        self.run_left_behind: Run | None = None
        self._wanted = 0
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name=f"{scenario.name}-{seed}")
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether there is nothing left to run."""
        return self.stage in (Stage.FINISHED, Stage.FAILED)

    def run(self) -> None:
        """Run on to the end."""
        self._want(self.of)

    def step(self, blocks: int = 1) -> None:
        """Run some blocks, and pause."""
        self._want(min(self.of, self.blocks + blocks))

    def pause(self) -> None:
        """Stop after the block that is under way."""
        self._want(0)

    def close(self) -> None:
        """Give the path up; its thread ends after what it is doing."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait(self, seconds: float = 60.0) -> bool:
        """Wait until it neither builds nor runs; whether it came to that in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.stage not in (Stage.BUILDING, Stage.RUNNING), seconds)

    def _want(self, blocks: int) -> None:
        with self._changed:
            self._wanted = blocks
            if self.stage is Stage.PAUSED and blocks > self.blocks:
                self.stage = Stage.RUNNING  # said at once, so that `wait` does not return before the first block
            self._changed.notify_all()

    def _enter(self, stage: Stage) -> None:
        with self._changed:
            self.stage = stage
            self._changed.notify_all()

    def _work(self) -> None:
        try:
            self._go(begin(self.scenario, self.seed))
        except ScenarioError as error:
            self.error = str(error)
            self._enter(Stage.FAILED)
        except Exception as error:  # a path that crashes says so on the page, whatever it was
            self.error = " ".join(f"after block {self.blocks}: {type(error).__name__}: {error}".split())
            self._enter(Stage.FAILED)

    def _go(self, model: UnderwaterModel) -> None:
        looked = spent = 0.0
        while self._may_go_on(model):
            model.step()
            self.blocks = model.blocks
            if model.blocks == self.of:
                break
            began = time.monotonic()
            if began - looked >= max(SNAPSHOT_SECONDS, spent / SNAPSHOT_SHARE):
                self.snapshot = Snapshot.of_model(model)
                looked = time.monotonic()
                spent = looked - began
        if model.blocks == self.of:
            model.world.check()
            self.run_left_behind = finish(model)
            self.snapshot = Snapshot.of_run(self.run_left_behind)
            self._enter(Stage.FINISHED)

    def _may_go_on(self, model: UnderwaterModel) -> bool:
        """Wait until a block is wanted; False when the path was given up."""
        with self._changed:
            while not self._given_up and self._wanted <= self.blocks:
                if self.blocks > (self.snapshot.blocks if self.snapshot is not None else 0):
                    self.snapshot = Snapshot.of_model(model)  # a pause shows the very block that it came after
                self.stage = Stage.PAUSED
                self._changed.notify_all()
                self._changed.wait(_LISTEN_SECONDS)
            self.stage = Stage.RUNNING
            return not self._given_up

    @property
    def _given_up(self) -> bool:
        return self._closed or program_ended()
