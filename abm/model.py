"""The Mesa model of one path: a loop over the timetable of a block."""

from collections.abc import Callable

import mesa
import numpy as np
from numba import njit

from abm.cascade import Cascade
from abm.contests import Contests
from abm.forced_sales import ForcedSales
from abm.intents import Intent
from abm.losses import PoolLosses
from abm.population import populate
from abm.purses import Purses
from abm.recorder import Recorder
from abm.scenario import Scenario
from abm.schedule import PHASES
from abm.settlement import Settlement
from abm.staking import open_stakers
from abm.streams import Streams
from abm.underwriting import sheet_of
from abm.view import View
from abm.world import World
from models.types import FloatArray, IntArray


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
        self._limited, self._not_money = self._limited_liquidators()
        self._limited_accounts = set(self._limited.tolist())
        self.blocks = 0
        self.initial_debt_usd = sum(lender.pool.worth(lender.price_list).debt for lender in self.world.lenders)
        # Mesa numbers agents by a table of its own that keeps every model there ever was, and with it its whole world.
        getattr(mesa.Agent, "_ids", {}).pop(self, None)

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
        """Return what the liquidators with limited capital own, and how much of it is or was in use in this block.

        In use is what was repaid from own funds in the block, the collateral still held and what is locked in bids.
        """
        world = self.world
        own, held = _worth(world.ledger.balances, self._limited, self._not_money, np.array(world.reference))
        used = sum([cohort.repaid_in_block_usd for cohort in self.people.liquidators if cohort.uses_own_money])
        locked = self._locked_usd(self._limited_accounts)
        return own + locked, used + held + locked

    def backstop_usd(self) -> float:
        """Return what the accounts of last resort own, what is locked in their bids included."""
        if not self.people.backstops:
            return 0.0
        accounts = {backstop.first_account for backstop in self.people.backstops}
        held = (
            self.world.ledger.balance(account, asset) * price
            for account in sorted(accounts)
            for asset, price in enumerate(self.world.reference)
        )
        return sum(held, 0.0) + self._locked_usd(accounts)

    def _locked_usd(self, limited: set[int]) -> float:
        """Return what some ledger accounts have locked in bids."""
        reference = self.world.reference
        return sum(
            units * reference[asset]
            for lender in self.world.lenders
            if lender.auctions is not None
            for account, asset, units in lender.auctions.locked()
            if account in limited
        )

    def _limited_liquidators(self) -> tuple[IntArray, FloatArray]:
        """Return the ledger accounts of liquidators with limited capital, and 1 for each asset that is no money.

        Shapes (liquidators,) and (liquidators, assets).
        """
        accounts: list[int] = []
        not_money: list[FloatArray] = []
        for cohort in self.people.liquidators:
            for member, unlimited in enumerate(cohort.unlimited):
                if not unlimited:
                    accounts.append(cohort.first_account + member)
                    not_money.append(np.arange(len(self.world.assets)) != cohort.capital_asset)
        if not accounts:
            return np.empty(0, np.int64), np.zeros((0, len(self.world.assets)))
        return np.array(accounts), np.array(not_money, dtype=np.float64)

    def arbitrage_capital_usd(self) -> float:
        """Return the capital that arbitrageurs of every kind can use now; nan where somebody's has no limit."""
        free = sum((cohort.free_usd(self.view) for cohort in self.people.arbitrageurs), 0.0)
        free += sum((cohort.free_usd(self.view) for cohort in self.people.triangle_arbitrageurs), 0.0)
        return free if free < np.inf else np.nan

    def arbitrage_profit_usd(self) -> float:
        """Return what arbitrageurs of every kind have gained so far, open inventory at the reference price."""
        hedging = sum((cohort.profit_usd(self.view) for cohort in self.people.arbitrageurs), 0.0)
        return hedging + sum((cohort.earned_usd for cohort in self.people.triangle_arbitrageurs), 0.0)

    def insurer_capital_usd(self) -> float:
        """Return what the insurers own."""
        if not self.people.insurers:
            return 0.0
        balance, reference = self.world.ledger.balance, self.world.reference
        return sum(
            balance(insurer.account, asset) * price
            for insurer in self.people.insurers
            for asset, price in enumerate(reference)
        ) + sum(
            sheet_of(self.world, insurer).claims_usd for insurer in self.people.insurers if insurer.claims_account >= 0
        )


@njit(cache=True)
def _worth(
    balances: FloatArray, accounts: IntArray, not_money: FloatArray, prices: FloatArray
) -> tuple[float, float]:  # pragma: no cover - compiled
    """Return what the accounts own, and the part of it that is not money, at these prices."""
    own = held = 0.0
    for member in range(accounts.size):
        for asset in range(prices.size):
            worth = balances[accounts[member], asset] * prices[asset]
            own += worth
            held += worth * not_money[member, asset]
    return own, held
