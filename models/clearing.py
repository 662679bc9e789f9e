"""Who pays how much when everybody owes everybody: the clearing of a network of debts.

**Source**: Eisenberg and Noe, "Systemic risk in financial systems", Management Science 47 (2001): the clearing vector
p = min(p̄, e + Πᵀ p) and the fictitious default algorithm. Rogers and Veraart, "Failure and rescue in an interbank
network", Management Science 59 (2013): in default, only a part of the assets (a)
and a part of what others pay (b) can be handed on.
Elimination without subtraction: Grassmann, Taksar and Heyman, Operations Research 33 (1985).
**Models**: each owes fixed amounts to the others and to the world outside, owns assets, and pays all it owes if it can.
One that cannot is in default and pays what it has, less the costs, to all creditors in proportion to what it owes them.
Of all clearing vectors this is the greatest: with costs there may be several, and nobody defaults without need.
A token whose holders have a claim of one dollar each is such a debtor. With b and W its own backing and the claims it
holds, both per token, v = min(1, b + W v) is the same equation, and v what `Clearing.recovery` says.
**Leaves out**: seniority among creditors, equity held in one another, netting, the time that all this takes.
**Units**: dollars; the parts kept are fractions.
**Invariants**: nobody pays more than it owes or has (limited liability); equity is left only to those who pay in full
(absolute priority); creditors share in proportion; assets = equity + payments to the outside + costs, up to rounding.
A round solves for the payments of all found in default so far exactly, and there are at most as many rounds as debtors.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from models.parameters import Parameters
from models.refusals import Refusal
from models.types import BoolArray, FloatArray, IntArray

NEVER: Final = -1

# One who falls short by less than this part of its debts has been rounded into default.
ROUNDING: Final = 1e-12


class InvalidDebts(Refusal):
    """The debts or assets do not describe a network: their shapes differ, or an amount cannot be."""


class BankruptcyCosts(Parameters):
    """What is left to hand on in default, of the assets (a) and of what others pay (b); all of it without costs."""

    assets_kept: float = Field(default=1.0, ge=0, le=1)
    claims_kept: float = Field(default=1.0, ge=0, le=1)


@dataclass(frozen=True, slots=True, eq=False)
class Clearing:
    """Who pays, in dollars; vectors have the shape (n,), `payments` (n, n) from the row to the column.

    `wave` is the round in which a debtor was found to default: 0 when it fails though all others pay in full, k + 1
    when the defaults up to wave k bring it down, `NEVER` when it pays in full.
    """

    due: FloatArray
    paid: FloatArray
    payments: FloatArray
    paid_outside: FloatArray
    equity: FloatArray
    costs: FloatArray
    wave: IntArray

    @property
    def defaulted(self) -> BoolArray:
        """Who does not pay in full."""
        failed: BoolArray = self.wave != NEVER
        return failed

    @property
    def recovery(self) -> FloatArray:
        """What creditors get of a dollar; 1 where nothing is owed."""
        return np.divide(self.paid, self.due, out=np.ones_like(self.due), where=self.due > 0.0)


def clear(
    owed: ArrayLike, owed_outside: ArrayLike, assets: ArrayLike, costs: BankruptcyCosts | None = None
) -> Clearing:
    """Clear all debts at once.

    Args:
        owed: dollars that the row owes the column, shape (n, n); nobody owes itself.
        owed_outside: dollars owed to the rest of the world, of the same rank as all other debts, shape (n,).
        assets: dollars of everything else that each owns, shape (n,).
        costs: of bankruptcy; none when left out.

    Raises:
        InvalidDebts: shapes differ, or an amount is negative or not finite.
    """
    between, outside, own = _checked(owed, owed_outside, assets)
    terms = costs or BankruptcyCosts()
    due = between.sum(axis=1) + outside
    to_others = np.divide(between, due[:, None], out=np.zeros_like(between), where=due[:, None] > 0.0)
    to_outside = np.divide(outside, due, out=np.zeros_like(due), where=due > 0.0)

    paid, wave = due.copy(), np.full(due.size, NEVER, np.int64)
    for round_number in range(due.size + 1):
        received = paid @ to_others
        fails = (due - (own + received) > ROUNDING * due) & (wave == NEVER)
        if not fails.any():
            break
        wave[fails] = round_number
        _pay_what_there_is(paid, wave != NEVER, own, to_others, to_outside, terms)

    paid = np.minimum(paid, due)
    had, failed = own + received, wave != NEVER
    return Clearing(
        due=due,
        paid=paid,
        payments=paid[:, None] * to_others,
        paid_outside=paid * to_outside,
        equity=np.where(failed, 0.0, np.maximum(had - due, 0.0)),
        costs=np.where(failed, np.maximum(had - paid, 0.0), 0.0),
        wave=wave,
    )


def _checked(owed: ArrayLike, owed_outside: ArrayLike, assets: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the three as arrays. Raises `InvalidDebts`."""
    between, outside, own = (np.asarray(given, np.float64) for given in (owed, owed_outside, assets))
    n = outside.size
    if between.shape != (n, n) or outside.shape != (n,) or own.shape != (n,):
        raise InvalidDebts(
            f"owed has the shape {between.shape}, owed_outside {outside.shape}, assets {own.shape};"
            " give (n, n), (n,) and (n,)"
        )
    for name, amounts in (("owed", between), ("owed_outside", outside), ("assets", own)):
        if not (np.isfinite(amounts) & (amounts >= 0.0)).all():
            raise InvalidDebts(f"{name} holds an amount that is negative or not finite; give dollars, 0 or more")
    if np.diagonal(between).any():
        raise InvalidDebts(f"number {int(np.argmax(np.diagonal(between)))} owes itself; leave out what nets to nothing")
    return between, outside, own


def _pay_what_there_is(
    paid: FloatArray,
    failed: BoolArray,
    assets: FloatArray,
    to_others: FloatArray,
    to_outside: FloatArray,
    costs: BankruptcyCosts,
) -> None:
    """Write into `paid` what those in default pay when all others pay in full: x = a e + b Πᵀ (x and the others)."""
    kept = costs.claims_kept
    among = to_others[np.ix_(failed, failed)]
    lost = (1.0 - kept) + kept * (to_others[np.ix_(failed, ~failed)].sum(axis=1) + to_outside[failed])
    from_others = paid[~failed] @ to_others[np.ix_(~failed, failed)]
    paid[failed] = _circulate(costs.assets_kept * assets[failed] + kept * from_others, kept * among.T, lost)


def _circulate(start: FloatArray, passed: FloatArray, lost: FloatArray) -> FloatArray:
    """Solve x = start + passed x, where of each x_j the part passed[i, j] comes to i and lost[j] to none of them.

    Each column of `passed` and its entry of `lost` sum to 1, so that 1 - passed[k, k] is the sum of the rest of them:
    nothing is subtracted, and nothing cancels even where almost everything circles. The sum is above 0, since those
    who only owe one another cannot all be short of money.
    """
    x, passed, lost = start.copy(), passed.copy(), lost.copy()
    leaves = np.empty_like(lost)
    for k in range(x.size - 1, -1, -1):
        leaves[k] = lost[k] + passed[:k, k].sum()
        onward = passed[:k, k] / leaves[k]
        x[:k] += onward * x[k]
        lost[:k] += passed[k, :k] * (lost[k] / leaves[k])
        passed[:k, :k] += np.outer(onward, passed[k, :k])
    for k in range(x.size):
        x[k] = (x[k] + passed[k, :k] @ x[:k]) / leaves[k]
    return x
