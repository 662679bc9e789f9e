"""What those own who act at their own risk, block by block: liquidators, arbitrageurs, insurers, last resorts.

Models: at the end of a block the rows of the ledger that are somebody's own are copied as they are, and what they are
worth is worked out later, for many blocks together: the same sums in the same order as block by block. Liquidators
without limit have no capital to speak of; where an arbitrageur has none, nobody's sum means anything.
Units: dollars at the reference prices of each block.
"""

from array import array
from math import fsum
from typing import TYPE_CHECKING, Final

import numpy as np

from abm.losses.underwriting import sheet_of
from models.compiled import compiled
from models.types import FloatArray, IntArray

if TYPE_CHECKING:
    from abm.population import Population
    from abm.view import View
    from abm.world import World

COLUMNS: Final = (
    "liquidator_capital_usd", "liquidator_capital_in_use_usd", "insurer_capital_usd", "arbitrage_capital_usd",
    "backstop_usd",
)  # fmt: skip
_IN_ALL: Final = 5
_MOST_COPIED: Final = 2**20
"""So many balances are copied before something is made of them, which takes 8 MB."""


class Capital:
    """The capital of everybody at the ends of the blocks noted so far."""

    def __init__(self, world: "World", view: "View", people: "Population") -> None:
        self._world = world
        self._view = view
        self._people = people
        self._spenders = [cohort for cohort in people.liquidators if cohort.uses_own_money]
        limited, self._not_money = _limited_liquidators(world, people)
        self._limited = set(limited)
        self._auctions = [lender.auctions for lender in world.lenders if lender.auctions is not None]
        self._last_resort = {backstop.first_account for backstop in people.backstops}
        unlimited = [cohort.unlimited for cohort in people.arbitrageurs]
        self._endless = any(unlimited) or any(cohort.unlimited for cohort in people.triangle_arbitrageurs)
        self._arbitrageurs = [cohort for cohort in people.arbitrageurs if not cohort.unlimited]
        hedging = [cohort.first_account + k for cohort in self._arbitrageurs for k in range(cohort.terms.count)]
        self._accounts: IntArray = np.array([*limited, *hedging], dtype=np.int64)
        assets = len(world.assets)
        at_once = max(1, min(world.scenario.time.steps, _MOST_COPIED // max(1, self._accounts.size * assets)))
        self._copies = np.empty((at_once, self._accounts.size, assets))
        self._prices = array("d")
        self._beside = array("d")  # what the ledger does not say, `_IN_ALL` figures a block and two for each hedger
        self._fresh = 0
        self._known: list[FloatArray] = []

    def note(self) -> None:
        """Write down what everybody has at the end of a block."""
        world = self._world
        self._prices.extend(world.reference)
        world.ledger.balances.take(self._accounts, 0, self._copies[self._fresh], "clip")
        used = fsum([cohort.repaid_in_block_usd for cohort in self._spenders])
        locked = self._locked_usd(self._limited) if self._auctions else 0.0
        insurers = self._insurers_usd() if self._people.insurers else 0.0
        going_round = self._going_round_usd() if self._people.triangle_arbitrageurs else 0.0
        last_resort = self.last_resort_usd() if self._last_resort else 0.0
        self._beside.extend((used, locked, insurers, going_round, last_resort))
        for cohort in self._arbitrageurs:
            self._beside.extend(cohort.all_tied_up(world.now))
            self._beside.extend(cohort.inventory)
        self._fresh += 1
        if self._fresh == len(self._copies):
            self._work_out()

    def columns(self) -> dict[str, FloatArray]:
        """Return the figures of every block noted so far by the name of their column, (blocks,) each.

        In use is what was repaid from own funds in the block, the collateral still held and what is locked in bids.
        """
        self._work_out()
        known = np.concatenate(self._known, axis=1) if self._known else np.zeros((len(COLUMNS), 0))
        return dict(zip(COLUMNS, known, strict=True))

    def last_resort_usd(self) -> float:
        """Return what the accounts of last resort own now, what is locked in their bids included."""
        held = (
            self._world.ledger.balance(account, asset) * price
            for account in sorted(self._last_resort)
            for asset, price in enumerate(self._world.reference)
        )
        return fsum(held) + self._locked_usd(self._last_resort)

    def _work_out(self) -> None:
        """Make figures of the copies, and forget these."""
        blocks, self._fresh = self._fresh, 0
        if not blocks:
            return
        prices = np.array(self._prices).reshape(blocks, -1)
        beside = np.array(self._beside).reshape(blocks, -1).T
        used, locked, insurers, going_round, last_resort = beside[:_IN_ALL]
        own, held = _worths(self._copies, self._not_money, prices)
        free = self._free_usd(prices, self._copies[:blocks, len(self._not_money) :], beside[_IN_ALL:]) + going_round
        arbitrage = np.full(blocks, np.nan) if self._endless else free
        self._known.append(np.stack((own + locked, used + held + locked, insurers, arbitrage, last_resort)))
        del self._prices[:], self._beside[:]

    def _free_usd(self, prices: FloatArray, balances: FloatArray, beside: FloatArray) -> FloatArray:
        """Return what arbitrageurs can use in each block, (blocks,).

        A member's is what it owns, inventory at the reference price, less what is under way, where that is anything.
        `prices` is (blocks, assets), `balances` (blocks, members, assets), `beside` has for each cohort the rows of
        what its members have under way and those of their inventory, (rows, blocks).
        """
        free = np.zeros(len(prices))
        first = 0
        for cohort in self._arbitrageurs:
            desk, count = self._world.exchanges[cohort.exchange], cohort.terms.count
            pair = prices[:, desk.base] / prices[:, desk.quote]
            of_cohort = np.zeros(len(prices))
            for member in range(first, first + count):
                tied, held = beside[first + member], beside[first + member + count]
                units = balances[:, member, desk.quote] - tied + held * pair
                of_cohort += np.where(units > 0.0, units, 0.0)
            free += of_cohort * prices[:, desk.quote]
            first += count
        return free

    def _going_round_usd(self) -> float:
        """Return what those own who trade around triangles."""
        return fsum([cohort.free_usd(self._view) for cohort in self._people.triangle_arbitrageurs])

    def _insurers_usd(self) -> float:
        """Return what the insurers own."""
        insurers = self._people.insurers
        balance, reference = self._world.ledger.balance, self._world.reference
        return fsum(
            balance(insurer.account, asset) * price for insurer in insurers for asset, price in enumerate(reference)
        ) + fsum(sheet_of(self._world, insurer).claims_usd for insurer in insurers if insurer.claims_account >= 0)

    def _locked_usd(self, accounts: set[int]) -> float:
        """Return what some ledger accounts have locked in bids."""
        usd, reference = 0.0, self._world.reference
        for auctions in self._auctions:
            for account, asset, units in auctions.locked():
                if account in accounts:
                    usd += units * reference[asset]
        return usd


def _limited_liquidators(world: "World", people: "Population") -> tuple[list[int], FloatArray]:
    """Return the ledger accounts of liquidators with limited capital, and 1 for each asset that is no money.

    The second has shape (liquidators, assets).
    """
    accounts: list[int] = []
    not_money: list[FloatArray] = [np.zeros((0, len(world.assets)))]
    for cohort in people.liquidators:
        for member, unlimited in enumerate(cohort.unlimited):
            if not unlimited:
                accounts.append(cohort.first_account + member)
                not_money.append(np.arange(len(world.assets))[None] != cohort.capital_asset)
    return accounts, np.concatenate(not_money)


@compiled()
def _worths(
    balances: FloatArray, not_money: FloatArray, prices: FloatArray
) -> tuple[FloatArray, FloatArray]:  # pragma: no cover - compiled
    """Return what the first members own in each block, and the part of it that is not money, (blocks,) each.

    `balances` is (blocks or more, members or more, assets), `not_money` (members, assets), `prices` (blocks, assets).
    """
    blocks, assets = prices.shape
    own, held = np.zeros(blocks), np.zeros(blocks)
    for block in range(blocks):
        for member in range(len(not_money)):
            for asset in range(assets):
                worth = balances[block, member, asset] * prices[block, asset]
                own[block] += worth
                held[block] += worth * not_money[member, asset]
    return own, held
