"""An oracle that is always right.

**Source**: none; the limit of every feed without threshold and delay.
**Models**: a protocol that knows the price on the rest of the market in every block.
**Leaves out**: everything that makes an oracle late or wrong.
**Units**: quote per unit, in and out.
**Invariants**: the report is the reference price.
"""

from typing import ClassVar, Literal

from models.parameters import Parameters


class ReferenceOracle:
    """Reports the reference price."""

    __slots__ = ("updated_seconds",)

    def __init__(self) -> None:
        self.updated_seconds = 0.0

    def report(self, time_seconds: float, reference: float, venue: float) -> float:
        """The reference price of this block."""
        self.updated_seconds = time_seconds
        return reference


class ReferenceTerms(Parameters):
    """The reference price, at once."""

    reads_venue: ClassVar[bool] = False

    kind: Literal["reference"] = "reference"

    def start(self, price: float) -> ReferenceOracle:
        """The oracle at time 0."""
        return ReferenceOracle()
