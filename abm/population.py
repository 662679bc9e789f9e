"""The population of a path: everybody the scenario describes, with their means, brought into the world.

Where deposits do not cover what borrowers owe at the start, the difference belongs to suppliers who are not modelled:
they hold claims like any depositor, bear haircuts, and never leave.
"""

from dataclasses import dataclass, field
from functools import partial
from math import fsum

import mesa
import numpy as np

from abm.agents.arbitrageur import ArbitrageurCohort, Rivals
from abm.agents.attacker import Attacker, Attackers
from abm.agents.backstop import BackstopAccount
from abm.agents.borrower import REACTIONS, BorrowerCohort
from abm.agents.depositor import DepositorCohort
from abm.agents.insurer import Insurer
from abm.agents.liquidator import LiquidatorCohort
from abm.agents.liquidity_provider import LiquidityProviderCohort
from abm.agents.manipulation import Place
from abm.agents.market_maker import MarketMakerCohort
from abm.agents.noise_trader import NoiseTraderCohort
from abm.agents.triangle_arbitrageur import TriangleArbitrageurCohort
from abm.auctions.kinds import own_accounts
from abm.liquidations.rights import RightAuctions
from abm.losses.loss_terms import claims_layers
from abm.losses.staking import StakerDesk
from abm.markets.trading import come_or_go
from abm.pools.lender import Lender
from abm.positions import Book, Loans, Opening, openings
from abm.reading.distributions import draw
from abm.streams import Streams
from abm.view import View
from abm.world import World
from models.ledger import OUTSIDE
from models.types import FloatArray


@dataclass(slots=True)
class Population:
    """Everybody on one path, by kind, in the scenario's order; `rivals` are the arbitrageurs again, by market."""

    borrowers: list[BorrowerCohort] = field(default_factory=list)
    depositors: list[DepositorCohort] = field(default_factory=list)
    liquidators: list[LiquidatorCohort] = field(default_factory=list)
    insurers: list[Insurer] = field(default_factory=list)
    arbitrageurs: list[ArbitrageurCohort] = field(default_factory=list)
    rivals: list[Rivals] = field(default_factory=list)
    triangle_arbitrageurs: list[TriangleArbitrageurCohort] = field(default_factory=list)
    market_makers: list[MarketMakerCohort] = field(default_factory=list)
    liquidity_providers: list[LiquidityProviderCohort] = field(default_factory=list)
    noise_traders: list[NoiseTraderCohort] = field(default_factory=list)
    attackers: list[Attacker] = field(default_factory=list)
    backstops: list[BackstopAccount] = field(default_factory=list)
    stakers: list[StakerDesk] = field(default_factory=list)


def populate(model: mesa.Model, world: World, streams: Streams) -> Population:
    """Create every cohort of the scenario, endow it, and open its positions."""
    people = Population()
    _market_people(model, world, streams, people)
    starts = openings(world, streams)
    for number in range(len(starts)):
        _pool_people(model, world, streams, people, number, starts)
    _liquidity_providers(model, world, streams, people)
    _liquidators(model, world, streams, people)
    _backstops(model, world, people)
    for claim in world.claims.of.values():
        # Whatever else of it came into the world was deposited too.
        world.claims.wrap(world, claim, -world.ledger.balance(OUTSIDE, claim.asset))
    return people


def _market_people(model: mesa.Model, world: World, streams: Streams, people: Population) -> None:
    agents = world.scenario.agents
    names = [exchange.name for exchange in world.exchanges]
    for k, making in enumerate(agents.market_makers):
        exchange = names.index(making.market) if making.market else 0
        first = world.ledger.open(f"market_makers.{k}", making.count)
        stream = partial(streams, "market_makers", str(k))
        makers = MarketMakerCohort(model, making, exchange, first, stream(), stream)
        desk = world.exchanges[exchange]
        for member, capital in enumerate(makers.capital_usd.tolist()):
            world.endow(first + member, desk.base, 0.5 * capital / world.reference[desk.base])
            world.endow(first + member, desk.quote, 0.5 * capital / world.reference[desk.quote])
        people.market_makers.append(makers)
    competing: dict[int, list[tuple[int, ArbitrageurCohort]]] = {}
    for k, hedging in enumerate(agents.arbitrageurs):
        exchange = names.index(hedging.market) if hedging.market else 0
        first = world.ledger.open(f"arbitrageurs.{k}", hedging.count)
        arbitrageurs = ArbitrageurCohort(model, hedging, exchange, first, streams("arbitrageurs", str(k)))
        competing.setdefault(exchange, []).append((k, arbitrageurs))
        desk = world.exchanges[exchange]
        for member, capital in enumerate(arbitrageurs.capital_usd.tolist()):
            if np.isfinite(capital):
                world.endow(first + member, desk.quote, capital / world.reference[desk.quote])
        people.arbitrageurs.append(arbitrageurs)
    for rivals in competing.values():
        order = streams("arbitrageurs", str(rivals[0][0]), "order")
        people.rivals.append(Rivals([cohort for _, cohort in rivals], order))
    _triangle_arbitrageurs(model, world, streams, people)
    time = world.scenario.time
    for k, trading in enumerate(agents.noise_traders):
        exchange = names.index(trading.market) if trading.market else 0
        account = world.ledger.open(f"noise_traders.{k}")
        draws = (streams("noise_traders", str(k), what) for what in ("times", "sides", "sizes"))
        people.noise_traders.append(
            NoiseTraderCohort(model, trading, exchange, account, time.steps, time.step_seconds, *draws)
        )


def _triangle_arbitrageurs(model: mesa.Model, world: World, streams: Streams, people: Population) -> None:
    for k, terms in enumerate(world.scenario.agents.triangle_arbitrageurs):
        first, second, third = (world.index[name] for name in terms.assets)
        account = world.ledger.open(f"triangle_arbitrageurs.{k}", terms.count)
        stream = partial(streams, "triangle_arbitrageurs", str(k))
        cohort = TriangleArbitrageurCohort(model, terms, (first, second, third), account, stream(), stream("order"))
        for member, capital in enumerate(cohort.capital_usd.tolist()):
            if np.isfinite(capital):
                world.endow(account + member, first, capital / world.reference[first])
        people.triangle_arbitrageurs.append(cohort)


def _liquidity_providers(model: mesa.Model, world: World, streams: Streams, people: Population) -> None:
    """Create every cohort of liquidity providers with its capital in both assets, and let it provide."""
    names = [exchange.name for exchange in world.exchanges]
    view = View(world)
    for k, terms in enumerate(world.scenario.agents.liquidity_providers):
        exchange = names.index(terms.market) if terms.market else 0
        source = terms.source_among([source.kind for source in world.scenario.markets[exchange].sources])
        assert source is not None
        stakes = world.open_stakes(exchange, source, terms.count, terms.lower, terms.upper)
        first = world.ledger.open(f"liquidity_providers.{k}", terms.count)
        stream = partial(streams, "liquidity_providers", str(k))
        cohort = LiquidityProviderCohort(model, terms, exchange, source, stakes, first, stream)
        desk = world.exchanges[exchange]
        base, quote = world.stakes[stakes].ratio()
        per_usd = 1.0 / (base * world.reference[desk.base] + quote * world.reference[desk.quote])
        for member, units in enumerate((cohort.capital_usd * per_usd).tolist()):
            world.endow(first + member, desk.base, units * base)
            world.endow(first + member, desk.quote, units * quote)
        opening = cohort.opening()
        cohort.settled(view, opening, come_or_go(world, opening))
        people.liquidity_providers.append(cohort)


def _liquidators(model: mesa.Model, world: World, streams: Streams, people: Population) -> None:
    pools = [pool.name for pool in world.scenario.pools]
    for k, terms in enumerate(world.scenario.agents.liquidators):
        pool = pools.index(terms.pool) if terms.pool else 0
        money = world.index[terms.capital_asset] if terms.capital_asset else world.money
        first = world.ledger.open(f"liquidators.{k}", terms.count)
        cohort = LiquidatorCohort(
            model,
            terms,
            f"liquidators.{k}",
            pool,
            money,
            first,
            streams("liquidators", str(k)),
            streams("liquidators", str(k), "order"),
        )
        for member, capital in enumerate(cohort.capital_usd.tolist()):
            if np.isfinite(capital):
                world.endow(first + member, money, capital / world.reference[money])
        world.lenders[pool].past.reach(terms.looks_back_blocks)
        people.liquidators.append(cohort)


def _backstops(model: mesa.Model, world: World, people: Population) -> None:
    for number, pool in enumerate(world.scenario.pools):
        terms = pool.liquidation.backstop
        if terms is not None:
            name = f"backstop.{pool.name}"
            account = world.ledger.open(name)
            world.endow(account, world.money, terms.capital_usd / world.reference[world.money])
            people.backstops.append(BackstopAccount(model, terms, name, number, world.money, account))


def _pool_people(
    model: mesa.Model,
    world: World,
    streams: Streams,
    people: Population,
    number: int,
    starts: list[Opening],
) -> None:
    pool, opening = world.scenario.pools[number], starts[number]
    agents = world.scenario.agents

    def here(cohort_pool: str | None) -> bool:
        return cohort_pool is None or cohort_pool == pool.name

    borrowers_count = sum(len(book.debt) for book in opening.books)
    attackers = [(k, terms) for k, terms in enumerate(agents.attackers) if here(terms.pool)]
    first_attacker = borrowers_count + sum(loans.terms.count for _, loans in opening.loans)
    others = first_attacker + len(attackers)
    claiming = claims_layers(pool.losses.stack(), list(pool.reserves))
    insurers = [(k, terms) for k, terms in enumerate(agents.insurers) if here(terms.pool)]
    first_insurer = others + 1 + len(claiming)
    holding = [k for k, terms in insurers if terms.pool_claims]
    claims, claims_account = world.claims.on(number), first_insurer + len(holding)
    accounts = claims_account + bool(claims) + own_accounts(pool.liquidation)
    first_holder = world.ledger.open(f"accounts of {pool.name}", accounts)
    lender = world.add_lender(pool, first_holder, accounts)
    if pool.liquidation.oev is not None:
        lender.rights = RightAuctions(pool.liquidation.oev, world.step_seconds, streams("oev", pool.name))
    for number_of_reserve, reserve in enumerate(pool.reserves.values()):
        if reserve.treasury > 0.0:
            world.endow(lender.account, lender.assets[number_of_reserve], reserve.treasury)
            lender.pool.fund_treasury(number_of_reserve, reserve.treasury)
    lender.first_claims = others + 1
    for position, (_, reserve_number, units) in enumerate(claiming):
        _supply(world, lender, lender.first_claims + position, reserve_number, units)
    for position, k in enumerate(holding):
        for name, units in agents.insurers[k].pool_claims.items():
            _supply(world, lender, first_insurer + position, lender.pool.names.index(name), units)
    _deposit(model, world, streams, people, number, lender, opening.loans, borrowers_count)
    for claim in claims:
        claim.account = claims_account
        world.claims.wrap(world, claim, _posted(world, claim.asset, starts))
    _cover_shortfall(world, lender, opening.debts, others)
    first = 0
    lines = np.zeros(accounts)
    for book in opening.books:
        cohort = BorrowerCohort(
            model,
            book.terms,
            number,
            first,
            len(book.debt),
            world.step_seconds,
            streams("borrowers", str(book.number), "habits"),
        )
        _open_positions(world, lender, book.collateral, book.debt, first)
        _fill_wallets(world, lender, book, cohort)
        lines[first : first + cohort.count] = cohort.line
        people.borrowers.append(cohort)
        first += cohort.count
    for _, loans in opening.loans:
        _open_positions(world, lender, loans.collateral, loans.debt, first)
        _fill_loan_wallets(world, lender, loans, first)
        first += loans.terms.count
    if lender.loans is not None:
        lender.loans.open_loans()
    lender.start_watching(lines)
    for k, terms in insurers:
        account = world.ledger.open(f"insurers.{k}")
        for name, units in (*terms.capital.items(), *terms.tokens.items()):
            world.endow(account, world.index[name], units)
        held = first_insurer + holding.index(k) if k in holding else -1
        people.insurers.append(Insurer(model, terms, number, account, held))
    for position, (k, attacking) in enumerate(attackers):
        people.attackers.append(_attacker(model, world, k, attacking, number, first_attacker + position))


def _posted(world: World, asset: int, starts: list[Opening]) -> float:
    """Return how many units of an asset are posted at the start, in all pools together."""
    name = world.assets[asset]
    return fsum(
        opening.posted(list(pool.reserves).index(name))
        for pool, opening in zip(world.scenario.pools, starts, strict=True)
        if name in pool.reserves
    )


def _attacker(model: mesa.Model, world: World, k: int, terms: Attackers, pool: int, account: int) -> Attacker:
    """Bring an attacker's capital into the world: money to pump with, base to push the price down with."""
    names = [exchange.name for exchange in world.exchanges]
    exchange = names.index(terms.market) if terms.market else 0
    desk, assets = world.exchanges[exchange], world.lenders[pool].assets
    owner = world.ledger.open(f"attackers.{k}")
    place = Place(
        exchange=exchange,
        pool=pool,
        owner=owner,
        account=account,
        base=desk.base,
        quote=desk.quote,
        collateral=assets.index(desk.base),
        debt=assets.index(desk.quote) if desk.quote in assets else -1,
    )
    capital = desk.base if terms.strategy == "trigger_liquidations" else desk.quote
    world.endow(owner, capital, terms.capital_usd / world.reference[capital])
    return Attacker(model, terms, f"attackers.{k}", place)


def _deposit(
    model: mesa.Model,
    world: World,
    streams: Streams,
    people: Population,
    number: int,
    lender: Lender,
    cohorts: list[tuple[int, Loans]],
    first: int,
) -> None:
    """Let every depositor bring its deposits into the pool."""
    for k, loans in cohorts:
        terms = loans.terms
        stream = partial(streams, "depositors", str(k))
        deposited = {
            lender.pool.names.index(name): draw(units, terms.count, stream(name))
            for name, units in terms.deposits.items()
        }
        cohort = DepositorCohort(model, terms, f"depositors.{k}", number, deposited, first, stream)
        for reserve, units in deposited.items():
            world.ledger.transfer(OUTSIDE, lender.account, lender.assets[reserve], float(units.sum()))
            lender.pool.supply_many(first + np.arange(terms.count), reserve, units)
        people.depositors.append(cohort)
        first += terms.count


def _supply(world: World, lender: Lender, account: int, reserve: int, units: float) -> None:
    if units > 0.0:
        world.ledger.transfer(OUTSIDE, lender.account, lender.assets[reserve], units)
        lender.pool.supply(account, reserve, units)


def _cover_shortfall(world: World, lender: Lender, debts: list[FloatArray], account: int) -> None:
    """Let suppliers who are not modelled bring what borrowers owe beyond the deposits."""
    for reserve in range(lender.pool.reserves):
        owed = fsum(float(debt[:, reserve].sum()) for debt in debts)
        # The treasury's own cash is lent like anybody's.
        short = owed - float(lender.pool.cash[reserve])
        if short > 0.0:
            _supply(world, lender, account, reserve, short)


def _open_positions(world: World, lender: Lender, collateral: FloatArray, debt: FloatArray, first: int) -> None:
    """Post the collateral and hand out the debts, which leave for the outside world: they were spent long ago."""
    accounts = first + np.arange(len(debt))
    for reserve, asset in enumerate(lender.assets):
        posted, owed = collateral[:, reserve], debt[:, reserve]
        if posted.any():
            world.ledger.transfer(OUTSIDE, lender.account, asset, float(posted.sum()))
            lender.pool.post_many(accounts, reserve, posted)
        if owed.any():
            lent = min(float(owed.sum()), float(lender.pool.cash[reserve]))
            lender.pool.borrow_many(accounts, reserve, owed)
            world.ledger.transfer(lender.account, OUTSIDE, asset, lent)


def _fill_loan_wallets(world: World, lender: Lender, loans: Loans, first: int) -> None:
    """Give depositors who owe the means to repay."""
    loan = loans.terms.loan
    if loan is not None:
        holders = lender.first_holder + first + np.arange(loans.terms.count)
        for reserve, asset in enumerate(lender.assets):
            world.ledger.transfer_many(OUTSIDE, holders, asset, loan.wallet_share * loans.debt[:, reserve])


def _fill_wallets(world: World, lender: Lender, book: Book, cohort: BorrowerCohort) -> None:
    """Give those who watch the means to react: collateral to those who top up, money to those who repay."""
    if not cohort.watches:
        return
    watching = cohort.line > 0.0
    prices = lender.prices
    worth = (book.debt @ prices) * cohort.wallet_share * watching
    for how, side in (("top_up", book.collateral), ("repay", book.debt)):
        members = np.flatnonzero((cohort.reaction == REACTIONS.index(how)) & (worth > 0.0))
        largest = np.argmax(side * prices * (lender.pool.thresholds > 0.0 if how == "top_up" else 1.0), axis=1)
        for reserve, asset in enumerate(lender.assets):
            chosen = members[largest[members] == reserve]
            if chosen.size:
                holders = lender.first_holder + cohort.first_account + chosen
                world.ledger.transfer_many(OUTSIDE, holders, asset, worth[chosen] / prices[reserve])
