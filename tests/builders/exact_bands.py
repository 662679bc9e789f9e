"""The published rule of LLAMMA in 40 digits, restated for whole paths: bands, trades to a price, health, withdrawals.

From the equations as Curve's contracts of 2023 have them, one band at a time and nothing kept for speed.
"""

from collections.abc import Iterator
from decimal import ROUND_FLOOR, Decimal

ZERO, ROUNDING = Decimal(0), Decimal("1e-30")


class ExactBands:
    """Bands and their owners; `bands` has [quote, base] by number, `stakes` each owner's first band and shares."""

    def __init__(self, price: float, amplification: float, fee: float) -> None:
        self.price = self.believed = self.said = Decimal(price)
        self.a, self.fee = Decimal(amplification), Decimal(fee)
        self.clock = self.written = self.step_fee = ZERO
        self.bands: dict[int, list[Decimal]] = {}
        self.stakes: dict[int, tuple[int, list[Decimal]]] = {}
        self.active = self.lowest = self.highest = 0

    def upper(self, n: int) -> Decimal:
        return self.price * ((self.a - 1) / self.a) ** n

    def oracle(self) -> tuple[Decimal, Decimal]:
        """The price believed now, at most a factor 1.25 from that of a trade within 120 s, and the fee for its step."""
        left = 1 - (self.clock - self.written) / 120
        if left <= 0:
            return self.said, ZERO
        most = Decimal("1.25")
        price = min(max(self.said, self.believed / most), self.believed * most)
        ratio = min(price, self.believed) / max(price, self.believed)
        return price, (self.step_fee + 1 - ratio**3) * left

    def reserves(self, n: int, p: Decimal) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """f, g, f + x and g + y of a band."""
        (x, y), u, a = self.bands[n], self.upper(n), self.a
        b = u * (a - 1) * x / p + a * p * p / u * y
        y0 = (b + (b * b + 4 * a * p * x * y).sqrt()) / (2 * a * p)
        f, g = a * y0 * p * p / u, (a - 1) * y0 * u / p
        return f, g, f + x, g + y

    def deposit(self, owner: int, base: Decimal, first: int, count: int) -> None:
        each, shares = base / count, []
        for n in range(first, first + count):
            held = self.bands.setdefault(n, [ZERO, ZERO])
            assert held[0] == 0
            total = self.shares(n)
            shares.append(each * total / held[1] if held[1] else each)
            held[1] += each
        self.stakes[owner] = first, shares
        self.active = min(self.active, first - 1)
        self.lowest, self.highest = min(self.lowest, first), max(self.highest, first + count - 1)

    def shares(self, n: int) -> Decimal:
        mine = [shares[n - first] for first, shares in self.stakes.values() if first <= n < first + len(shares)]
        return sum(mine, ZERO)

    def parts(self, owner: int) -> Iterator[tuple[int, Decimal]]:
        """The owner's bands and its part of each."""
        first, shares = self.stakes[owner]
        return ((n, share / self.shares(n)) for n, share in enumerate(shares, first))

    def balances(self, owner: int) -> tuple[Decimal, Decimal]:
        held = [(part * self.bands[n][0], part * self.bands[n][1]) for n, part in self.parts(owner)]
        return sum((x for x, _ in held), ZERO), sum((y for _, y in held), ZERO)

    def withdraw(self, owner: int) -> None:
        left = list(self.parts(owner))
        for n, part in left:
            self.bands[n] = [units * (1 - part) if part < 1 else ZERO for units in self.bands[n]]
            self.lowest += n == self.lowest and not any(self.bands[n])
        if self.highest <= left[-1][0]:
            self.highest = max((n for n, _ in left if any(self.bands[n])), default=left[0][0] - 1)
        del self.stakes[owner]

    def trade_to(self, price: Decimal, buys: bool) -> tuple[Decimal, Decimal]:
        """Trade until the next unit costs or brings `price`, fee included; returns what is given and got."""
        (p, step_fee), given, got = self.oracle(), ZERO, ZERO
        keep = 1 - max(self.fee, step_fee)
        rate = price * keep if buys else keep / price
        last, seen = self.active, 0
        for n in self.walk(p, buys):
            held = self.bands.get(n, [ZERO, ZERO])
            seen += seen > 0 or any(held)
            if held[buys]:
                f, g, x, y = self.reserves(n, p)
                rest, virtual = (g, x) if buys else (f, y)
                net = min((x * y * rate).sqrt(), x * y / rest) - virtual
                if net <= 0:
                    break
                left, last = x * y / (virtual + net) - rest, n
                given, got = given + net / keep, got + held[buys] - left
                held[not buys] += net / keep
                held[buys] = left if left > ROUNDING else ZERO
                if held[buys]:
                    break
            if seen == 50:
                last = n
                break
        else:
            last = n  # there is no more
        if given:
            self.active = last
            self.believed, self.step_fee, self.written = p, step_fee, self.clock
        return given, got

    def walk(self, p: Decimal, buys: bool) -> Iterator[int]:
        """The bands that a trade may run through: the last one begins 50 bands from the oracle price.

        With the oracle at an edge of bands it is the nearer one of two, as the contract's integers have it most often.
        """
        n, reach = self.active, (self.a / (self.a - 1)) ** 50
        yield n
        while (self.upper(n) * reach > p + ROUNDING) if buys else (self.upper(n) < p * reach + ROUNDING):
            if n == (self.highest if buys else self.lowest):
                return
            n += 1 if buys else -1
            yield n

    def health(self, owner: int, debt: Decimal, counted: Decimal) -> Decimal:
        """1 + health of the contract, what is above the first band included; `counted` is 1 - liquidation discount."""
        p, worth = self.oracle()[0], ZERO
        for n, part in self.parts(owner):
            if not any(self.bands[n]):
                continue
            f, g, x, y = self.reserves(n, p)
            above, below = self.upper(n), self.upper(n + 1)
            if p > above:
                worth += part * (x * y / f - g) * (above * below).sqrt()
            elif p < below:
                worth += part * (x * y / g - f)
            else:
                worth += part * ((x * y * p).sqrt() - f + ((x * y / p).sqrt() - g) * (below * p).sqrt())
        first = self.stakes[owner][0]
        over = max(p - self.upper(first), ZERO) if first > self.active else ZERO
        return (worth * counted + over * self.balances(owner)[1]) / debt


def first_band(base: float, debt: float, price: float, amplification: float, count: int, discount: float) -> int:
    """The lowest first band that carries a debt, where band 0 begins at the oracle price and nothing was traded."""
    a = Decimal(amplification)
    ratio = (a - 1) / a
    mean = sum((ratio**k for k in range(count)), ZERO) / count
    effective = Decimal(base) * (1 - Decimal(discount)) * ratio.sqrt() * mean
    n = (effective * Decimal(price) / Decimal(debt)).ln() / -ratio.ln()
    return min(int(n.to_integral_value(ROUND_FLOOR)), 1023 - count)
