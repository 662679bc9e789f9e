"""Slot: a liquidation design. Every design reduces to offers: repay up to R of the debt for collateral at a price.

A design is a frozen set of parameters with three pure functions; it knows a `Position` and nothing of the pool. Most
are a `SpotDesign`, which states its `terms`, or a `SaleDesign`, which states how a lot opens and what a unit costs; a
part of the union `Design` is all that such a one needs. One that keeps its lots in another way also needs a keeper in
`abm.auctions.kinds`. By its name, its defaults, its `source`, `leaves_out` and `bounds` it is listed, compared and
tuned; a class that lacks one of these is told so when it is imported (`MisstatedDesign`). Around any of them go two
wrappers, `Oev` and `Backstop`, as the parameters `oev` and `backstop` of every design.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Protocol, cast, get_args

from pydantic import Field

from models.liquidation.aave_v2 import AaveV2
from models.liquidation.aave_v3 import AaveV3
from models.liquidation.aave_v4 import AaveV4
from models.liquidation.ajna import Ajna, NotSettleable, Settlement, bond_payment_factor
from models.liquidation.backstop import Backstop
from models.liquidation.compound_v2 import CompoundV2
from models.liquidation.compound_v3 import CompoundV3
from models.liquidation.design import WRAPPERS, DesignParameters, Financing
from models.liquidation.euler_v1 import EulerV1
from models.liquidation.euler_v2 import EulerV2
from models.liquidation.fixed_spread import FixedSpread
from models.liquidation.fluid import Fluid
from models.liquidation.gearbox import Gearbox
from models.liquidation.kamino import Kamino
from models.liquidation.liquity_v1 import LiquityV1
from models.liquidation.liquity_v2 import LiquityV2
from models.liquidation.llamma import Llamma, Loan
from models.liquidation.maker_clip import MakerClip
from models.liquidation.maker_flip import AuctionOver, AuctionRunning, Bid, Bidding, InvalidBid, MakerFlip
from models.liquidation.morpho_blue import MorphoBlue
from models.liquidation.naming import MisstatedDesign, by_name
from models.liquidation.oev import Oev, Stage
from models.liquidation.offer import (
    Bounds,
    InvalidRepayment,
    MustCloseInFull,
    MustNotLeaveDust,
    NotLiquidatable,
    Offer,
    Position,
    Taking,
)
from models.liquidation.opening import NOBODY, Absorption, House, Kick, Lot, Opening, Reward, TimedDesign, share_out
from models.liquidation.sale import LotTaking, NotForSale, NothingToReset, SaleDesign
from models.liquidation.silo import Silo
from models.liquidation.spot import SpotDesign
from models.liquidation.toxic_halt import ToxicHalt

__all__ = [
    "DESIGNS",
    "DESIGN_NAMES",
    "NOBODY",
    "TIMED_DESIGNS",
    "WRAPPERS",
    "AaveV2",
    "AaveV3",
    "AaveV4",
    "Absorption",
    "Ajna",
    "AuctionOver",
    "AuctionRunning",
    "Backstop",
    "Bid",
    "Bidding",
    "Bounds",
    "CompoundV2",
    "CompoundV3",
    "Design",
    "DesignParameters",
    "EulerV1",
    "EulerV2",
    "Financing",
    "FixedSpread",
    "Fluid",
    "Gearbox",
    "House",
    "InvalidBid",
    "InvalidRepayment",
    "Kamino",
    "Kick",
    "LiquidationDesign",
    "LiquityV1",
    "LiquityV2",
    "Llamma",
    "Loan",
    "Lot",
    "LotTaking",
    "MakerClip",
    "MakerFlip",
    "MisstatedDesign",
    "MorphoBlue",
    "MustCloseInFull",
    "MustNotLeaveDust",
    "NotForSale",
    "NotLiquidatable",
    "NotSettleable",
    "NothingToReset",
    "Oev",
    "Offer",
    "Opening",
    "Position",
    "Reward",
    "SaleDesign",
    "Settlement",
    "Silo",
    "SpotDesign",
    "Stage",
    "Taking",
    "TimedDesign",
    "ToxicHalt",
    "bond_payment_factor",
    "share_out",
]


class LiquidationDesign(Protocol):
    """What a design answers about one pair of collateral and debt; all amounts repaid are units of the debt."""

    source: ClassVar[str]
    leaves_out: ClassVar[str]
    bounds: ClassVar[Bounds]

    def offer(self, position: Position) -> Offer | None:
        """The terms and the most that one call may repay; None when nothing can be liquidated."""

    def fit(self, position: Position, repay: float) -> float:
        """The largest repayment up to `repay` that `take` accepts of a liquidatable position; 0 when there is none."""

    def take(self, position: Position, repay: float) -> Taking:
        """Exactly what repaying `repay` does; too much is cut, what the rule forbids is refused."""


Design = Annotated[
    AaveV2
    | AaveV3
    | AaveV4
    | Ajna
    | CompoundV2
    | CompoundV3
    | EulerV1
    | EulerV2
    | FixedSpread
    | Fluid
    | Gearbox
    | Kamino
    | LiquityV1
    | LiquityV2
    | Llamma
    | MakerClip
    | MakerFlip
    | MorphoBlue
    | Silo
    | ToxicHalt,
    Field(discriminator="design"),
]

DESIGNS: Final[Mapping[str, type[DesignParameters]]] = by_name(get_args(get_args(Design)[0]))
"""Every design by the name that a scenario asks for it by."""

DESIGN_NAMES: Final[tuple[str, ...]] = tuple(DESIGNS)
"""The values of `design`."""

TIMED_DESIGNS = cast(
    "tuple[type[TimedDesign], ...]",
    tuple(kind for kind in DESIGNS.values() if not issubclass(kind, SpotDesign | Llamma)),
)
"""The designs that a call opens, and that take time or have a pool behind them: all but spot designs and bands."""
