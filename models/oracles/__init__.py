"""Slot: what a protocol believes a price to be.

A part is a class of parameters with a `kind`; `start(price)` makes the oracle that believes `price` at time 0.
`reads_venue` says whether its reports depend on the venue's price, so that sales there move what the protocol believes.
"""

from typing import Annotated, Protocol

from pydantic import Field

from models.oracles.delayed import DelayedOracle, DelayedTerms
from models.oracles.push import PushOracle, PushTerms
from models.oracles.reference import ReferenceOracle, ReferenceTerms
from models.oracles.venue import VenueOracle, VenueTerms

__all__ = [
    "DelayedOracle",
    "DelayedTerms",
    "Oracle",
    "OracleTerms",
    "PushOracle",
    "PushTerms",
    "ReferenceOracle",
    "ReferenceTerms",
    "VenueOracle",
    "VenueTerms",
]


class Oracle(Protocol):
    """One asset's price as a protocol sees it."""

    def report(self, time_seconds: float, reference: float, venue: float) -> float:
        """What the protocol believes in the block at `time_seconds`, once a block, in the order of time.

        `reference` is positive and finite; `venue` is nan while the venue has no price.
        """
        ...


OracleTerms = Annotated[ReferenceTerms | VenueTerms | PushTerms | DelayedTerms, Field(discriminator="kind")]
