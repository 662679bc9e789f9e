"""Slot: a source of liquidity.

Every source answers one question in closed form: how much can be traded before the marginal price reaches p? Quotes are
pure; `settle` applies exactly what was quoted. A part is a class of terms with a `kind`, whose `build(reference_price)`
makes the source. What it holds is `base` and `quote`, in units: so much is brought into an account of its own when a
market is opened. A pool of shares is a `ReservePool` with `ReserveTerms`, and liquidity providers may then come and go;
one that is the rest of the market, which holds nothing and runs after the reference price, is `Following`.
"""

from typing import Annotated, Protocol, runtime_checkable

from pydantic import Field

from models.market.band_shares import AlreadyDeposited, InvalidBands, UnknownOwner
from models.market.band_terms import BandsTerms
from models.market.bands import Bands
from models.market.concentrated import Concentrated
from models.market.concentrated_terms import ConcentratedTerms
from models.market.constant_product import ConstantProduct, ConstantProductTerms
from models.market.fill import EndlessFill, Fill, InvalidAmount, InvalidPrice, InvalidSide, MakerTrade, StaleFill
from models.market.infinite import Infinite, InfiniteTerms
from models.market.lanes import Leg
from models.market.order_book import OrderBook, OrderBookTerms
from models.market.orders import InvalidOrder
from models.market.positions import UnknownPosition
from models.market.routing import NoRoute, Router, Trip, UnusableVenues
from models.market.stable_swap import StableSwap, StableSwapTerms
from models.market.ticks import OffTick
from models.market.venue import UnusableSources, Venue
from models.types import FloatArray, Side

SourceTerms = Annotated[
    ConstantProductTerms | ConcentratedTerms | StableSwapTerms | BandsTerms | OrderBookTerms | InfiniteTerms,
    Field(discriminator="kind"),
]


class Source(Protocol):
    """Liquidity that takers trade against. `side` is what the taker does with the base asset."""

    @property
    def bid(self) -> float:
        """Marginal price of a sale, fee included; nan when there is nobody to sell to."""

    @property
    def ask(self) -> float:
        """Marginal price of a purchase, fee included; nan when there is nobody to buy from."""

    @property
    def state(self) -> object:
        """An object that is replaced at every change, so that unchanged means `is`."""

    def quote_in(self, side: Side, amount: float) -> Fill:
        """The taker gives exactly `amount` (base when selling, quote when buying)."""

    def quote_out(self, side: Side, amount: float) -> Fill:
        """The taker gets exactly `amount` (quote when selling, base when buying)."""

    def quote_to(self, side: Side, price: float) -> Fill:
        """Trade until the marginal price is `price`; an empty fill if it is there already.

        Levels strictly better than `price` are taken whole, a level at it is left alone.
        """

    def check(self, fill: Fill) -> None:
        """Refuse what `settle` would refuse; a venue checks every part before it settles the first."""

    def settle(self, fill: Fill) -> list[MakerTrade]:
        """Apply a fill just quoted; returns what its makers traded, empty when the liquidity is nobody's own.

        Raises:
            StaleFill: the state no longer gives at least this. EndlessFill: no finite amount completes it.
        """

    def segments(self, side: Side) -> FloatArray:
        """The source as segments of the ladder, shape (4, segments), best first: see `models.market.ladder`.

        A source whose curve the segments only follow has `arcs` beside it: see `models.market.ladder.Curved`.
        """


@runtime_checkable
class Following(Protocol):
    """A source that is the rest of the market: who trades with it trades with the outside world."""

    @property
    def price(self) -> float:
        """The price that it has now."""

    def set_reference(self, price: float) -> None:
        """Have the reference price of the block, before anybody trades; called where `price` is another."""


__all__ = [
    "AlreadyDeposited",
    "Bands",
    "BandsTerms",
    "Concentrated",
    "ConcentratedTerms",
    "ConstantProduct",
    "ConstantProductTerms",
    "EndlessFill",
    "Fill",
    "Following",
    "Infinite",
    "InfiniteTerms",
    "InvalidAmount",
    "InvalidBands",
    "InvalidOrder",
    "InvalidPrice",
    "InvalidSide",
    "Leg",
    "MakerTrade",
    "NoRoute",
    "OffTick",
    "OrderBook",
    "OrderBookTerms",
    "Router",
    "Source",
    "SourceTerms",
    "StableSwap",
    "StableSwapTerms",
    "StaleFill",
    "Trip",
    "UnknownOwner",
    "UnknownPosition",
    "UnusableSources",
    "UnusableVenues",
    "Venue",
]
