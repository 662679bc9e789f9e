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


class UnderwaterModel(mesa.Model):
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
        self._liquidator_accounts, self._not_money = self._liquidators_in_the_ledger()
        self.blocks = 0
        self.initial_debt_usd = sum(
            lender.pool.debt_value_total(lender.prices) for lender in self.world.lenders
        )

    def step(self) -> None:
        """Run one block."""
        self.world.begin(self.blocks)
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
            model.world.begin(step)
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
        held = world.ledger.balances[self._liquidator_accounts]
        used = sum(c.repaid_in_block_usd for c in self.people.liquidators if c.terms.financing == "inventory")
        tied = (held * self._not_money).sum(axis=0)
        return float(held.sum(axis=0) @ world.reference), used + float(tied @ world.reference)

    def _liquidators_in_the_ledger(self) -> tuple[slice, FloatArray]:
        """Return the liquidators' ledger accounts, which follow one another, and 1 for each asset that is no money."""
        cohorts = self.people.liquidators
        if not cohorts:
            return slice(0, 0), np.zeros((0, len(self.world.assets)))
        first = cohorts[0].first_account
        rows: list[FloatArray] = []
        for cohort in cohorts:
            not_money = np.ones((cohort.terms.count, len(self.world.assets)))
            not_money[:, cohort.capital_asset] = 0.0
            rows.append(not_money)
        return slice(first, first + sum(cohort.terms.count for cohort in cohorts)), np.concatenate(rows)

    def insurer_capital_usd(self) -> float:
        """Return what the insurers own."""
        world = self.world
        return sum(
            float(world.ledger.balances[insurer.account] @ world.reference) for insurer in self.people.insurers
        )
