"""What stakers ask for becomes entries in the ledger: money that goes behind a loss layer or an insurer, and out again.

Models: what is staked in the asset of the pool itself is supplied to it, so that it earns, is lent, and leaves only as
far as there is cash. An insurer lets nobody out below its minimum of capital, nor for more than it has of the asset in
which capital comes and goes. Who cannot get out in the window of its cooldown begins anew.
Leaves out: rewards, which are paid from outside and only counted.
"""

from functools import partial
from typing import TYPE_CHECKING, Protocol

from abm.agents.insurer import YEAR_SECONDS, Insurer
from abm.agents.staker import COOLING, IN, OUT, Sight, StakerCohort
from abm.losses.layer_means import LayerMeans, Means
from abm.losses.loss_terms import insurer_name
from abm.losses.underwriting import capital_asset, mark_equity
from models.losses import ExitRefused, InvalidStake, Stake, StakedPayer
from models.losses.layer import ROUNDING

if TYPE_CHECKING:
    from abm.model import UnderwaterModel
    from abm.pools.lender import Lender
    from abm.streams import Streams
    from abm.world import World


class Place(Protocol):
    """Where one may stake: units are those of `asset`."""

    asset: int

    @property
    def stake(self) -> Stake:
        """Whose it is."""

    def look(self) -> None:
        """Bring the stake in line with what there is."""

    def yield_per_year(self, now: float) -> float:
        """What a unit staked earns."""

    def put_in(self, account: int, holder: int, units: float, now: float) -> None:
        """Stake units of a ledger account. Raises `InvalidStake` where nobody may."""

    def take_out(self, account: int, holder: int, now: float) -> bool:
        """Let a holder have all that may leave now; whether nothing is left. Raises `ExitRefused`."""


class LayerPlace:
    """A layer of a pool with a stake."""

    def __init__(
        self, world: "World", lender: "Lender", reserve: int, payer: StakedPayer, means: Means, books: LayerMeans
    ) -> None:
        self._world = world
        self._lender = lender
        self._reserve = reserve
        self._payer = payer
        self._means = means
        self._books = books
        self.asset = means.asset if means.account >= 0 else lender.assets[reserve]

    @property
    def stake(self) -> Stake:
        """The stake of the layer."""
        return self._payer.stake

    def look(self) -> None:
        """Let the layer see what it has."""
        self._books.refresh()

    def yield_per_year(self, now: float) -> float:
        """What is emitted for a unit staked, where the layer says so; what claims earn in the pool comes on top."""
        return self.stake.yield_per_year

    def put_in(self, account: int, holder: int, units: float, now: float) -> None:
        """Stake units of a ledger account."""
        self.stake.enter(holder, units, now)
        if self._means.account >= 0:
            self._world.ledger.transfer(account, self._means.account, self.asset, units)
        else:
            self._world.ledger.transfer(account, self._lender.account, self.asset, units)
            self._lender.pool.supply(self._means.claims, self._reserve, units)

    def take_out(self, account: int, holder: int, now: float) -> bool:
        """Let a holder have what is its own; of claims on the pool, as much as there is cash for, less any charge."""
        mine = float(self.stake.holdings[holder])
        lender, ledger, reserve, claims = self._lender, self._world.ledger, self._reserve, self._means.claims
        if self._means.account >= 0:
            units = self.stake.leave(holder, mine, now)
            ledger.transfer(self._means.account, account, self.asset, units)
            return units >= mine
        cash = float(lender.pool.cash[reserve])
        units = self.stake.leave(holder, _as_far_as(mine, lender.claims_paid_by(cash, reserve)), now)
        paid = lender.pool.withdraw(claims, reserve, min(lender.charge_exit(claims, reserve, units), cash))
        ledger.transfer(lender.account, account, self.asset, paid)
        return units >= mine


class InsurerPlace:
    """An insurer, whose equity is shared in dollars."""

    def __init__(self, world: "World", insurer: Insurer) -> None:
        self._world = world
        self._insurer = insurer
        self.asset = capital_asset(world, insurer)

    @property
    def stake(self) -> Stake:
        """Whose its equity is."""
        return self._insurer.stake

    def look(self) -> None:
        """Mark the equity: what premiums and claims have made of it is everybody's."""
        mark_equity(self._world, self._insurer)

    def yield_per_year(self, now: float) -> float:
        """The premium for each dollar of equity: as it is priced, or else as it came in so far."""
        insurer, equity = self._insurer, self.stake.assets
        if equity <= 0.0:
            return 0.0
        if insurer.terms.pricing is not None:
            return insurer.premium_usd_per_year / equity
        return insurer.premiums_usd / (now / YEAR_SECONDS) / equity if now > 0.0 else 0.0

    def put_in(self, account: int, holder: int, units: float, now: float) -> None:
        """Bring capital of a ledger account."""
        if self._insurer.insolvent:
            raise InvalidStake("nobody can enter an insurer that is insolvent")
        self.stake.enter(holder, units * self._world.reference[self.asset], now)
        self._world.ledger.transfer(account, self._insurer.account, self.asset, units)

    def take_out(self, account: int, holder: int, now: float) -> bool:
        """Let a holder have its part of the equity, as far as the minimum of capital and the money there is allow."""
        world, insurer = self._world, self._insurer
        lender = world.lenders[insurer.pool]
        price, mine = world.reference[self.asset], float(self.stake.holdings[holder])
        insured_usd = lender.pool.worth(lender.price_list).debt
        bound = insurer.minimum_usd(insured_usd, now) if insurer.covers and not insurer.insolvent else 0.0
        spare = max(self.stake.assets - bound, 0.0)
        money = world.ledger.balance(insurer.account, self.asset) * price
        usd = self.stake.leave(holder, _as_far_as(mine, min(spare, money)), now)
        world.ledger.transfer(insurer.account, account, self.asset, usd / price)
        return usd >= mine


def _as_far_as(mine: float, most: float) -> float:
    """What may leave of what is one's own; where only a rounding is missing all of it does."""
    return mine if most >= mine * (1.0 - ROUNDING) else most


def place_of(model: "UnderwaterModel", pool: int, layer: str) -> Place | None:
    """Return the place of that name in a pool, that of its first reserve with one; None where there is none."""
    world, losses = model.world, model.losses[pool]
    insurers = [insurer for insurer in model.people.insurers if insurer.pool == pool]
    for k, insurer in enumerate(insurers):
        if layer == insurer_name(k, len(insurers)):
            return InsurerPlace(world, insurer)
    for reserve, one in enumerate(losses.reserves):
        for name, payer, means in zip(one.waterfall.names, one.waterfall.payers, one.books.means, strict=True):
            if name == layer and isinstance(payer, StakedPayer):
                return LayerPlace(world, world.lenders[pool], reserve, payer, means, one.books)
    return None


def open_stakers(model: "UnderwaterModel", streams: "Streams") -> list["StakerDesk"]:
    """Bring all stakers into the world, and let those stake who are there from the start."""
    world, desks = model.world, []
    names = [pool.name for pool in world.scenario.pools]
    for k, terms in enumerate(world.scenario.agents.stakers):
        pool = names.index(terms.pool) if terms.pool else 0
        place = place_of(model, pool, terms.layer)
        assert place is not None  # seen to by the checks of the scenario
        place.look()
        first = world.ledger.open(f"stakers.{k}", terms.count)
        stream = partial(streams, "stakers", str(k))
        cohort = StakerCohort(model, terms, first, place.stake.open_accounts(terms.count), stream)
        for member, units in enumerate(cohort.capital.tolist()):
            world.endow(first + member, place.asset, units)
        desk = StakerDesk(cohort, place, world.lenders[pool], world.reference[place.asset])
        if terms.enter_at_yield_per_year is None:
            desk.enter_all(world)
        desks.append(desk)
    return desks


class StakerDesk:
    """A cohort of stakers and its place."""

    def __init__(self, cohort: StakerCohort, place: Place, lender: "Lender", first_price: float) -> None:
        self.cohort = cohort
        self.place = place
        self._lender = lender
        self._first_price = first_price

    def enter_all(self, world: "World") -> None:
        """Let all members stake."""
        for member in range(self.cohort.terms.count):
            self._enter(world, member)

    def sight(self, world: "World") -> Sight:
        """Return what the members see."""
        worth = self._lender.pool.worth(self._lender.price_list)
        below = self._lender.liquidatable()
        short = float((below.debt_value - below.collateral_value).clip(0.0).sum()) if below.accounts.size else 0.0
        hole = (worth.deficit + short) / worth.claims if worth.claims > 0.0 else 0.0
        fall = 1.0 - world.reference[self.place.asset] / self._first_price
        return Sight(world.now, self.place.yield_per_year(world.now), hole, fall)

    def act(self, world: "World") -> None:
        """Carry out what the members want in this block."""
        place, cohort = self.place, self.cohort
        place.look()
        wishes = cohort.decide(self.sight(world))
        for member in wishes.leave.tolist():
            self._leave(member, world.now)
        for member in wishes.cool_down.tolist():
            cohort.moved(member, COOLING, place.stake.cool_down(cohort.first_holder + member, world.now))
        for member in wishes.enter.tolist():
            self._enter(world, member)

    def _leave(self, member: int, now: float) -> None:
        place, cohort = self.place, self.cohort
        holder = cohort.first_holder + member
        try:
            done = place.take_out(cohort.first_account + member, holder, now)
        except ExitRefused:
            # Paused, or too late: who has missed its window begins anew, else it comes back.
            done = False
        if done or float(place.stake.shares[holder]) == 0.0:
            cohort.moved(member, OUT)
        elif now > cohort.ready_seconds[member] + place.stake.window_seconds:
            cohort.moved(member, IN)

    def _enter(self, world: "World", member: int) -> None:
        place, cohort = self.place, self.cohort
        account = cohort.first_account + member
        units = world.ledger.balance(account, place.asset)
        if units <= 0.0:
            return
        try:
            place.put_in(account, cohort.first_holder + member, units, world.now)
        except InvalidStake:
            return  # paused, or the place has come to an end
        cohort.moved(member, IN)
