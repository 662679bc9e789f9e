"""Stakers of the very asset that was lost are slashed at once, and pay when a role says so.

**Source**: aave-dao/aave-umbrella (759147d): ``Umbrella.sol``, ``UmbrellaConfiguration.sol``, ``StakeToken`` and
``rewards/libraries/EmissionMath.sol``. Defaults are of USDC as of AIP-507 (July 2026).

**Models**: what is staked are claims on the insured pool. A loss slashes ``loss (1 + fee) P_debt / P_stake``, down to
`least_assets`; what is slashed lies with the collector, *pending*, until `cover_delay_seconds` later it burns the
claims. Stakers leave through a cooldown and a window, slashable and earning until then; a pause stops entry, exit and
slashing alike. They earn rewards on a curve around the target liquidity T with its largest emission E, S being staked:

    S <= T:          (2 E - E S / T) S / T
    T < S < 1.2 T:   E - 0.2 E (S - T) / (0.2 T)
    S >= 1.2 T:      0.8 E

**Leaves out**: interest of the claims staked, which `see` takes in; several reserves behind one stake; the vote to
pause.

**Units**: units of the staked asset, of the reward's asset per year, seconds.

**Invariants**: at the start staked = staked + held + paid out, less exits. What is held is never slashed again.
"""

from typing import ClassVar, Final, Literal

from pydantic import Field

from models.losses.market import LossView
from models.losses.payer import Effect, Paid, Settles, What
from models.losses.stake import Stake, StakedPayer, StakeTerms

_DAY: Final = 86400.0
# EmissionMath: the curve is flat from 120 % of the target on, at 80 % of the largest emission.
_FLAT_FROM: Final = 1.2
_FLAT_SHARE: Final = 0.8
_ROUNDING: Final = 1e-9


class StakedSameAssetLayer(StakeTerms):
    """Slashing of stakers of the same asset."""

    kind: Literal["staked_same_asset"] = "staked_same_asset"
    asset: str | None = Field(None, description="what is staked; claims on the debt's own asset by default")
    capital: float = Field(32_520_000.0, ge=0, description="units staked at first; the target by default")
    target_liquidity: float = Field(32_520_000.0, gt=0, description="units at which the largest emission is paid")
    max_emission_per_year: float = Field(1_220_000.0, ge=0, description="units of the reward's asset")
    liquidation_fee: float = Field(0.0, ge=0, description="slashed on top of the loss, as a fraction of it")
    least_assets: float = Field(1.0, ge=0, description="units that are never slashed: 1e6 of the smallest, 1 USDC")
    cooldown_seconds: float = Field(20.0 * _DAY, ge=0)
    window_seconds: float = Field(2.0 * _DAY, ge=0)
    cover_delay_seconds: float = Field(0.0, ge=0, description="from the slash to the burning of claims")

    def claims(self) -> float:
        """The stake."""
        return self.capital

    def start(self) -> "StakedSameAsset":
        """The layer before the first loss."""
        return StakedSameAsset(self)

    def emission_per_year(self, staked: float) -> float:
        """What all stakers together earn in a year while so much is staked."""
        largest, filled = self.max_emission_per_year, staked / self.target_liquidity
        if filled <= 1.0:
            return (2.0 * largest - largest * filled) * filled
        if filled < _FLAT_FROM:
            return largest - (1.0 - _FLAT_SHARE) * largest * (filled - 1.0) / (_FLAT_FROM - 1.0)
        return _FLAT_SHARE * largest


class StakedSameAsset(StakedPayer):
    """The stake, and what was slashed of it and is not paid out yet, in `held` units."""

    __slots__ = ("held",)

    terms: StakedSameAssetLayer

    gives: ClassVar[frozenset[What]] = frozenset({"burned"})

    settles: ClassVar[Settles] = "claims"

    def __init__(self, terms: StakedSameAssetLayer) -> None:
        stake = Stake(terms.capital, terms.cooldown_seconds, terms.window_seconds, terms.emission_per_year)
        super().__init__(terms, stake, terms.cover_delay_seconds)
        self.held = 0.0

    def capacity(self, now_seconds: float, market: LossView) -> float:
        """What slashing all but the least would pay for; nothing while paused."""
        if self.stake.paused:
            return 0.0
        price = market.token(self.terms.asset).price
        return max(self.stake.assets - self.terms.least_assets, 0.0) * price / (1.0 + self.terms.liquidation_fee)

    def advance(self, now_seconds: float, market: LossView) -> Paid:
        """Pay out what is due, and spread the rewards."""
        self.stake.accrue(now_seconds)
        return super().advance(now_seconds, market)

    def see(self, held: float, now_seconds: float) -> None:
        """Take note of what the claims staked and held are worth now: interest and haircuts go to both alike."""
        before = self.stake.assets + self.held
        part = held / before if before > 0.0 else 0.0
        self.held *= part
        super().see(held - self.held, now_seconds)

    def _set_aside(self, units: float, now_seconds: float, market: LossView) -> tuple[Effect, ...]:
        price = market.token(self.terms.asset).price
        wanted = units * (1.0 + self.terms.liquidation_fee) / price
        slashed = min(wanted, self.stake.assets - self.terms.least_assets)
        lost = self.stake.slash(slashed, now_seconds)
        self.held += slashed
        return (Effect("slashed", self.terms.asset, slashed, lost),)

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        burned = self._let_go(units, units + self.pending_units)
        worth = burned * market.token(self.terms.asset).price / (1.0 + self.terms.liquidation_fee)
        # What was slashed may have lost since; a rounding of it has not.
        paid = units if worth >= units * (1.0 - _ROUNDING) else worth
        return Paid(units=paid, shortfall=units - paid, effects=(Effect("burned", self.terms.asset, burned),))

    def _call_off(self, units: float) -> float:
        pending = self.pending_units
        released = super()._call_off(units)
        # Where nobody has shares any more it stays with the collector.
        if released > 0.0 and self.stake.shares.any():
            self.stake.give_back(self._let_go(released, pending))
        return released

    def _restore(self, units: float, market: LossView) -> float:
        price = market.token(self.terms.asset).price
        return units if price > 0.0 and self.stake.give_back(units / price) > 0.0 else 0.0

    def _let_go(self, units: float, pending: float) -> float:
        """The part of what is held that `units` of all `pending` are."""
        part = self.held if units >= pending else self.held * (units / pending)
        self.held -= part
        return part


def slashable_deficit(deficit: float, offset: float, pending: float) -> float:
    """The part of a pool's deficit that may be slashed for: beyond the offset, and not slashed for already."""
    return max(deficit - offset - pending, 0.0)
