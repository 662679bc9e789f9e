"""Shares of several holders in capital that can be slashed, with a cooldown on the way out.

**Source**: aave-dao/aave-umbrella, ``StakeToken`` (ERC-4626: a slash lowers what a share is worth) and its cooldown;
Aave's Safety Module and the exit queues of Blend and Hyperliquid differ in the numbers.

**Models**: whoever wants to leave begins a cooldown, for the shares held at that time; they stay slashable and go on
earning. Within a window after it they may leave; who misses it starts anew. Rewards are spread by share, at a rate
that depends on what is staked. Pausing stops entry, exit and slashing.

**Leaves out**: transfers of shares to others, which are an exit at a price.

**Units**: units of the staked asset, rewards in units of theirs, seconds.

**Invariants**: a slash takes from everybody in proportion, those who are cooling down too. Assets are never below
nothing; if none are left the shares are worth nothing and end.
"""

from collections.abc import Callable
from math import inf
from typing import Final

import numpy as np
from pydantic import Field

from models.losses.layer import ROUNDING, TimedTerms
from models.losses.payer import Payer
from models.losses.refusals import ExitRefused, InvalidStake
from models.types import FloatArray

YEAR_SECONDS: Final = 365.0 * 86400.0


class StakeTerms(TimedTerms):
    """Terms of a layer with stakers, whom a guardian may pause once."""

    paused_from_seconds: float | None = Field(None, ge=0, description="when a pause begins; never by default")
    paused_until_seconds: float | None = Field(None, ge=0, description="when it ends; never by default")

    def paused(self, now_seconds: float) -> bool:
        """Whether entry, exit and slashing are stopped."""
        if self.paused_from_seconds is None or now_seconds < self.paused_from_seconds:
            return False
        return self.paused_until_seconds is None or now_seconds < self.paused_until_seconds


def _no_rewards(staked: float) -> float:
    return 0.0


class Stake:
    """Capital of many holders; holder 0 is the capital that was there at the start.

    Attributes:
        assets: units staked, all holders together.
        shares: (n,) by holder.
        rewards: (n,) earned so far by holder, units of the reward's asset.
        paused: whether entry, exit and slashing are stopped.
    """

    __slots__ = (
        "_accrued_seconds",
        "_cooled",
        "_emission",
        "_ready_seconds",
        "assets",
        "cooldown_seconds",
        "paused",
        "rewards",
        "shares",
        "window_seconds",
    )

    def __init__(
        self,
        capital: float,
        cooldown_seconds: float,
        window_seconds: float = inf,
        emission_per_year: Callable[[float], float] = _no_rewards,
    ) -> None:
        self.assets = capital
        self.shares: FloatArray = np.array([capital], np.float64)
        self.rewards: FloatArray = np.zeros(1)
        self.cooldown_seconds = cooldown_seconds
        self.window_seconds = window_seconds
        self.paused = False
        self._emission = emission_per_year
        self._accrued_seconds = 0.0
        self._cooled: FloatArray = np.zeros(1)  # shares that may leave in the window
        self._ready_seconds: FloatArray = np.full(1, inf)

    @property
    def yield_per_year(self) -> float:
        """Rewards for a unit staked, at what is staked now; 0 where nothing is."""
        return self._emission(self.assets) / self.assets if self.assets > 0.0 else 0.0

    @property
    def holdings(self) -> FloatArray:
        """What each holder's shares are worth, (n,) units."""
        total = float(self.shares.sum())
        return self.shares * (self.assets / total) if total > 0.0 else np.zeros_like(self.shares)

    def open_accounts(self, count: int) -> int:
        """Make room for `count` more holders; returns the number of the first."""
        first = len(self.shares)
        nothing = np.zeros(count)
        self.shares = np.concatenate((self.shares, nothing))
        self.rewards = np.concatenate((self.rewards, nothing))
        self._cooled = np.concatenate((self._cooled, nothing))
        self._ready_seconds = np.concatenate((self._ready_seconds, np.full(count, inf)))
        return first

    def enter(self, holder: int, units: float, now_seconds: float) -> float:
        """Stake `units`; returns the shares they buy. Raises `InvalidStake`."""
        self._require_open("enter", InvalidStake)
        self._require_amount("stake", units)
        self.accrue(now_seconds)
        total = float(self.shares.sum())
        bought = units * total / self.assets if total > 0.0 else units
        self.shares[holder] += bought
        self.assets += units
        return bought

    def cool_down(self, holder: int, now_seconds: float) -> float:
        """Begin to leave with all shares held now; returns when the window opens."""
        self._cooled[holder] = self.shares[holder]
        ready = now_seconds + self.cooldown_seconds
        self._ready_seconds[holder] = ready
        return ready

    def leave(self, holder: int, units: float, now_seconds: float) -> float:
        """Take `units` out in the window; returns them. Raises `ExitRefused` and `InvalidStake`."""
        self._require_open("leave", ExitRefused)
        self._require_amount("withdraw", units)
        ready = float(self._ready_seconds[holder])
        if not ready <= now_seconds <= ready + self.window_seconds:
            raise ExitRefused(
                f"holder {holder} may leave from {ready:g} s for {self.window_seconds:g} s, not at {now_seconds:g} s; "
                "begin a cooldown and come back in its window"
            )
        self.accrue(now_seconds)
        total = float(self.shares.sum())
        per_share = self.assets / total if total > 0.0 else 0.0
        most = min(float(self._cooled[holder]), float(self.shares[holder])) * per_share
        if units > most * (1.0 + ROUNDING):
            raise InvalidStake(f"holder {holder} cooled down {most!r}, asked for {units!r}; take out no more than that")
        self._remove(holder, min(units, most), per_share)
        return min(units, most)

    def slash(self, units: float, now_seconds: float) -> FloatArray:
        """Take `units` from everybody in proportion; returns what each holder lost, (n,)."""
        self.accrue(now_seconds)
        lost = self.holdings * (units / self.assets) if self.assets > 0.0 else np.zeros_like(self.shares)
        left = self.assets - units
        # Who has lost everything is out, whatever the rounding of a sale has left.
        self.mark(left if left >= self.assets * ROUNDING else 0.0)
        return lost

    def give_back(self, units: float) -> float:
        """Add `units` for those who hold shares now; returns what was added, nothing where nobody does."""
        if not self.shares.any():
            return 0.0
        self.assets += units
        return units

    def mark(self, assets: float) -> None:
        """Take note of what all shares together are worth now; shares that are worth nothing end."""
        self.assets = assets
        if assets <= 0.0:
            self.assets = 0.0
            self.shares[:] = 0.0
            self._cooled[:] = 0.0

    def accrue(self, now_seconds: float) -> None:
        """Spread the rewards of the time since the last call."""
        seconds = max(now_seconds - self._accrued_seconds, 0.0)
        self._accrued_seconds += seconds
        total = float(self.shares.sum())
        if seconds > 0.0 and total > 0.0:
            self.rewards += self.shares * (self._emission(self.assets) * seconds / YEAR_SECONDS / total)

    def _remove(self, holder: int, units: float, per_share: float) -> None:
        burned = units / per_share if per_share > 0.0 else 0.0
        for shares in (self.shares, self._cooled):
            left = float(shares[holder]) - burned
            shares[holder] = left if left > ROUNDING * burned else 0.0  # a rounding is nobody's share
        self.assets = max(self.assets - units, 0.0) if self.shares.any() else 0.0

    def _require_open(self, verb: str, refusal: type[InvalidStake] | type[ExitRefused]) -> None:
        if self.paused:
            raise refusal(f"nobody can {verb} while the stake is paused; wait until it is open again")

    def _require_amount(self, verb: str, units: float) -> None:
        if not 0.0 <= units < inf:
            raise InvalidStake(f"cannot {verb} {units}; give a finite amount, 0 or more")


class StakedPayer(Payer):
    """The state of a layer whose money is a `stake`, which people may enter and leave."""

    __slots__ = ("stake", "terms")

    terms: StakeTerms

    def __init__(self, terms: StakeTerms, stake: Stake, delay_seconds: float = 0.0) -> None:
        super().__init__(terms, delay_seconds)
        self.terms = terms
        self.stake = stake

    def see(self, held: float, now_seconds: float) -> None:
        """Mark the stake to what is there, and see whether it is paused."""
        self.stake.mark(held)
        self.stake.paused = self.terms.paused(now_seconds)
