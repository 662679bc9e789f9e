"""The insurer: a balance sheet that pays for bad debt, fed by premiums from the pool's income.

Models: capital in money, in claims on the insured pool and in tokens; a policy with a deductible, limits of one event
and of all, and a queue of claims; premiums that are a share of the reserve's income, or follow from its own estimate
of its losses; a minimum of capital, below which stakers stay, cover is not renewed and owners bring more; insolvency,
in which everybody who is owed is paid the same part. Without a payout delay it pays what it can and no more.
Leaves out: investing its capital, reinsurance, expiry of single policies.
"""

from math import inf
from typing import TYPE_CHECKING, NamedTuple

import mesa

from abm.agents.policy import Insurers, Pricing
from models.losses import Stake
from models.losses.layer import ROUNDING

if TYPE_CHECKING:
    from abm.losses.insurance import InsurancePayer
    from abm.view import View

__all__ = ["Insurer", "Insurers", "Pricing", "Sheet"]

YEAR_SECONDS = 31_536_000.0


class Sheet(NamedTuple):
    """An insurer's balance sheet in dollars: assets = owed + equity."""

    money_usd: float
    claims_usd: float
    tokens_usd: float
    owed_usd: float

    @property
    def assets_usd(self) -> float:
        """All that it has."""
        return self.money_usd + self.claims_usd + self.tokens_usd

    @property
    def equity_usd(self) -> float:
        """What is left once all that it owes is paid; below 0 where it is not enough."""
        return self.assets_usd - self.owed_usd


class Insurer(mesa.Agent):
    """One insurer: the balance of ledger account `account`, and its claims in account `claims_account` of the pool.

    `stake` says whose its equity is, in dollars; holder 0 are the owners. `payers` are its layers in the waterfalls.
    """

    def __init__(self, model: mesa.Model, terms: Insurers, pool: int, account: int, claims_account: int = -1) -> None:
        super().__init__(model)
        self.terms = terms
        self.pool = pool
        self.account = account
        self.claims_account = claims_account
        self.premium_share = terms.premium_share
        self.payers: list[InsurancePayer] = []
        self.borne_usd = 0.0  # losses seen while the deductible lasted
        self.beyond_usd = 0.0  # losses seen beyond it
        self.paid_usd = 0.0  # what its policy has made it pay, or owe
        self.premiums_usd = 0.0
        self.brought_usd = 0.0  # by owners, on top of the capital of the start
        self.started = False  # whether its owners have their shares
        self.insolvent = False
        self.covers = True
        self.has_price = True  # without capital there is none at which it would cover, where capacity has one
        self.premium_usd_per_year = 0.0
        window = inf if terms.window_seconds is None else terms.window_seconds
        self.stake = Stake(0.0, terms.cooldown_seconds, window)
        self._event_ends_seconds = -inf
        self._event_usd = 0.0
        self._renews_seconds = inf if terms.renewal_seconds is None else terms.renewal_seconds
        self._estimates_seconds = 0.0
        self._short_since = inf
        self._premiums_due: dict[int, float] = {}

    # The policy

    def left_usd(self, now: float) -> float:
        """Return the most that its policy may still make it pay for losses of now."""
        return self._policy_usd(now) if self._in_force else 0.0

    @property
    def _in_force(self) -> bool:
        return self.covers and self.has_price and not self.insolvent and not self._used_up

    @property
    def _used_up(self) -> bool:
        """Whether its policy has paid all that it ever will."""
        limit = self.terms.limit_usd
        return limit is not None and self.paid_usd >= limit * (1.0 - ROUNDING)

    def _policy_usd(self, now: float) -> float:
        """What its policy leaves to be paid for losses of now, whether it is in force or could be renewed."""
        limit = self.terms.limit_usd
        left = inf if limit is None else max(limit - self.paid_usd, 0.0)
        if self.terms.event_limit_usd is None:
            return left
        used = self._event_usd if now < self._event_ends_seconds else 0.0
        return min(left, max(self.terms.event_limit_usd - used, 0.0))

    def deducted(self, loss: float, price_usd: float) -> float:
        """Return how many units of a loss that it has not seen before its deductible leaves to others."""
        if not self._in_force:
            return 0.0
        return min(loss, max(self.terms.deductible_usd - self.borne_usd, 0.0) / price_usd)

    def deducted_again(self, loss: float, price_usd: float) -> float:
        """Return how many units of a loss that it has seen are left to others: all but what it may yet pay of such."""
        if self.terms.deductible_usd == 0.0:
            return 0.0
        return max(loss - max(self.beyond_usd - self.paid_usd, 0.0) / price_usd, 0.0)

    def see_loss(self, loss: float, price_usd: float) -> None:
        """Take note of a loss: the part that is deducted has been borne then."""
        if not self._in_force:
            return
        deducted = self.deducted(loss, price_usd)
        self.borne_usd += deducted * price_usd
        self.beyond_usd += (loss - deducted) * price_usd

    def promise(self, taken_usd: float, now: float) -> None:
        """Take note of what it has taken of a loss."""
        self.paid_usd += taken_usd
        if now >= self._event_ends_seconds:
            self._event_ends_seconds = now + self.terms.event_seconds
            self._event_usd = 0.0
        self._event_usd += taken_usd

    def payable_share(self, means: float, owed: float) -> float:
        """Return which part of each claim it can pay of what it owes; less than all of it is its end."""
        if means >= owed * (1.0 - ROUNDING):
            return 1.0
        self.insolvent = True
        return means / owed

    # Solvency

    def minimum_usd(self, insured_usd: float, now: float) -> float:
        """Return the capital that it must have for its cover to go on, or to begin again."""
        return self.terms.min_capital_ratio * min(self._policy_usd(now), insured_usd)

    def call_for_capital(self, sheet: Sheet, minimum_usd: float, now: float) -> float:
        """Return what its owners bring now, having waited since it first fell short of its minimum."""
        missing = min(minimum_usd - sheet.equity_usd, self.terms.recapitalisation_usd - self.brought_usd)
        if missing <= 0.0 or self.insolvent:
            self._short_since = inf
            return 0.0
        self._short_since = min(self._short_since, now)
        return missing if now >= self._short_since + self.terms.recapitalisation_delay_seconds else 0.0

    def renew(self, sheet: Sheet, minimum_usd: float, now: float) -> None:
        """Where cover ends now, go on only with the capital that it must have."""
        if now >= self._renews_seconds and self.terms.renewal_seconds is not None:
            # Owners bring just what is missing: a rounding less is the minimum too.
            self.covers = sheet.equity_usd >= minimum_usd * (1.0 - ROUNDING) and not self.insolvent
            self._renews_seconds = now + self.terms.renewal_seconds

    # Premiums

    def price(self, view: "View", sheet: Sheet, insured_usd: float) -> None:
        """Set the premium anew, where it is time to look again."""
        pricing = self.terms.pricing
        if pricing is None:
            return
        if self.insolvent or self._used_up or not self.covers:
            self.premium_usd_per_year, self._estimates_seconds = 0.0, view.now
            return
        if view.now < self._estimates_seconds:
            return
        self._estimates_seconds = view.now + pricing.estimate_every_seconds
        expected = pricing.expected_loss_usd_per_year
        if expected is None:
            hole = view.shortfall_after(self.pool, pricing.shock)
            due = max(hole - max(self.terms.deductible_usd - self.borne_usd, 0.0), 0.0)
            expected = pricing.shocks_per_year * min(due, self._policy_usd(view.now))
        exposure = min(self._policy_usd(view.now), insured_usd)
        self.has_price = pricing.curve == 0.0 or exposure == 0.0 or sheet.equity_usd > 0.0
        premium = self.premium_for(expected, exposure, sheet.equity_usd, view.now) if self.has_price else 0.0
        self.premium_usd_per_year = premium

    def premium_for(self, expected_usd: float, exposure_usd: float, capital_usd: float, now: float) -> float:
        """Return the premium a year for what it expects to lose in one, its own record weighed in.

        `exposure_usd` is the most that its policy may still make it pay while so much is owed to the pool.
        """
        pricing = self.terms.pricing
        if pricing is None:
            return 0.0
        years = now / YEAR_SECONDS
        credible = years / (years + pricing.credibility_years) if years > 0.0 else 0.0
        estimate = (credible * self.paid_usd / years if years > 0.0 else 0.0) + (1.0 - credible) * expected_usd
        used = exposure_usd / capital_usd if 0.0 < exposure_usd < inf and capital_usd > 0.0 else 0.0
        return (1.0 + pricing.loading) * estimate * (1.0 + pricing.curve * float(used**pricing.curve_power))

    def owe(self, reserve: int, income: float, priced: float = 0.0) -> float:
        """Add its part of a reserve's income and a premium to what is due to it; return all that is due, in units."""
        due = self._premiums_due.get(reserve, 0.0)
        if self._in_force:
            due += self.premium_share * income
            due += priced
        self._premiums_due[reserve] = due
        return due

    def collected(self, reserve: int, units: float, price_usd: float) -> None:
        """Take note of premiums paid."""
        self._premiums_due[reserve] -= units
        self.premiums_usd += units * price_usd
