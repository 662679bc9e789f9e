"""Who bears a deficit: the verbs of a pool that its loss layers use.

**Source**: Aave v3.3 (``docs/3.3``) for the deficit; Aave Umbrella (claims of a stake go to the collector, which burns
them for the deficit); liquity/dev ``TroveManager.sol`` (other borrowers owe what was lost); ajna-finance/ajna-core
``settlePoolDebt`` (claims of some suppliers are forgiven); recoveries as Euler v1 paid them out in 2023, pro rata.

**Models**: a deficit falls because the treasury gives up its claim (`cover_from_treasury`), cash comes in from
elsewhere (`cover_with_cash`), all suppliers lose claims in proportion (`haircut`), or chosen accounts lose claims
(`cut`) or owe more (`assume`). An account's claim may become the treasury's (`surrender`), for it to cover with.
`restore` pays suppliers what they had lost. `exchange` is no loss: claims end against a debt whose collateral goes to
those who had them.

**Leaves out**: limits on who may be asked, which are the layers'.

**Units**: units of the reserve's asset.

**Invariants**: every sheet balances after every verb, and the totals are the sums of the columns.
"""

import numpy as np
from numpy.typing import ArrayLike

from models.lending.pool import LendingPool
from models.lending.refusals import ExceedsDeficit, InsufficientDebt, InsufficientShares
from models.lending.reserve import RESIDUE, less


def cover_from_treasury(pool: LendingPool, reserve: int, units: float) -> None:
    """Give up `units` of the treasury's claim against the deficit; needs no cash. Raises `InsufficientTreasury`."""
    deficit = _require_deficit(pool, reserve, units)
    treasury = pool._require_treasury("cover", reserve, units)
    pool.treasury[reserve] = less(treasury, units)
    pool.deficit[reserve] = less(deficit, units)


def cover_with_cash(pool: LendingPool, reserve: int, units: float) -> None:
    """Fill `units` of the deficit with cash paid in from elsewhere."""
    deficit = _require_deficit(pool, reserve, units)
    pool.cash[reserve] += units
    pool.deficit[reserve] = less(deficit, units)


def haircut(pool: LendingPool, reserve: int, units: float) -> float:
    """Cut suppliers' claims in proportion by `units` of the deficit; returns what was cut, at most the claims."""
    deficit = _require_deficit(pool, reserve, units)
    index = float(pool.supply_index[reserve])
    claims = float(pool.total_shares[reserve]) * index
    if units >= claims * (1.0 - RESIDUE):
        # Shares that claim nothing would leave new suppliers an index of zero: they end here.
        taken = min(units, claims)
        pool.cuts.wipe(reserve, index, pool.shares[:, reserve])
        pool.shares[:, reserve] = 0.0
        pool.total_shares[reserve] = 0.0
    else:
        taken = units
        left = index * ((claims - taken) / claims)
        pool.supply_index[reserve] = left
        pool.cuts.cut(reserve, index - left)
    pool.deficit[reserve] = less(deficit, taken)
    return taken


def cut(pool: LendingPool, reserve: int, accounts: ArrayLike, units: ArrayLike) -> float:
    """Cut the claim of `accounts[k]`, each named once, by `units[k]` of the deficit; returns what was cut in all.

    Raises `InsufficientShares` beyond a claim.
    """
    ids, amounts = pool._require_many("cut", reserve, accounts, units)
    index = float(pool.supply_index[reserve])
    held = pool.shares[ids, reserve]
    _require_claims(pool, reserve, ids, held * index, amounts)
    deficit = _require_deficit(pool, reserve, float(amounts.sum()))
    left = np.where(amounts >= held * index * (1.0 - RESIDUE), 0.0, held - amounts / index)
    pool.cuts.take(reserve, ids, amounts, held)
    pool.shares[ids, reserve] = left
    pool._shares_ended(reserve, float((held - left).sum()))
    pool.deficit[reserve] = less(deficit, float(amounts.sum()))
    return float(amounts.sum())


def assume(pool: LendingPool, reserve: int, accounts: ArrayLike, units: ArrayLike) -> float:
    """Let `accounts[k]` owe `units[k]` of the deficit; returns what they owe more in all."""
    ids, amounts = pool._require_many("let owe", reserve, accounts, units)
    owed = float(amounts.sum())
    deficit = _require_deficit(pool, reserve, owed)
    scaled = amounts / pool.borrow_index[reserve]
    np.add.at(pool.scaled_debt[:, reserve], ids, scaled)
    pool.total_scaled_debt[reserve] += float(scaled.sum())
    pool.deficit[reserve] = less(deficit, owed)
    pool._changed_many(ids)
    return owed


def surrender(pool: LendingPool, reserve: int, account: int, units: float) -> float:
    """Make `units` of an account's claim the treasury's; returns them, less at most rounding.

    Raises `InsufficientShares` beyond the claim.
    """
    _, (wanted,) = pool._require_many("surrender", reserve, account, units)
    index, held = float(pool.supply_index[reserve]), float(pool.shares[account, reserve])
    claim = held * index
    pool.cuts.settle(account, reserve, held)
    _require_claims(pool, reserve, np.array([account]), np.array([claim]), np.array([wanted]))
    given = min(float(wanted), claim)
    burned = held if given >= claim * (1.0 - RESIDUE) else given / index
    pool.shares[account, reserve] = held - burned
    pool._shares_ended(reserve, burned)
    pool.treasury[reserve] += given
    return given


def exchange(pool: LendingPool, reserve: int, debtor: int, accounts: ArrayLike, units: ArrayLike) -> float:
    """Let `accounts[k]`, each named once, give up `units[k]` of claims for so much of what `debtor` owes.

    Returns the debt that this ends. Raises `InsufficientShares` beyond a claim, and `InsufficientDebt`.
    """
    ids, amounts = pool._require_many("exchange", reserve, accounts, units)
    given, index, held = float(amounts.sum()), float(pool.supply_index[reserve]), pool.shares[ids, reserve]
    _require_claims(pool, reserve, ids, held * index, amounts)
    owed = pool.debt(debtor, reserve)
    if given > owed * (1.0 + RESIDUE):
        raise InsufficientDebt(
            f"account {debtor} owes {owed!r} {pool.names[reserve]}, claims of {given!r} are to end for it; exchange no "
            "more than is owed"
        )
    for account, shares in zip(ids.tolist(), held.tolist(), strict=True):
        pool.cuts.settle(account, reserve, shares)
    left = np.where(amounts >= held * index * (1.0 - RESIDUE), 0.0, held - amounts / index)
    pool.shares[ids, reserve] = left
    pool._shares_ended(reserve, float((held - left).sum()))
    ended = pool.write_off(debtor, reserve, given)
    pool.deficit[reserve] = less(float(pool.deficit[reserve]), ended)
    return ended


def restore(pool: LendingPool, reserve: int, units: float) -> float:
    """Pay `units` of cash in for all suppliers, each in proportion; returns them, nothing where nobody supplies."""
    pool._require_many("restore", reserve, 0, units)
    claims = float(pool.total_claims[reserve])
    if not claims > 0.0:
        return 0.0
    pool.cash[reserve] += units
    pool.supply_index[reserve] *= (claims + units) / claims
    return units


def _require_deficit(pool: LendingPool, reserve: int, units: float) -> float:
    pool._require_units("cover", reserve, units)
    deficit = float(pool.deficit[reserve])
    # A reserve may be lent out of the treasury alone, which no supplier's verb has noted.
    scale = max(pool._largest_sheet[reserve], deficit)
    if units > deficit + RESIDUE * scale:
        raise ExceedsDeficit(
            f"{pool.names[reserve]} has a deficit of {deficit!r}, asked to cover {units!r}; cover no more than that"
        )
    return deficit


def _require_claims(pool: LendingPool, reserve: int, ids: ArrayLike, claims: ArrayLike, wanted: ArrayLike) -> None:
    short = np.asarray(wanted) > np.asarray(claims) * (1.0 + RESIDUE)
    if short.any():
        at = int(short.argmax())
        raise InsufficientShares(
            f"account {np.asarray(ids)[at]} claims {np.asarray(claims)[at]!r} of {pool.names[reserve]}, asked for "
            f"{np.asarray(wanted)[at]!r}; take no more than the claim"
        )
