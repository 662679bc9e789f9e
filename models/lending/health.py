"""Who has fallen below their line, without looking at everybody.

**Source**: the health factor of `models.lending.valuation`; the bound is elementary. Keeping positions sorted by
liquidation price, so that a step costs one search, is the practice of simulators of crvUSD and Aave; here it is
extended to several collaterals and debts.

**Models**: nobody whose health cannot have crossed a line since it was last looked at needs a look. At an *anchor*
all watched accounts are valued and sorted by ``health / line`` within *groups* that use the same reserves as
collateral and as debt. Later, the health of an account of a group is at least

    health at the anchor * min over its collaterals of price / price then
                         / max over its debts of price * index / (price * index) then

so only a prefix of each sorted group can be below its line, found by one search. With one collateral and one debt
the bound is the health itself and nobody is looked at in vain. Accounts whose position changed are *touched*: they
leave their group and are looked at every time, until a new anchor takes them in. A new anchor is made once the looks
in vain have cost as much as making it, so that its price is spread over them.

**Leaves out**: nothing that shows. The answer is that of looking at everybody, for any history.

**Units**: lines and health are ratios; prices in value per unit.

**Invariants**: `HealthWatch.below` equals the brute force over all accounts, whatever was touched and however
prices went; it depends on the pool and the lines only, never on when the anchor was made.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.lending.pool import LendingPool
from models.lending.refusals import TooManyReserves
from models.lending.valuation import value_row, value_rows
from models.types import BoolArray, FloatArray, IntArray

# A bit of a signed word for each.
MOST_RESERVES: Final = 63

# The bound is compared with this much slack, so that its own rounding (some ulps) hides nobody.
_SLACK: Final = 1.0 + 1e-12
# What making an anchor costs, counted in looks: so many for each account and some for the call (measured: 0.3 us and
# 0.3 ms against 0.02 us to 0.03 us a look).
_LOOKS_PER_ANCHORED: Final = 16
_LOOKS_PER_ANCHOR: Final = 10_000
# Passing the vacant place of an account that was touched since costs about a sixteenth of a look.
_VACANT_PER_LOOK: Final = 16

# Which bit of a word is set, found by the word modulo 67: the powers of two below 2^64 all differ there.
_BIT: Final = np.zeros(67, np.int64)
_BIT[[pow(2, bit, 67) for bit in range(64)]] = np.arange(64)

_OUT: Final = -1
_TOUCHED: Final = -2


class Below(NamedTuple):
    """Who is below their line, in the order of their ids; each (accounts,)."""

    accounts: IntArray
    health: FloatArray
    debt_value: FloatArray
    collateral_value: FloatArray

    def only(self, those: BoolArray) -> "Below":
        """Leave out all but those."""
        return Below(self.accounts[those], self.health[those], self.debt_value[those], self.collateral_value[those])


class Anchor(NamedTuple):
    """The watched accounts that owed when they were last all valued, sorted by health over line within their groups.

    `prices` and `priced_indices` (prices times borrow indices) are those of then, (R,). `groups` has a row (reserves
    used as collateral, as debt, end) for each group, the reserves as bits; by place in the order: `accounts` (-1 once
    the account was touched), `ratio` (health over line) and `owed` (value of the debt, of which `Landscape` strikes out
    what belongs to touched accounts).
    """

    prices: FloatArray
    priced_indices: FloatArray
    groups: IntArray
    accounts: NDArray[np.int32]
    ratio: FloatArray
    owed: FloatArray


class HealthWatch:
    """Watches the accounts of a pool, each against a line of its own.

    `line` is one health for all accounts (1.0 for liquidation) or an array (accounts,); accounts with line 0 are not
    watched. The watch learns from the pool whose position a verb has changed; whoever writes the pool's columns
    otherwise calls `touch`. `vacated` are the places of the anchor whose accounts were touched since, in that
    order. Raises `TooManyReserves` for a pool of more than 63.
    """

    def __init__(self, pool: LendingPool, line: FloatArray | float) -> None:
        if pool.reserves > MOST_RESERVES:
            raise TooManyReserves(
                f"the pool has {pool.reserves} reserves, a watch keeps {MOST_RESERVES} apart; split the pool"
            )
        self._pool = pool
        self._new_line = float(line) if np.ndim(line) == 0 else 0.0
        self._line = np.array(np.broadcast_to(line, pool.accounts), np.float64)
        self._slot = np.full(pool.accounts, _OUT, np.int32)
        self._order = np.zeros(0, np.int32)
        self._ratio = np.zeros(0)
        self._groups = np.zeros((0, 3), np.int64)
        self._then = np.zeros((2, pool.reserves))
        self._touched = np.zeros(64, np.int32)
        self._touched_count = 0
        self._anchored = False
        self._looks_in_vain = 0.0
        self.vacated: list[int] = []
        self._expose()
        pool.on_change(self.touch, self.touch_many)

    def _expose(self) -> None:
        self._marks = np.zeros(-(-len(self._slot) // 64), np.uint64)
        self._slots = self._slot.data
        self._places = self._order.data
        self._touches = self._touched.data

    def touch(self, account: int) -> None:
        """Note that the account's position has changed: it is looked at from now on, until the next anchor."""
        if account >= len(self._slots):
            self._take_in_new_accounts()
        place = self._slots[account]
        if place == _TOUCHED:
            return
        if place >= 0:
            self._places[place] = -1
            self.vacated.append(place)
        self._slots[account] = _TOUCHED
        if self._touched_count == len(self._touches):
            self._touched = np.concatenate((self._touched, np.zeros_like(self._touched)))
            self._touches = self._touched.data
        self._touches[self._touched_count] = account
        self._touched_count += 1

    def touch_many(self, accounts: IntArray) -> None:
        """`touch` for many accounts, of any order."""
        if accounts.size and int(accounts.max()) >= len(self._slots):
            self._take_in_new_accounts()
        new, places = _untouched(accounts, self._slot)
        if not new.size:
            return
        in_order = new.argsort()
        new, places = new[in_order], places[in_order]
        vacant = places[places >= 0]
        self._order[vacant] = -1
        self.vacated.extend(vacant.tolist())
        count = self._touched_count + new.size
        if count > len(self._touched):
            self._touched = np.concatenate((self._touched, np.zeros(max(count, len(self._touched)), np.int32)))
            self._touches = self._touched.data
        self._touched[self._touched_count : count] = new
        self._touched_count = count

    @property
    def touched(self) -> NDArray[np.int32]:
        """The accounts that are looked at one by one: a view, some of which may owe nothing by now."""
        return self._touched[: self._touched_count]

    def anchor(self, prices: FloatArray) -> Anchor:
        """The anchor in use, made at `prices` where there is none yet; the same object until there is a new one."""
        if not self._anchored:
            self._anchor(prices)
        return self._anchor_made

    def _take_in_new_accounts(self) -> None:
        """Accounts added to the pool have the common line, or none where each has its own."""
        more = self._pool.accounts - len(self._slot)
        self._line = np.concatenate((self._line, np.full(more, self._new_line)))
        self._slot = np.concatenate((self._slot, np.full(more, _OUT, np.int32)))
        self._expose()

    def below(self, prices: FloatArray) -> Below:
        """Everybody whose health at `prices` (R,) is below their line, with exact health and values."""
        pool = self._pool
        if not self._anchored:
            self._anchor(prices)
        accounts, values, vain, self._touched_count = _below(
            prices,
            pool.borrow_index,
            pool.thresholds,
            self._then,
            self._groups,
            self._order,
            self._ratio,
            self._touched,
            self._touched_count,
            self._slot,
            self._line,
            self._marks,
            pool.collateral,
            pool.scaled_debt,
        )
        health, owed, held = values
        return self._found(prices, vain, Below(accounts, health, owed, held))

    def _found(self, prices: FloatArray, vain: float, below: Below) -> Below:
        """Book the looks in vain that it took, and make a new anchor once they have cost as much as one."""
        self._looks_in_vain += vain
        if self._looks_in_vain > _LOOKS_PER_ANCHOR + _LOOKS_PER_ANCHORED * len(self._order):
            self._anchor(prices)
        return below

    def _anchor(self, prices: FloatArray) -> None:
        """Value and sort all watched accounts that owe, at these prices."""
        pool = self._pool
        if pool.accounts > len(self._slot):
            self._take_in_new_accounts()
        rows = np.flatnonzero((self._line > 0.0) & (pool.scaled_debt > 0.0).any(axis=1))
        valued = value_rows(pool.collateral, pool.scaled_debt, prices, pool.thresholds, pool.borrow_index, rows)
        ratio = valued[0] / self._line[rows]
        owed = valued[2].copy()
        del valued
        # The reserves that an account uses as collateral, and as debt, in one number each.
        backing, owing = np.zeros((2, len(rows)), np.int64)
        for r in range(pool.reserves):
            if pool.thresholds[r] > 0.0:
                backing |= (pool.collateral[rows, r] > 0.0).astype(np.int64) << r
            owing |= (pool.scaled_debt[rows, r] > 0.0).astype(np.int64) << r
        by_group = np.lexsort((ratio, backing, owing))
        backing, owing = backing[by_group], owing[by_group]
        others = (np.diff(backing) != 0) | (np.diff(owing) != 0)
        ends = np.append(np.flatnonzero(others) + 1, len(rows))[: len(rows)]
        self._groups = np.column_stack((backing[ends - 1], owing[ends - 1], ends))
        self._order = rows[by_group].astype(np.int32)
        self._ratio = ratio[by_group]
        self._then = np.stack((prices, prices * pool.borrow_index))
        self._slot.fill(_OUT)
        self._slot[self._order] = np.arange(len(self._order), dtype=np.int32)
        self._anchor_made = Anchor(self._then[0], self._then[1], self._groups, self._order, self._ratio, owed[by_group])
        self.vacated = []
        self._touched_count = 0
        self._looks_in_vain = 0.0
        self._anchored = True
        self._expose()


@compiled()
def _untouched(accounts: IntArray, slot: NDArray[np.int32]) -> tuple[IntArray, IntArray]:  # pragma: no cover - compiled
    """Who of some accounts was not touched yet, once each, and their slots until now; all are from now on."""
    new, places = np.empty(len(accounts), np.int64), np.empty(len(accounts), np.int64)
    count = 0
    for account in accounts:
        if slot[account] != _TOUCHED:
            new[count], places[count] = account, slot[account]
            slot[account] = _TOUCHED
            count += 1
    return new[:count].copy(), places[:count].copy()


@compiled(inline="always")
def _worst(
    backing: int, owing: int, prices: FloatArray, borrow_index: FloatArray, then: FloatArray
) -> float:  # pragma: no cover - compiled
    """The largest ``health / line`` at the anchor that may be below 1 now, in a group that uses these reserves.

    Infinite where a price is or was nothing: then there is no bound, and everybody is a suspect.
    """
    fall, rise = np.inf, 0.0
    for r in range(len(prices)):
        if (backing >> r) & 1 and then[0, r] > 0.0:
            fall = min(fall, prices[r] / then[0, r])
        if (owing >> r) & 1:
            rise = max(rise, prices[r] * borrow_index[r] / then[1, r] if then[1, r] > 0.0 else np.inf)
    return rise / fall * _SLACK if 0.0 < fall < np.inf and rise > 0.0 else np.inf


@compiled()
def _below(
    prices: FloatArray,
    borrow_index: FloatArray,
    thresholds: FloatArray,
    then: FloatArray,
    groups: IntArray,
    order: NDArray[np.int32],
    ratio: FloatArray,
    touched: NDArray[np.int32],
    touched_count: int,
    slot: NDArray[np.int32],
    line: FloatArray,
    marks: NDArray[np.uint64],
    collateral: FloatArray,
    scaled_debt: FloatArray,
) -> tuple[IntArray, FloatArray, float, int]:  # pragma: no cover - compiled
    """Who is below their line, by id; what the looks in vain cost; how many accounts stay touched.

    The second has a column (health, debt value, collateral value) for each. Suspects are marked, a bit for each account
    in `marks` (all 0 before and after), and then looked at from the first bit to the last, which puts them in order at
    no cost. Touched accounts that owe nothing drop out here; the verb that lends to them touches them again.
    """
    suspects, vain = 0, 0.0
    start = 0
    for g in range(len(groups)):
        worst = _worst(groups[g, 0], groups[g, 1], prices, borrow_index, then)
        for place in range(start, groups[g, 2]):
            if not (ratio[place] < worst or worst == np.inf):
                break
            if order[place] < 0:
                vain += 1.0 / _VACANT_PER_LOOK
            else:
                _mark(marks, order[place])
                suspects += 1
        start = groups[g, 2]
    staying = 0
    for k in range(touched_count):
        account = touched[k]
        if not scaled_debt[account].any():
            slot[account] = _OUT
            continue
        touched[staying] = account
        staying += 1
        _mark(marks, account)
        suspects += 1

    accounts, values = np.empty(suspects, np.int64), np.empty((3, suspects))
    found = 0
    for word in range(len(marks) if suspects else 0):
        left = marks[word]
        marks[word] = 0
        while left:
            lowest = left & (~left + np.uint64(1))
            left ^= lowest
            accounts[found] = word * 64 + _BIT[lowest % np.uint64(67)]
            if _look(accounts[found], prices, borrow_index, thresholds, line, collateral, scaled_debt, values, found):
                found += 1
            else:
                vain += 1.0
    return accounts[:found].copy(), values[:, :found].copy(), vain, staying


@compiled(inline="always")
def _mark(marks: NDArray[np.uint64], account: int) -> None:  # pragma: no cover - compiled
    marks[account // 64] |= np.uint64(1) << np.uint64(account % 64)


@compiled(inline="always")
def _look(
    account: int,
    prices: FloatArray,
    borrow_index: FloatArray,
    thresholds: FloatArray,
    line: FloatArray,
    collateral: FloatArray,
    scaled_debt: FloatArray,
    below: FloatArray,
    found: int,
) -> bool:  # pragma: no cover - compiled
    """Value one account, and write it down if it is below its line."""
    backing, held, owed = value_row(collateral, scaled_debt, prices, thresholds, borrow_index, account)
    health = backing / owed if owed > 0.0 else np.inf
    if health >= line[account]:
        return False
    below[0, found] = health
    below[1, found] = owed
    below[2, found] = held
    return True
