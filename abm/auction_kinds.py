"""Which designs take time, and what keeps their lots."""

from typing import TYPE_CHECKING

from abm.auctions import Auctions
from abm.english_auctions import EnglishAuctions
from abm.sales import Sales
from models.liquidation import CompoundV3, Design, MakerFlip, SaleDesign

if TYPE_CHECKING:
    from abm.world import Lender, World


def own_accounts(design: Design) -> int:
    """Return how many accounts of the pool a design needs for itself: who absorbs holds what it has absorbed."""
    return int(isinstance(design, CompoundV3))


def auctions_of(world: "World", lender: "Lender", design: Design) -> Auctions | None:
    """Return what keeps the lots of a lender's design, its own account the pool's last; None where it takes no time."""
    if isinstance(design, SaleDesign):
        return Sales(world, lender, design, lender.pool.accounts - 1 if own_accounts(design) else None)
    return EnglishAuctions(world, lender, design) if isinstance(design, MakerFlip) else None
