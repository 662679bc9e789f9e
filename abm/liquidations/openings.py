"""Settlement of the calls that open liquidations and start auctions afresh, and of what they are paid.

Models: a caller's reward comes from the position, from the protocol, or was set aside by the borrower; collateral that
it is paid in it changes into money at the reference price. What is settled at once, without a taker, is a liquidation
by the caller.
"""

from math import fsum
from typing import TYPE_CHECKING

from abm.auctions.lots import Opener, Pair
from abm.intents import Opened, OpenLiquidation, Receipt, Status
from abm.liquidations.stability import StabilityPool
from abm.pools.band_loans import BandLoans
from models.liquidation import Opening, Reward

if TYPE_CHECKING:
    from abm.agents.liquidator import LiquidatorCohort
    from abm.auctions.lots import Auctions
    from abm.cascade import Cascade
    from abm.liquidations.purses import Purses
    from abm.pools.lender import Lender
    from abm.record.recorder import Recorder
    from abm.world import World


class Openings:
    """Settles the openings of one path's blocks."""

    def __init__(self, world: "World", cascade: "Cascade", recorder: "Recorder", purses: "Purses") -> None:
        self._world = world
        self._cascade = cascade
        self._recorder = recorder
        self._purses = purses

    def settle(self, intent: OpenLiquidation, gas_usd: float) -> Receipt:
        """Open an account's liquidation, or start an auction afresh, where the design still allows it."""
        lender = self._world.lenders[intent.pool]
        gas_usd = gas_usd or intent.gas_cost_usd
        rewarded = self._afresh(lender, intent, gas_usd) if intent.afresh else self._open(lender, intent, gas_usd)
        if isinstance(rewarded, str):
            self._purses.pay_for_failure(intent, gas_usd)
            self._recorder.refusal()
            return Receipt(Status.REFUSED, rewarded)
        return Opened(Status.FILLED, amount=1.0, reward_usd=rewarded)

    def _open(self, lender: "Lender", intent: OpenLiquidation, gas_usd: float) -> float | str:
        """Open an account; returns the dollars that the call is paid, or why there is nothing to open."""
        auctions = lender.auctions
        opening = auctions.opening(intent.number) if auctions is not None else None
        found = lender.position(intent.number)
        if auctions is None or opening is None or found is None:
            return "there is nothing to open any more"
        debt = lender.assets[found.debt]
        if opening.bond > 0.0:
            if not self._purses.affords(intent, debt, opening.bond):
                return "the money for the bond is not there any more"
            self._purses.provide(intent, debt, opening.bond)
        generation = self._cascade.generation(lender, intent.number, 1.0)
        pair = Pair(intent.number, found.collateral, found.debt)
        if isinstance(auctions, StabilityPool):
            return self._absorb(lender, auctions, intent, opening, pair, generation, gas_usd)
        if isinstance(auctions, BandLoans):
            return self._wind_up(lender, auctions, intent, opening, pair, generation, gas_usd)
        auctions.open(intent.number, opening, self._opener(intent), generation)
        rewarded = fsum(self._pay(lender, auctions, intent, reward, pair) for reward in opening.rewards)
        self._recorder.opening(self._opener(intent).name, rewarded - self._purses.pay_gas(intent, gas_usd))
        return rewarded

    def _absorb(
        self,
        lender: "Lender",
        pool: StabilityPool,
        intent: OpenLiquidation,
        opening: Opening,
        pair: Pair,
        generation: int,
        gas_usd: float,
    ) -> float:
        absorbed = pool.absorb(intent.number, opening)
        rewarded = fsum(self._pay(lender, pool, intent, reward, pair) for reward in opening.rewards)
        paid_usd = self._purses.pay_gas(intent, gas_usd)
        reference, debt, asset = self._world.reference, lender.assets[pair.debt], lender.assets[pair.collateral]
        self._recorder.liquidation(
            lender.name,
            pair.account,
            self._opener(intent).name,
            debt,
            absorbed.repaid,
            asset,
            absorbed.seized,
            0.0,
            paid_usd,
            rewarded - paid_usd - (intent.right_usd or 0.0),
            0.0,
            generation,
            absorbed.repaid * reference[debt],
            absorbed.seized * reference[asset],
        )
        self._recorder.absorption(absorbed.pool_gain_usd, absorbed.borrowers_gain_usd)
        return rewarded

    def _wind_up(
        self,
        lender: "Lender",
        loans: BandLoans,
        intent: OpenLiquidation,
        opening: Opening,
        pair: Pair,
        generation: int,
        gas_usd: float,
    ) -> float:
        """Close a loan whose own quote repays it: a row for each asset that is left, all of it the caller's.

        The first bears the gas and the right to call.
        """
        loans.wind_up(pair.account)
        reference, money = self._world.reference, lender.assets[pair.debt]
        left = {one: float(lender.pool.collateral[pair.account, one]) for one in (pair.debt, pair.collateral)}
        for reward in opening.rewards:
            self._pay(lender, loans, intent, reward, pair)
        paid_usd = self._purses.pay_gas(intent, gas_usd)
        rewarded = 0.0
        for reserve, units in left.items():
            if units <= 0.0:
                continue
            asset = lender.assets[reserve]
            worth_usd = units * reference[asset]
            cost_usd, right_usd = (paid_usd, intent.right_usd or 0.0) if rewarded == 0.0 else (0.0, 0.0)
            rewarded += worth_usd
            self._recorder.liquidation(
                lender.name, pair.account, self._opener(intent).name, money, 0.0, asset, units, 0.0, cost_usd,
                worth_usd - cost_usd - right_usd, 0.0, generation, 0.0, worth_usd,
            )  # fmt: skip
        return rewarded

    def _afresh(self, lender: "Lender", intent: OpenLiquidation, gas_usd: float) -> float | str:
        """Start an auction afresh; returns the dollars that the call is paid, or why it cannot be started."""
        auctions = lender.auctions
        one = auctions.find(intent.number) if auctions is not None else None
        if auctions is None or one is None or not auctions.waits(one):
            return "the auction is over, or runs"
        reward, pair = auctions.reset(one), Pair(one.lot.account, one.lot.collateral, one.lot.debt)
        rewarded = self._pay(lender, auctions, intent, reward, pair) if reward is not None else 0.0
        self._recorder.opening(self._opener(intent).name, rewarded - self._purses.pay_gas(intent, gas_usd))
        return rewarded

    def _opener(self, intent: OpenLiquidation) -> Opener:
        cohort: LiquidatorCohort = intent.sender  # type: ignore[assignment]
        return Opener(intent, cohort.member_name(intent.member), self._purses.account(intent), cohort.capital_asset)

    def _pay(
        self, lender: "Lender", auctions: "Auctions", intent: OpenLiquidation, reward: Reward, pair: Pair
    ) -> float:
        """Pay a reward, in the caller's own money; returns the dollars."""
        opener = self._opener(intent)
        paid = zip((pair.debt, pair.collateral), auctions.pay(reward, pair, opener.account), strict=True)
        paid_usd = 0.0
        for reserve, units in paid:
            asset = lender.assets[reserve]
            self._purses.convert(opener.account, asset, opener.money, units)
            paid_usd += units * self._world.reference[asset]
        return paid_usd
