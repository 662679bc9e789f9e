"""The right to call, where a pool's design is wrapped in `oev`: what is closed, auctioned or open, and what is paid.

The beginning is the first block in which an account or a lot, or a call that opens or starts afresh, is on offer when
liquidators look; who recovers and falls again begins again. What a winner pays goes to the protocol, beside its other
fees, and to the auctioneer, who is outside.
"""

from typing import TYPE_CHECKING, Literal

import numpy as np

from abm.intents import Intent, Liquidate, OpenLiquidation, Receipt, Status
from abm.liquidations.on_offer import Calls, on_offer
from abm.liquidations.stability import StabilityPool
from abm.pools.band_loans import BandLoans
from models.liquidation import Oev, Stage
from models.liquidation.offer import ROUNDING

if TYPE_CHECKING:
    from abm.liquidations.purses import Purses
    from abm.liquidations.ranked import Ranked
    from abm.record.recorder import Recorder
    from abm.world import World

Kind = Literal["take", "open"]


class RightAuctions:
    """What one pool has on offer, and since when; a kind of call and its number are what a right is for."""

    def __init__(self, terms: Oev, step_seconds: float, rng: np.random.Generator) -> None:
        self.terms = terms
        self._step_seconds = step_seconds
        self._rng = rng
        self._seen: dict[Kind, dict[int, tuple[float, bool]]] = {"take": {}, "open": {}}

    def note(self, kind: Kind, numbers: list[int], now: float) -> None:
        """Take note of what is on offer in this block: of what was not in the last, the time begins."""
        before, seen = self._seen[kind], dict[int, tuple[float, bool]]()
        for number in numbers:
            known = before.get(number)
            seen[number] = known if known is not None else (now, self._rng.random() < self.terms.failures)
        self._seen[kind] = seen

    def let_through(self, kind: Kind, offered: "Ranked", now: float) -> None:
        """Leave out what is closed, and mark what is auctioned."""
        numbers = offered.numbers
        stages = [self.stage(kind, number, now) for number in numbers]
        offered.auctioned = frozenset(n for n, stage in zip(numbers, stages, strict=True) if stage == "auction")
        if "closed" in stages:
            offered.only(np.array([stage != "closed" for stage in stages]))

    def stage(self, kind: Kind, number: int, now: float) -> Stage:
        """Who may make a call; what was not on offer when the block began is closed."""
        known = self._seen[kind].get(number)
        if known is None:
            return "closed"
        since, failed = known
        return self.terms.stage(now - since, self._step_seconds, failed=failed)

    def withheld(self, kind: Kind, number: int, now: float) -> bool:
        """Return whether a call is on offer, but not to everybody yet."""
        return number in self._seen[kind] and self.stage(kind, number, now) != "open"


class Rights:
    """Holds intents to the rights that their pools ask for, and collects what winners pay."""

    def __init__(self, world: "World", recorder: "Recorder", purses: "Purses") -> None:
        self._world = world
        self._recorder = recorder
        self._purses = purses

    def lacks(self, intent: Liquidate | OpenLiquidation, gas_usd: float) -> bool:
        """Return whether a call's sender would have needed a right that it has not bought, or cannot pay for any more.

        Who wins several in a block may have spent its money by the time; who takes leaves it out of what it repays.
        """
        if intent.right_usd is None:
            return stage_of(self._world, intent) != "open"
        if isinstance(intent, Liquidate) or intent.right_usd == 0.0:
            return False
        return self._purses.money_usd(intent) - gas_usd < intent.right_usd * (1.0 - ROUNDING)

    def collect(self, intent: Intent, receipt: Receipt) -> None:
        """Let the winner of an auction pay whose call has gone through."""
        if intent.right_usd is None or receipt.status is not Status.FILLED:
            return
        assert isinstance(intent, Liquidate | OpenLiquidation)
        lender = self._world.lenders[intent.pool]
        assert lender.rights is not None
        to_protocol, to_auctioneer = lender.rights.terms.split(intent.right_usd)
        protocol_usd, auctioneer_usd = self._purses.pay_right(intent, to_protocol, to_auctioneer, lender.fees)
        name = intent.sender.member_name(intent.member)  # type: ignore[attr-defined]
        # What an opening settles at once is a row of its own, which has the right's price in it.
        at_once = isinstance(intent, Liquidate) or isinstance(lender.auctions, StabilityPool | BandLoans)
        self._recorder.right(name, protocol_usd, auctioneer_usd, opened=not at_once)


def note_on_offer(world: "World") -> None:
    """Let the time run of all rights to what is on offer in this block, before anybody looks at it."""
    for lender in world.lenders:
        if lender.rights is not None:
            lender.rights.note("take", on_offer(world, lender).numbers, world.now)
            calls = Calls(world, lender, lender.auctions).numbers if lender.auctions is not None else []
            lender.rights.note("open", calls, world.now)


def stage_of(world: "World", intent: Liquidate | OpenLiquidation) -> Stage:
    """Return who may make a call now."""
    lender = world.lenders[intent.pool]
    if lender.rights is None:
        return "open"
    if isinstance(intent, Liquidate):
        return lender.rights.stage("take", intent.number, world.now)
    # Lots are numbered behind the accounts, as `abm.liquidations.on_offer.Calls` has them.
    number = intent.number + lender.pool.accounts if intent.afresh else intent.number
    return lender.rights.stage("open", number, world.now)
