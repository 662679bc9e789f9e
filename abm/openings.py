"""Settlement of the calls that open liquidations and start auctions afresh, and of what they are paid."""

from typing import TYPE_CHECKING

from abm.intents import Opened, OpenLiquidation, Receipt, Status
from models.liquidation import Reward

if TYPE_CHECKING:
    from abm.agents.liquidator import LiquidatorCohort
    from abm.cascade import Cascade
    from abm.purses import Purses
    from abm.recorder import Recorder
    from abm.world import Lender, World


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
        rewarded = self._afresh(lender, intent) if intent.afresh else self._open(lender, intent)
        if isinstance(rewarded, str):
            self._purses.pay_for_failure(intent, gas_usd)
            self._recorder.refusal()
            return Receipt(Status.REFUSED, rewarded)
        self._purses.pay_gas(intent, gas_usd)
        self._recorder.opening(rewarded - gas_usd)
        return Opened(Status.FILLED, amount=1.0, reward_usd=rewarded)

    def _open(self, lender: "Lender", intent: OpenLiquidation) -> float | str:
        """Open an account; returns the dollars that the call is paid, or why there is nothing to open."""
        auctions = lender.auctions
        opening = auctions.opening(intent.number) if auctions is not None else None
        found = lender.position(intent.number)
        if auctions is None or opening is None or found is None:
            return "there is nothing to open any more"
        generation = self._cascade.generation(lender, intent.number, 1.0)
        cohort: LiquidatorCohort = intent.sender  # type: ignore[assignment]
        auctions.open(intent.number, opening, cohort.member_name(intent.member), generation)
        return sum(self._pay(lender, intent, reward, found.debt) for reward in opening.rewards)

    def _afresh(self, lender: "Lender", intent: OpenLiquidation) -> float | str:
        """Start an auction afresh; returns the dollars that the call is paid, or why it cannot be started."""
        auctions = lender.auctions
        one = auctions.find(intent.number) if auctions is not None else None
        if auctions is None or one is None or not auctions.waits(one):
            return "the auction is over, or runs"
        reward = auctions.reset(one)
        return self._pay(lender, intent, reward, one.lot.debt) if reward is not None else 0.0

    def _pay(self, lender: "Lender", intent: OpenLiquidation, reward: Reward, debt: int) -> float:
        assert lender.auctions is not None
        cohort: LiquidatorCohort = intent.sender  # type: ignore[assignment]
        account, asset = self._purses.account(intent), lender.assets[debt]
        units = lender.auctions.pay(reward, debt, account)
        self._purses.convert(account, asset, cohort.capital_asset, units)
        return units * self._world.reference[asset]
