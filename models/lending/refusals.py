"""What a lending pool refuses, one class for each way to fail; a refused verb has changed nothing."""

from models.refusals import Refusal


class InvalidUnits(Refusal):
    """An amount or a duration is negative, infinite or not a number."""


class InsufficientCash(Refusal):
    """The reserve has lent out what is asked for."""


class InsufficientShares(Refusal):
    """A supplier asks for more than its claim."""


class InsufficientCollateral(Refusal):
    """More collateral is to leave an account than it has posted."""


class InsufficientDebt(Refusal):
    """More debt is to leave an account than it owes."""


class BorrowLimit(Refusal):
    """The debt after borrowing would exceed the loan-to-value limit of the collateral."""


class UnsafeRelease(Refusal):
    """The collateral left after a release would not support the debt."""


class InsufficientTreasury(Refusal):
    """The treasury's claim on the reserve is smaller than what it is to cover."""


class ExceedsDeficit(Refusal):
    """More is to be covered than the deficit that is left."""


class SheetUnbalanced(Refusal):
    """Assets and claims of a reserve have come apart."""


class TooManyReserves(Refusal):
    """The watch tells accounts apart by the reserves they use, one bit each, and has run out of bits."""
