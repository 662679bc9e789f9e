"""The protocol's surplus pays first; then it sells newly made tokens of its own, in lots of debt.

**Source**: makerdao/dss (fa4f663), ``vow.sol`` and ``flop.sol``. Lot and first offer are those of March 2020; the wait
of 156 hours is from Maker's documents and not checked against the chain.

**Models**: a loss waits in a queue, then is debt. Surplus cancels debt. When there is none and the debt has reached
`lot`, an auction offers `first_offer` tokens for exactly the lot; bidders go down to what the market asks for that
much money, in steps of `least_step`. Once open for `auction_seconds` it is closed at what the market then takes, and
so many tokens are made; where nobody would take them within `unsold_seconds`, the offer grows by `raise_factor` and
the auction starts anew. Each lot sold at one time meets the price that the one before has left.

**Leaves out**: single bids; auctions of surplus for tokens; emergency shutdown, which is a `haircut` behind this layer.
Lots that the market never takes stay pending.

**Units**: units of debt, tokens, seconds.

**Invariants**: what it has taken is queued, debt, on auction or paid. Debt below one lot waits for surplus.
"""

from dataclasses import dataclass
from math import fsum, inf
from typing import ClassVar, Final, Literal

from pydantic import Field

from models.losses.layer import TimedTerms
from models.losses.market import LossView, TokenMarket
from models.losses.payer import Effect, Paid, Payer, What

_HOUR: Final = 3600.0


class MintAuctionLayer(TimedTerms):
    """Surplus, then auctions of new tokens."""

    mints: ClassVar[bool] = True

    kind: Literal["mint_auction"] = "mint_auction"
    asset: str = Field(description="the token that is made; the market must price it")
    surplus: float = Field(500_000.0, ge=0, description="units of the debt's asset that pay first")
    lot: float = Field(50_000.0, gt=0, description="units of debt for sale in one auction (sump)")
    first_offer: float = Field(250.0, gt=0, description="tokens offered for a lot at first (dump)")
    least_step: float = Field(0.05, ge=0, description="how much less a bid must ask than the one before (beg)")
    raise_factor: float = Field(1.5, gt=1, description="growth of an offer that nobody took (pad)")
    wait_seconds: float = Field(156.0 * _HOUR, ge=0, description="time in the queue before a loss is debt")
    auction_seconds: float = Field(3.0 * _HOUR, ge=0, description="least length of an auction (ttl)")
    unsold_seconds: float = Field(48.0 * _HOUR, gt=0, description="length of an auction without a bid (tau)")

    def money(self, lost: str) -> tuple[str, float]:
        """The surplus; tokens are made when they are sold."""
        return lost, self.surplus

    def start(self) -> "MintAuction":
        """The layer before the first loss."""
        return MintAuction(self)


@dataclass(slots=True)
class Auction:
    """One lot of debt on sale for at most `offered` tokens, since `opened_seconds`."""

    opened_seconds: float
    offered: float


class MintAuction(Payer):
    """Queue, debt, auctions and surplus.

    Attributes:
        surplus: units that pay before any token is made.
        debt: units that have left the queue and are neither paid nor on auction.
        auctions: one for each lot on sale, the oldest first.
        minted: tokens made so far.
    """

    __slots__ = ("_terms", "auctions", "debt", "minted", "surplus")

    gives: ClassVar[frozenset[What]] = frozenset({"spent"})

    queues: ClassVar[bool] = True

    def __init__(self, terms: MintAuctionLayer) -> None:
        super().__init__(terms, terms.wait_seconds)
        self._terms = terms
        self.surplus = terms.surplus
        self.debt = self.minted = 0.0
        self.auctions: list[Auction] = []

    @property
    def pending_units(self) -> float:
        """Queued, debt and on auction."""
        return super().pending_units + self.debt + len(self.auctions) * self._terms.lot

    @property
    def due_seconds(self) -> float:
        """Now, as long as there is debt to pay or to sell; else when the queue next moves."""
        busy = self.auctions or self.debt >= self._terms.lot or (self.debt > 0.0 and self.surplus > 0.0)
        return -inf if busy else super().due_seconds

    def capacity(self, now_seconds: float, market: LossView) -> float:
        """The surplus and all that the market pays for tokens, less what is pending."""
        return max(self.surplus + market.token(self._terms.asset).proceeds(inf) - self.pending_units, 0.0)

    def see(self, held: float, now_seconds: float) -> None:
        """Count the surplus that is there."""
        self.surplus = held

    def receive(self, units: float) -> None:
        """Add income to the surplus."""
        self.surplus += units

    def advance(self, now_seconds: float, market: LossView) -> Paid:
        """Move the queue, cancel debt against surplus, close and open auctions."""
        return self._hand_over(self._take_due(now_seconds), now_seconds, market)

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        self.debt += units
        healed = min(self.surplus, self.debt)
        self.surplus -= healed
        self.debt -= healed
        raised, minted = self._close_auctions(now_seconds, market)
        self._open_auctions(now_seconds)
        self.minted += minted
        effects = (Effect("spent", None, healed), Effect("minted", self._terms.asset, minted))
        return Paid(units=healed + raised, effects=tuple(effect for effect in effects if effect.units > 0.0))

    def _close_auctions(self, now_seconds: float, market: LossView) -> tuple[float, float]:
        """Sell the lots that the market takes; returns what they raised and the tokens made."""
        if not self.auctions:
            return 0.0, 0.0
        terms, token = self._terms, market.token(self._terms.asset)
        raised = minted = 0.0
        still: list[Auction] = []
        for auction in self.auctions:
            age = now_seconds - auction.opened_seconds
            needed = self._tokens_for_lot(token, raised)
            if age >= terms.auction_seconds and needed * (1.0 + terms.least_step) <= auction.offered:
                raised += terms.lot
                minted += needed
                continue
            if age >= terms.unsold_seconds:
                auction.offered *= terms.raise_factor
                auction.opened_seconds = now_seconds
            still.append(auction)
        self.auctions = still
        return raised, minted

    def _tokens_for_lot(self, token: TokenMarket, raised: float) -> float:
        """Tokens that a lot asks of a market that has just paid `raised`."""
        return token.units_for(raised + self._terms.lot) - token.units_for(raised)

    def _open_auctions(self, now_seconds: float) -> None:
        while self.surplus == 0.0 and self.debt >= self._terms.lot:
            self.debt -= self._terms.lot
            self.auctions.append(Auction(now_seconds, self._terms.first_offer))

    def _call_off(self, units: float) -> float:
        """Take `units` off what is pending: from the debt, then from the queue. What is on auction is sold."""
        from_debt = min(units, self.debt)
        self.debt -= from_debt
        queued = fsum(waiting for _, waiting in self._waiting)
        return from_debt + super()._call_off(min(units - from_debt, queued))

    def _restore(self, units: float, market: LossView) -> float:
        self.surplus += units
        return units
