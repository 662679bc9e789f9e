"""The Mesa model of one path: a loop over the timetable of a block."""

from collections.abc import Callable
from math import fsum

import mesa
import numpy as np

from abm.cascade import Cascade
from abm.intents import Intent
from abm.liquidations.contests import Contests
from abm.liquidations.purses import Purses
from abm.losses.pool_losses import PoolLosses
from abm.losses.staking import open_stakers
from abm.markets.forced_sales import ForcedSales
from abm.population import populate
from abm.record.capital import Capital
from abm.record.recorder import Recorder
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
        self.path_seed = seed
        self.world = World(scenario, streams)
        self.people = populate(self, self.world, streams)
        self.view = View(self.world)
        self.capital = Capital(self.world, self.view, self.people)
        self.recorder = Recorder(self.world, self.capital, self.people)
        self.cascade = Cascade(self.world, seed)
        self.losses = [
            PoolLosses(
                self.world,
                lender,
                terms.losses,
                [insurer for insurer in self.people.insurers if insurer.pool == number],
                ForcedSales(self.world, self.cascade),
                streams,
            )
            for number, (lender, terms) in enumerate(zip(self.world.lenders, scenario.pools, strict=True))
        ]
        self.people.stakers = open_stakers(self, streams)
        purses = Purses(self.world, self.recorder)
        self.settlement = Settlement(self.world, self.cascade, self.recorder, purses)
        self.contests = Contests(self.world, purses, streams("priority"))
        self.intents: list[Intent] = []
        self.blocks = 0
        self.initial_debt_usd = fsum(lender.pool.worth(lender.price_list).debt for lender in self.world.lenders)
        # Mesa numbers agents by a table of its own that keeps every model there ever was, and with it its whole world.
        getattr(mesa.Agent, "_ids", {}).pop(self, None)

    def step(self) -> None:
        """Run one block."""
        self.world.begin(self.blocks)
        for _, phase in PHASES:
            phase(self)
        self.blocks = self.steps = self.blocks + 1  # `steps` is Mesa's own count

    def run(self, progress: Callable[[int], None] | None = None) -> None:
        """Run every block of the scenario; `progress` hears now and then how many are done."""
        steps = self.world.scenario.time.steps
        every = max(1, steps // 200)
        for block in range(1, steps + 1):
            UnderwaterModel.step(self)  # not the one that Mesa puts around it, which writes every step to a log
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

    def arbitrage_profit_usd(self) -> float:
        """Return what arbitrageurs of every kind have gained so far, open inventory at the reference price."""
        hedging = fsum(cohort.profit_usd(self.view) for cohort in self.people.arbitrageurs)
        return hedging + fsum(cohort.earned_usd for cohort in self.people.triangle_arbitrageurs)
