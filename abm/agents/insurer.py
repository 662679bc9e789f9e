"""The insurer: capital that pays for bad debt, fed by premiums from the pool's income.

Models: capital in the assets it insures; a premium that is a share of the reserve's income; a deductible and a limit,
both over the whole run and in dollars. It pays what it can and no more.
Leaves out: pricing from its own estimate of the loss, stakers, capital requirements, payout delays.
"""

from typing import TYPE_CHECKING

import mesa
from pydantic import Field

from abm.distributions import NonNegative
from models.parameters import Parameters

if TYPE_CHECKING:
    from abm.view import View


class Insurers(Parameters):
    """One insurer of one pool.

    `capital` is in units of each asset. `premium_share` is the share of the reserve's income that is paid over in
    cash. The first `deductible_usd` of losses are not paid; `limit_usd` is the most it pays, all losses together.
    """

    pool: str | None = None
    capital: dict[str, NonNegative]
    premium_share: float = Field(0.0, ge=0, le=1)
    deductible_usd: float = Field(0.0, ge=0)
    limit_usd: float | None = Field(None, ge=0)


class Insurer(mesa.Agent):
    """One insurer; its capital is the balance of ledger account `account`."""

    def __init__(self, model: mesa.Model, terms: Insurers, pool: int, account: int) -> None:
        super().__init__(model)
        self.terms = terms
        self.pool = pool
        self.account = account
        self.premium_share = terms.premium_share
        self.borne_usd = 0.0  # losses seen while the deductible lasted
        self.paid_usd = 0.0
        self._premiums_due: dict[int, float] = {}

    def offer(self, view: "View", asset: int, loss: float, price_usd: float) -> float:
        """Return how many units of a loss it will pay, given its deductible, its limit and its capital in the asset."""
        deducted = min(loss, max(self.terms.deductible_usd - self.borne_usd, 0.0) / price_usd)
        self.borne_usd += deducted * price_usd
        limit = self.terms.limit_usd
        left = float("inf") if limit is None else max(limit - self.paid_usd, 0.0) / price_usd
        return min(loss - deducted, left, view.balance(self.account, asset))

    def receive_payment(self, paid_usd: float) -> None:
        """Take note of what it paid."""
        self.paid_usd += paid_usd

    def owe(self, reserve: int, income: float) -> float:
        """Add its share of a reserve's income to the premiums due; return all that is due, in units."""
        due = self._premiums_due.get(reserve, 0.0) + self.premium_share * income
        self._premiums_due[reserve] = due
        return due

    def collected(self, reserve: int, units: float) -> None:
        """Take note of premiums paid."""
        self._premiums_due[reserve] -= units
