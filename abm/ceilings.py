"""What nobody can exceed who goes for something on offer, for all of it at once: most of it pays nobody and is dust.

A block may offer hundreds of accounts to dozens of members, of which hardly one pays. Whoever looks at one in vain has
only spent a look; so what even its ceiling does not make worth a look is not priced at all. The ceilings are above what
pricing would find, with slack for rounding: who is let through is priced exactly, and decides as without them.
"""

from math import inf
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from abm.tops import Tops, accounts_bring
from models.lending import Below
from models.liquidation import House, SpotDesign, TimedDesign
from models.liquidation.ceiling import SLACK, Accounts, OpeningCeiling
from models.types import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from abm.auctions import Auctions, Waiting
    from abm.sales import OnSale, Sales
    from abm.world import Lender, World


class CallTerms(NamedTuple):
    """What a caller counts on and has: `asked` of each dollar that buyers raise, or what it would gain, less gas.

    In all that must leave more than nothing and `least_usd`; `budget_usd` is there to buy with, `bondable_usd` to lock.
    """

    asked: float
    gas_usd: float
    least_usd: float
    budget_usd: float
    bondable_usd: float


class OpeningTops(NamedTuple):
    """No call is paid more, raises more by what it puts up for sale, or gains a buyer more.

    Nor does a buyer gain more than `best` of each dollar that is to be raised; nobody locks less than `bond_usd`. Each
    (n,).
    """

    reward_usd: FloatArray
    raised_usd: FloatArray
    gain_usd: FloatArray
    best: FloatArray
    bond_usd: FloatArray

    def only(self, those: BoolArray | IntArray) -> "OpeningTops":
        """Leave out all but those."""
        return OpeningTops(*(figures[those] for figures in self))

    def beside(self, other: "OpeningTops") -> "OpeningTops":
        """Return these and then the others."""
        return OpeningTops(*map(np.concatenate, zip(self, other, strict=True)))

    def may_bring(self, terms: CallTerms, places: IntArray) -> BoolArray:
        """Return whether a caller may be left with what it wants by calls at these places."""
        return _calls_may_bring(places, *self, *terms)

    def any_may_bring(self, terms: CallTerms) -> bool:
        """Return whether a caller may be left with what it wants by any call."""
        return _any_call_may_bring(*self, *terms)


class Moves(NamedTuple):
    """By how much prices differ from those that the protocol believes, as a factor.

    `risen` is the most and `sunk` the least of any collateral that a call may seize, at the reference price, and `sold`
    the most at what the first unit brings; `fallen` is the least of any of the `debts` and `up` the most. What is sold
    brings up to `over` times the reference price, at least once that. Where accounts are `single`, each has one
    collateral and one debt.
    """

    risen: float
    sold: float
    sunk: float
    fallen: float
    up: float
    over: float
    single: bool
    debts: list[int]


def tops_of_accounts(world: "World", lender: "Lender", below: Below, sells: bool) -> Tops | None:
    """Return the tops of accounts of a design that settles at once, at the best bids for who sells, else the reference.

    None where there is no telling.
    """
    moves = _moves(world, lender, below, sells)
    if not isinstance(lender.design, SpotDesign) or moves is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        ceiling = lender.design.ceiling(_accounts(lender, below, moves.single))
    nothing = np.zeros(below.health.size)
    figures = ceiling.rate + nothing, ceiling.repaid_usd, ceiling.least_usd + nothing
    moved = moves.sold, moves.fallen, moves.up
    return Tops(accounts_bring(*figures, below.debt_value, below.collateral_value, *moved))


def tops_of_openings(
    world: "World", lender: "Lender", below: Below, auctions: "Auctions", sells: bool
) -> OpeningTops | None:
    """Return the tops of calls that open accounts; None where none are stated."""
    moves = _moves(world, lender, below, sells)
    if moves is None:
        return None
    accounts = _accounts(lender, below, moves.single, moves.sunk / moves.up)
    ceiling = _highest(auctions.design, accounts, auctions.most_generous_houses(moves.debts))
    if ceiling is None:
        return None
    best = max(ceiling.rate * (moves.sold / moves.fallen * SLACK**2) - 1.0, 0.0)
    worth_usd = below.collateral_value * (max(moves.risen, moves.sold) * SLACK)
    return OpeningTops(
        reward_usd=np.where(
            ceiling.reward_usd > 0.0,
            ceiling.reward_usd * (max(moves.risen, moves.up) * SLACK),
            ceiling.reward_usd * (moves.fallen / SLACK),
        ),
        raised_usd=np.minimum(ceiling.raised_usd * (moves.up * SLACK), worth_usd),
        gain_usd=worth_usd * (best / (1.0 + best)) if best < inf else worth_usd,
        best=np.full(worth_usd.size, best * moves.over),
        bond_usd=ceiling.bond_usd * (moves.fallen / SLACK) + np.zeros(worth_usd.size),
    )


def tops_of_restarts(
    world: "World", lender: "Lender", waiting: "Waiting", design: TimedDesign, sells: bool
) -> OpeningTops | None:
    """Return the tops of calls that start auctions afresh; None where none are stated."""
    ceiling = design.restart_ceiling(waiting.raising_usd, waiting.worth_usd)
    if ceiling is None:
        return None
    now_usd, believed = np.array([world.reference[asset] for asset in lender.assets]), lender.prices
    collateral, debt = waiting.collateral, waiting.debt
    brings_usd = _brings_each_usd(world, lender, collateral, debt, sells)
    figures = ceiling.reward_usd, ceiling.raised_usd, waiting.worth_usd, waiting.debt_usd
    return OpeningTops(*_afresh(*figures, ceiling.rate, collateral, debt, brings_usd, now_usd, believed))


def tops_of_lots(world: "World", lender: "Lender", sales: "Sales", lots: "OnSale", sells: bool) -> Tops:
    """Return the tops of lots on sale, at what their units cost now."""
    debt_usd = np.array([world.reference[asset] for asset in lender.assets])
    cost_usd = lots.price * debt_usd[lots.debt]
    brings_usd = _brings_each_usd(world, lender, lots.collateral, lots.debt, sells)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = brings_usd / cost_usd * SLACK**2 - 1.0
    paid_usd = sales.paid_at_most(lots) * debt_usd[lots.debt] * SLACK**2
    return Tops(np.array((gain, paid_usd, lots.units * brings_usd * SLACK, np.zeros(gain.size))))


def highest_prices(world: "World", lender: "Lender") -> FloatArray:
    """Return the most that a unit of each collateral may bring, in units of each debt, (reserves, reserves)."""
    assets, reference, floor = lender.assets, world.reference, lender.floor
    return np.array(
        [
            [max(world.bid_usd(c, d, floor), reference[c]) / reference[d] if c != d else 1.0 for d in assets]
            for c in assets
        ]
    )


def _moves(world: "World", lender: "Lender", below: Below, sells: bool) -> Moves | None:
    """Return how far prices have moved of what accounts have posted, and of what they owe; None where that is nothing.

    Which pair of an account a call is on is not asked: what has risen most counts, and what has fallen most.
    """
    pool, believed = lender.pool, lender.price_list
    used = pool.collateral, pool.scaled_debt, lender.prices, pool.thresholds, below.accounts
    posted_bits, owed_bits, single = _used(*used)
    posted, debts = _bits(posted_bits), _bits(owed_bits)
    now = [world.reference[asset] for asset in lender.assets]
    owed_moves = [now[r] / believed[r] for r in debts]
    if not posted or min(owed_moves, default=0.0) <= 0.0:
        return None
    moved = [now[r] / believed[r] for r in posted]
    risen = sold = max(moved)
    over = 1.0
    if sells:
        brings = [(c, _brings_usd(world, lender, c, d, sells)) for c in posted for d in debts]
        sold = max(usd / believed[c] for c, usd in brings)
        over = max(1.0, *(usd / now[c] for c, usd in brings))
    if not sold > 0.0:
        return None
    return Moves(risen, sold, min(moved), min(owed_moves), max(owed_moves), over, single, debts)


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
        )
    return first


def _accounts(lender: "Lender", below: Below, single: bool, least_moved: float = 0.0) -> Accounts:
    """Return accounts as a ceiling sees them."""
    thresholds = [threshold for threshold in lender.thresholds if threshold > 0.0] or [0.0]
    ltv = _ratios(below.debt_value, below.collateral_value)
    spread, unit_usd = (min(thresholds), max(thresholds)), max(lender.price_list)
    return Accounts(below.health, below.debt_value, below.collateral_value, ltv, *spread, unit_usd, single, least_moved)


def _brings_each_usd(world: "World", lender: "Lender", collateral: IntArray, debt: IntArray, sells: bool) -> FloatArray:
    """Return `_brings_usd` of each pair, (n,)."""
    reference = np.array([world.reference[asset] for asset in lender.assets])
    if not sells:
        held: FloatArray = reference[collateral]
        return held
    pairs, places = np.unique(collateral * reference.size + debt, return_inverse=True)
    each = (divmod(pair, reference.size) for pair in pairs.tolist())
    brings = [_brings_usd(world, lender, c, d, sells) for c, d in each]
    sold: FloatArray = np.array(brings)[places]
    return sold


def _brings_usd(world: "World", lender: "Lender", collateral: int, debt: int, sells: bool) -> float:
    """Return the dollars that the first unit of a reserve brings who owes another."""
    asset = lender.assets[collateral]
    return world.bid_usd(asset, lender.assets[debt], lender.floor) if sells else world.reference[asset]


@njit(cache=True, error_model="numpy")
def _ratios(values: FloatArray, others: FloatArray) -> FloatArray:  # pragma: no cover - compiled
    """Divide, by nothing too."""
    return values / others


@njit(cache=True, error_model="numpy")
def _afresh(
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
) -> FloatArray:  # pragma: no cover - compiled
    """Return the `OpeningTops` of restarts, (5, n): dollars of the opening are those of now by way of the debt."""
    tops = np.zeros((5, reward_usd.size))
    for k in range(reward_usd.size):
        c, d = collateral[k], debt[k]
        per_dollar = rate * brings_usd[k] / believed[c] * (believed[d] / now_usd[d])
        best = max(per_dollar * SLACK**2 - 1.0, 0.0) * max(brings_usd[k] / now_usd[c], 1.0)
        moved = now_usd[d] / debt_usd[k] * SLACK
        risen = now_usd[c] / believed[c] * (believed[d] / debt_usd[k]) * SLACK
        raised = min(raised_usd[k] * moved, worth_usd[k] * risen)
        tops[0, k], tops[1, k], tops[2, k], tops[3, k] = reward_usd[k] * moved, raised, raised * best, best
    return tops


@njit(cache=True)
def _call_may_bring(
    reward_usd: float,
    raised_usd: float,
    gain_usd: float,
    best: float,
    bond_usd: float,
    asked: float,
    gas_usd: float,
    least_usd: float,
    budget_usd: float,
    bondable_usd: float,
) -> bool:  # pragma: no cover - compiled
    """See `OpeningTops.may_bring`. What is no number is let through."""
    most = max(best, asked)
    affordable_usd = budget_usd * most if most > 0.0 else 0.0
    bought_usd = min(max(gain_usd, asked * raised_usd), affordable_usd) * SLACK - gas_usd
    profit_usd = reward_usd - gas_usd + max(bought_usd, 0.0)
    unbonded = bond_usd > bondable_usd * SLACK
    return not (profit_usd <= 0.0 or profit_usd < least_usd or unbonded)


@njit(cache=True)
def _calls_may_bring(
    places: IntArray,
    reward_usd: FloatArray,
    raised_usd: FloatArray,
    gain_usd: FloatArray,
    best: FloatArray,
    bond_usd: FloatArray,
    asked: float,
    gas_usd: float,
    least_usd: float,
    budget_usd: float,
    bondable_usd: float,
) -> BoolArray:  # pragma: no cover - compiled
    may = np.empty(places.size, np.bool_)
    for n, k in enumerate(places):
        top = reward_usd[k], raised_usd[k], gain_usd[k], best[k], bond_usd[k]
        may[n] = _call_may_bring(*top, asked, gas_usd, least_usd, budget_usd, bondable_usd)
    return may


@njit(cache=True)
def _any_call_may_bring(
    reward_usd: FloatArray,
    raised_usd: FloatArray,
    gain_usd: FloatArray,
    best: FloatArray,
    bond_usd: FloatArray,
    asked: float,
    gas_usd: float,
    least_usd: float,
    budget_usd: float,
    bondable_usd: float,
) -> bool:  # pragma: no cover - compiled
    for k in range(reward_usd.size):
        top = reward_usd[k], raised_usd[k], gain_usd[k], best[k], bond_usd[k]
        if _call_may_bring(*top, asked, gas_usd, least_usd, budget_usd, bondable_usd):
            return True
    return False


def _bits(mask: int) -> list[int]:
    """Return the numbers of the reserves that a mask has."""
    return [r for r in range(mask.bit_length()) if mask >> r & 1]


@njit(cache=True)
def _used(
    collateral: FloatArray, scaled_debt: FloatArray, prices: FloatArray, thresholds: FloatArray, accounts: IntArray
) -> tuple[int, int, bool]:  # pragma: no cover - compiled
    """Which reserves a call on some account may seize, which it may repay, as bits, and whether all are single."""
    seizable, repayable, single = 0, 0, True
    for account in accounts:
        backed = False
        for r in range(prices.size):
            backed |= collateral[account, r] * prices[r] > 0.0 and thresholds[r] > 0.0
        held, owed = 0, 0
        for r in range(prices.size):
            if collateral[account, r] > 0.0:
                held += 1
                if prices[r] > 0.0 and (thresholds[r] > 0.0 or not backed):
                    seizable |= 1 << r
            if scaled_debt[account, r] > 0.0:
                owed += 1
                if prices[r] > 0.0:
                    repayable |= 1 << r
        single &= held <= 1 and owed <= 1
    return seizable, repayable, single
