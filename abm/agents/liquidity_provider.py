"""Liquidity providers: put capital into a pool, earn its fees, pull out of danger and come back after it.

Models: members who leave when the pair's realised volatility, or their own loss against holding, passes a line of
their own, after the time it takes them to react; who are back once volatility has been below another line for long
enough and nobody can trade with the pool far off the reference, with all they own, exchanged to the pool's ratio on the
rest of the market. What they lose to arbitrage is counted as loss-versus-rebalancing (Milionis, Moallemi, Roughgarden
and Zhang, "Automated market making and loss-versus-rebalancing", 2022): what a portfolio with the same holdings, traded
at the reference price, gains over the position without its fees. Who trades on worse terms than the reference, as a
forced seller does, lowers it.
Leaves out: choosing between pools and fees, positions re-centred without leaving, incentives paid in other tokens, gas.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import mesa
import numpy as np
from pydantic import Field, model_validator

from abm.reading.distributions import (
    Members,
    NonNegativeOrDrawn,
    PositiveInfOrDrawn,
    PositiveOrDrawn,
    PositiveOrInf,
    draw,
)
from models.market.stakes import STAKED
from models.parameters import Parameters
from models.types import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from abm.view import View


class LiquidityProviders(Parameters):
    """One cohort of liquidity providers, in one source of one market.

    `source` is its position in the market's list, from 0; by default the first that takes providers. `capital_usd` is
    provided at the start, at the pool's ratio. In a concentrated source a position reaches from `lower` to `upper`
    times the pool's price at the moment of providing; other sources have no use for these.

    A member leaves `reaction_seconds` after volatility passed `leave_volatility_per_year`, or its loss against holding
    since it last came in, fees included, passed the fraction `leave_loss`. It is back when volatility has been below
    `return_volatility_per_year` (by default the line at which it leaves, and never above that) for
    `return_after_seconds`, and the pool neither buys nor sells at a price that is better for others than the reference
    by more than the fraction `return_within`: what it brings would be theirs. What it then exchanges costs it the
    fraction `conversion_cost`. With `stays` nobody leaves.
    """

    count: Members = 1
    market: str | None = None
    source: int | None = Field(None, ge=0)
    capital_usd: PositiveOrDrawn
    lower: float = Field(0.8, gt=0, lt=1)
    upper: float = Field(1.25, gt=1)
    leave_volatility_per_year: PositiveInfOrDrawn = np.inf
    leave_loss: PositiveInfOrDrawn = np.inf
    reaction_seconds: NonNegativeOrDrawn = 0.0
    return_volatility_per_year: PositiveInfOrDrawn | None = None
    return_after_seconds: NonNegativeOrDrawn = 3600.0
    return_within: PositiveOrInf = 0.02
    conversion_cost: float = Field(0.0005, ge=0, lt=1)
    stays: bool = False

    def source_among(self, kinds: Sequence[str]) -> int | None:
        """Return the position of the cohort's source among a market's sources; None where none takes providers."""
        taking = [position for position, kind in enumerate(kinds) if kind in STAKED and self.source in (None, position)]
        return taking[0] if taking else None

    @model_validator(mode="after")
    def _leaves_above_where_it_returns(self) -> "LiquidityProviders":
        leave, back = self.leave_volatility_per_year, self.return_volatility_per_year
        if isinstance(leave, float) and isinstance(back, float) and back > leave:
            raise ValueError(
                f"return_volatility_per_year = {back} is above leave_volatility_per_year = {leave}; "
                "providers would return where they had just left"
            )
        return self


@dataclass(slots=True)
class Moves:
    """Some members come into their pool with all they own, or leave it with all they have there."""

    exchange: int
    source: int
    stakes: int
    members: IntArray
    owners: IntArray
    comes: bool
    conversion_cost: float


class ProviderReport(NamedTuple):
    """How one member did, in dollars at the reference prices of the moment; losses at those of their own block.

    `value_usd` is what it owns, `hold_value_usd` what its first deposit would be worth.
    """

    member: int
    provided_usd: float
    value_usd: float
    hold_value_usd: float
    fees_usd: float
    lvr_usd: float
    away_seconds: float


class LiquidityProviderCohort(mesa.Agent):
    """A cohort of providers in one pool; member k acts for ledger account `first_account + k` and is its owner k.

    Arrays of amounts have shape (2, members): base, quote.
    """

    def __init__(
        self,
        model: mesa.Model,
        terms: LiquidityProviders,
        exchange: int,
        source: int,
        stakes: int,
        first_account: int,
        stream: Callable[[str], np.random.Generator],
    ) -> None:
        super().__init__(model)
        self.terms = terms
        self.exchange = exchange
        self.source = source
        self.stakes = stakes
        self.first_account = first_account
        count = terms.count
        self.capital_usd = draw(terms.capital_usd, count, stream("capital"))
        self.leave_volatility = draw(terms.leave_volatility_per_year, count, stream("leave volatility"))
        self.leave_loss = draw(terms.leave_loss, count, stream("leave loss"))
        self.reaction_seconds = draw(terms.reaction_seconds, count, stream("reaction"))
        back = terms.return_volatility_per_year
        line = self.leave_volatility if back is None else draw(back, count, stream("return volatility"))
        self.return_volatility = np.minimum(line, self.leave_volatility)
        self.return_after_seconds = draw(terms.return_after_seconds, count, stream("return after"))
        self.present: BoolArray = np.zeros(count, dtype=np.bool_)
        self.lvr_usd: FloatArray = np.zeros(count)
        # The part of what it would hold that a member wants to have left; no loss can reach below 0.
        self._least_kept = np.maximum(1.0 - self.leave_loss, 0.0)
        self._watches_loss = bool(self._least_kept.any())
        self._first = np.zeros((2, count))
        self._entry = np.zeros((2, count))
        self._provided_usd = np.zeros(count)
        self._lowest_line = float(self.leave_volatility.min())
        self._waiting = False  # whether somebody is away, or has decided to leave
        self._due = np.full(count, np.inf)  # when who has decided to leave does so
        self._calm_since = np.full(count, np.inf)
        self._left_at = np.full(count, np.inf)
        self._away_seconds = np.zeros(count)
        # The stakes as last seen, without fees, and the prices at which what has since changed was traded.
        self._state: object = None
        self._principal = np.zeros((2, count))
        self._prices = 0.0, 0.0

    def opening(self) -> Moves:
        """Return the first provision of every member."""
        return self._moves(np.arange(self.terms.count), comes=True)

    def decide(self, view: "View") -> list[Moves]:
        """Return who leaves and who comes in this block; looks at the members only when somebody could."""
        self.keep_books(view)
        self._see_prices(view)
        if self.terms.stays:
            return []
        volatility = view.volatility_per_year(self.exchange)
        frightening = volatility > self._lowest_line
        if not (frightening or self._watches_loss or self._waiting):
            return []
        alarmed = self.present & (volatility > self.leave_volatility)
        if self._watches_loss:
            alarmed |= self._losing(view)
        if not (self._waiting or alarmed.any()):
            return []
        now = view.now
        self._waiting = True
        self._due[alarmed] = np.minimum(self._due, now + self.reaction_seconds)[alarmed]
        calm = ~self.present & (volatility < self.return_volatility)
        self._calm_since = np.where(calm, np.minimum(self._calm_since, now), np.inf)
        leaving = np.flatnonzero(self.present & (self._due <= now))
        coming = np.flatnonzero(self._calm_since + self.return_after_seconds <= now)
        if coming.size and self._pool_is_off(view):
            coming = coming[:0]
        return [
            self._moves(members, comes) for members, comes in ((leaving, False), (coming, True)) if members.size > 0
        ]

    def settled(self, view: "View", moves: Moves, amounts: FloatArray) -> None:
        """Take note of what members have put into the pool, or of their having left it; amounts as they moved."""
        if moves.comes:
            # Who had next to nothing to put in is still away.
            inside = amounts.all(axis=0)
            self._came(view, moves.members[inside], amounts[:, inside])
            rest = moves.members[~inside]
            self._left_at[rest] = np.minimum(self._left_at[rest], view.now)
        else:
            self.present[moves.members] = False
            self._due[moves.members] = np.inf
            self._left_at[moves.members] = view.now
        self._waiting = not self.present.all() or bool(np.isfinite(self._due).any())
        self._look(view)

    def _pool_is_off(self, view: "View") -> bool:
        """Return whether others could trade with the pool at a price that is too far from the reference."""
        bid, ask = view.best_of(self.exchange, self.source)
        reference, within = view.pair_reference(self.exchange), self.terms.return_within
        return bid > reference * (1.0 + within) or ask < reference * (1.0 - within)

    def _moves(self, members: IntArray, comes: bool) -> Moves:
        owners, cost = self.first_account + members, self.terms.conversion_cost
        return Moves(self.exchange, self.source, self.stakes, members, owners, comes, cost)

    def _came(self, view: "View", members: IntArray, amounts: FloatArray) -> None:
        self._entry[:, members] = amounts
        new = members[self._provided_usd[members] == 0.0]
        if new.size:
            self._see_prices(view)
            self._first[:, new] = self._entry[:, new]
            self._provided_usd[new] = self._worth_usd(self._first)[new]
        left_at = self._left_at[members]
        self._away_seconds[members] += np.where(np.isfinite(left_at), view.now - left_at, 0.0)
        self._left_at[members] = self._calm_since[members] = np.inf
        self.present[members] = True

    def _look(self, view: "View") -> None:
        """See the stakes as they are."""
        holdings = view.stakes(self.stakes)
        self._state, self._principal = holdings.state, holdings.principal()

    def keep_books(self, view: "View") -> None:
        """Count what trades since the last look have cost against holding the same at the prices of their block."""
        if view.stakes(self.stakes).state is self._state:
            return
        before = self._principal
        self._look(view)
        self.lvr_usd += self._worth_usd(before - self._principal)

    def report(self, view: "View") -> Iterator[ProviderReport]:
        """Yield how each member did, up to the end of this block."""
        self.keep_books(view)
        self._see_prices(view)
        holdings = view.stakes(self.stakes)
        owned = holdings.amounts()
        for member in range(self.terms.count):
            in_wallet = view.inventory(self.exchange, self.first_account + member)
            owned[:, member] += np.add(in_wallet, holdings.owed(member))
        end = view.now + view.step_seconds
        away = self._away_seconds + np.where(np.isfinite(self._left_at), end - self._left_at, 0.0)
        columns = (
            self._provided_usd,
            self._worth_usd(owned),
            self._worth_usd(self._first),
            self._worth_usd(holdings.earned()),
            self.lvr_usd,
            away,
        )
        for member, row in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
            yield ProviderReport(member, *row)

    def _losing(self, view: "View") -> BoolArray:
        """Return who of those present has lost more against holding than it bears, fees included."""
        holdings = view.stakes(self.stakes)
        held, has = self._worth_usd(self._entry), self._worth_usd(holdings.amounts())
        losing: BoolArray = self.present & (has < self._least_kept * held)
        # Fees that are kept apart are asked for one by one, so only of those who would leave without them.
        members: IntArray = np.flatnonzero(losing)
        for member in members.tolist():
            owed = np.dot(holdings.owed(member), self._prices)
            losing[member] = has[member] + owed < self._least_kept[member] * held[member]
        return losing

    def _see_prices(self, view: "View") -> None:
        """See the reference prices of base and quote."""
        self._prices = view.base_usd(self.exchange), view.quote_usd(self.exchange)

    def _worth_usd(self, amounts: FloatArray) -> FloatArray:
        """Return what amounts are worth at the prices last seen, shape (members,)."""
        base_usd, quote_usd = self._prices
        worth: FloatArray = amounts[0] * base_usd + amounts[1] * quote_usd
        return worth
