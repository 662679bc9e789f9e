"""What nobody can exceed who goes for something on offer, for all of it at once: most of it pays nobody and is dust.

A block may offer hundreds of accounts to dozens of members, of which hardly one pays. Whoever looks at one in vain has
only spent a look; so what even its ceiling does not make worth a look is not priced at all. The ceilings are above what
pricing would find, with slack for rounding: who is let through is priced exactly, and decides as without them.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from abm.liquidations.tops import Tops, accounts_bring, lots_bring
from models.compiled import compiled
from models.lending import Below
from models.liquidation import SpotDesign
from models.liquidation.ceiling import Accounts
from models.types import FloatArray, IntArray

if TYPE_CHECKING:
    from abm.auctions.sales import OnSale, Sales
    from abm.pools.lender import Lender
    from abm.world import World


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
    moves = moves_of(world, lender, below, sells)
    if not isinstance(lender.design, SpotDesign) or moves is None:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        ceiling = lender.design.ceiling(accounts_of(lender, below, moves.single))
    nothing = np.zeros(below.health.size)
    figures = ceiling.rate + nothing, ceiling.repaid_usd, ceiling.least_usd + nothing
    moved = moves.sold, moves.fallen, moves.up
    return Tops(accounts_bring(*figures, below.debt_value, below.collateral_value, *moved))


def tops_of_lots(world: "World", lender: "Lender", sales: "Sales", lots: "OnSale", sells: bool) -> Tops:
    """Return the tops of lots on sale, at what their units cost now."""
    now_usd = np.array([world.reference[asset] for asset in lender.assets])
    each_usd = brings_each_usd(world, lender, sales.pairs, sells)
    figures = lots.price, sales.paid_at_most(lots), lots.units
    return Tops(lots_bring(*figures, lots.collateral, lots.debt, each_usd, now_usd))


def highest_prices(world: "World", lender: "Lender", pairs: Iterable[tuple[int, int]]) -> FloatArray:
    """Return the most that a unit of the collateral of a pair may bring, in units of its debt, (reserves, reserves)."""
    reference, assets = world.reference, lender.assets
    highest = np.zeros((len(assets), len(assets)))
    for collateral, debt in pairs:
        most_usd = max(brings_usd(world, lender, collateral, debt, True), reference[assets[collateral]])
        highest[collateral, debt] = most_usd / reference[assets[debt]] if collateral != debt else 1.0
    return highest


def brings_each_usd(world: "World", lender: "Lender", pairs: Iterable[tuple[int, int]], sells: bool) -> FloatArray:
    """Return `brings_usd` of some pairs, (reserves, reserves)."""
    each_usd = np.zeros((len(lender.assets), len(lender.assets)))
    for collateral, debt in pairs:
        each_usd[collateral, debt] = brings_usd(world, lender, collateral, debt, sells)
    return each_usd


def moves_of(world: "World", lender: "Lender", below: Below, sells: bool) -> Moves | None:
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
        brings = [(c, brings_usd(world, lender, c, d, sells)) for c in posted for d in debts]
        sold = max(usd / believed[c] for c, usd in brings)
        over = max(1.0, *(usd / now[c] for c, usd in brings))
    if not sold > 0.0:
        return None
    return Moves(risen, sold, min(moved), min(owed_moves), max(owed_moves), over, single, debts)


def accounts_of(lender: "Lender", below: Below, single: bool, least_moved: float = 0.0) -> Accounts:
    """Return accounts as a ceiling sees them."""
    thresholds = [threshold for threshold in lender.thresholds if threshold > 0.0] or [0.0]
    ltv = _ratios(below.debt_value, below.collateral_value)
    spread, unit_usd = (min(thresholds), max(thresholds)), max(lender.price_list)
    return Accounts(below.health, below.debt_value, below.collateral_value, ltv, *spread, unit_usd, single, least_moved)


def brings_usd(world: "World", lender: "Lender", collateral: int, debt: int, sells: bool) -> float:
    """Return the dollars that the first unit of a reserve brings who owes another."""
    asset = lender.assets[collateral]
    return world.bid_usd(asset, lender.assets[debt], lender.floor) if sells else world.reference[asset]


@compiled(error_model="numpy")
def _ratios(values: FloatArray, others: FloatArray) -> FloatArray:  # pragma: no cover - compiled
    """Divide, by nothing too."""
    return values / others


def _bits(mask: int) -> list[int]:
    """Return the numbers of the reserves that a mask has."""
    return [r for r in range(mask.bit_length()) if mask >> r & 1]


@compiled()
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
