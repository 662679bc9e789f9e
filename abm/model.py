"""The Mesa model of one path: a loop over the timetable of a block."""

from collections.abc import Callable

import mesa
import numpy as np
from numba import njit

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
        streams = Streams(seed)
        super().__init__(rng=seed)
        self.scenario = scenario
        self.path_seed = seed
        self.world = World(scenario, streams)
        self.people = populate(self, self.world, streams)
        self.view = View(self.world)
        self.recorder = Recorder(self.world)
        self.cascade = Cascade(self.world, seed)
        self.settlement = Settlement(self.world, self.cascade, self.recorder)
        self.intents: list[Intent] = []
        self._first_liquidator, self._not_money = self._liquidators_in_the_ledger()
        self.blocks = 0
        self.initial_debt_usd = sum(
            lender.pool.worth(lender.price_list).debt for lender in self.world.lenders
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
        own, held = _worth(
            world.ledger.balances, self._first_liquidator, self._not_money, np.array(world.reference)
        )
        used = sum(c.repaid_in_block_usd for c in self.people.liquidators if c.terms.financing == "inventory")
        return own, used + held

    def _liquidators_in_the_ledger(self) -> tuple[int, FloatArray]:
        """Return the first of the liquidators' ledger accounts, which follow one another, and 1 where not money.

        The array has shape (liquidators, assets).
        """
        cohorts = self.people.liquidators
        if not cohorts:
            return 0, np.zeros((0, len(self.world.assets)))
        rows: list[FloatArray] = []
        for cohort in cohorts:
            not_money = np.ones((cohort.terms.count, len(self.world.assets)))
            not_money[:, cohort.capital_asset] = 0.0
            rows.append(not_money)
        return cohorts[0].first_account, np.concatenate(rows)

    def insurer_capital_usd(self) -> float:
        """Return what the insurers own."""
        balance, reference = self.world.ledger.balance, self.world.reference
        return sum(
            balance(insurer.account, asset) * price
            for insurer in self.people.insurers
            for asset, price in enumerate(reference)
        )


@njit(cache=True)
def _worth(
    balances: FloatArray, first: int, not_money: FloatArray, prices: FloatArray
) -> tuple[float, float]:  # pragma: no cover - compiled
    """Return what the accounts from `first` on own, and the part of it that is not money, at these prices."""
    own = held = 0.0
    for member in range(not_money.shape[0]):
        for asset in range(prices.size):
            worth = balances[first + member, asset] * prices[asset]
            own += worth
            held += worth * not_money[member, asset]
    return own, held
