"""What all rules of the slot share: a rule without a memory is its own state.

**Source**: none; rules with a memory are those of Morpho (``AdaptiveCurveIrm``), Fraxlend and Ajna, whose rate at a
utilisation depends on how long it has been where.

**Models**: terms start a rule, which tells the rate of the moment, and lets time pass.

**Leaves out**: rules that look at prices.

**Units**: rates per year as fractions; seconds.

**Invariants**: without a memory, the rate over any time is that of the moment.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Self

from models.parameters import Parameters


class Memoryless(Parameters, ABC):
    """Terms of a rule whose rate follows from the utilisation alone."""

    remembers: ClassVar[bool] = False

    @abstractmethod
    def rate(self, utilisation: float) -> float:
        """Rate per year at a utilisation between 0 and 1."""

    def start(self) -> Self:
        """Itself."""
        return self

    def elapse(self, utilisation: float, seconds: float) -> float:
        """The rate of the moment, however long it is charged."""
        return self.rate(utilisation)
