"""A price that is written into the contract.

**Source**: none; stable coins that are taken for a dollar, and staked ether for ether, by lenders that ask no market.
**Models**: a protocol that believes one price whatever the markets do: nobody is liquidated for a peg that slips, and
nobody sees that it has.
**Leaves out**: governance that changes the price; an exchange rate that grows.
**Units**: quote per unit.
**Invariants**: every report is the same.
"""

from typing import ClassVar, Literal

from pydantic import Field

from models.parameters import Parameters


class FixedOracle:
    """Reports one price."""

    __slots__ = ("_price", "updated_seconds")

    def __init__(self, price: float) -> None:
        self._price = price
        self.updated_seconds = 0.0

    def report(self, time_seconds: float, reference: float, venue: float) -> float:
        """The price, never older than this block: there is nothing that could be late."""
        self.updated_seconds = time_seconds
        return self._price


class FixedTerms(Parameters):
    """One price, that of the start where none is given."""

    reads_venue: ClassVar[bool] = False

    kind: Literal["fixed"] = "fixed"
    price: float | None = Field(None, gt=0)

    def start(self, price: float) -> FixedOracle:
        """The oracle at time 0."""
        return FixedOracle(price if self.price is None else self.price)
