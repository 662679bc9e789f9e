"""The timetable of a block: PHASES is a table that one can read aloud, and the model is a loop over it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from abm.intents import Intent
from abm.liquidations.rights import note_on_offer
from abm.losses.underwriting import underwrite
from abm.markets.trading import come_or_go, funded_swap, go_round, hedge, make_room, requote, round_trip, swap

if TYPE_CHECKING:
    from abm.model import UnderwaterModel


def move_prices(model: "UnderwaterModel") -> None:
    """The reference price moves: the exogenous path, times the lasting impact of what has been sold so far."""
    world = model.world
    world.reference = world.exogenous[world.step].copy()
    for asset, impact in enumerate(world.impacts):
        if impact is not None:
            if world.step > 0:
                impact.decay(world.step_seconds)
            world.reference[asset] *= impact.factor
    world.derived.follow(world)
    world.gas_gwei = world.gas_path[world.step]
    for number, exchange in enumerate(world.exchanges):
        price = world.pair_reference(number)
        for source in exchange.following:
            if source.price != price:
                source.set_reference(price)
        exchange.note_price(price, world.step_seconds, world.fading)


def make_markets(model: "UnderwaterModel") -> None:
    """Market makers requote, liquidity providers add or pull."""
    wanted = [(makers, quotes) for makers in model.people.market_makers for quotes in makers.decide(model.view)]
    make_room(model.world, [quotes for _, quotes in wanted])
    for makers, quotes in wanted:
        makers.stand(quotes.owner, *requote(model.world, quotes))
    for providers in model.people.liquidity_providers:
        for moves in providers.decide(model.view):
            providers.settled(model.view, moves, come_or_go(model.world, moves))


def trade_noise(model: "UnderwaterModel") -> None:
    """Noise traders trade, one after the other."""
    world = model.world
    for cohort in model.people.noise_traders:
        exchange = world.exchanges[cohort.exchange]
        for trade in cohort.trades(world.step):
            funded_swap(world, exchange, cohort.account, cohort.decide(model.view, trade))


def arbitrage(model: "UnderwaterModel") -> None:
    """Arbitrageurs pull the venue toward the reference, within their capital, in random order; then round trips."""
    world, view = model.world, model.view
    for cohort in model.people.arbitrageurs:
        for order in cohort.hedges(view):
            hedge(world, order, cohort.unlimited)
            cohort.hedged(view, order)
    for rivals in model.people.rivals:
        for cohort, trip in rivals.turns(view):
            cohort.settled(view, trip, round_trip(world, trip, cohort.unlimited))
    for travellers in model.people.triangle_arbitrageurs:
        for member in travellers.turns(view):
            around = travellers.decide(view, member)
            if around is not None:
                travellers.settled(view, go_round(world, around, travellers.unlimited))


def attack(model: "UnderwaterModel") -> None:
    """An attacker moves the venue, if it pays; without feedback no trade leaves a trace, and there is none."""
    world = model.world
    for attacker in model.people.attackers if world.scenario.feedback else ():
        begun = attacker.attack is None
        fill = attacker.push(model.view)
        if begun and attacker.attack is not None:
            model.recorder.attack(attacker.attack)
        if fill is None:
            continue
        exchange = world.exchanges[attacker.exchange]
        swap(world, exchange, attacker.first_account, fill)
        attacker.pushed(model.view, fill)
        if fill.side == "sell":
            # Who falls for it falls by a sale, not by the exogenous price alone.
            model.cascade.sold(exchange.base, fill.base, 0)


def report_oracles(model: "UnderwaterModel") -> None:
    """Oracles report, or do not: deviation, heartbeat, delay."""
    world = model.world
    venue = world.venue_prices() if world.venue_matters else world.venue_usd
    world.oracle = world.feeds.report(world.now, world.reference, venue)
    for exchange in world.exchanges:
        for source in exchange.bands:
            source.set_oracle(world.oracle[exchange.base] / world.oracle[exchange.quote], world.now)
    for lender in world.lenders:
        lender.believe([world.oracle[asset] for asset in lender.assets])


def accrue_interest(model: "UnderwaterModel") -> None:
    """Interest accrues; the first block has no time behind it."""
    world = model.world
    for lender in world.lenders:
        if world.step > 0:
            lender.income = lender.pool.accrue(world.step_seconds)
            lender.interest_accrued()


def ask_depositors_and_borrowers(model: "UnderwaterModel") -> None:
    """Borrowers and depositors submit intents; losses since the last block may have shut the exits."""
    for lender in model.world.lenders:
        if lender.exits.gate.minds_losses:
            lender.exits.gate.note_losses(model.world.now, [*lender.pool.deficit.tolist(), *lender.haircuts.tolist()])
    for borrowers in model.people.borrowers:
        model.intents.extend(borrowers.decide(model.view))
    for depositors in model.people.depositors:
        model.intents.extend(depositors.decide(model.view))


def ask_liquidators(model: "UnderwaterModel") -> None:
    """Liquidators look at what the design offers, bid against one another and submit intents.

    An attacker's bundle goes before all others.
    """
    for lender in model.world.lenders:
        lender.note_waiting(model.world.now)
    note_on_offer(model.world)
    for number, lender in enumerate(model.world.lenders):
        if lender.past:
            lender.past.note(model.view.opportunities(number))
    model.intents[:0] = [intent for attacker in model.people.attackers for intent in attacker.harvest(model.view)]
    calls = [intent for cohort in model.people.liquidators for intent in cohort.decide(model.view)]
    model.intents.extend(model.contests.settle(calls))


def build_block(model: "UnderwaterModel") -> None:
    """The block is built: intents ordered, capacity applied, each settled against the state it finds."""
    if model.intents:
        intents: list[Intent] = model.intents
        model.intents = []
        model.settlement.block(intents)


def advance_queues(model: "UnderwaterModel") -> None:
    """Accounts of last resort take what others left, auctions end, who queues to leave is paid from what came in."""
    for backstop in model.people.backstops:
        model.settlement.last_resort(backstop.decide(model.view))
    for number, lender in enumerate(model.world.lenders):
        model.settlement.advance_auctions(number, lender)
        model.settlement.serve_exits(lender)


def recognise_losses(model: "UnderwaterModel") -> None:
    """Bad debt goes down the waterfall, where nothing is left to seize or layers take it with its collateral.

    What layers owe is paid.
    """
    for losses in model.losses:
        losses.step(model.recorder)


def settle_premiums(model: "UnderwaterModel") -> None:
    """The insurer collects its premiums and minds its capital; stakers come and go."""
    for insurer in model.people.insurers:
        underwrite(model.world, model.view, insurer)
    for stakers in model.people.stakers:
        stakers.act(model.world)


def record(model: "UnderwaterModel") -> None:
    """The recorder writes the block, once the pools' books say what trades have made of collateral in bands."""
    for lender in model.world.lenders:
        lender.follow()
    model.recorder.block(model)
    if model.world.scenario.checks:
        model.world.check()


PHASES: tuple[tuple[str, Callable[["UnderwaterModel"], None]], ...] = (
    ("the reference price moves", move_prices),
    ("market makers requote, liquidity providers add or pull", make_markets),
    ("noise traders trade", trade_noise),
    ("arbitrageurs pull the venue toward the reference", arbitrage),
    ("an attacker moves the venue, if it pays", attack),
    ("oracles report", report_oracles),
    ("interest accrues", accrue_interest),
    ("borrowers and depositors submit intents", ask_depositors_and_borrowers),
    ("liquidators submit intents", ask_liquidators),
    ("the block is built and settled", build_block),
    ("auctions, absorptions and queues advance", advance_queues),
    ("bad debt goes down the waterfall", recognise_losses),
    ("the insurer collects premiums", settle_premiums),
    ("the recorder writes the block", record),
)
