"""How a layer with a state pays: at once or later, how much of it is pending, and what comes back.

**Source**: Aave Umbrella's pending deficit (``Umbrella.sol``: slash and cover are two calls) as the general case.

**Models**: a layer takes a part of a loss and pays it now, or owes it until a delay is over. Until then it is
*pending*, and what is promised is no longer part of the capacity. When it falls due the layer pays what it then can; a
shortfall is a loss again, for the layers after it. A recovery first calls off what is pending, then pays back.

**Leaves out**: interest on what is pending.

**Units**: units of the debt's asset, seconds; an `Effect` is in units of its own asset.

**Invariants**: never beyond the capacity read at that moment. Taken = paid + pending + shortfall + called off. Nothing
is given back above what was paid.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from math import fsum, inf
from typing import ClassVar, Final, Literal, NamedTuple

from models.losses.layer import ROUNDING, LayerTerms
from models.losses.market import LossView
from models.losses.refusals import BeyondCapacity
from models.losses.waterfall import LayerState, Loss, taken_by
from models.types import FloatArray

Settles = Literal["claims", "treasury", "cash", "debt", "profit", "nothing"]
"""What a payment does to the pool: ``claims`` on it end without any cash, the layer's own or else those of suppliers;
the ``treasury`` gives up its claim; ``cash`` comes in; the ``debt`` of other borrowers grows; open ``profit`` is cut;
``nothing``, as long as the hole stays."""

What = Literal["slashed", "sold", "spent", "minted", "burned", "cut", "redistributed", "given", "mutualised"]


class Effect(NamedTuple):
    """What happened to an asset so that a layer could pay; asset None is the debt's own.

    `by_holder` is (n,) in the order of the holders concerned and sums to `units`, where they are known.
    """

    what: What
    asset: str | None
    units: float
    by_holder: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """What a layer did: `units` paid now, `pending` taken and due later, `shortfall` promised earlier and not kept."""

    units: float = 0.0
    pending: float = 0.0
    due_seconds: float = inf
    shortfall: float = 0.0
    effects: tuple[Effect, ...] = ()


class Recovered(NamedTuple):
    """What a recovery did: `released`, pending that need not be paid any more; `restored`, to those who had paid."""

    released: float = 0.0
    restored: float = 0.0


NOTHING: Final = Paid()


class Payer(ABC):
    """The state of a loss layer.

    Attributes:
        cover: its terms and how much of them is used up.
        paid_units: all that it has paid.
        restored_units: what of that came back.
    """

    __slots__ = ("_waiting", "cover", "delay_seconds", "paid_units", "restored_units")

    settles: ClassVar[Settles] = "cash"
    gives: ClassVar[frozenset[What]] = frozenset()
    """Which effects say what has left the layer's own means; none where it has no means of its own."""

    alike: ClassVar[bool] = False
    """Whether it cuts every supplier's claim by the same part; else the first effect says by how much, `by_holder`."""

    pro_rata: ClassVar[bool] = False
    """Whether all losses that fall due together share what is not paid, instead of the last ones bearing it."""

    takes_collateral: ClassVar[bool] = False
    """Whether it takes the collateral of an account under water with the debt, before that is lost."""

    queues: ClassVar[bool] = False
    """Whether even what is due at once waits for `advance`."""

    by_chance: ClassVar[bool] = False
    """Whether chance decides about it: `LossView.drawn_for` then has a draw for it at each loss."""

    keeps_the_lost: ClassVar[bool] = False
    """Whether a recovery stays in the asset that was lost, instead of buying back what the layer holds."""

    def __init__(self, terms: LayerTerms, delay_seconds: float = 0.0) -> None:
        self.cover = terms.cover()
        self.delay_seconds = delay_seconds
        self.paid_units = self.restored_units = 0.0
        self._waiting: list[tuple[float, float]] = []  # (due, units), in the order in which it falls due

    @property
    def cuts_suppliers(self) -> bool:
        """Whether its payments are a cut of what suppliers claim."""
        return self.settles == "claims" and not self.gives

    @property
    def spares_suppliers(self) -> bool:
        """Whether suppliers can count on it: what it takes is no cut of their claims and no hole that stays.

        Nobody counts on chance.
        """
        return not (self.cuts_suppliers or self.settles == "nothing" or self.by_chance)

    # What every layer answers

    @abstractmethod
    def capacity(self, now_seconds: float, market: LossView) -> float:
        """The most that the layer can take of a loss now, units; changes nothing."""

    @property
    def pending_units(self) -> float:
        """What it has taken and neither paid nor failed to pay."""
        return fsum(units for _, units in self._waiting)

    @property
    def due_seconds(self) -> float:
        """When `advance` next has something to do; inf where it has not."""
        return self._waiting[0][0] if self._waiting else inf

    def facing(self, name: str, loss: Loss, now_seconds: float, market: LossView) -> LayerState:
        """The layer as the allocation sees it: its capacity under its terms; changes nothing."""
        return self.cover.facing(name, self.capacity(now_seconds, market), loss.rest, market.debt_price_usd)

    def count(self, rest: float, taken: float, price_usd: float) -> None:
        """Take note that of a loss with `rest` units left it takes `taken`."""
        self.cover.count(rest, taken, price_usd)

    def would_take(self, loss: float, now_seconds: float, market: LossView) -> float:
        """What it would take of a loss of so many units, if that came now; changes nothing."""
        return taken_by(self.facing("", Loss(loss), now_seconds, market), loss)

    def good_for(self, market: LossView) -> float:
        """What it could pay now of what is pending; changes nothing."""
        return self.pending_units

    def pay(self, units: float, now_seconds: float, market: LossView) -> Paid:
        """Take `units` of a loss: pay them, or owe them until the delay is over. Raises `BeyondCapacity`."""
        self._require(units, now_seconds, market)
        if units == 0.0:
            return NOTHING
        effects = self._set_aside(units, now_seconds, market)
        due = self._falls_due(now_seconds, market)
        if due <= now_seconds and not self.queues:
            paid = self._hand_over(units, now_seconds, market)
            return replace(paid, effects=effects + paid.effects)
        self._wait(due, units)
        return Paid(pending=units, due_seconds=due, effects=effects)

    def advance(self, now_seconds: float, market: LossView) -> Paid:
        """Let time pass: what has fallen due is paid, as far as the layer now can."""
        due = self._take_due(now_seconds)
        return self._hand_over(due, now_seconds, market) if due > 0.0 else NOTHING

    def recover(self, units: float, market: LossView) -> Recovered:
        """Give back what was recovered of the losses; takes at most what is pending and what was paid."""
        released = self._call_off(min(units, self.pending_units))
        owed = max(self.paid_units - self.restored_units, 0.0)
        restored = self._restore(min(units - released, owed), market)
        self.restored_units += restored
        return Recovered(released, restored)

    def take_over(self, worth: float, collateral: float, market: LossView) -> float:
        """Take collateral `worth` so many units of the debt, if it takes any; returns the units that it gives for it.

        That is an exchange: no loss, and no payment.
        """
        return worth

    # What a kind of layer says of itself

    def see(self, held: float, now_seconds: float) -> None:
        """Take note of what it really has, before it is asked: units of its money, or of its claims.

        Sales, interest, haircuts and stakers have changed that. Nothing to do where the layer keeps no count of it.
        """
        return

    @abstractmethod
    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        """Pay up to `units`; what is not paid is the shortfall."""

    def _falls_due(self, now_seconds: float, market: LossView) -> float:
        """When a part taken now is to be paid."""
        return now_seconds + self.delay_seconds

    def _set_aside(self, units: float, now_seconds: float, market: LossView) -> tuple[Effect, ...]:
        """What happens at once, however late the payment is; nothing by default."""
        return ()

    @abstractmethod
    def _restore(self, units: float, market: LossView) -> float:
        """Pay `units` back to those who had paid; returns what of it they take."""

    def _require(self, units: float, now_seconds: float, market: LossView) -> None:
        most = self.capacity(now_seconds, market)
        if not 0.0 <= units <= most:
            raise BeyondCapacity(f"a layer that can pay {most!r} is asked for {units!r}; ask for 0 to its capacity")

    def _wait(self, due_seconds: float, units: float) -> None:
        """Owe `units` until then; what falls due together is one."""
        if self._waiting and self._waiting[-1][0] == due_seconds:
            units += self._waiting.pop()[1]
        self._waiting.append((due_seconds, units))

    def _take_due(self, now_seconds: float) -> float:
        """Everything that has fallen due, which no longer waits."""
        due = 0.0
        while self._waiting and self._waiting[0][0] <= now_seconds:
            due += self._waiting.pop(0)[1]
        return due

    def _hand_over(self, units: float, now_seconds: float, market: LossView) -> Paid:
        paid = self._deliver(units, now_seconds, market)
        self.paid_units += paid.units
        return paid

    def _call_off(self, units: float) -> float:
        """Take `units` off what is pending, what was taken last first; returns them."""
        left = units
        while left > 0.0 and self._waiting:
            due, waiting = self._waiting.pop()
            if waiting - left > ROUNDING * units:  # the sum that it comes from is rounded otherwise
                self._waiting.append((due, waiting - left))
            left = max(left - waiting, 0.0)
        return units
