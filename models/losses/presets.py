"""Waterfalls of protocols, by name: which layers there are, and in which order.

**Source**: per preset, at its function. Sizes are of the date named there; where none is known they say so, and are the
scenario's to set.

**Models**: what is written into each protocol. The borrower's own buffer comes first and is the liquidation's.

**Leaves out**: rescues, which are no rule: put a `discretionary_rescue` before `deferred` where one is to be possible.

**Units**: as the layers.

**Invariants**: each preset is a list of its own, of frozen terms.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Literal

from models.losses.auto_deleverage import AutoDeleverageLayer
from models.losses.dao_offset import DaoOffsetLayer
from models.losses.deferred import DeferredLayer
from models.losses.haircut import HaircutLayer
from models.losses.in_kind import InKindLayer
from models.losses.insurance_fund import InsuranceFundLayer
from models.losses.mint_auction import MintAuctionLayer
from models.losses.price_bucket import PriceBucketLayer
from models.losses.redistribute_to_borrowers import RedistributeToBorrowersLayer
from models.losses.refusals import UnknownPreset
from models.losses.reserve import ReserveLayer
from models.losses.stability_pool import StabilityPoolLayer
from models.losses.staked_own_token import StakedOwnTokenLayer
from models.losses.staked_same_asset import StakedSameAssetLayer
from models.losses.timed_waterfall import Starts


def aave_v3_umbrella() -> list[Starts]:
    """USDC on mainnet: offset of AIP-467 (April 2026), target and emission of AIP-507 (July 2026); the stake at it."""
    return [DaoOffsetLayer(capital=1_300_000.0), StakedSameAssetLayer(), DeferredLayer()]


def aave_v2_safety_module() -> list[Starts]:
    """stkAAVE: 30 % slashable, 10 days of cooldown and 2 of window. The size of the stake is an assumption."""
    return [StakedOwnTokenLayer(asset="AAVE", capital=2_000_000.0), DeferredLayer()]


def comet() -> list[Starts]:
    """compound-finance/comet: reserves bear the debt at once; below nothing, depositors do without being told."""
    return [ReserveLayer(), DeferredLayer()]


def compound_v2() -> list[Starts]:
    """Compound v2 and Venus core: a dead borrow stays among the borrows."""
    return [DeferredLayer()]


def maker() -> list[Starts]:
    """makerdao/dss, as of March 2020; then emergency shutdown, in which holders of the stablecoin are cut."""
    return [MintAuctionLayer(asset="MKR"), HaircutLayer()]


def morpho_market() -> list[Starts]:
    """morpho-org/morpho-blue: all suppliers, in the same transaction. Vaults v1.0 and v2 pass it on."""
    return [HaircutLayer()]


def morpho_vault_deferred() -> list[Starts]:
    """morpho-org/metamorpho-v1.1: what its markets lose is carried on as lost assets, at an unchanged share price."""
    return [DeferredLayer()]


def euler_v2() -> list[Starts]:
    """euler-xyz/euler-vault-kit: debt is socialised once no collateral is left."""
    return [HaircutLayer()]


def liquity() -> list[Starts]:
    """liquity/dev: the stability pool, then the other borrowers. What the pool holds is an assumption."""
    return [StabilityPoolLayer(), RedistributeToBorrowersLayer()]


def ajna() -> list[Starts]:
    """ajna-finance/ajna-core, ``settlePoolDebt``: reserves, then suppliers from the highest bucket down."""
    return [ReserveLayer(), PriceBucketLayer()]


def silo_v3() -> list[Starts]:
    """Silo v3 (March 2026): collateral to lenders."""
    return [InKindLayer()]


def perp_exchange() -> list[Starts]:
    """A fund, then winners in the order of their rank. Size: what dYdX v3's fund had left in November 2023."""
    return [InsuranceFundLayer(capital=13_500_000.0), AutoDeleverageLayer()]


PRESETS: Final[Mapping[str, Callable[[], list[Starts]]]] = MappingProxyType(
    {
        make.__name__: make
        for make in (
            aave_v2_safety_module,
            aave_v3_umbrella,
            ajna,
            comet,
            compound_v2,
            euler_v2,
            liquity,
            maker,
            morpho_market,
            morpho_vault_deferred,
            perp_exchange,
            silo_v3,
        )
    }
)


PresetName = Literal[
    "aave_v2_safety_module",
    "aave_v3_umbrella",
    "ajna",
    "comet",
    "compound_v2",
    "euler_v2",
    "liquity",
    "maker",
    "morpho_market",
    "morpho_vault_deferred",
    "perp_exchange",
    "silo_v3",
]
"""The names of all of them."""


def preset(name: str) -> list[Starts]:
    """The layers of the protocol of that name, in order. Raises `UnknownPreset`."""
    try:
        return PRESETS[name]()
    except KeyError:
        raise UnknownPreset(f"no waterfall is called {name!r}; choose one of {', '.join(PRESETS)}") from None
