"""An insurer as a layer of a pool's waterfall: what it takes of a loss under its policy, and what it pays.

Models: an insurer that pays at once takes no more than it can pay. One with a payout delay takes what its policy says
and owes it: claims queue, and when they fall due they are paid, or, where it has not enough for all that it owes in
that asset, each in the same proportion; it is insolvent then and covers nothing any more. It pays from money in the
asset that was lost, then by giving up its claims on that reserve, then by selling tokens.
An insurer may stand in several layers of one waterfall: its policy's deductible counts once, where it stands first, and
leaves it as much less to pay in all of them together.
Leaves out: disputes of claims. Where tokens back claims in several assets, those that fall due first are paid first.
Units: units of the asset that was lost.
"""

from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING, ClassVar

from models.losses import Effect, LayerState, Loss, LossView, Paid, Payer
from models.losses.insurance import InsuranceLayer
from models.losses.market import raise_by_sale
from models.losses.payer import What
from models.losses.waterfall import taken_by

if TYPE_CHECKING:
    from abm.agents.insurer import Insurer
    from abm.pools.lender import Lender
    from abm.world import World


@dataclass(frozen=True, slots=True)
class InsuredBy:
    """What starts the layer of one insurer: a `Starts`."""

    layer: InsuranceLayer
    insurer: "Insurer"
    world: "World"
    lender: "Lender"
    reserve: int

    @property
    def kind(self) -> str:
        """What the layer is called."""
        return self.layer.kind

    def start(self) -> "InsurancePayer":
        """The layer before the first loss."""
        return InsurancePayer(self)


class InsurancePayer(Payer):
    """One insurer facing the losses of one reserve."""

    __slots__ = ("_asset", "_first", "_insurer", "_lender", "_reserve", "_world")

    gives: ClassVar[frozenset[What]] = frozenset({"spent", "burned", "sold"})
    pro_rata: ClassVar[bool] = True

    def __init__(self, insured: InsuredBy) -> None:
        super().__init__(insured.layer, insured.insurer.terms.payout_delay_seconds)
        self._insurer = insured.insurer
        self._world = insured.world
        self._lender = insured.lender
        self._reserve = insured.reserve
        self._asset = insured.lender.assets[insured.reserve]
        # All that reaches another of its layers has come by the first.
        self._first = all(other._reserve != self._reserve for other in self._insurer.payers)
        self._insurer.payers.append(self)

    @property
    def owed_usd(self) -> float:
        """What it owes in this reserve, at the reference price."""
        return self.pending_units * self._world.reference[self._asset]

    def capacity(self, now_seconds: float, market: LossView) -> float:
        """The most that it can take of a loss now."""
        left = self._insurer.left_usd(now_seconds) / market.debt_price_usd
        return left if self.delay_seconds > 0.0 else min(left, self.means(market))

    def means(self, market: LossView) -> float:
        """What it could pay now with all that it has for this reserve."""
        money, claims = self._holds()
        tokens = self._tokens()
        raised = (token.proceeds(units) for token, (_, units) in zip(market.in_turn(tokens), tokens, strict=True))
        return money + claims + fsum(raised)

    def facing(self, name: str, loss: Loss, now_seconds: float, market: LossView) -> LayerState:
        """As any layer, with what is left of the policy's deductible on top of its own for one loss."""
        state = super().facing(name, loss, now_seconds, market)
        return LayerState(name, state.capacity, state.share, state.deductible + self._deducted(loss.rest, market))

    def count(self, rest: float, taken: float, price_usd: float) -> None:
        """Take note of a loss, the part that the policy's deductible leaves to others included."""
        super().count(rest, taken, price_usd)
        if self._first:
            self._insurer.see_loss(rest, price_usd)

    def would_take(self, loss: float, now_seconds: float, market: LossView) -> float:
        """As any layer, but no more than it has the means for, and only where it stands first: it has them once."""
        state = self.facing("", Loss(loss), now_seconds, market)
        most = min(state.capacity, max(self.means(market) - self._owed_here(), 0.0)) if self._first else 0.0
        return taken_by(LayerState("", most, state.share, state.deductible), loss)

    def good_for(self, market: LossView) -> float:
        """Its part of what there is for all that it owes in the asset."""
        owed = self._owed_here()
        return self.pending_units * min(self.means(market) / owed, 1.0) if owed > 0.0 else 0.0

    def pay(self, units: float, now_seconds: float, market: LossView) -> Paid:
        """Take `units` of a loss, and count them against the policy."""
        paid = super().pay(units, now_seconds, market)
        self._insurer.promise(units * market.debt_price_usd, now_seconds)
        return paid

    def _deducted(self, rest: float, market: LossView) -> float:
        """What the policy's deductible leaves to others of a loss of which `rest` units are left."""
        deducted = self._insurer.deducted if self._first else self._insurer.deducted_again
        return deducted(rest, market.debt_price_usd)

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        wanted = units
        if self.delay_seconds > 0.0:
            wanted = units * self._insurer.payable_share(self.means(market), units + self._owed_here())
        money, claims = self._holds()
        effects: list[Effect] = []
        spent, burned = min(wanted, money), min(max(wanted - money, 0.0), claims)
        if spent > 0.0:
            effects.append(Effect("spent", None, spent))
        if burned > 0.0:
            effects.append(Effect("burned", None, burned))
        raised = min(spent + burned, wanted)
        tokens = self._tokens() if raised < wanted else []
        for token, (name, held) in zip(market.in_turn(tokens), tokens, strict=True):
            brought, sold = raise_by_sale(token, wanted - raised, held)
            raised = min(raised + brought, wanted)
            effects.append(Effect("sold", name, sold))
            if raised >= wanted:
                break
        return Paid(units=raised, shortfall=units - raised, effects=tuple(effects))

    def _restore(self, units: float, market: LossView) -> float:
        return units

    def _owed_here(self) -> float:
        """What it owes of this reserve beside what is just being paid, through whatever layer."""
        return fsum(other.pending_units for other in self._insurer.payers if other._asset == self._asset)

    def _holds(self) -> tuple[float, float]:
        """Money in the asset that was lost, and claims on the reserve."""
        insurer, pool = self._insurer, self._lender.pool
        account = insurer.claims_account
        claims = pool.claims(account, self._reserve) if account >= 0 else 0.0
        return self._world.ledger.balance(insurer.account, self._asset), claims

    def _tokens(self) -> list[tuple[str, float]]:
        """What it would sell, by name, with the units that it has."""
        balance, index = self._world.ledger.balance, self._world.index
        return [
            (name, balance(self._insurer.account, index[name]))
            for name in self._insurer.terms.tokens
            if index[name] != self._asset
        ]
