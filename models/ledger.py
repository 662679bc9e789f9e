"""Who holds how much of what: double entry, so that nothing appears or vanishes.

**Source**: double-entry bookkeeping; the shape (one table of balances, no outward calls) follows Maker's ``Vat``.

**Models**: one table ``balances[account, asset]``. Every entry takes from one account what it gives to another.
Three accounts are named from the start and may go below zero: ``MINT`` (what has been created), ``BURN`` (what has
been destroyed) and ``OUTSIDE`` (the world beyond the simulation). All others hold what they hold.

**Leaves out**: allowances, fees on transfer, rebasing. An account holds nothing it has not been given.

**Units**: tokens (1.0 = one token), accounts and assets by their number.

**Invariants**: per asset, the sum over all accounts is zero up to rounding (`Ledger.check`); only the three named
accounts are ever negative. A refused entry changes nothing.
"""

from bisect import bisect_right
from collections.abc import Sequence
from math import inf
from typing import Final, cast

import numpy as np
from numpy.typing import ArrayLike

from models.compiled import compiled
from models.refusals import Refusal
from models.types import FloatArray, IntArray

MINT: Final = 0
BURN: Final = 1
OUTSIDE: Final = 2

# An overdraft below this part of the largest balance that passed through the named accounts is rounding: the error of
# a sum grows with what has flowed, so what is left of a balance cannot be the measure.
ROUNDING: Final = 1e-12


class Overdraft(Refusal):
    """An account was asked for more than it holds."""


class InvalidAmount(Refusal):
    """An amount is negative, infinite or not a number."""


class UnknownAsset(Refusal):
    """No asset of that name is kept in this ledger."""


class AccountNameTaken(Refusal):
    """Two groups of accounts cannot share a name: messages name accounts by it."""


class NotConserved(Refusal):
    """The accounts of an asset no longer sum to zero."""


class Ledger:
    """The balances of every account in every asset.

    ``balances`` is a read-only view, (accounts, assets) float64; opening accounts replaces it, so look it up anew.
    """

    def __init__(self, assets: Sequence[str]) -> None:
        self.assets = tuple(assets)
        self._width = len(self.assets)
        self._table = np.zeros((16, self._width))
        self._names: list[str] = []
        self._starts: list[int] = []
        self._accounts = 0
        self._scale = [0.0] * self._width
        for name in ("mint", "burn", "outside"):
            self.open(name)

    @property
    def accounts(self) -> int:
        """How many accounts are open, the three named ones included."""
        return self._accounts

    def open(self, name: str, count: int = 1) -> int:
        """Open `count` empty accounts under one name; returns the first id, the others follow it.

        Raises `AccountNameTaken` when the name is in use.
        """
        if name in self._names:
            raise AccountNameTaken(f"accounts named {name!r} are open already; give this group a name of its own")
        if count < 1:
            raise InvalidAmount(f"{count} accounts cannot be opened as {name!r}; open at least one")
        first = self._accounts
        self._names.append(name)
        self._starts.append(first)
        self._accounts = first + count
        if self._accounts > len(self._table):
            grown = np.zeros((max(self._accounts, 2 * len(self._table)), self._width))
            grown[:first] = self._table[:first]
            self._table = grown
        self._expose()
        return first

    def _expose(self) -> None:
        """Two windows on the same memory: an array for readers, a memoryview because it reads one float 5x faster."""
        live = self._table[: self._accounts]
        self._cells = cast("memoryview[float]", live.data)
        self.balances: FloatArray = live.view()
        self.balances.flags.writeable = False

    def name(self, account: int) -> str:
        """What an account is called: ``pool``, or ``borrowers.0[17]`` for one of many."""
        group = bisect_right(self._starts, account) - 1
        start = self._starts[group]
        end = self._starts[group + 1] if group + 1 < len(self._starts) else self._accounts
        return self._names[group] if end - start == 1 else f"{self._names[group]}[{account - start}]"

    def asset(self, name: str) -> int:
        """The number of an asset. Raises `UnknownAsset`."""
        if name not in self.assets:
            raise UnknownAsset(f"no asset {name!r} here; the ledger keeps {', '.join(self.assets)}")
        return self.assets.index(name)

    def balance(self, account: int, asset: int) -> float:
        """What `account` holds of `asset`, in units."""
        return self._cells[account, asset]

    def transfer(self, source: int, target: int, asset: int, amount: float) -> float:
        """Move `amount` units and return what was moved.

        That is `amount`, or the whole balance where `amount` exceeds it by rounding only (`ROUNDING` of the largest
        balance of a named account so far). Raises `InvalidAmount`, `Overdraft`, and IndexError for what is not there.
        """
        if not 0.0 <= amount < inf:
            raise self._unmovable(source, asset, amount)
        if source < 0 or target < 0 or asset < 0:  # which would count from the end
            raise self._nowhere(source, target, asset)
        cells = self._cells
        held = cells[source, asset]
        if amount > held and source > OUTSIDE:
            amount = self._all_but_rounding(source, asset, held, amount)
        if source != target:  # to oneself it would round
            cells[source, asset] = held - amount
            cells[target, asset] += amount
            if source <= OUTSIDE:
                self._note_scale(asset)
        return amount

    def exchange(self, one: int, other: int, given: int, amount: float, taken: int, counter: float) -> None:
        """Move `amount` of asset `given` from `one` to `other`, and `counter` of asset `taken` back: both or neither.

        As two transfers of different assets. Raises as `transfer` does.
        """
        if not (0.0 <= amount < inf and 0.0 <= counter < inf):
            source, asset, wrong = (other, taken, counter) if 0.0 <= amount < inf else (one, given, amount)
            raise self._unmovable(source, asset, wrong)
        if one < 0 or other < 0 or given < 0 or taken < 0:
            raise self._nowhere(one, other, given, taken)
        cells = self._cells
        held, counter_held = cells[one, given], cells[other, taken]
        if amount > held and one > OUTSIDE:
            amount = self._all_but_rounding(one, given, held, amount)
        if counter > counter_held and other > OUTSIDE:
            counter = self._all_but_rounding(other, taken, counter_held, counter)
        if one == other:
            return
        cells[one, given] = held - amount
        cells[other, given] += amount
        cells[other, taken] = counter_held - counter
        cells[one, taken] += counter
        if one <= OUTSIDE:
            self._note_scale(given)
        if other <= OUTSIDE:
            self._note_scale(taken)

    def _nowhere(self, *numbers: int) -> IndexError:
        return IndexError(f"an account or asset has the number {min(numbers)}; numbers are 0 or more, -1 is none")

    def _unmovable(self, account: int, asset: int, amount: float) -> InvalidAmount:
        return InvalidAmount(
            f"{amount} {self.assets[asset]} cannot be moved from {self.name(account)}; give a finite amount, 0 or more"
        )

    def _all_but_rounding(self, account: int, asset: int, held: float, amount: float) -> float:
        if amount - held <= ROUNDING * self._scale[asset]:
            return held
        raise Overdraft(
            f"{self.name(account)} holds {held!r} {self.assets[asset]}, asked for {amount!r}; "
            "ask for no more than the balance"
        )

    def _note_scale(self, asset: int) -> None:
        cells = self._cells
        self._scale[asset] = max(
            self._scale[asset], -cells[MINT, asset], cells[BURN, asset], abs(cells[OUTSIDE, asset])
        )

    def transfer_many(self, sources: ArrayLike, targets: ArrayLike, asset: int, amounts: ArrayLike) -> FloatArray:
        """Many transfers of one asset, in order and all or none; returns the amounts moved.

        `sources`, `targets` (ids) and `amounts` (units) are arrays of one length or scalars. Each transfer sees the
        ones before it. Raises as `transfer` does, for the first one that cannot be done, with nothing moved.
        """
        given, taken, wanted = np.broadcast_arrays(
            np.atleast_1d(np.asarray(sources, np.int64)), np.asarray(targets, np.int64), np.asarray(amounts, np.float64)
        )
        if not given.size:
            return np.zeros(0)
        if min(given.min(), taken.min()) < 0 or max(given.max(), taken.max()) >= self._accounts:
            raise IndexError(f"an account id is outside 0..{self._accounts - 1}")
        # Copies: a scalar that was spread to one row stays a view, which numba may not take for its own.
        source_ids, target_ids = np.array(given, order="C"), np.array(taken, order="C")
        moved = np.array(wanted, order="C")
        column = self._table[:, asset]
        slack = ROUNDING * self._scale[asset]
        failed = _transfer_many(column, source_ids, target_ids, moved, slack)
        if failed >= 0:
            source, amount = int(source_ids[failed]), float(moved[failed])
            if not 0.0 <= amount < inf:
                raise InvalidAmount(
                    f"{amount} {self.assets[asset]} cannot be moved from {self.name(source)} "
                    f"(transfer {failed} of {moved.size}); give finite amounts, 0 or more"
                )
            raise Overdraft(
                f"{self.name(source)} holds less {self.assets[asset]} than the {amount!r} asked for in "
                f"transfer {failed} of {moved.size}; ask for no more than the balance"
            )
        self._note_scale(asset)
        return moved

    def mint(self, account: int, asset: int, amount: float) -> float:
        """Create `amount` units in `account`; returns it. Raises `InvalidAmount`."""
        return self.transfer(MINT, account, asset, amount)

    def burn(self, account: int, asset: int, amount: float) -> float:
        """Destroy `amount` units of `account`; returns what was destroyed. Raises as `transfer` does."""
        return self.transfer(account, BURN, asset, amount)

    def imbalance(self) -> FloatArray:
        """Per asset, |sum over all accounts| as a part of the largest balance passed on or held, (assets,).

        Rounding grows with what has flowed, not with what is left: hence the scale, which a bank run does not shrink.
        """
        # Column by column: numpy sums a column pairwise, a table row by row, which rounds a thousand times worse.
        total = np.array([abs(float(column.sum())) for column in self.balances.T])
        scale = self.scale()
        return np.asarray(np.divide(total, scale, out=np.zeros_like(total), where=scale != 0.0))

    def scale(self) -> FloatArray:
        """Per asset, the largest balance passed on or held: what rounding is measured by, (assets,)."""
        held = np.array([float(np.abs(column).sum()) / 2.0 for column in self.balances.T])
        return np.asarray(np.maximum(held, self._scale))

    def check(self, tolerance: float = 1e-9) -> None:
        """Raise `NotConserved` unless every asset's `imbalance` is at most `tolerance`."""
        for asset, imbalance in zip(self.assets, self.imbalance(), strict=True):
            if not imbalance <= tolerance:
                raise NotConserved(
                    f"the accounts of {asset} sum to {imbalance:.3e} of what has flowed, not to zero "
                    f"within {tolerance:g}; something wrote a balance without its counter-entry"
                )


@compiled()
def _transfer_many(
    column: FloatArray, sources: IntArray, targets: IntArray, amounts: FloatArray, slack: float
) -> int:  # pragma: no cover - compiled
    """Transfer in order, `amounts` becoming what moved; -1, or the number of a refused transfer with all undone."""
    count = len(amounts)
    before = np.empty((count, 2))
    wanted = amounts.copy()
    for k in range(count):
        source, target, amount = sources[k], targets[k], amounts[k]
        held = column[source]
        refused = not (0.0 <= amount < np.inf)
        if source > OUTSIDE and amount > held:
            refused = refused or amount - held > slack
            amount = held
        if refused:
            for undo in range(k - 1, -1, -1):
                column[targets[undo]] = before[undo, 1]
                column[sources[undo]] = before[undo, 0]
                amounts[undo] = wanted[undo]
            return k
        before[k, 0], before[k, 1] = held, column[target]
        if source != target:
            column[source] = held - amount
            column[target] += amount
        amounts[k] = amount
    return -1
