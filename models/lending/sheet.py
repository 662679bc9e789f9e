"""What a reserve has and owes, in units, and what a whole pool does, in value."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class BalanceSheet:
    """What a reserve has and owes, in units: cash + debt + deficit = claims + treasury."""

    cash: float
    debt: float
    deficit: float
    claims: float
    treasury: float

    @property
    def assets(self) -> float:
        """Cash, what borrowers owe, and the hole that nobody owes any more."""
        return self.cash + self.debt + self.deficit

    @property
    def liabilities(self) -> float:
        """What suppliers and the treasury can claim."""
        return self.claims + self.treasury

    @property
    def gap(self) -> float:
        """Assets less liabilities: rounding, and nothing else."""
        return self.assets - self.liabilities


class Worth(NamedTuple):
    """A pool in value: debt, collateral posted, claims, cash, deficit and treasury, all reserves together."""

    debt: float
    collateral: float
    claims: float
    cash: float
    deficit: float
    treasury: float
