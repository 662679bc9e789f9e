"""A pool whose liquidity lies in bands that follow an oracle: borrowers' collateral that sells itself step by step.

**Source**: Curve, crvUSD contracts of 2023, AMM.vy and Controller.vy; Egorov, *Curve stablecoin design*, 2022.
**Models**: deposits of base over bands, shared by their owners; bands whose price moves with the cube of the oracle
price, so that arbitrage sells base in a fall and buys it back in a rise; a fee on what is given, at least `fee` and
more within 120 s of an oracle's step, which stays in the band it was paid in; the step limited to a factor 1.25 then.
**Leaves out**: integer rounding and its dead shares, interest on the debt, the limit of 1024 empty bands in a row, and
the fee of each band's distance from the oracle price (contracts of 2026).
**Units**: prices quote per base; x is quote and y is base, and pairs come in this order, as in `bands`.
**Invariants**: below the active band all is quote, above it all is base; a quote changes nothing; at a constant oracle
price no trade makes any band's (f + x)(g + y) smaller.

Band n begins at u(n) = base_price ((A - 1)/A)^n and ends at u(n + 1): a higher number is a lower price. At the oracle
price p its own price runs from p³/u(n)², all base, up to p³/u(n + 1)², all quote. See `models.market.band_curve`.
"""

from collections.abc import Hashable
from math import inf, nan

import numpy as np

from models.market import band_curve as curve
from models.market.band_curve import BASE, QUOTE
from models.market.band_deposits import BandDeposits, Holding
from models.market.band_fills import Place, Reached, fill_of, net_near
from models.market.band_oracle import BandOracle, kept
from models.market.fill import (
    Fill,
    InvalidAmount,
    InvalidPrice,
    MakerTrade,
    StaleFill,
    check_swaps,
    gives_at_least,
    sale_of,
    sale_to,
    selling,
)
from models.market.ranges import BUY, GET, GIVE, SELL, TO
from models.types import BoolArray, FloatArray, Side

CRVUSD_AMPLIFICATION = 100.0
"""crvUSD's first markets: bands of one percent."""

CRVUSD_FEE = 0.006
"""crvUSD's first markets: 0.6 % of what is given."""


class Bands:
    """Bands below and above one another around `base_price`, each 1/A wide, that follow the oracle.

    Until the first deposit the oracle's price is taken as it is; from then on a step soon after a trade is limited and
    costs a fee.

    Attributes:
        base_price: the upper price of band 0.
        amplification: A.
        fee: the lowest fee, a fraction of what is given.
        admin_fee: the fraction of every fee that the administrator gets; it is kept beside the bands.
        base, quote: units that the pool holds, the administrator's part included. They change through `settle`,
            `deposit` and `withdraw`.
        bid, ask: marginal taker prices, fee included; nan where that side is empty.
        state: replaced at every change; a quote remembers it.

    Raises:
        InvalidPrice: a base price that is not positive and finite.
        InvalidAmount: an amplification of 1 or less, a fee outside [0, 1), an admin fee outside [0, 1].
    """

    __slots__ = (
        "_admin", "_deposits", "_keep", "_oracle", "admin_fee", "amplification", "ask", "base", "base_price", "bid",
        "fee", "quote", "state",
    )  # fmt: skip

    def __init__(
        self,
        base_price: float,
        amplification: float = CRVUSD_AMPLIFICATION,
        fee: float = CRVUSD_FEE,
        admin_fee: float = 0.0,
    ) -> None:
        if not 0.0 < base_price < inf:
            raise InvalidPrice(base_price, "give a positive, finite base price")
        if not 1.0 < amplification < inf:
            raise InvalidAmount("amplification", amplification, "give a finite one above 1")
        if not 0.0 <= fee < 1.0:
            raise InvalidAmount("fee", fee, "give a fraction from 0 to below 1")
        if not 0.0 <= admin_fee <= 1.0:
            raise InvalidAmount("admin_fee", admin_fee, "give a fraction from 0 to 1")
        self.base_price = float(base_price)
        self.amplification = float(amplification)
        self.fee = float(fee)
        self.admin_fee = float(admin_fee)
        self.base = self.quote = 0.0
        self._admin = [0.0, 0.0]
        self._deposits = BandDeposits(self.base_price, self.amplification)
        self._oracle = BandOracle(self.base_price)
        self._look()

    @property
    def active_band(self) -> int:
        """The band in which the pool trades: where it holds both assets, or between what is quote and what is base."""
        return self._deposits.active

    @property
    def price(self) -> float:
        """The marginal price without fee in the active band, whether or not anything is left in it."""
        held, upper, row = self._deposits.held, self._deposits.upper, self._deposits.row
        return float(
            curve.marginal(
                held.item(QUOTE, row),
                held.item(BASE, row),
                upper.item(row),
                self._oracle.price,
                self.amplification,
            )
        )

    @property
    def oracle_price(self) -> float:
        """The oracle's price as the pool believes it, limited after a trade."""
        return self._oracle.price

    @property
    def dynamic_fee(self) -> float:
        """The fee of a trade now, a fraction of what is given."""
        return min(max(self.fee, self._oracle.step_fee), 1.0)

    @property
    def admin_fees(self) -> Holding:
        """What the administrator has earned, as part of the pool's `quote` and `base`."""
        return Holding(*self._admin)

    def bands(self) -> dict[int, Holding]:
        """What the bands hold, (quote, base) by their number; empty ones are left out."""
        return self._deposits.listed()

    def set_oracle(self, price: float, time_seconds: float) -> None:
        """Hear the oracle: bands move, trades do not wait for it. What is believed of it is fixed by the next trade.

        Raises:
            InvalidPrice: not positive and finite. InvalidAmount: a time before the one last given, or not finite.
        """
        if self._oracle.hear(price, time_seconds):
            self._look()

    def deposit(self, owner: Hashable, base: float, n1: int, n2: int) -> None:
        """Put base into the bands n1 to n2, the same amount into each, for an owner who has none there yet.

        The active band and those above it in price take a deposit too while no quote is in the way; the active band
        then moves to n1 - 1.

        Raises:
            InvalidAmount: an amount that is not positive and finite.
            InvalidBands: more than 50 bands or none, too far from the base price, or bands with quote in them.
            AlreadyDeposited: the owner has a deposit.
        """
        self._take_in(owner, base, n1, n2)
        self._look()

    def withdraw(self, owner: Hashable, fraction: float = 1.0) -> Holding:
        """Take out a fraction of what an owner has in every band; returns the (quote, base) taken, as in `bands`.

        Raises:
            UnknownOwner: no deposit of this owner. InvalidAmount: a fraction outside (0, 1].
        """
        if not 0.0 < fraction <= 1.0:
            raise InvalidAmount("fraction", fraction, "give a fraction above 0, up to 1")
        taken = self._deposits.remove(owner, fraction)
        room = self._room()
        # The last owner also gets what rounding has left over.
        quote, base = room if not self._deposits.shares else np.minimum(taken.sum(axis=1), room).tolist()
        self.quote -= quote
        self.base -= base
        self._look()
        return Holding(quote, base)

    def span(self, owner: Hashable) -> tuple[int, int]:
        """The first and the last band of an owner's deposit.

        Raises:
            UnknownOwner: no deposit of this owner.
        """
        return self._deposits.shares.span(owner)

    def balances(self, owner: Hashable) -> Holding:
        """What an owner has in all bands together, (quote, base) as in `bands`.

        Raises:
            UnknownOwner: no deposit of this owner.
        """
        quote, base = self._deposits.of(owner).sum(axis=1).tolist()
        return Holding(quote, base)

    def x_down(self, owner: Hashable) -> float:
        """Quote that an owner would have if each band traded to the oracle price now, and then slowly all the way down.

        Raises:
            UnknownOwner: no deposit of this owner.
        """
        return self._deposits.converted(owner, self._oracle.price, in_base=False)

    def y_up(self, owner: Hashable) -> float:
        """Base that an owner would have if each band traded to the oracle price now, and then slowly all the way up.

        Raises:
            UnknownOwner: no deposit of this owner.
        """
        return self._deposits.converted(owner, self._oracle.price, in_base=True)

    def health(self, owner: Hashable, debt: float, liquidation_discount: float, *, full: bool = False) -> float:
        """x_down (1 - discount) / debt - 1: below 0 the owner's loan can be liquidated.

        Args:
            owner: the borrower.
            debt: units of quote owed.
            liquidation_discount: fraction of x_down that does not count.
            full: count also what the base is worth above its first band, while that is below the active one.

        Raises:
            UnknownOwner: no deposit of this owner. InvalidAmount: a debt or a discount that is none.
        """
        if not 0.0 < debt < inf:
            raise InvalidAmount("debt", debt, "give a positive, finite debt")
        if not 0.0 <= liquidation_discount < 1.0:
            raise InvalidAmount("liquidation_discount", liquidation_discount, "give a fraction from 0 to below 1")
        health = self.x_down(owner) * (1.0 - liquidation_discount) / debt - 1.0
        n1, _ = self.span(owner)
        if full and n1 > self.active_band:
            above = self._oracle.price - self._deposits.upper.item(n1 - self._deposits.first)
            health += max(above, 0.0) * self.balances(owner).base / debt
        return health

    def quote_in(self, side: Side, amount: float) -> Fill:
        """The taker gives exactly `amount`; incomplete when the bands run out.

        Raises:
            InvalidSide, InvalidAmount: the request makes no sense.
        """
        sells, amount = sale_of(side, amount), float(amount)
        return fill_of(*self._front(side, sells), GIVE, self._keep * amount, given=amount)

    def quote_out(self, side: Side, amount: float) -> Fill:
        """The taker gets exactly `amount`; incomplete when the bands run out.

        Raises:
            InvalidSide, InvalidAmount: the request makes no sense.
        """
        sells, amount = sale_of(side, amount), float(amount)
        return fill_of(*self._front(side, sells), GET, amount, got=amount)

    def quote_to(self, side: Side, price: float) -> Fill:
        """Trade until the marginal price is `price`; incomplete when the bands run out before it.

        Raises:
            InvalidSide, InvalidPrice: the request makes no sense.
        """
        sells, price = sale_to(side, price), float(price)
        front = self._front(side, sells)
        if price >= self.bid if sells else price <= self.ask:
            return fill_of(*front, GIVE, 0.0)
        rate = price / self._keep if sells else (1.0 / (price * self._keep) if price else inf)
        net = net_near(front[0], self._deposits.first, self.base_price, self.dynamic_fee, rate, price)
        if net is not None:
            return fill_of(*front, GIVE, net)._replace(price_after=price)
        return fill_of(*front, TO, rate, price=price)

    def check(self, fill: Fill) -> None:
        """Refuse what `settle` would refuse.

        Raises:
            StaleFill: the pool no longer gives as much.
        """
        if not self._fresh(fill) and not gives_at_least(self.quote_in(fill.side, fill.amount_in), fill):
            raise StaleFill(fill)

    def settle(self, fill: Fill) -> list[MakerTrade]:
        """Apply a fill as it was quoted; what the pool would give by now on top of it stays in the last band.

        What the pool believes of the oracle is fixed as of now, also when there was nothing left to get.

        Returns:
            An empty list: owners are paid when they withdraw.

        Raises:
            StaleFill: the pool no longer gives as much.
        """
        self.check(fill)
        if fill.amount_in > 0.0:
            self._trade(fill)
        elif fill.complete:
            return []
        self._oracle.write(self._oracle.price, self._oracle.step_fee)
        self._look()
        return []

    def swap_many(self, sells: BoolArray, amounts: FloatArray) -> FloatArray:
        """Quote an amount in and settle it, one after the other, in compiled code.

        Args:
            sells: shape (trades,), whether the taker gives base.
            amounts: shape (trades,), what the taker gives; less is taken where the bands run out.

        Returns:
            Shape (2, trades): given and got.

        Raises:
            InvalidAmount: an amount that is negative or not finite, or not one for each side.
        """
        check_swaps(sells, amounts)
        at, oracle = self._deposits, self._oracle
        total, admin = np.array((self.quote, self.base)), np.array(self._admin)
        trades: FloatArray
        trades, at.row, believed, step_fee, wrote = curve.trade_all(
            at.held, at.upper, at.row, at.bounds, total, admin,
            oracle.price, oracle.step_fee, oracle.said, self.amplification, self.fee, self.admin_fee,
            sells, amounts,
        )  # fmt: skip
        if wrote:
            self.quote, self.base = total.tolist()
            self._admin = admin.tolist()
            self._oracle.write(believed, step_fee)
            self._look()
        return trades

    def segments(self, side: Side) -> FloatArray:
        """One arc of the ladder for each band that is left, shape (4, bands): see `models.market.ladder`."""
        number = SELL if selling(side) else BUY
        listed: FloatArray = curve.arcs(*self._place(number), self._keep)
        return listed

    def _front(self, side: Side, sells: bool) -> tuple[Place, object, float, float, Side]:
        """What a quote starts from: the first arguments of `fill_of`."""
        number = SELL if sells else BUY
        return self._place(number), self.state, self._keep, self._room()[number], side

    def _trade(self, fill: Fill) -> None:
        """Move what a fill exchanges in its bands and in the totals."""
        fresh = self._fresh(fill)
        now = fill if fresh else self.quote_in(fill.side, fill.amount_in)
        end = now.state
        assert isinstance(end, Reached)
        number = SELL if fill.side == "sell" else BUY
        admin_part = (1.0 - self._keep) * self.admin_fee
        held, upper, _, row, _, oracle, amplification = self._place(number)
        emptied, left = curve.apply(
            held, upper, number, row, end.last, fresh and end.used_up,
            oracle, amplification, self._keep, admin_part, fill.amount_in, fill.amount_out,
            max(now.amount_out - fill.amount_out, 0.0),
        )  # fmt: skip
        self._deposits.row = end.active if emptied else end.last
        self._admin[1 - number] += fill.amount_in * admin_part
        # What is got is counted anew: in a drained pool a difference of large amounts would leave rounding only.
        if number == SELL:
            self.base += fill.amount_in
            self.quote = left + self._admin[QUOTE]
        else:
            self.quote += fill.amount_in
            self.base = left + self._admin[BASE]

    def _take_in(self, owner: Hashable, base: float, n1: int, n2: int) -> None:
        """`deposit`, but for the look at what has become of the pool's prices."""
        self._deposits.add(owner, base, n1, n2)
        self.base += float(base)
        self._oracle.bind()

    def _fresh(self, fill: Fill) -> bool:
        return isinstance(fill.state, Reached) and fill.state.state is self.state

    def _look(self) -> None:
        """Something has changed: a new state, and its prices."""
        self.state: object = object()
        self._keep = kept(self.fee, self._oracle.step_fee)
        sell, buy = (self._keep * curve.walk(*self._place(side), TO, inf)[3] for side in (SELL, BUY))
        self.bid = sell or nan
        self.ask = 1.0 / buy if buy else nan

    def _room(self) -> tuple[float, float]:
        """Quote and base that are not the administrator's; rounding gets no more than there is."""
        return max(self.quote - self._admin[QUOTE], 0.0), max(self.base - self._admin[BASE], 0.0)

    def _place(self, side: int) -> Place:
        at = self._deposits
        return at.held, at.upper, side, at.row, at.bounds[side], self._oracle.price, self.amplification
