"""Who has paid, and who still owes, which part of every bad debt: what the tables say of losses.

Models: a layer pays what it owes in the order in which it took it, an insurer the same part of all that falls due
together; what a layer fails to pay goes on to other layers as a part of the same bad debts. A recovery first fills what
nobody has taken, the oldest first, then relieves those who owe, of what they took last.
Units: units of the asset lost; sums in dollars at the price of the block in which a debt was recognised as bad.
Invariants: for every bad debt, paid + owed + recovered + uncovered is the debt. Sums in dollars follow from these.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final

from models.losses import UNCOVERED, Part, Returned, TimedWaterfall

PENDING: Final = "pending"
RECOVERED: Final = "recovered"
RESERVE: Final = "reserve"


@dataclass(slots=True)
class BadDebt:
    """One bad debt. `layers` are the names of those who may pay, `paid` what each has, by its number.

    `before` is what the treasury paid by the liquidation design's own rule, before anybody was asked.
    """

    step: int
    pool: str
    account: int
    asset: str
    units: float
    price_usd: float
    layers: tuple[str, ...] = ()
    before: float = 0.0
    paid: dict[int, float] = field(default_factory=dict)
    owed: float = 0.0
    recovered: float = 0.0
    uncovered: float = 0.0

    def parts(self) -> list[tuple[str, float]]:
        """Who took a part of it, in the order of the layers; what is pending, recovered and uncovered closes it."""
        paid = {RESERVE: self.before} if self.before > 0.0 else {}
        for number in sorted(self.paid):
            name = self.layers[number]
            paid[name] = paid.get(name, 0.0) + self.paid[number]
        rest = [(PENDING, self.owed), (RECOVERED, self.recovered), (UNCOVERED, self.uncovered)]
        return [(name, units) for name, units in (*paid.items(), *rest) if units > 0.0]


@dataclass(slots=True)
class LossTotals:
    """All losses so far in dollars: what became of them."""

    absorbed_usd: float = 0.0
    written_off_usd: float = 0.0
    pending_usd: float = 0.0
    uncovered_usd: float = 0.0
    recovered_usd: float = 0.0

    def figures(self) -> tuple[float, float, float, float, float]:
        """Absorbed by layers, written off suppliers' claims, pending, uncovered and recovered; no rounding below 0."""
        pending, uncovered = max(self.pending_usd, 0.0), max(self.uncovered_usd, 0.0)
        return self.absorbed_usd, self.written_off_usd, pending, uncovered, self.recovered_usd


Piece = tuple[BadDebt, float]


class BadDebts:
    """The bad debts of one waterfall, and what its layers owe of them; `totals` may be shared with other waterfalls."""

    def __init__(self, waterfall: TimedWaterfall, totals: LossTotals) -> None:
        self._waterfall = waterfall
        self._totals = totals
        # A layer that never pays holds what is uncovered; who cuts suppliers writes off.
        self._never = [payer.settles == "nothing" for payer in waterfall.payers]
        self._cuts = [payer.cuts_suppliers for payer in waterfall.payers]
        self._owed: list[deque[Piece]] = [deque() for _ in waterfall.payers]
        self._uncovered: deque[Piece] = deque()

    def fell(self, debt: BadDebt, parts: Sequence[Part], rest: float) -> None:
        """Write down a new bad debt that went down the layers."""
        for part in parts:
            self._taken(part, [(debt, part.paid.units)], [(debt, part.paid.pending)])
        self._leave([(debt, rest)])

    def moved(self, parts: Sequence[Part]) -> None:
        """Write down what time has brought: layers that paid what they owed, and what others took for them."""
        failed: deque[Piece] = deque()
        for part in parts:
            if part.after is not None:
                units, pending = _split(failed, part.paid.units), _split(failed, part.paid.pending)
                self._taken(part, units, pending)
                continue
            self._leave(failed)
            failed = self._fell_due(part)
        self._leave(failed)

    def charged(self, number: int, units: float) -> None:
        """Write down that a layer has paid so much of what it owed, at somebody's leaving."""
        self._pay(number, self._release(number, units))

    def gave_back(self, returned: Sequence[Returned], filled: float) -> None:
        """Write down a recovery: what filled a part that nobody had taken, and who need not pay any more."""
        pieces = _split(self._uncovered, filled)
        for debt, units in pieces:
            debt.uncovered = max(debt.uncovered - units, 0.0)
            self._totals.uncovered_usd -= units * debt.price_usd
        for one in returned:
            pieces += self._release(one.number, one.recovered.released, oldest_first=False)
        for debt, units in pieces:
            debt.recovered += units
            self._totals.recovered_usd += units * debt.price_usd

    def _fell_due(self, part: Part) -> deque[Piece]:
        """Write down what a layer paid of what fell due; returns what it failed to pay."""
        payer, units, missing = self._waterfall.payers[part.number], part.paid.units, part.paid.shortfall
        # Where nothing is owed any more, what is left in the queue is the rounding of its sums.
        due = self._release(part.number, units + missing if payer.pending_units > 0.0 else inf)
        if payer.pro_rata and missing > 0.0:
            share = units / (units + missing)
            self._pay(part.number, [(debt, share * amount) for debt, amount in due])
            return deque((debt, (1.0 - share) * amount) for debt, amount in due)
        failed = deque(due)
        self._pay(part.number, _split(failed, units if missing > 0.0 else inf))
        return failed

    def _taken(self, part: Part, paid: Sequence[Piece], owed: Sequence[Piece]) -> None:
        self._pay(part.number, paid)
        never = self._never[part.number]
        for debt, units in owed:
            if units <= 0.0:
                continue
            self._owed[part.number].append((debt, units))
            if never:
                debt.uncovered += units
                self._totals.uncovered_usd += units * debt.price_usd
            else:
                debt.owed += units
                self._totals.pending_usd += units * debt.price_usd

    def _pay(self, number: int, pieces: Sequence[Piece]) -> None:
        for debt, units in pieces:
            if units <= 0.0:
                continue
            debt.paid[number] = debt.paid.get(number, 0.0) + units
            if self._cuts[number]:
                self._totals.written_off_usd += units * debt.price_usd
            else:
                self._totals.absorbed_usd += units * debt.price_usd

    def _leave(self, pieces: Iterable[Piece]) -> None:
        for debt, units in pieces:
            if units > 0.0:
                self._uncovered.append((debt, units))
                debt.uncovered += units
                self._totals.uncovered_usd += units * debt.price_usd

    def _release(self, number: int, units: float, *, oldest_first: bool = True) -> list[Piece]:
        """Take so much off what a layer owes; returns whose it was."""
        pieces = _split(self._owed[number], units, oldest_first=oldest_first)
        for debt, amount in pieces:
            if self._never[number]:
                debt.uncovered = max(debt.uncovered - amount, 0.0)
                self._totals.uncovered_usd -= amount * debt.price_usd
            else:
                debt.owed = max(debt.owed - amount, 0.0)
                self._totals.pending_usd -= amount * debt.price_usd
        return pieces


def _split(pieces: deque[Piece], units: float, *, oldest_first: bool = True) -> list[Piece]:
    """Take `units` off the oldest or the newest pieces; returns what was taken."""
    taken: list[Piece] = []
    while units > 0.0 and pieces:
        debt, amount = pieces.popleft() if oldest_first else pieces.pop()
        part = min(amount, units)
        if amount > part:
            (pieces.appendleft if oldest_first else pieces.append)((debt, amount - part))
        taken.append((debt, part))
        units -= part
    return taken
