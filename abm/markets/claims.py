"""Claims as assets: deposits in a pool that were made into tokens, are collateral elsewhere, and can be redeemed.

Models: a share of a reserve, held for all holders together by an account of the pool of its own; the tokens in the
world are those shares. They are priced at the start of each block from the pool's books, so that a loss in one pool
marks down collateral in the next, block by block; loops of pools need no more than that. Who sells a claim that has no
market redeems it: at par less what a layer charges, behind nobody, as far as there are cash and room.
Leaves out: claims made or redeemed by people other than those who sell; queueing to redeem; what layers give suppliers
in kind, which stays with the account that holds the shares. Where a layer cuts some suppliers more than others, a token
is less than a share.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from abm.markets.derived import derived_in_order
from models.ledger import BURN, MINT, OUTSIDE
from models.prices import ClaimPrice
from models.prices.claim import WORTHLESS

if TYPE_CHECKING:
    from abm.pools.lender import Lender
    from abm.scenario import Scenario
    from abm.world import World


ROUNDING: Final = 1e-9
"""The part of all that was made of a claim by which its two counts may differ."""


@dataclass(slots=True)
class Claim:
    """One claim: its asset, the pool and reserve that it is on, their asset, and the pool's account for all holders."""

    asset: int
    pool: int
    reserve: int
    underlying: int
    terms: ClaimPrice
    account: int = -1


class Claims:
    """The claims of a scenario as assets, those priced from others after them; none where there are no pools."""

    def __init__(self, scenario: "Scenario") -> None:
        index = {name: k for k, name in enumerate(scenario.assets)}
        pools = {pool.name: (k, list(pool.reserves)) for k, pool in enumerate(scenario.pools)}
        self.of: dict[int, Claim] = {}
        for name, terms in derived_in_order(scenario):
            if isinstance(terms, ClaimPrice) and terms.pool in pools:
                number, reserves = pools[terms.pool]
                asset = index[name]
                self.of[asset] = Claim(asset, number, reserves.index(terms.reserve), index[terms.reserve], terms)

    def on(self, pool: int) -> list[Claim]:
        """Return the claims on a pool."""
        return [claim for claim in self.of.values() if claim.pool == pool]

    def root(self, asset: int) -> int:
        """Return the asset that a claim is a claim on, through all claims between."""
        while asset in self.of:
            asset = self.of[asset].underlying
        return asset

    def worth(self, world: "World", claim: Claim) -> float:
        """Return what a unit of a claim is worth in its underlying, by the books of its pool."""
        if self._is_void(world, claim):
            return WORTHLESS
        pool, reserve = world.lenders[claim.pool].pool, claim.reserve
        index, claims, deficit = pool.supply_index[reserve], pool.total_claims[reserve], pool.deficit[reserve]
        return claim.terms.worth(float(index), float(claims), float(deficit)) * self._shares_per_unit(world, claim)

    def wrap(self, world: "World", claim: Claim, units: float) -> None:
        """Let the outside world deposit for so many units of a claim, and hold them."""
        if units <= 0.0:
            return
        lender = world.lenders[claim.pool]
        deposit = units * float(lender.pool.supply_index[claim.reserve])
        world.ledger.transfer(OUTSIDE, lender.account, claim.underlying, deposit)
        lender.pool.supply(claim.account, claim.reserve, deposit)
        world.ledger.mint(OUTSIDE, claim.asset, units)

    def redeemable(self, world: "World", asset: int) -> float:
        """Return how many units of a claim could be redeemed now; 0 where anybody queues or exits are shut."""
        claim = self.of[asset]
        lender = world.lenders[claim.pool]
        pool, reserve = lender.pool, claim.reserve
        if lender.exits.queues[reserve] or not is_open(world, lender):
            return 0.0
        room = lender.exits.gate.room(reserve, world.now, float(pool.total_claims[reserve]))
        paid_out = lender.claims_paid_by(min(float(pool.cash[reserve]), room), reserve)
        units = min(paid_out, pool.claims(claim.account, reserve))
        return units / self._par(world, claim) if units > 0.0 else 0.0

    def per_unit(self, world: "World", asset: int) -> float:
        """Return the underlying that a unit of a claim is redeemed for: par, less what a layer charges."""
        claim = self.of[asset]
        return self._par(world, claim) * (1.0 - world.lenders[claim.pool].charged_share(claim.reserve))

    def redeem(self, world: "World", account: int, asset: int, units: float, proceeds: float) -> None:
        """Burn units of a claim that an account holds, and pay it the proceeds of the underlying."""
        claim = self.of[asset]
        lender = world.lenders[claim.pool]
        par = units * self._par(world, claim)
        world.ledger.burn(account, asset, units)
        lender.exits.gate.leave(claim.reserve, world.now, float(lender.pool.total_claims[claim.reserve]), proceeds)
        lender.charge_exit(claim.account, claim.reserve, par)
        lender.pool.withdraw(claim.account, claim.reserve, proceeds)
        world.ledger.transfer(lender.account, account, claim.underlying, proceeds)

    def made(self, world: "World", claim: Claim) -> float:
        """Return how many units of a claim there are, in the world and outside."""
        return -world.ledger.balance(MINT, claim.asset) - world.ledger.balance(BURN, claim.asset)

    def _par(self, world: "World", claim: Claim) -> float:
        """Return the underlying that the books have for a unit of a claim."""
        index = float(world.lenders[claim.pool].pool.supply_index[claim.reserve])
        return index * self._shares_per_unit(world, claim)

    def _shares_per_unit(self, world: "World", claim: Claim) -> float:
        """Return the shares behind a unit: one, unless a loss layer has cut some suppliers more than others."""
        shares = float(world.lenders[claim.pool].pool.shares[claim.account, claim.reserve])
        made = self.made(world, claim)
        exact = abs(made - shares) <= ROUNDING * -world.ledger.balance(MINT, claim.asset)
        return 1.0 if exact or made <= 0.0 else shares / made

    def _is_void(self, world: "World", claim: Claim) -> bool:
        """Return whether a loss has wiped out the shares behind a claim that is still held."""
        if world.lenders[claim.pool].pool.shares[claim.account, claim.reserve] > 0.0:
            return False
        return self.made(world, claim) > ROUNDING * -world.ledger.balance(MINT, claim.asset)

    def check(self, world: "World") -> Iterable[str]:
        """Yield what is wrong: there are no fewer units of a claim than shares behind it."""
        for claim in self.of.values():
            shares = float(world.lenders[claim.pool].pool.shares[claim.account, claim.reserve])
            made = self.made(world, claim)
            if shares - made > ROUNDING * -world.ledger.balance(MINT, claim.asset):
                yield (
                    f"{made!r} units of {world.assets[claim.asset]} are in the world, but pool "
                    f"{world.lenders[claim.pool].name} keeps {shares!r} shares for them"
                )


def is_open(world: "World", lender: "Lender") -> bool:
    """Return whether the exits of a pool are open now."""
    gate = lender.exits.gate
    watched = gate.terms.halt_while_liquidatable
    return gate.is_open(world.now, watched and lender.liquidatable().accounts.size > 0)
