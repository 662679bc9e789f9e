"""What every design has beside its own rule: how its takers pay, and the wrappers that may go around it.

**Source**: each design's contract for how takers pay; `models.liquidation.oev` and `models.liquidation.backstop`.

**Models**: three ways of paying. ``repay``: the taker brings what it repays, its own or a flash loan's. ``take_over``:
the taker gets the debt with the collateral and may repay it from the sale before its own health is looked at, so that
a taker without funds needs no loan, and pays no fee for one. ``lock``: what is bid stays locked until the auction is
over, so that only own funds will do.

**Leaves out**: a debt that is taken over and kept: here takers repay at once.

**Units**: as `models.liquidation.offer`.

**Invariants**: a wrapper changes nothing of the rule within it.
"""

from typing import ClassVar, Literal

from pydantic import Field

from models.liquidation.backstop import Backstop
from models.liquidation.ceiling import Accounts, OpeningCeiling
from models.liquidation.oev import Oev
from models.liquidation.opening import House
from models.parameters import Parameters
from models.types import FloatArray

Financing = Literal["repay", "take_over", "lock"]

WRAPPERS = ("oev", "backstop")
"""The parameters that every design has, and that are no part of its rule."""


class DesignParameters(Parameters):
    """The parameters of a design."""

    financing: ClassVar[Financing] = "repay"
    line: ClassVar[float] = 1.0
    """Below this health an account can be liquidated."""

    oev: Oev | None = Field(None, description="auctions of the right to liquidate")
    backstop: Backstop | None = Field(None, description="an account of last resort")

    def opening_ceiling(self, accounts: Accounts, house: House) -> OpeningCeiling | None:
        """What no call that opens one of these accounts can exceed; None where the design states no bound.

        No call is paid less in this house than in the house as it is, nor has less to lose.
        """
        return None

    def restart_ceiling(self, raising_usd: FloatArray, worth_usd: FloatArray) -> OpeningCeiling | None:
        """The same of calls that start auctions afresh, by what is to be raised and what is left to raise it; (n,)."""
        return None
