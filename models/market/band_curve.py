"""Walks over bands that follow an oracle: the compiled part of `models.market.bands`.

**Source**: Curve, crvUSD contracts of 2023, AMM.vy (`_get_y0`, `calc_swap_out`, `calc_swap_in`); Egorov, *Curve
stablecoin design*, 2022.
**Models**: at a constant oracle price each band is a constant product of virtual reserves, (f + x)(g + y), that ends
where its own x or y does; a trade runs through at most 50 bands and not on beyond 50 bands from the oracle price.
**Leaves out**: integer rounding, the 1024 empty bands after which a trade looks no further.
**Units**: x is quote, y is base, p the oracle price, u the upper price of a band, A the amplification, keep = 1 - fee.
**Invariants**: a walk changes nothing; one that comes to the end of a band but for a rounding ends there, and carries
no dust into the next one; what is applied adds up to what was given and got.

With y0 the larger root of p A y0² - y0 (u/p (A - 1) x + p²/u A y) - x y = 0, f = A y0 p²/u and g = (A - 1) y0 u/p, and
the price without fee is (f + x)/(g + y). Only y0 takes a root; what is left of a band is never found by subtraction.

Sides are numbers: SELL and BUY are also the rows of the asset that the taker gets, and a sale runs down the rows, that
is up in price.
"""

import numpy as np

from models.compiled import compiled
from models.market.band_oracle import kept, report
from models.market.fill import DUST
from models.market.ladder import lay
from models.market.ranges import BUY, GET, GIVE, SELL, TO
from models.types import BoolArray, FloatArray

QUOTE, BASE = range(2)

MOST_BANDS = 50
"""AMM.vy: bands that one deposit or one trade may cover, and how far from the oracle price a trade runs on."""


@compiled()
def virtual(quote: float, base: float, upper: float, oracle: float, amplification: float) -> tuple[float, float]:
    """f and g of a band."""
    ratio = upper / oracle
    middle = (amplification - 1.0) * ratio * quote + amplification * (oracle / ratio) * base
    scale = (middle + np.sqrt(middle * middle + 4.0 * amplification * oracle * quote * base)) / (
        2.0 * amplification * oracle
    )
    return amplification * scale * (oracle / ratio), (amplification - 1.0) * scale * ratio


@compiled()
def marginal(quote: float, base: float, upper: float, oracle: float, amplification: float) -> float:
    """The price without fee in a band; in an empty one between its ends, as the contract has it."""
    if quote == 0.0 and base == 0.0:
        return oracle * (oracle / upper) * (oracle / upper) * amplification / (amplification - 1.0)
    f, g = virtual(quote, base, upper, oracle, amplification)
    return (f + quote) / (g + base)


@compiled()
def _reserves(
    held: FloatArray, upper: FloatArray, side: int, row: int, oracle: float, amplification: float
) -> tuple[float, float, float]:
    """Virtual reserves of what is given and of what is got, and the part of the latter that stays when all is got."""
    quote, base = held[QUOTE, row], held[BASE, row]
    f, g = virtual(quote, base, upper[row], oracle, amplification)
    if side == SELL:
        return g + base, f + quote, f
    return f + quote, g + base, g


@compiled()
def _ends(upper: float, oracle: float, amplification: float, side: int, row: int, bound: int, seen: int) -> bool:
    """Whether no trade runs on beyond this band.

    Either way the last one begins 50 bands from the oracle price. Where that is an edge of bands, AMM.vy's integers
    round to one side or the other, most often to this one.
    """
    reach = (amplification / (amplification - 1.0)) ** MOST_BANDS
    if side == SELL:
        return row <= bound or seen >= MOST_BANDS or upper / oracle > reach * (1.0 + DUST)
    return row >= bound or seen >= MOST_BANDS or upper / oracle < (1.0 + DUST) / reach


@compiled()
def _growth(measure: int, amount: float, reserve_in: float, reserve_out: float) -> float:
    """By what fraction the virtual reserve of what is given grows until the walk is done, if the band is long enough.

    For a rate to stop at, (1 + growth)² = rate now / rate then, in the form that keeps the digits of a small trade.
    """
    if measure == GIVE:
        return amount / reserve_in
    if measure == GET:
        return amount / (reserve_out - amount) if amount < reserve_out else np.inf
    if amount == 0.0:
        return np.inf
    gap = reserve_out / reserve_in / amount - 1.0
    root: float = np.sqrt(1.0 + gap)
    return gap / (1.0 + root)


@compiled()
def walk(
    held: FloatArray, upper: FloatArray, side: int, row: int, bound: int, oracle: float, amplification: float,
    measure: int, amount: float,
) -> tuple[float, float, float, float, float, int, int, bool]:  # fmt: skip
    """Where a trade leads.

    Args:
        held: shape (2, bands), QUOTE and BASE in each band.
        upper: shape (bands,), u.
        side: SELL or BUY.
        row: the active band.
        bound: the last band that there is on this side.
        oracle, amplification: p and A.
        measure: what `amount` is: GIVE without the fee, GET, or TO for the marginal rate, got for given, to stop at.
        amount: how much or how far.

    Returns:
        (missing, given without fee, got, rate of the first unit, rate of the last one, last band traded in, active band
        afterwards, whether the last band is used up). The first rate is 0 when nothing is left; `missing` is positive
        when the liquidity runs out first.
    """
    left = amount
    net = got = first = rate = 0.0
    slack = 0.0 if measure == TO else DUST * amount
    here = last = row
    seen = 0
    while True:
        own = held[side, here]
        seen += seen > 0 or own > 0.0 or held[1 - side, here] > 0.0
        if own > 0.0:
            reserve_in, reserve_out, rest = _reserves(held, upper, side, here, oracle, amplification)
            begin = reserve_out / reserve_in
            if first == 0.0:
                first = rate = begin
            if measure == TO and begin <= amount:
                return 0.0, net, got, first, rate, last, last, got > 0.0
            growth, whole = _growth(measure, left, reserve_in, reserve_out), own / rest
            room = own if measure == GET else reserve_in * whole
            if growth <= whole if measure == TO else left < room - slack:
                net += reserve_in * growth
                got += min(reserve_out * (growth / (1.0 + growth)), own)
                rate = amount if measure == TO else begin / ((1.0 + growth) * (1.0 + growth))
                return 0.0, net, got, first, rate, here, here, False
            net += reserve_in * whole
            got += own
            rate = (rest / reserve_in) * (rest / reserve_out)
            last = here
            if measure != TO:
                if left <= room + slack:
                    return 0.0, net, got, first, rate, here, here, True
                left -= room
        if _ends(upper[here], oracle, amplification, side, here, bound, seen):
            break
        here += -1 if side == SELL else 1
    return 1.0 if measure == TO else left, net, got, first, rate, last, here, True


@compiled()
def ends_in(
    held: FloatArray, upper: FloatArray, side: int, row: int, bound: int, oracle: float, amplification: float, to: float
) -> tuple[float, int, float, float, float]:
    """The band in which a walk to a rate ends, or the last one before that.

    Args:
        held, upper, side, row, bound, oracle, amplification: as in `walk`.
        to: the rate. A band that begins at it, or misses it by a rounding, counts.

    Returns:
        (given without fee in the bands before it, its row, its virtual reserve of what is given, the rate at which it
        begins, by what fraction the reserve grows until it is used up). The reserve is 0 where there is no band.
    """
    net = reserve = begin = whole = 0.0
    here = at = row
    seen = 0
    while True:
        own = held[side, here]
        seen += seen > 0 or own > 0.0 or held[1 - side, here] > 0.0
        if own > 0.0:
            reserve_in, reserve_out, rest = _reserves(held, upper, side, here, oracle, amplification)
            if reserve_out / reserve_in < to * (1.0 - DUST):
                break
            net += reserve * whole
            at, reserve, begin, whole = here, reserve_in, reserve_out / reserve_in, own / rest
        if _ends(upper[here], oracle, amplification, side, here, bound, seen):
            break
        here += -1 if side == SELL else 1
    return net, at, reserve, begin, whole


@compiled()
def apply(
    held: FloatArray, upper: FloatArray, side: int, row: int, last: int, used_up: bool,
    oracle: float, amplification: float, keep: float, admin_part: float, given: float, got: float, surplus: float,
) -> tuple[bool, float]:  # fmt: skip
    """Trade in the bands what a walk has found.

    Each band keeps the fee paid in it, and none gives more than its own curve does for what it is paid: a small band
    does not answer for the rounding of a large trade. What rounding leaves of the amounts goes to the band paid most,
    and to the last one where it is a rounding for that too.

    Args:
        held, upper, side, row, oracle, amplification: as in `walk`, before the trade; `held` is changed.
        last, used_up: the last band traded in, and whether nothing is left to get in it.
        keep: the part of what is given that trades.
        admin_part: the part of what is given that goes to the administrator.
        given, got: the trade, fee included.
        surplus: what the walk has found on top of what the taker gets; it stays in the last band.

    Returns:
        (whether the last band has nothing left to get, what all bands have left of it).
    """
    most, best_paid = last, 0.0
    here = row
    while True:
        own = held[side, here]
        if own > 0.0:
            reserve_in, reserve_out, rest = _reserves(held, upper, side, here, oracle, amplification)
            if here == last and not used_up:
                growth = keep * given / reserve_in
                paid, left = given, own - min(reserve_out * (growth / (1.0 + growth)), own) + surplus
                if abs(own - got - left) <= DUST * left:
                    left = own - got
            else:
                paid, left = min(reserve_in * (own / rest) / keep, given), 0.0
            held[1 - side, here] += paid * (1.0 - admin_part)
            held[side, here] = left
            given -= paid
            got -= own
            if paid > best_paid:
                most, best_paid = here, paid
        if here == last:
            break
        here += -1 if side == SELL else 1
    held[1 - side, most] += given * (1.0 - admin_part)
    if used_up:
        held[side, last] += surplus
    return held[side, last] == 0.0, held[side].sum()


@compiled()
def arcs(
    held: FloatArray,
    upper: FloatArray,
    side: int,
    row: int,
    bound: int,
    oracle: float,
    amplification: float,
    keep: float,
) -> FloatArray:
    """The bands that a trade can run through as arcs of the ladder, shape (4, bands), best first: as in `walk`."""
    listed = np.empty((4, MOST_BANDS))
    count = seen = 0
    here = row
    end = np.inf
    while True:
        own = held[side, here]
        seen += seen > 0 or own > 0.0 or held[1 - side, here] > 0.0
        if own > 0.0:
            reserve_in, reserve_out, rest = _reserves(held, upper, side, here, oracle, amplification)
            # Neighbours meet at one price but for its rounding, and a ladder does not overlap.
            start = min(keep * (reserve_out / reserve_in), end)
            end = min(keep * (rest / reserve_in) * (rest / reserve_out), start)
            lay(listed, count, start, end, reserve_in * (own / rest) / keep, own)
            count += 1
        if _ends(upper[here], oracle, amplification, side, here, bound, seen):
            return listed[:, :count].copy()
        here += -1 if side == SELL else 1


@compiled()
def converted(
    held: FloatArray, upper: FloatArray, row: int, parts: FloatArray, oracle: float, amplification: float, in_base: bool
) -> float:
    """What parts of bands are worth in one asset, as AMM.vy's `get_xy_up` has it.

    Each band trades to the oracle price at once, without fee, as far as it goes. From there the oracle moves so slowly
    that every unit trades at its price, until all is base (up) or all is quote (down): a whole band at √(u d), with d
    its lower price, and what lies within it at √(d p) on the way down and at √(u p) on the way up.

    Args:
        held, upper, oracle, amplification: as in `walk`.
        row: the first of the bands.
        parts: shape (bands,), the part of each band that counts.
        in_base: whether all is to be base.
    """
    total = 0.0
    for k in range(parts.size):
        quote, base, above = held[QUOTE, row + k], held[BASE, row + k], upper[row + k]
        if quote == 0.0 and base == 0.0:
            continue
        below = above * (amplification - 1.0) / amplification
        f, g = virtual(quote, base, above, oracle, amplification)
        if oracle > above:
            quote, base = 0.0, base + (g + base) * (quote / f)
            price = np.sqrt(above * below)
        elif oracle < below:
            quote, base = quote + (f + quote) * (base / g), 0.0
            price = np.sqrt(above * below)
        else:
            move = np.sqrt((f + quote) / (g + base) / oracle)
            quote, base = max((f + quote) / move - f, 0.0), max((g + base) * move - g, 0.0)
            price = np.sqrt((above if in_base else below) * oracle)
        total += parts[k] * (base + quote / price if in_base else quote + base * price)
    return total


@compiled()
def trade_all(
    held: FloatArray, upper: FloatArray, row: int, bounds: tuple[int, int], total: FloatArray, admin: FloatArray,
    believed: float, step_fee: float, price: float, amplification: float, fee: float, admin_fee: float,
    sells: BoolArray, amounts: FloatArray,
) -> tuple[FloatArray, int, float, float, bool]:  # fmt: skip
    """Trade amounts given, one after the other; each writes what the pool makes of the oracle.

    Args:
        held, upper, row, amplification: as in `walk`; `held` is changed.
        bounds: the last band for a sale and for a purchase.
        total: shape (2,), quote and base in the pool, changed; rounding gets no more than there is.
        admin: shape (2,), the administrator's part of `total`, changed.
        believed, step_fee, price: as in `models.market.band_oracle.report`, at the time of these trades.
        fee, admin_fee: fraction of what is given, and of that the administrator's.
        sells, amounts: shape (trades,).

    Returns:
        (shape (2, trades): given and got, active band, price believed and its fee at the last trade, whether any was).
    """
    trades = np.zeros((2, amounts.size))
    written, written_fee, wrote = believed, step_fee, False
    for k in range(amounts.size):
        if amounts[k] == 0.0:
            continue
        side = SELL if sells[k] else BUY
        keep = kept(fee, step_fee)
        missing, net, got, _, _, last, end, used_up = walk(
            held, upper, side, row, bounds[side], believed, amplification, GIVE, amounts[k] * keep
        )
        given = amounts[k] if missing == 0.0 else net / keep
        if given > 0.0:
            got = min(got, max(total[side] - admin[side], 0.0))
            part = (1.0 - keep) * admin_fee
            _, left = apply(held, upper, side, row, last, used_up, believed, amplification, keep, part, given, got, 0.0)
            row = end
            total[1 - side] += given
            total[side] = left + admin[side]
            admin[1 - side] += given * part
            trades[0, k], trades[1, k] = given, got
        written, written_fee, wrote = believed, step_fee, True
        believed, step_fee = report(written, written_fee, 0.0, price)
    return trades, row, written, written_fee, wrote
