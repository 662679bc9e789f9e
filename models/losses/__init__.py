"""Slot: a loss layer, a source of money that absorbs bad debt. `waterfall` allocates a loss over layers in order.

A layer is frozen terms. The layers in `TIMED_LAYERS` start a state, a `Payer`, which a `TimedWaterfall` asks in order
and keeps through time; for `insurance` that is whoever insures. Terms say what money or claims of its own a layer has
(`money`, `claims`); a payer says what its payments do to the pool (`settles`), what has left its own means (`gives`),
and takes note of what its account really holds (`see`). Whoever keeps the books goes by that alone. Who may stake on a
layer is a matter of `StakeTerms` and `StakedPayer`.
"""

from typing import Annotated, Final, Protocol, get_args

from pydantic import Field

from models.losses.auto_deleverage import AutoDeleverageLayer, deleverage_rank
from models.losses.backstop_vault import BackstopVaultLayer
from models.losses.dao_offset import DaoOffsetLayer
from models.losses.deferred import DeferredLayer, lost_assets, stayers_haircut
from models.losses.discretionary_rescue import DiscretionaryRescueLayer
from models.losses.external_cover import ExternalCoverLayer
from models.losses.haircut import HaircutLayer
from models.losses.in_kind import InKindLayer
from models.losses.insurance import InsuranceLayer
from models.losses.insurance_fund import InsuranceFundLayer
from models.losses.market import LossMarket, LossView, PoolDepth, TokenMarket
from models.losses.mint_auction import MintAuctionLayer
from models.losses.payer import Effect, Paid, Payer, Recovered
from models.losses.presets import PRESETS, PresetName, preset
from models.losses.price_bucket import PriceBucketLayer
from models.losses.redistribute_to_borrowers import RedistributeToBorrowersLayer
from models.losses.refusals import BeyondCapacity, ExitRefused, InvalidStake, UnknownPreset, UnpricedAsset
from models.losses.reserve import ReserveLayer
from models.losses.stability_pool import StabilityPoolLayer
from models.losses.stake import Stake, StakedPayer, StakeTerms
from models.losses.staked_own_token import StakedOwnTokenLayer
from models.losses.staked_same_asset import StakedSameAssetLayer, slashable_deficit
from models.losses.timed_waterfall import Book, Part, Returned, Starts, TimedWaterfall
from models.losses.waterfall import (
    DEPOSITORS,
    UNCOVERED,
    InvalidLoss,
    LayerState,
    Loss,
    Payment,
    Recognition,
    allocate,
    bad_debt,
    waterfall,
)
from models.losses.withdrawal_charge import WithdrawalChargeLayer

__all__ = [
    "DEPOSITORS",
    "PRESETS",
    "TIMED_LAYERS",
    "UNCOVERED",
    "AutoDeleverageLayer",
    "BackstopVaultLayer",
    "BeyondCapacity",
    "Book",
    "DaoOffsetLayer",
    "DeferredLayer",
    "DiscretionaryRescueLayer",
    "Effect",
    "ExitRefused",
    "ExternalCoverLayer",
    "HaircutLayer",
    "InKindLayer",
    "InsuranceFundLayer",
    "InsuranceLayer",
    "InvalidLoss",
    "InvalidStake",
    "Layer",
    "LayerState",
    "Loss",
    "LossLayer",
    "LossMarket",
    "LossView",
    "MintAuctionLayer",
    "Paid",
    "Part",
    "Payer",
    "Payment",
    "PoolDepth",
    "PresetName",
    "PriceBucketLayer",
    "Recognition",
    "Recovered",
    "RedistributeToBorrowersLayer",
    "ReserveLayer",
    "Returned",
    "StabilityPoolLayer",
    "Stake",
    "StakeTerms",
    "StakedOwnTokenLayer",
    "StakedPayer",
    "StakedSameAssetLayer",
    "Starts",
    "TimedWaterfall",
    "TokenMarket",
    "UnknownPreset",
    "UnpricedAsset",
    "WithdrawalChargeLayer",
    "allocate",
    "bad_debt",
    "deleverage_rank",
    "lost_assets",
    "preset",
    "slashable_deficit",
    "stayers_haircut",
    "waterfall",
]


class LossLayer(Protocol):
    """Terms that turn what a payer has into what it can pay for one loss."""

    def state(self, name: str, available_units: float, price_usd: float) -> LayerState:
        """What the layer can do right now about a loss in an asset of that price."""


Layer = Annotated[
    ReserveLayer
    | InsuranceLayer
    | DaoOffsetLayer
    | StakedSameAssetLayer
    | StakedOwnTokenLayer
    | StabilityPoolLayer
    | BackstopVaultLayer
    | InsuranceFundLayer
    | ExternalCoverLayer
    | MintAuctionLayer
    | RedistributeToBorrowersLayer
    | HaircutLayer
    | PriceBucketLayer
    | InKindLayer
    | AutoDeleverageLayer
    | WithdrawalChargeLayer
    | DiscretionaryRescueLayer
    | DeferredLayer,
    Field(discriminator="kind"),
]

TIMED_LAYERS: Final[tuple[type[Starts], ...]] = tuple(
    kind for kind in get_args(get_args(Layer)[0]) if kind is not InsuranceLayer
)
"""The terms of every layer with a state."""
