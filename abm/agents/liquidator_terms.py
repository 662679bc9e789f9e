"""What a scenario says of a cohort of liquidators."""

from typing import Literal

from pydantic import Field, model_validator

from abm.agents.entry import Entry
from abm.intents import Preference
from abm.reading.distributions import Members, NonNegativeInfOrDrawn, NonNegativeOrDrawn, PositiveInfOrDrawn
from models.parameters import Parameters


class Liquidators(Parameters):
    """One cohort of liquidators.

    `capital_usd` is held in `capital_asset` (the first market's quote unless named) and may be `inf`. With `financing =
    "flash"` the repayment is borrowed and paid back within the transaction for `flash_fee`, so collateral must be sold
    at once; where a design lets takers take over the debt, that needs no loan and costs no fee. `margin` is the profit
    asked for as a share of what is repaid, after everything. `gas_usd` is the cost of one call where gas is not priced
    by `[blockspace]`; with it a call costs `gas_units` at the going price times 1 + `gas_premium`, and members whose
    `max_gas_gwei` is below that do not get through. A member `prefers` the largest debts, or those open the longest,
    and with `attention` prices no more than so many in one block, whether they pay or not: what nobody wants stays
    first in line then, and can keep it from all that comes behind. Where bids in gas are open, a member answers
    another's after `reaction_seconds`.

    Members act in pools whose design the cohort `understands`: any, unless some are named. They see accounts and lots
    on offer as they were `looks_back_blocks` ago, so that calls for what has gone since fail. They act from
    `active_from_seconds` on: who comes later was attracted by what others could not take; and with `entry` while it
    pays, see `abm.agents.entry`.

    In English auctions a member's value of a lot is what it would net by selling now, or at the reference price where
    it sells over time, less its `margin` and its gas. Its first bid is `first_bid` of that; who hopes to be alone tries
    next to nothing. From there on it outbids others by the least that the rule asks, up to its value.

    With `selling = "over_time"` a member keeps what it seizes and sells a slice every `sell_every_seconds`, for
    `sale_gas_units`, such that a holding shrinks to a third in `sell_over_seconds`; but nothing for less than the
    reference price less `max_discount`. It holds up to `holding_limit_usd`, and asks for a charge on the risk that
    grows with its `risk_aversion`, see `abm.agents.inventory`.
    """

    count: Members = 1
    pool: str | None = None
    capital_usd: NonNegativeInfOrDrawn
    capital_asset: str | None = None
    financing: Literal["inventory", "flash"] = "inventory"
    flash_fee: float = Field(0.0, ge=0, lt=1)
    margin: float = Field(0.0, ge=0)
    minimum_profit_usd: float = Field(0.0, ge=0)
    delay_seconds: NonNegativeOrDrawn = 0.0
    active_from_seconds: NonNegativeOrDrawn = 0.0
    first_bid: float = Field(0.9, gt=0, le=1)
    calls_per_block: int | None = Field(None, ge=1)
    attention: int | None = Field(None, ge=1)
    prefers: Preference = "largest"
    gas_usd: float = Field(0.0, ge=0)
    gas_units: float = Field(500_000.0, ge=0)
    gas_premium: float = Field(0.1, ge=0)
    max_gas_gwei: PositiveInfOrDrawn = float("inf")
    reaction_seconds: NonNegativeOrDrawn = 0.0
    looks_back_blocks: int = Field(0, ge=0, le=10_000)
    understands: list[str] | None = Field(None, min_length=1)
    selling: Literal["at_once", "over_time"] = "at_once"
    sell_over_seconds: float = Field(3600.0, gt=0)
    sell_every_seconds: float = Field(600.0, gt=0)
    sale_gas_units: float = Field(150_000.0, ge=0)
    max_discount: float = Field(0.1, ge=0, le=1)
    risk_aversion: NonNegativeOrDrawn = 0.0
    holding_limit_usd: PositiveInfOrDrawn = float("inf")
    entry: Entry | None = None

    @model_validator(mode="after")
    def _flash_sells_at_once(self) -> "Liquidators":
        if self.financing == "flash" and self.selling == "over_time":
            raise ValueError(
                'selling = "over_time" needs financing = "inventory": a flash swap is repaid in its own transaction; '
                "change one of them"
            )
        return self

    @model_validator(mode="after")
    def _no_more_active_than_there_are(self) -> "Liquidators":
        if self.entry is not None and self.entry.active > self.count:
            raise ValueError(
                f"entry.active = {self.entry.active} is above count = {self.count}; raise that, so that the others are "
                "in reserve, or lower it"
            )
        return self
