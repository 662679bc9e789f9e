"""The median of several oracles.

**Source**: Maker's medianizer, median.sol (makerdao/median); Chainlink's aggregation of its reporters.
**Models**: every oracle reports in every block; the one in the middle is believed, or the mean of the middle two.
**Leaves out**: a quorum; reporters that are late or bribed (give them terms of their own); Maker takes an odd number.
**Units**: quote per unit, in and out.
**Invariants**: the report is within the smallest and the largest of the oracles' reports, and a minority of them cannot
take it out of the range of the others. The median of one is that one.
"""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from models.parameters import Parameters

if TYPE_CHECKING:
    from models.oracles import Oracle, OracleTerms


class MedianOracle:
    """Reports the median of what its oracles report."""

    __slots__ = ("_of", "_upper")

    def __init__(self, of: "list[Oracle]") -> None:
        self._of = of
        self._upper = len(of) // 2

    @property
    def updated_seconds(self) -> float:
        """When the oracle in the middle of them by age was updated: a minority that has stopped is outvoted."""
        return sorted(oracle.updated_seconds for oracle in self._of)[self._upper]

    def report(self, time_seconds: float, reference: float, venue: float) -> float:
        """The median of this block's reports."""
        reports = sorted([oracle.report(time_seconds, reference, venue) for oracle in self._of])
        middle = reports[self._upper]
        if len(reports) % 2:
            return middle
        below = reports[self._upper - 1]
        return below + 0.5 * (middle - below)


class MedianTerms(Parameters):
    """The median of the oracles in `of`."""

    kind: Literal["median"] = "median"
    of: Annotated[list["OracleTerms"], Field(min_length=1)]

    @property
    def reads_venue(self) -> bool:
        """Whether any of its oracles reads the venue."""
        return any(terms.reads_venue for terms in self.of)

    def start(self, price: float) -> MedianOracle:
        """The oracle at time 0; every oracle in it believes `price`."""
        return MedianOracle([terms.start(price) for terms in self.of])
