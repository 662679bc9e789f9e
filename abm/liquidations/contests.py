"""Contests: liquidators who go for the same thing in one block bid against one another.

Models: who calls for the same account, lot or opening as others bids gas by the rule of `[blockspace]`, up to what the
call would bring it on the ladder as it stands, or holding it, less what it must keep. Where failed calls are paid for,
it stays away or bids less, by how many others there are (`models.priority.at_stake`). Where the right to call is
auctioned, all who want it bid for it, and only the winner calls. What rivals bid depends on how many they are, what it
is worth to each, and how fast they are. Equal bids are told apart by lot.
Leaves out: who is outbid does not turn to something else within the block. Everybody values a call as if it were the
first of the block, so that winners may find that it no longer pays.
"""

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from abm.intents import Intent, Liquidate, OpenLiquidation
from abm.liquidations.purses import Purses
from abm.liquidations.rights import stage_of
from abm.markets.sizing import best_size
from models.priority import Bidding, at_stake, shaded

if TYPE_CHECKING:
    from abm.agents.liquidator import LiquidatorCohort
    from abm.liquidations.marks import Mark
    from abm.pools.lender import Lender
    from abm.world import World

Call = Liquidate | OpenLiquidation
_Target = tuple[type[Call], int, int, bool]


class Contests:
    """Settles the contests of one path's blocks before the block is built."""

    def __init__(self, world: "World", purses: Purses, rng: np.random.Generator) -> None:
        self._world = world
        self._purses = purses
        self._rng = rng
        space = world.scenario.blockspace
        self._rule: Bidding | None = space.bidding if space is not None else None
        self._all_pay = space is not None and space.failed_calls == "pay"

    def settle(self, intents: list[Intent]) -> list[Intent]:
        """Return what liquidators submit, with their bids; without those who have not won the right to call."""
        rights = any(lender.rights is not None for lender in self._world.lenders)
        if self._rule is None and not rights:
            return intents
        submitted: list[Intent | None] = list(intents)
        for places in _by_target(intents):
            rivals: list[Call] = [intents[place] for place in places]  # type: ignore[misc]
            auctioned = rights and stage_of(self._world, rivals[0]) == "auction"
            if len(rivals) > 1:
                # Whoever is listed first goes first at equal bids.
                rivals = [rivals[k] for k in self._rng.permutation(len(rivals)).tolist()]
            if auctioned:
                won = self._auction_right(rivals)
                for place in places:
                    submitted[place] = None
                submitted[places[0]] = won
            elif self._rule is not None and len(rivals) > 1:
                joins = self._bid_gas(self._rule, rivals)
                for place, intent, bids in zip(places, rivals, joins, strict=True):
                    submitted[place] = intent if bids else None
        return [intent for intent in submitted if intent is not None]

    def _bid_gas(self, rule: Bidding, rivals: list[Call]) -> list[bool]:
        """Raise the gas that rivals bid for one thing; returns who bids rather than to stay away."""
        cohorts: list[LiquidatorCohort] = [intent.sender for intent in rivals]  # type: ignore[misc]
        starts = np.array([intent.bid_gwei for intent in rivals])
        per_gwei = [self._world.gas_cost_usd(one.gas_units, 1.0) for one in rivals]
        values = self._values(rivals)
        means = [
            min(value.affords(1.0) / usd, cohort.max_gas_gwei[one.member]) if usd > 0.0 else 0.0
            for value, usd, cohort, one in zip(values, per_gwei, cohorts, rivals, strict=True)
        ]
        limits, joins = np.array(means), np.ones(len(rivals), np.bool_)
        if self._all_pay:
            worth = [value.worth_usd / usd if usd > 0.0 else 0.0 for value, usd in zip(values, per_gwei, strict=True)]
            most, joins = at_stake(starts, np.array(worth))
            limits = np.minimum(limits, most)
        reactions = np.array([cohort.reaction_seconds[one.member] for cohort, one in zip(cohorts, rivals, strict=True)])
        bids = starts.copy()
        bids[joins] = rule.bids(starts[joins], limits[joins], reactions[joins], self._world.step_seconds)
        for intent, bid in zip(rivals, bids.tolist(), strict=True):
            intent.raised_gwei = bid - intent.bid_gwei
            intent.bid_gwei = bid
        joining: list[bool] = joins.tolist()
        return joining

    def _auction_right(self, rivals: list[Call]) -> Call:
        """Sell the right to one call; returns the call of who has got it."""
        rights = self._world.lenders[rivals[0].pool].rights
        assert rights is not None
        values = self._values(rivals)
        gas_usd = [self._gas_usd(one) for one in rivals]
        gains = [max(value.worth_usd - gas, 0.0) for gas, value in zip(gas_usd, values, strict=True)]
        share = shaded(sum(gain > 0.0 for gain in gains), rights.terms.alike)
        bids = [value.affords(share, gas) for value, gas in zip(values, gas_usd, strict=True)]
        # Where nobody needs to bid anything, whoever gains most is the one who would have.
        won = int(np.argmax(bids if any(bids) else gains))
        rivals[won].right_usd = bids[won]
        return rivals[won]

    def _gas_usd(self, intent: Call) -> float:
        if self._world.scenario.blockspace is None:
            return intent.gas_cost_usd
        return self._world.gas_cost_usd(intent.gas_units, intent.bid_gwei)

    def _values(self, rivals: list[Call]) -> list["_Value"]:
        """Return what the one thing is worth to each; worked out once for those who are alike."""
        lender = self._world.lenders[rivals[0].pool]
        mark = lender.mark(rivals[0].number) if isinstance(rivals[0], Liquidate) else None
        offer = mark.offer() if mark is not None else None
        most_usd = offer.max_repay * self._world.reference[lender.assets[mark.debt]] if mark and offer else 0.0
        known: dict[tuple[float, ...], tuple[float, float, float, float]] = {}
        values: list[_Value] = []
        for one in rivals:
            worth = 0.0, 0.0, 0.0, 0.0
            if isinstance(one, OpenLiquidation):
                worth = one.worth_usd, 0.0, 0.0, 0.0
            elif mark is not None:
                means_usd = min(self._purses.means_usd(one), most_usd)
                terms = (one.sell, one.flash_fee, one.margin, one.minimum_profit_usd, means_usd)
                if terms not in known:
                    known[terms] = self._worth_usd(lender, mark, one, means_usd)
                worth = known[terms]
            values.append(_Value(*worth, self._purses.money_usd(one)))
        return values

    def _worth_usd(
        self, lender: "Lender", mark: "Mark", intent: Liquidate, means_usd: float
    ) -> tuple[float, float, float, float]:
        """Return what a call would gain before gas, the least and the margin it asks for that, and what it repays."""
        sized = best_size(self._world, lender, mark, intent, means_usd)
        if isinstance(sized, str):
            return 0.0, 0.0, 0.0, 0.0
        repaid_usd = sized.taking.repaid * self._world.reference[lender.assets[mark.debt]]
        return sized.gain_usd, intent.minimum_profit_usd, intent.margin * repaid_usd, repaid_usd


@dataclass(frozen=True, slots=True)
class _Value:
    """What a call gains its sender before gas, what of that it must keep, and what it repays; what money there is.

    It must keep `minimum_usd` however much it repays, and `margin_usd` of all that it would repay.
    """

    gain_usd: float
    minimum_usd: float
    margin_usd: float
    repaid_usd: float
    money_usd: float

    @property
    def worth_usd(self) -> float:
        """What it leaves to be spent on the call, gas included."""
        return self.gain_usd - max(self.minimum_usd, self.margin_usd)

    def affords(self, share: float, gas_usd: float = 0.0) -> float:
        """Return what a share of its worth less gas comes to, where the money is for the bid, gas and repayment alike.

        Who is short of money repays less by what it bids, and gains less in proportion; gas and the minimum stay what
        they are. With a the gain of a dollar repaid, f what stays and m the money less gas, the bid s (a (m - x) - f)
        is x = s (a m - f) / (1 + s a).
        """
        bid = share * max(self.worth_usd - gas_usd, 0.0)
        if bid == 0.0 or self.money_usd == inf:
            return bid
        left = max(self.money_usd - gas_usd, 0.0)
        if self.repaid_usd == 0.0:
            return bid * min(left / bid, 1.0)
        stays = (self.gain_usd, self.minimum_usd + gas_usd), (self.gain_usd - self.margin_usd, gas_usd)
        for gain, fixed in stays:
            asked = self.repaid_usd + share * gain
            bid = min(bid, share * gain * (left / asked) - share * fixed * (self.repaid_usd / asked))
        return max(bid, 0.0)


def _by_target(intents: list[Intent]) -> list[list[int]]:
    """Return the places of the calls that go for the same thing, in the order in which they are listed."""
    places: dict[_Target, list[int]] = {}
    for place, intent in enumerate(intents):
        if isinstance(intent, Liquidate):
            places.setdefault((Liquidate, intent.pool, intent.number, False), []).append(place)
        elif isinstance(intent, OpenLiquidation):
            places.setdefault((OpenLiquidation, intent.pool, intent.number, intent.afresh), []).append(place)
    return list(places.values())
