"""The Mesa model of one path: a loop over the timetable of a block."""

from collections.abc import Callable

import mesa
import numpy as np

from abm.cascade import Cascade
from abm.intents import Intent
from abm.population import populate
from abm.recorder import Recorder
from abm.scenario import Scenario
from abm.schedule import PHASES
from abm.settlement import Settlement
from abm.streams import Streams
from abm.view import View
from abm.world import World
from models.types import FloatArray


class UnderwaterModel(mesa.Model):  # type: ignore[misc]
    """One path of a scenario. `step` runs a block; agents are Mesa agents, one a cohort, with columns for members.

    Randomness comes from `abm.streams` only; Mesa's own generators are seeded and left alone.
    """

    def __init__(self, scenario: Scenario, seed: int = 1) -> None:
        super().__init__(rng=seed)
        self.scenario = scenario
        self.path_seed = seed
        streams = Streams(seed)
        self.world = World(scenario, streams)
        self.people = populate(self, self.world, streams)
        self.view = View(self.world)
        self.recorder = Recorder(self.world)
        self.cascade = Cascade(self.world, seed)
        self.settlement = Settlement(self.world, self.cascade, self.recorder)
        self.order_rng = streams("arbitrageurs", "order")
        self.intents: list[Intent] = []
        self.blocks = 0
        self.initial_debt_usd = sum(
            lender.pool.debt_value_total(lender.prices) for lender in self.world.lenders
        )

    def step(self) -> None:
        """Run one block."""
        self.world.step = self.blocks
        for _, phase in PHASES:
            phase(self)
        self.blocks += 1

    def run(self, progress: Callable[[int], None] | None = None) -> None:
        """Run every block of the scenario; `progress` hears now and then how many are done."""
        steps = self.scenario.time.steps
        every = max(1, steps // 200)
        for block in range(1, steps + 1):
            self.step()
            if progress is not None and (block % every == 0 or block == steps):
                progress(block)
        self.world.check()

    @classmethod
    def baseline(cls, scenario: Scenario, seed: int) -> FloatArray:
        """Return the oracle prices of a scenario and seed without forced sales, shape (steps, assets)."""
        model = cls(scenario.market_only(), seed)
        prices = np.empty((scenario.time.steps, len(model.world.assets)))
        for step in range(scenario.time.steps):
            model.world.step = step
            for _, phase in PHASES:
                phase(model)
                if phase.__name__ == "report_oracles":
                    break
            prices[step] = model.world.oracle
        return prices

    def liquidator_capital_usd(self) -> tuple[float, float]:
        """Return what all liquidators with limited capital own, and how much of it was or is in use in this block.

        In use is what was repaid from own funds in the block and the collateral still held.
        """
        world = self.world
        total = used = 0.0
        for cohort in self.people.liquidators:
            flash = cohort.terms.financing == "flash"
            if cohort.terms.count and not flash:
                used += cohort.repaid_in_block_usd
            rows = world.ledger.balances[cohort.first_account : cohort.first_account + cohort.terms.count]
            held = rows.sum(axis=0) * world.reference
            total += float(held.sum())
            used += float(held.sum() - held[cohort.capital_asset])
        return total, used

    def insurer_capital_usd(self) -> float:
        """Return what the insurers own."""
        world = self.world
        return sum(
            float(world.ledger.balances[insurer.account] @ world.reference) for insurer in self.people.insurers
        )
