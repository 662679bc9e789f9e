"""What the call that opens a liquidation sees and does, where the taking comes later or a pool stands ready.

**Source**: the calls ``bark`` and ``bite`` of Maker, ``kick`` of Ajna, ``absorb`` of Compound III and ``liquidate`` of
Liquity; each design names its own.

**Models**: an opening call turns a position, or a part of it, into *lots* that are sold over time, or settles it at
once (`Absorption`) against a pool, the other borrowers or the reserves. The collateral and the debt of a lot stay
booked on the borrower's account, frozen, until they are sold: what a taking repays leaves the account's debt, what it
takes leaves the account's collateral. Where an opening has an absorption, its lots are of collateral that the protocol
already owns.

**Leaves out**: who opens and who takes. Interest: what a lot is to raise is fixed when it is opened.

**Units**: units of the debt asset unless the name says ``units`` (of collateral), ``_usd`` or ``_seconds``; prices are
units of debt per unit of collateral unless named ``_usd``.

**Invariants**: the units of lots, absorption and rewards from the position are the collateral opened, none lost.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal, NamedTuple, Protocol

import numpy as np

from models.liquidation.ceiling import Accounts, OpeningCeiling
from models.liquidation.offer import Bounds, Position
from models.types import FloatArray

NOBODY: Final = -1

STABILITY_POOL_USD: Final = 10_000_000.0
STABILITY_POOL: Final = (
    "units of debt that the pool holds at first; ten million dollars' worth unless given: an assumption"
)

Payer = Literal["position", "reserves", "set_aside"]


@dataclass(slots=True)
class House:
    """The state of a design as a whole that a call sees; whoever runs the design keeps it up to date.

    `outstanding_usd`: what all open lots are still to raise. `stability_pool`: what the stability pool holds.
    `reserves`: the protocol's reserves of the debt asset, negative where they have paid more than they had.
    `collateral_usd`, `debt_usd`: of all accounts together. `stakes_units`: collateral of the *other* borrowers.
    `mean_debt`: of all borrowers. `least_reference_price`: the highest of debt per unit of collateral of any loan,
    times the collateralization factor, and of the reference price of the auction kicked last. `in_bands`: what of the
    debt asset is in the position's own bands.
    """

    outstanding_usd: float = 0.0
    stability_pool: float = 0.0
    reserves: float = 0.0
    collateral_usd: float = 0.0
    debt_usd: float = 0.0
    stakes_units: float = 0.0
    mean_debt: float = 0.0
    borrow_rate_per_year: float = 0.0
    least_reference_price: float = 0.0
    in_bands: float = 0.0


class Kick(NamedTuple):
    """What a bond-backed call fixes for its auction: prices, the bond factor, and the most that reserves may pay."""

    reference_price: float
    neutral_price: float
    debt_per_unit: float
    bond_factor: float
    lenders_price: float
    reserves_cap: float


@dataclass(slots=True)
class Lot:
    """A position, or a part of one, that is for sale.

    `units` of collateral are left to raise `tab`, of which `due` is to repay debt and the rest is penalty. `account`,
    `collateral` and `debt` (numbers of the reserves) are for whoever books the lot; no design reads them.
    `debt_price_usd` is as believed at the opening. A Dutch auction starts from the price `top` at `top_seconds`. In an
    English one `bidder` has locked `bid` for the units, until `bid_until_seconds` at most, and all ends at
    `ends_seconds`. `bond` is what the caller has locked; once the lot is closed it is the caller's again. What is
    `due` of a closed lot, nothing was left to pay for.
    """

    units: float
    due: float
    tab: float
    opened_seconds: float
    debt_price_usd: float
    account: int = NOBODY
    collateral: int = NOBODY
    debt: int = NOBODY
    top: float = 0.0
    top_seconds: float = 0.0
    bid: float = 0.0
    bidder: int = NOBODY
    bid_until_seconds: float = float("inf")
    ends_seconds: float = float("inf")
    bond: float = 0.0
    kick: Kick | None = None
    closed: bool = False

    def copy(self) -> "Lot":
        """A lot like this, to see what would become of it; `copy.copy` takes ten times as long."""
        return Lot(
            self.units,
            self.due,
            self.tab,
            self.opened_seconds,
            self.debt_price_usd,
            self.account,
            self.collateral,
            self.debt,
            self.top,
            self.top_seconds,
            self.bid,
            self.bidder,
            self.bid_until_seconds,
            self.ends_seconds,
            self.bond,
            self.kick,
            self.closed,
        )


class Reward(NamedTuple):
    """What the caller gets, and from whom.

    ``position``: out of the collateral opened. ``reserves``: the protocol pays, and owes it where it has nothing.
    ``set_aside``: put aside by the borrower when it borrowed, on no account of this world.
    """

    payer: Payer
    debt: float = 0.0
    units: float = 0.0


@dataclass(frozen=True, slots=True)
class Absorption:
    """How a call settles a position at once.

    The stability pool burns `debt_offset` for `units_to_pool`; the other borrowers take over `debt_redistributed` with
    `units_redistributed`, by `share_out`; the reserves bear `debt_from_reserves` and the `credit` to the borrower, for
    `units_to_protocol`. `surplus_units` stay with the borrower, and so does debt that is not named here.
    """

    debt_offset: float = 0.0
    units_to_pool: float = 0.0
    debt_redistributed: float = 0.0
    units_redistributed: float = 0.0
    debt_from_reserves: float = 0.0
    credit: float = 0.0
    units_to_protocol: float = 0.0
    surplus_units: float = 0.0


@dataclass(frozen=True, slots=True)
class Opening:
    """Everything that an opening call does; `bond` is what the caller must lock for it."""

    lots: list[Lot] = field(default_factory=list)
    rewards: tuple[Reward, ...] = ()
    absorption: Absorption | None = None
    bond: float = 0.0


class TimedDesign(Protocol):
    """A design whose liquidations are opened by a call."""

    source: ClassVar[str]
    leaves_out: ClassVar[str]
    bounds: ClassVar[Bounds]

    def open(self, position: Position, now_seconds: float, house: House) -> Opening | None:
        """What opening does to a position now, which changes nothing yet; None where the rule does not allow it."""

    def opening_ceiling(self, accounts: Accounts, house: House) -> OpeningCeiling | None:
        """What no call that opens one of these accounts can exceed; None where the rule states no bound."""

    def restart_ceiling(self, raising_usd: FloatArray, worth_usd: FloatArray) -> OpeningCeiling | None:
        """The same of calls that start auctions afresh, by what is to be raised and what is left to raise it; (n,)."""


def openable(position: Position) -> bool:
    """Whether a position is below health 1 and has both a debt and collateral worth something."""
    return position.health < 1.0 and backed(position)


def backed(position: Position) -> bool:
    """Whether a position has both a debt and collateral worth something."""
    return position.debt_units > 0.0 and position.collateral_units * position.collateral_price > 0.0


def price_of(position: Position) -> float:
    """Units of debt that a unit of collateral is worth."""
    return position.collateral_price / position.debt_price


def share_out(amount: float, stakes: FloatArray) -> FloatArray:
    """Part of an amount for each stake, in proportion; shape (n,), zeros where nobody has a stake.

    For redistribution the stakes are the collateral of the borrowers: Liquity's own stakes are scaled by what was
    redistributed before, which keeps them in proportion to it. For a stability pool they are the deposits: its running
    product and sum are this rule, applied once for many offsets.
    """
    total = float(stakes.sum())
    return stakes * (amount / total) if total > 0.0 else np.zeros_like(stakes)
