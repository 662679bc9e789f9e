"""The waterfall in the course of time: layers with a state, what they owe, and what comes back.

**Source**: `models.losses.waterfall` for the allocation of one loss; Aave Umbrella for what is pending between slash
and cover.

**Models**: a loss goes down the layers in order, each seen with the capacity of that moment. A layer takes a part and
pays it, or owes it until later. What it then cannot pay goes to the layers after it. What nobody takes is uncovered.
Recoveries first fill what is uncovered, then go up the layers from the last to the first.

**Leaves out**: how a payment is booked in the pool; `Payer.settles` and the effects say what to book. What layers fail
to pay is a loss of its own to those after them, whatever it is a part of: their terms for one loss (share, deductible,
limit) apply to it once, also where they have met another part of the same bad debt before.

**Units**: units of the debt's asset, one waterfall for each asset that can be lost; seconds.

**Invariants**: for each loss, paid + pending + rest is the loss exactly and in any order. At every time the losses less
what was filled are paid + pending + uncovered. Without a loss nothing happens.
"""

from collections.abc import Callable, Sequence
from math import fsum, inf
from typing import NamedTuple, Protocol

from models.losses.market import LossView
from models.losses.payer import Paid, Payer, Recovered
from models.losses.waterfall import InvalidLoss, Loss


class Starts(Protocol):
    """Terms that make a layer with a state."""

    @property
    def kind(self) -> str:
        """What the layer is called."""

    def start(self) -> Payer:
        """The layer before the first loss."""


class Part(NamedTuple):
    """What the layer of that number did; `after` is the one whose shortfall it takes, where it is no new loss."""

    layer: str
    paid: Paid
    number: int
    after: int | None = None


class Returned(NamedTuple):
    """What a recovery did for the layer of that number."""

    layer: str
    recovered: Recovered
    number: int


Book = Callable[[Part], None]
"""What a world does about a part as soon as a layer has taken or paid it, before the next layer is asked."""


def _unbooked(part: Part) -> None:
    return


class TimedWaterfall:
    """Layers in order, for the losses of one asset.

    Attributes:
        names: of the layers; the kind, with a number where there are several of it.
        payers: their states, in the same order.
        lost_units: all losses so far.
        filled_units: recoveries that filled a part of a loss which nobody had paid.
        uncovered_units: what nobody has taken.
    """

    __slots__ = ("filled_units", "lost_units", "names", "payers", "uncovered_units")

    def __init__(self, layers: Sequence[Starts], names: Sequence[str] | None = None) -> None:
        self.names = _numbered([layer.kind for layer in layers]) if names is None else tuple(names)
        self.payers = [layer.start() for layer in layers]
        self.lost_units = self.filled_units = self.uncovered_units = 0.0

    @property
    def paid_units(self) -> float:
        """What all layers have paid, before anything was given back."""
        return fsum(payer.paid_units for payer in self.payers)

    @property
    def pending_units(self) -> float:
        """What layers have taken and not paid yet."""
        return fsum(payer.pending_units for payer in self.payers)

    @property
    def due_seconds(self) -> float:
        """When `advance` next has something to do; inf where it has not."""
        return min((payer.due_seconds for payer in self.payers), default=inf)

    def allocate(
        self, loss: float, now_seconds: float, market: LossView, book: Book = _unbooked
    ) -> tuple[list[Part], float]:
        """Send `loss` down all layers; returns who took a part, and what is uncovered.

        Raises `InvalidLoss` and `UnpricedAsset`, before anybody has paid.
        """
        for payer in self.payers:
            payer.capacity(now_seconds, market)
        parts, rest = self._send(loss, 0, now_seconds, market, book)
        self.lost_units += loss
        return parts, rest

    def advance(self, now_seconds: float, market: LossView, book: Book = _unbooked) -> tuple[list[Part], float]:
        """Let time pass for all layers; what one cannot pay goes to those after it, and what is left is uncovered.

        Returns what layers did in that order, and the units newly uncovered.
        """
        parts: list[Part] = []
        uncovered = 0.0
        for number, (name, payer) in enumerate(zip(self.names, self.payers, strict=True)):
            paid = payer.advance(now_seconds, market)
            if paid.units > 0.0 or paid.shortfall > 0.0:
                parts.append(Part(name, paid, number))
                book(parts[-1])
            if paid.shortfall > 0.0:
                sent_on, rest = self._send(paid.shortfall, number + 1, now_seconds, market, book, number)
                parts += sent_on
                uncovered += rest
        return parts, uncovered

    def recover(self, units: float, market: LossView) -> tuple[list[Returned], float]:
        """Give `units` recovered back, the last payer first; returns who got what, and what is nobody's.

        The layers' parts and the surplus fall short of `units` by what filled the uncovered. Raises `InvalidLoss`.
        """
        if not 0.0 <= units < inf:
            raise InvalidLoss(f"a recovery of {units} cannot be given back; give a finite amount, 0 or more")
        filled = min(units, self.uncovered_units)
        self.uncovered_units -= filled
        self.filled_units += filled
        left = units - filled
        returned: list[Returned] = []
        for number in reversed(range(len(self.payers))):
            recovered = self.payers[number].recover(left, market)
            self.filled_units += recovered.released
            left = max(left - recovered.released - recovered.restored, 0.0)
            if recovered.released > 0.0 or recovered.restored > 0.0:
                returned.append(Returned(self.names[number], recovered, number))
        return returned, left

    def _send(
        self,
        units: float,
        first: int,
        now_seconds: float,
        market: LossView,
        book: Book,
        after: int | None = None,
    ) -> tuple[list[Part], float]:
        """Send units down the layers from number `first` on, and count the rest as uncovered."""
        loss = Loss(units)
        parts: list[Part] = []
        for number in range(first, len(self.payers)):
            if loss.rest == 0.0:
                break
            name, payer, before = self.names[number], self.payers[number], loss.rest
            taken = loss.take(payer.facing(name, loss, now_seconds, market))
            payer.count(before, taken, market.debt_price_usd)
            if taken > 0.0:
                parts.append(Part(name, payer.pay(taken, now_seconds, market), number, after))
                book(parts[-1])
        self.uncovered_units += loss.rest
        return parts, loss.rest


def _numbered(kinds: list[str]) -> tuple[str, ...]:
    """The kinds as names; several alike are numbered from 0, as insurers are."""
    return tuple(
        f"{kind}.{kinds[:number].count(kind)}" if kinds.count(kind) > 1 else kind for number, kind in enumerate(kinds)
    )
