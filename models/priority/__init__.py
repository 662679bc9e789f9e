"""Slot: who goes first in a block, where several call for the same thing: how they bid gas against one another.

A rule is a frozen set of parameters with a `kind` and one pure function, from what each would bid at most to what each
bids. The highest bid goes first (`models.blockspace.order`); what is bid leaves the world as gas. Where those who come
too late pay for it as well, `at_stake` says who joins and what each would bid at most.
"""

from typing import Annotated, Protocol

from pydantic import Field

from models.priority.at_stake import at_stake
from models.priority.open import OpenBidding
from models.priority.sealed import SealedBidding, shaded
from models.types import FloatArray

__all__ = ["Bidding", "OpenBidding", "PriorityRule", "SealedBidding", "at_stake", "shaded"]


class PriorityRule(Protocol):
    """What a rule answers about one contest of two or more."""

    def bids(self, starts: FloatArray, limits: FloatArray, reactions: FloatArray, seconds: float) -> FloatArray:
        """What each bids in the end, between its start and its limit; all arrays of shape (rivals,), prices in gwei.

        `starts` are what they bid where nobody else calls, all above 0; who has a limit below its start stays there.
        At equal bids the first listed goes first. `reactions` are the seconds in which each answers a bid that it sees,
        `seconds` how long a block is open.
        """
        ...


Bidding = Annotated[OpenBidding | SealedBidding, Field(discriminator="kind")]
