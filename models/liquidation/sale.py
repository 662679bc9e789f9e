"""What all sales at a price share: lots that anyone may take, in part, for what a unit costs at the moment.

**Source**: elementary; the dust rule is that of Maker's ``Clipper.take``.

**Models**: a rule states the `SaleTerms` of a lot now, and the rest follows: what is offered, what fits, and what a
taking does. A taking pays the price for each unit. It repays debt first and the penalty after, or both in proportion
where the terms say so. The sale ends when the tab is raised, and what is left of the collateral is the borrower's; or
when the collateral is gone.

**Leaves out**: calls that a contract reverts because they ask for too much are cut to what is allowed.

**Units**: as `models.liquidation.opening`; what a taker repays is all that it pays, penalty included.

**Invariants**: ``paid = to_debt + penalty``; the units taken and returned are those that left the lot; what `offer`
offers and `fit` returns, `take` accepts.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, TypeVar

from models.liquidation.design import DesignParameters
from models.liquidation.offer import ROUNDING, Bounds, InvalidRepayment, MustNotLeaveDust, Offer, Position
from models.liquidation.opening import House, Lot, Opening, Reward
from models.refusals import Refusal
from models.types import FloatArray

Floats = TypeVar("Floats", float, FloatArray)


class NotForSale(Refusal):
    """The lot cannot be taken now: it is closed, has no price, or the rule holds it back."""


class NothingToReset(Refusal):
    """The auction has not run out, so it cannot be started afresh."""


@dataclass(slots=True)
class SaleTerms:
    """A unit costs `price`, until `most` is paid.

    A taking that raises less must leave `leave` to be raised. Of each unit paid, `debt_share` repays debt as long as
    any is due, and `bond_share` goes to the caller who opened the sale, from the penalty; a negative one is lost from
    the caller's bond to the reserves.
    """

    price: float
    most: float
    leave: float = 0.0
    debt_share: float = 1.0
    bond_share: float = 0.0


class LotTaking(NamedTuple):
    """What a taker paid for `units`, and where it went.

    `to_debt` repays the account's debt; `penalty` is the protocol's, less what of it goes `to_caller`; where that is
    negative the protocol gets it from the bond on top. `returned_units` are the borrower's again.
    """

    paid: float
    to_debt: float
    penalty: float
    units: float
    returned_units: float = 0.0
    to_caller: float = 0.0


class SaleDesign(DesignParameters, ABC):
    """A design whose lots are sold at a price that the clock or the feed sets; `open` and `terms` are its rule."""

    source: ClassVar[str]
    leaves_out: ClassVar[str]
    bounds: ClassVar[Bounds] = {}
    settles: ClassVar[bool] = False
    """Whether debt without collateral stays the lot's until a settlement; then it must not be dust either."""

    @abstractmethod
    def open(self, position: Position, now_seconds: float, house: House) -> Opening | None:
        """What opening does to a position now, which changes nothing yet; None where the rule does not allow it."""

    @abstractmethod
    def terms(self, lot: Lot, now_seconds: float, feed_price: float, house: House) -> SaleTerms | None:
        """The terms of a lot that has collateral and is not closed; None where it is not for sale now."""

    @abstractmethod
    def unit_price(self, top: Floats, since_seconds: Floats, feed_price: Floats) -> Floats:
        """What a unit costs so long after its price started at `top`, of one lot or of many, (n,) each."""

    def paid_ceiling(self, units: FloatArray, due: FloatArray, price: FloatArray, house: House) -> FloatArray:
        """No call on a lot pays more: all of the units, unless the rule lets less be raised; (n,) each."""
        return units * price

    @property
    def runs_seconds(self) -> float:
        """No auction has to be started afresh sooner than this; most rules know no such thing."""
        return float("inf")

    def on_sale(self, lot: Lot, now_seconds: float, feed_price: float, house: House) -> SaleTerms | None:
        """The terms at which a lot can be taken from now; None where it cannot."""
        if lot.closed or not lot.units > 0.0:
            return None
        terms = self.terms(lot, now_seconds, feed_price, house)
        # A price that has decayed to nothing would give the lot away.
        return terms if terms is not None and lot.units * terms.price > 0.0 else None

    def offer(self, lot: Lot, now_seconds: float, feed_price: float, house: House) -> Offer | None:
        """The most that one call may pay now, and for how much; None when nothing can be taken."""
        return self.offer_at(self.on_sale(lot, now_seconds, feed_price, house), lot)

    def offer_at(self, terms: SaleTerms | None, lot: Lot) -> Offer | None:
        """What `offer` says of a lot at the terms that it is `on_sale` for."""
        most = self.fit_at(terms, lot, float("inf"))
        return Offer(most, 1.0 / terms.price, 1.0) if terms is not None and most > 0.0 else None

    def fit(self, lot: Lot, repay: float, now_seconds: float, feed_price: float, house: House) -> float:
        """The largest admissible payment up to `repay`; 0 when there is none."""
        return self.fit_at(self.on_sale(lot, now_seconds, feed_price, house), lot, repay)

    def fit_at(self, terms: SaleTerms | None, lot: Lot, repay: float) -> float:
        """What `fit` says of a lot at the terms that it is `on_sale` for."""
        if terms is None:
            return 0.0
        emptying = lot.units * terms.price
        wanted = min(repay, terms.most, emptying)
        ends = terms.most if self.settles else min(terms.most, emptying)
        if wanted >= ends * (1.0 - ROUNDING):
            return wanted
        return max(min(wanted, terms.most - terms.leave), 0.0)

    def take(self, lot: Lot, repay: float, now_seconds: float, feed_price: float, house: House) -> LotTaking:
        """Pay up to `repay` for collateral, which changes the lot; more than is admissible is cut to what is.

        Raises `InvalidRepayment`, `NotForSale`, `MustNotLeaveDust`.
        """
        return self.take_at(self.on_sale(lot, now_seconds, feed_price, house), lot, repay, now_seconds)

    def take_at(self, terms: SaleTerms | None, lot: Lot, repay: float, now_seconds: float) -> LotTaking:
        """What `take` does to a lot at the terms that it is `on_sale` for now."""
        if not repay > 0.0:
            raise InvalidRepayment(f"{repay} units cannot be paid; give a positive amount")
        if terms is None:
            raise NotForSale(f"{lot.units:.6g} units are not for sale at {now_seconds:g} s; wait for an offer")
        paid = self.fit_at(terms, lot, repay)
        if not paid > 0.0:
            raise MustNotLeaveDust(
                f"paying {repay:.6g} would leave less than {terms.leave:.6g} of {terms.most:.6g} to be raised; "
                "pay all or less"
            )
        return self._sell(terms, lot, paid)

    def needs_reset(self, lot: Lot, now_seconds: float, feed_price: float) -> bool:
        """Whether the auction has run out and waits to be started afresh; most rules know no such thing.

        Once it does, it waits until it is started afresh or closed, whatever the feed.
        """
        return False

    def reset(self, lot: Lot, now_seconds: float, feed_price: float) -> Reward | None:
        """Start an auction afresh, which changes the lot, and say what the caller gets.

        Raises `NothingToReset`, and `NotForSale` where the feed has no price to start from.
        """
        raise NothingToReset(f"an auction of {type(self).__name__} runs until its lot is sold; leave it")

    def _sell(self, terms: SaleTerms, lot: Lot, paid: float) -> LotTaking:
        raised = paid >= terms.most * (1.0 - ROUNDING)
        if raised:
            paid = terms.most
        units = paid / terms.price
        if units >= lot.units * (1.0 - ROUNDING):
            units = lot.units
        to_debt = lot.due if raised else min(paid * terms.debt_share, lot.due)
        penalty = paid - to_debt
        to_caller = max(min(paid * terms.bond_share, penalty), -lot.bond)
        left = lot.units - units
        lot.units = 0.0 if raised else left
        lot.due -= to_debt
        lot.tab = terms.most - paid
        lot.bond += to_caller
        lot.closed = raised or (lot.units == 0.0 and not self.settles)
        return LotTaking(paid, to_debt, penalty, units, left if raised else 0.0, to_caller)
