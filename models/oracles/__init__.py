"""Slot: what a protocol believes a price to be.

A part is a class of parameters with a `kind`; `start(price)` makes the oracle that believes `price` at time 0.
`reads_venue` says whether its reports depend on the venue's price, so that sales there move what the protocol believes.
Some parts are made of others, fields of the type "OracleTerms" in quotes: a median of several, bounds around one.
"""

from typing import Annotated, Protocol, get_args

from pydantic import Field

from models.oracles.bounded import BoundedOracle, BoundedTerms
from models.oracles.delayed import DelayedOracle, DelayedTerms
from models.oracles.ema import EmaOracle, EmaTerms
from models.oracles.fixed import FixedOracle, FixedTerms
from models.oracles.median import MedianOracle, MedianTerms
from models.oracles.push import PushOracle, PushTerms
from models.oracles.reference import ReferenceOracle, ReferenceTerms
from models.oracles.twap import TwapOracle, TwapTerms
from models.oracles.venue import VenueOracle, VenueTerms

__all__ = [
    "BoundedOracle",
    "BoundedTerms",
    "DelayedOracle",
    "DelayedTerms",
    "EmaOracle",
    "EmaTerms",
    "FixedOracle",
    "FixedTerms",
    "MedianOracle",
    "MedianTerms",
    "Oracle",
    "OracleTerms",
    "PushOracle",
    "PushTerms",
    "ReferenceOracle",
    "ReferenceTerms",
    "TwapOracle",
    "TwapTerms",
    "VenueOracle",
    "VenueTerms",
]


class Oracle(Protocol):
    """One asset's price as a protocol sees it."""

    @property
    def updated_seconds(self) -> float:
        """When the value of the last report was updated, be it by the same value; 0 where it never was."""
        ...

    def report(self, time_seconds: float, reference: float, venue: float) -> float:
        """What the protocol believes in the block at `time_seconds`, once a block, in the order of time.

        `reference` is positive and finite; `venue` is nan while the venue has no price.
        """
        ...


OracleTerms = Annotated[
    ReferenceTerms
    | VenueTerms
    | PushTerms
    | DelayedTerms
    | TwapTerms
    | EmaTerms
    | MedianTerms
    | BoundedTerms
    | FixedTerms,
    Field(discriminator="kind"),
]

for _part in get_args(get_args(OracleTerms)[0]):
    _part.model_rebuild()  # a part that is made of others knows the list only now that it is complete
