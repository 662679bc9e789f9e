"""What no call can exceed that opens a liquidation or starts an auction afresh, for all of them at once.

As `abm.liquidations.ceilings` has it for what anybody may take from: thousands may be opened or started while hardly
one call pays.
"""

from math import inf
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from abm.liquidations.ceilings import accounts_of, brings_each_usd, moves_of
from models.compiled import compiled
from models.lending import Below
from models.liquidation import House, TimedDesign
from models.liquidation.ceiling import SLACK, Accounts, OpeningCeiling
from models.types import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from abm.auctions.lots import Auctions
    from abm.auctions.waiting_lots import Waiting
    from abm.pools.lender import Lender
    from abm.world import World

# The columns of `CallTops`.
_REWARD, _RAISED, _GAIN, _BEST, _BOND, _COLUMNS = range(6)


class CallTerms(NamedTuple):
    """What a caller counts on and has: `asked` of each dollar that buyers raise, or what it would gain, less gas.

    In all that must leave more than nothing and `least_usd`; `budget_usd` is there to buy with, `bondable_usd` to lock.
    """

    asked: float
    gas_usd: float
    least_usd: float
    budget_usd: float
    bondable_usd: float


class CallTops(NamedTuple):
    """A row for each call, (n, 5): none is paid more, raises more by what it puts up for sale, or gains a buyer more.

    Nor does a buyer gain more than the fourth of each dollar that is to be raised; nobody locks less than the last.
    """

    table: FloatArray

    def only(self, those: BoolArray) -> "CallTops":
        """Leave out all but those."""
        return CallTops(self.table[those])

    def may_bring(self, terms: CallTerms, places: IntArray) -> BoolArray:
        """Return whether a caller may be left with what it wants by calls at these places."""
        return _calls_may_bring(self.table, places, *terms)

    def any_may_bring(self, terms: CallTerms) -> bool:
        """Return whether a caller may be left with what it wants by any call."""
        return _any_call_may_bring(self.table, *terms)


def tops_of_calls(
    world: "World", lender: "Lender", auctions: "Auctions", below: Below, waiting: "Waiting", sells: bool
) -> CallTops | None:
    """Return the tops of calls that open accounts and then of those that start lots afresh.

    At the best bids for who sells, else at the reference price. None where some are not stated.
    """
    opened = below.accounts.size
    tops = CallTops(np.empty((opened + waiting.numbers.size, _COLUMNS)))
    if opened and not _note_openings(tops.table[:opened], world, lender, auctions, below, sells):
        return None
    if waiting.numbers.size and not _note_restarts(tops.table[opened:], world, lender, auctions, waiting, sells):
        return None
    return tops


def _note_openings(
    table: FloatArray, world: "World", lender: "Lender", auctions: "Auctions", below: Below, sells: bool
) -> bool:
    """Write down the tops of calls that open accounts; returns whether there are any."""
    moves = moves_of(world, lender, below, sells)
    if moves is None:
        return False
    accounts = accounts_of(lender, below, moves.single, moves.sunk / moves.up)
    ceiling = _highest(auctions.design, accounts, auctions.most_generous_houses(moves.debts))
    if ceiling is None:
        return False
    reward_usd = ceiling.reward_usd
    if ceiling.from_reserves:
        reward_usd = np.minimum(reward_usd, (lender.pool.cash * lender.prices)[moves.debts].max())
    best = max(ceiling.rate * (moves.sold / moves.fallen * SLACK**2) - 1.0, 0.0)
    _openings(
        table,
        reward_usd,
        ceiling.raised_usd,
        np.full(len(table), ceiling.bond_usd),
        below.collateral_value,
        best,
        best / (1.0 + best) if best < inf else 1.0,
        *(moves.risen, moves.sold, moves.fallen, moves.up, moves.over),
    )
    return True


def _note_restarts(
    table: FloatArray, world: "World", lender: "Lender", auctions: "Auctions", waiting: "Waiting", sells: bool
) -> bool:
    """Write down the tops of calls that start auctions afresh; returns whether there are any."""
    believed, pairs = lender.prices, (waiting.collateral, waiting.debt)
    worth_usd = _left(waiting.units, waiting.debt_usd, *pairs, believed)
    ceiling = auctions.design.restart_ceiling(waiting.raising_usd, worth_usd)
    if ceiling is None:
        return False
    brings_usd = brings_each_usd(world, lender, auctions.pairs, sells)
    now_usd = np.array([world.reference[asset] for asset in lender.assets])
    reward_usd = ceiling.reward_usd
    if ceiling.from_reserves:
        reward_usd = np.minimum(reward_usd, lender.pool.cash[waiting.debt] * waiting.debt_usd)
    figures = reward_usd, ceiling.raised_usd, worth_usd, waiting.debt_usd
    _restarts(table, *figures, ceiling.rate, *pairs, brings_usd, now_usd, believed)
    return True


def _highest(design: TimedDesign, accounts: Accounts, houses: list[House]) -> OpeningCeiling | None:
    """Return what no opening exceeds in any of these houses; None where the design states no bound."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ceilings = [design.opening_ceiling(accounts, house) for house in houses]
    first, *others = ceilings
    if first is None:
        return None
    for other in others:
        assert other is not None
        first = OpeningCeiling(
            np.maximum(first.reward_usd, other.reward_usd),
            np.maximum(first.raised_usd, other.raised_usd),
            max(first.rate, other.rate),
            np.minimum(first.bond_usd, other.bond_usd),
            first.from_reserves,
        )
    return first


@compiled()
def _openings(
    table: FloatArray,
    reward_usd: FloatArray,
    raised_usd: FloatArray,
    bond_usd: FloatArray,
    collateral_usd: FloatArray,
    best: float,
    gained: float,
    risen: float,
    sold: float,
    fallen: float,
    up: float,
    over: float,
) -> None:  # pragma: no cover - compiled
    """Write the rows of calls that open accounts; a buyer gains `gained` of what the collateral is worth."""
    for k in range(len(table)):
        worth_usd = collateral_usd[k] * (max(risen, sold) * SLACK)
        moved = max(risen, up) * SLACK if reward_usd[k] > 0.0 else fallen / SLACK
        table[k, _REWARD] = reward_usd[k] * moved
        table[k, _RAISED] = min(raised_usd[k] * (up * SLACK), worth_usd)
        table[k, _GAIN] = worth_usd * gained
        table[k, _BEST] = best * over
        table[k, _BOND] = bond_usd[k] * (fallen / SLACK)


@compiled(error_model="numpy")
def _left(
    units: FloatArray, debt_usd: FloatArray, collateral: IntArray, debt: IntArray, believed: FloatArray
) -> FloatArray:  # pragma: no cover - compiled
    """Return what is left to raise each lot's dollars, as the protocol believes, in dollars of the opening."""
    worth_usd = np.empty(units.size)
    for k in range(units.size):
        worth_usd[k] = units[k] * (believed[collateral[k]] / believed[debt[k]]) * debt_usd[k]
    return worth_usd


@compiled(error_model="numpy")
def _restarts(
    table: FloatArray,
    reward_usd: FloatArray,
    raised_usd: FloatArray,
    worth_usd: FloatArray,
    debt_usd: FloatArray,
    rate: float,
    collateral: IntArray,
    debt: IntArray,
    brings_usd: FloatArray,
    now_usd: FloatArray,
    believed: FloatArray,
) -> None:  # pragma: no cover - compiled
    """Write the rows of calls that start lots afresh: dollars of the opening are those of now by way of the debt."""
    for k in range(len(table)):
        c, d = collateral[k], debt[k]
        per_dollar = rate * brings_usd[c, d] / believed[c] * (believed[d] / now_usd[d])
        best = max(per_dollar * SLACK**2 - 1.0, 0.0) * max(brings_usd[c, d] / now_usd[c], 1.0)
        moved = now_usd[d] / debt_usd[k] * SLACK
        risen = now_usd[c] / believed[c] * (believed[d] / debt_usd[k]) * SLACK
        raised = min(raised_usd[k] * moved, worth_usd[k] * risen)
        table[k, _REWARD], table[k, _RAISED], table[k, _GAIN] = reward_usd[k] * moved, raised, raised * best
        table[k, _BEST], table[k, _BOND] = best, 0.0


@compiled()
def _may_bring(
    top: FloatArray, asked: float, gas_usd: float, least_usd: float, budget_usd: float, bondable_usd: float
) -> bool:  # pragma: no cover - compiled
    """See `CallTops.may_bring`. What is no number is let through."""
    most = max(top[_BEST], asked)
    affordable_usd = budget_usd * most if most > 0.0 else 0.0
    bought_usd = min(max(top[_GAIN], asked * top[_RAISED]), affordable_usd) * SLACK - gas_usd
    profit_usd = top[_REWARD] - gas_usd + max(bought_usd, 0.0)
    unbonded = top[_BOND] > bondable_usd * SLACK
    return not (profit_usd <= 0.0 or profit_usd < least_usd or unbonded)


@compiled()
def _calls_may_bring(
    table: FloatArray,
    places: IntArray,
    asked: float,
    gas_usd: float,
    least_usd: float,
    budget_usd: float,
    bondable_usd: float,
) -> BoolArray:  # pragma: no cover - compiled
    may = np.empty(places.size, np.bool_)
    for n, k in enumerate(places):
        may[n] = _may_bring(table[k], asked, gas_usd, least_usd, budget_usd, bondable_usd)
    return may


@compiled()
def _any_call_may_bring(
    table: FloatArray, asked: float, gas_usd: float, least_usd: float, budget_usd: float, bondable_usd: float
) -> bool:  # pragma: no cover - compiled
    for k in range(len(table)):
        top = table[k]
        if _may_bring(top, asked, gas_usd, least_usd, budget_usd, bondable_usd):
            return True
    return False
