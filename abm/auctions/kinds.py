"""Which designs take time, have a pool behind them or bands, and what keeps their lots and loans."""

from typing import TYPE_CHECKING

from abm.auctions.bonds import BondedSales
from abm.auctions.english import EnglishAuctions
from abm.auctions.lots import Auctions
from abm.auctions.sales import Sales
from abm.liquidations.stability import StabilityPool
from abm.pools.band_loans import BandLoans
from models.liquidation import Ajna, CompoundV3, Design, LiquityV1, LiquityV2, Llamma, MakerFlip, SaleDesign, SpotDesign

if TYPE_CHECKING:
    from abm.pools.lender import Lender
    from abm.world import World


class UnkeptDesignError(TypeError):
    """A design of a family that nothing here keeps the lots of: a fault of the program, never of a scenario."""


def own_accounts(design: Design) -> int:
    """Return how many accounts of the pool a design needs for itself: who absorbs holds what it has absorbed."""
    return int(isinstance(design, CompoundV3))


def auctions_of(world: "World", lender: "Lender", design: Design) -> Auctions | None:
    """Return what keeps the lots, the pool or the bands of a lender's design; None where takers settle it at once.

    A design's own account is the pool's last.
    """
    if isinstance(design, Ajna):
        return BondedSales(world, lender, design)
    if isinstance(design, SaleDesign):
        return Sales(world, lender, design, lender.pool.accounts - 1 if own_accounts(design) else None)
    if isinstance(design, LiquityV1 | LiquityV2):
        return StabilityPool(world, lender, design)
    if isinstance(design, Llamma):
        return BandLoans(world, lender, design, world.band_sources[lender.name])
    if isinstance(design, MakerFlip):
        return EnglishAuctions(world, lender, design)
    if isinstance(design, SpotDesign):
        return None
    raise UnkeptDesignError(
        f"{type(design).__name__} is no SpotDesign and no SaleDesign, and nothing keeps its lots; say here what does"
    )
