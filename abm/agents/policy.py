"""The terms of an insurer: what it covers, what it asks for that, and how much capital it must have."""

from pydantic import Field

from abm.reading.distributions import NonNegative
from models.parameters import Parameters


class Pricing(Parameters):
    """A premium from the insurer's own estimate of its losses, a year; it comes on top of a `premium_share`.

    The estimate weighs its own record against what it expects: Z (paid so far / years) + (1 - Z) expected, with
    Z = t / (t + `credibility_years`). Expected is `expected_loss_usd_per_year`, or, where that is not given, what its
    policy would pay if all prices that move fell by the share `shock`, `shocks_per_year` times; it looks again every
    `estimate_every_seconds`. The premium is estimate (1 + `loading`) (1 + `curve` (exposure / capital)^`curve_power`),
    dearer as capacity is used up: with a `curve` an insurer whose capital is gone has no price any more. It asks for
    nothing then, and takes no new loss, until it looks again and has some.
    """

    expected_loss_usd_per_year: float | None = Field(None, ge=0)
    shock: float = Field(0.3, gt=0, lt=1)
    shocks_per_year: float = Field(1.0, ge=0)
    credibility_years: float = Field(1.0, ge=0)
    estimate_every_seconds: float = Field(86400.0, gt=0)
    loading: float = Field(0.3, ge=0)
    curve: float = Field(0.0, ge=0)
    curve_power: float = Field(2.0, gt=0)


class Insurers(Parameters):
    """One insurer of one pool.

    Its capital: `capital` in units of each asset that it insures, which pays losses in that asset; `pool_claims`, units
    supplied to the insured pool itself, which pay for losses of that reserve by being given up; `tokens`, units of any
    asset, sold for what a claim needs.

    Its policy: the first `deductible_usd` of losses are not paid; `event_limit_usd` is the most it pays for losses
    within `event_seconds` of the first, `limit_usd` for all together, after which it is over and no premium is asked.
    With a `payout_delay_seconds` claims queue. Cover is renewed every `renewal_seconds`, if at all, as long as capital
    is above the minimum.

    Its solvency: capital less what it owes must be `min_capital_ratio` of its exposure, the most that its policy may
    still make it pay of all that is owed to the pool. Below that nobody leaves, and its owners bring what is missing,
    `recapitalisation_usd` in all, after `recapitalisation_delay_seconds`. Stakers leave `cooldown_seconds` after they
    said so, within `window_seconds`.

    Its income: `premium_share` is the share of the reserve's income that is paid over in cash; see `Pricing` for more.
    """

    pool: str | None = None
    capital: dict[str, NonNegative]
    pool_claims: dict[str, NonNegative] = {}
    tokens: dict[str, NonNegative] = {}
    premium_share: float = Field(0.0, ge=0, le=1)
    pricing: Pricing | None = None
    deductible_usd: float = Field(0.0, ge=0)
    limit_usd: float | None = Field(None, ge=0)
    event_limit_usd: float | None = Field(None, ge=0)
    event_seconds: float = Field(86400.0, ge=0)
    payout_delay_seconds: float = Field(0.0, ge=0)
    renewal_seconds: float | None = Field(None, gt=0)
    min_capital_ratio: float = Field(0.0, ge=0)
    recapitalisation_usd: float = Field(0.0, ge=0)
    recapitalisation_delay_seconds: float = Field(0.0, ge=0)
    cooldown_seconds: float = Field(0.0, ge=0)
    window_seconds: float | None = Field(None, ge=0)
