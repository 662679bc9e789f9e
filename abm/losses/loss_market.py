"""What the loss layers of a pool see of the world when they pay: prices, depth, claims and positions of that moment.

Models: a token is sold on every venue that leads to the debt's asset, or for what the first of its markets quotes;
where no market sells it, to the rest of the market, at the reference price or as deep as the scenario says: what all
layers of a pool sell there within a block goes down one curve, which is whole again in the next. Who owes in the
reserve that lost takes redistributed debt in proportion to the value of its collateral. Winners of a lending pool
are those who owe and have gained on what they hold and owe since the start, less what they have paid out of that for
earlier losses, as far as their collateral in the asset that was lost goes: they are short of what fell.
Leaves out: no collateral goes with a bad debt: it is bad once nothing is left to seize, or `abm.losses.takeovers` has
exchanged what there was. The price at which a supplier lends is drawn, since depositors name none; shares that were
made into tokens are in no bucket.
"""

from collections.abc import Iterator, Sequence
from math import inf
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import brentq

from abm.markets.forced_sales import quote_sale
from models.losses import PoolDepth, TokenMarket, deleverage_rank
from models.types import BoolArray, FloatArray

if TYPE_CHECKING:
    from abm.markets.floors import Floor
    from abm.pools.lender import Lender
    from abm.world import World

_PRECISION: Final = 1e-13


class OnVenues:
    """Where a token sells for the asset of a debt, by the quotes of all venues of a floor: a `TokenMarket`."""

    __slots__ = ("_debt", "_floor", "_target", "_token", "_world")

    def __init__(self, world: "World", token: int, target: int, debt: int, floor: "Floor") -> None:
        self._world = world
        self._token = token
        self._target = target
        self._debt = debt
        self._floor = floor

    @property
    def price(self) -> float:
        """Units of debt that the first unit sold brings; 0 where nobody bids."""
        return self._floor.router.best(self._token, self._target) * self._rate

    @property
    def _rate(self) -> float:
        return self._world.reference[self._target] / self._world.reference[self._debt]

    def proceeds(self, units: float) -> float:
        """What selling so many units brings; all that the venues can pay for endless ones."""
        if units == inf:
            return self._floor.router.quote_to(self._token, self._target, 0.0).amount_out * self._rate
        return quote_sale(self._world, self._token, units, self._debt, self._floor).proceeds * self._rate

    def units_for(self, proceeds: float) -> float:
        """The units that bring `proceeds`, and no less; inf where the venues cannot pay as much."""
        if proceeds <= 0.0:
            return 0.0
        price = self.price
        if not price > 0.0 or self.proceeds(inf) <= proceeds:
            return inf
        high = proceeds / price
        while self.proceeds(high) < proceeds:
            high *= 2.0
        units = float(brentq(lambda tried: self.proceeds(tried) - proceeds, 0.0, high, xtol=_PRECISION * high))
        step = _PRECISION
        while self.proceeds(units) < proceeds:
            units *= 1.0 + step
            step *= 2.0
        return units


class Outside:
    """The rest of the market, where no venue sells a token: how deep it is, and what was sold there in this block."""

    __slots__ = ("_depth_usd", "_sold", "_step", "_world")

    def __init__(self, world: "World", depth_usd: dict[str, float]) -> None:
        self._world = world
        self._depth_usd = depth_usd
        self._step = -1
        self._sold: dict[int, float] = {}

    def market(self, token: int, debt: int) -> PoolDepth:
        """Return where a token sells now for the asset of a debt."""
        world = self._world
        price, usd = world.reference[token] / world.reference[debt], world.reference[token]
        whole = PoolDepth(price, self._depth_usd.get(world.assets[token], inf) / usd)
        sold = self._sold.get(token, 0.0) if self._step == world.step else 0.0
        return PoolDepth(whole.price_after(sold), whole.depth_units + sold) if sold > 0.0 else whole

    def note(self, token: int, units: float) -> None:
        """Take note of a sale; without feedback it leaves no trace."""
        if not self._world.scenario.feedback:
            return
        if self._step != self._world.step:
            self._step, self._sold = self._world.step, {}
        self._sold[token] = self._sold.get(token, 0.0) + units


class LenderInLoss:
    """One reserve of a pool as its loss layers see it: a `LossView`.

    Attributes:
        outside: the rest of the market.
        draws: what chance decides by, for each layer that it decides about; set anew for each loss.
        closing: the account whose debt others are to take over; it is none of the borrowers.
    """

    collateral_asset: Final = ""
    collateral_per_unit: Final = 0.0

    def __init__(self, world: "World", lender: "Lender", reserve: int, outside: Outside, buckets: FloatArray) -> None:
        self._world = world
        self._lender = lender
        self._reserve = reserve
        self.outside = outside
        self._first_prices = np.array([world.exogenous[0][asset] for asset in lender.assets])
        self._bucket_prices = buckets
        number = world.lenders.index(lender)
        self._wrapped = [claim.account for claim in world.claims.on(number) if claim.reserve == reserve]
        self.asset = lender.assets[reserve]
        self.draws: dict[object, float] = {}
        self.closing = -1

    @property
    def claims(self) -> float:
        """Claims of all suppliers."""
        return float(self._lender.pool.total_claims[self._reserve])

    @property
    def treasury(self) -> float:
        """The protocol's own claim."""
        return float(self._lender.pool.treasury[self._reserve])

    @property
    def debt_price_usd(self) -> float:
        """Reference price of the asset that was lost."""
        return self._world.reference[self.asset]

    def token(self, asset: str | None) -> TokenMarket:
        """Where an asset sells now; none, or the asset that was lost, is at par."""
        return self._token(asset, self._world.floor)

    def in_turn(self, holdings: Sequence[tuple[str, float]]) -> Iterator[TokenMarket]:
        """Where each of several holdings sells, once all before it have been sold on the same venues."""
        floor = self._world.floor
        for k, (asset, units) in enumerate(holdings):
            yield self._token(asset, floor)
            if units > 0.0 and k + 1 < len(holdings) and self._world.scenario.feedback:
                floor = self._sold(self._world.index[asset], units, floor)

    def _sold(self, asset: int, units: float, floor: "Floor") -> "Floor":
        """Return the floor as it would be once so much of an asset has been sold on it."""
        tried = floor.copy()
        trip = quote_sale(self._world, asset, units, self.asset, tried).trip
        for venue, fill in trip.legs if trip is not None else ():
            tried.exchanges[venue].venue.settle(fill)
        return tried

    def _token(self, asset: str | None, floor: "Floor") -> TokenMarket:
        world = self._world
        number = self.asset if asset is None else world.index[asset]
        if number == self.asset:
            return PoolDepth(1.0)
        target = world.sold_for(number, self.asset)
        if target is not None:
            return OnVenues(world, number, target, self.asset, floor)
        return self.outside.market(number, self.asset)

    def drawn_for(self, decider: object) -> float:
        """What chance decides by about a layer."""
        return self.draws[decider]

    @property
    def suppliers(self) -> FloatArray:
        """Claims by account of the pool."""
        pool = self._lender.pool
        claims: FloatArray = pool.shares[:, self._reserve] * pool.supply_index[self._reserve]
        claims[self._wrapped] = 0.0
        return claims

    @property
    def bucket_prices(self) -> FloatArray:
        """The price at which each account lends, as far as its order matters."""
        return self._bucket_prices

    @property
    def borrowers(self) -> FloatArray:
        """Value of collateral of the accounts that owe in the reserve and are not for sale, 0 for all others."""
        pool = self._lender.pool
        owing = self._open_accounts() & (pool.scaled_debt[:, self._reserve] > 0.0)
        if self.closing >= 0:
            owing[self.closing] = False
        return np.asarray(np.where(owing, pool.collateral @ self._lender.prices, 0.0))

    @property
    def profits(self) -> FloatArray:
        """What winners have gained, in units of the reserve, as far as their collateral in it goes; by account."""
        gained = self._gained_usd() / self._lender.prices[self._reserve]
        return np.asarray(np.minimum(gained, self._lender.pool.collateral[:, self._reserve]))

    @property
    def ranks(self) -> FloatArray:
        """Return on the equity of the start times leverage, by account: see `deleverage_rank`."""
        pool, prices = self._lender.pool, self._lender.prices
        held = pool.collateral @ prices
        equity = held - (pool.scaled_debt * pool.borrow_index) @ prices
        gained = self._gained_usd()
        winners = np.flatnonzero((gained > 0.0) & (equity > gained))
        ranks = np.zeros(pool.accounts)
        # As a position bought for its equity of the start: bankrupt once what it holds is worth what it owes.
        mark, entry = held[winners], held[winners] - gained[winners]
        ranks[winners] = deleverage_rank(mark, entry, mark - equity[winners])
        return ranks

    def _gained_usd(self) -> FloatArray:
        """What those who owe have gained on what they hold and owe now, since the first prices, and not paid before.

        What was taken no longer gains: what it was worth at first is all that is missing from the gain.
        """
        pool = self._lender.pool
        owed = pool.scaled_debt * pool.borrow_index
        gained = (pool.collateral - owed) @ (self._lender.prices - self._first_prices) - self._lender.deleveraged_usd
        return np.asarray(np.where(self._open_accounts() & owed.any(axis=1), np.maximum(gained, 0.0), 0.0))

    def _open_accounts(self) -> BoolArray:
        """Which accounts are nobody's but their owner's: not frozen by an auction."""
        auctions = self._lender.auctions
        frozen: BoolArray = np.zeros(self._lender.pool.accounts, np.bool_) if auctions is None else auctions.frozen
        return ~frozen
