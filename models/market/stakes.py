"""What several owners have in one pool: who added how much, what it is by now, and the fees it has earned.

**Source**: Uniswap v2 and Curve for shares of a whole pool; Uniswap v3 for positions between two prices.
**Models**: owners, numbered from 0, who put in amounts of both sides and take out everything at once, fees included.
**Leaves out**: taking out a part, fees collected without leaving, several positions of one owner.
**Units**: units of base and quote; arrays of amounts have shape (2, owners): base, quote.
**Invariants**: coming and going moves no price; what all owners have and the pool's own liquidity are the whole pool.

A pool of shares keeps its fees among its reserves, so an owner's amounts have them already; a position's are kept
apart and owed to it until it leaves.
"""

from math import sqrt
from typing import TYPE_CHECKING, Final, Protocol, get_args

import numpy as np

from models.market import SourceTerms
from models.market.concentrated import Concentrated
from models.market.concentrated_terms import ConcentratedTerms
from models.market.fill import DUST
from models.market.reserves import ReservePool, ReserveTerms
from models.refusals import Refusal
from models.types import FloatArray, IntArray

if TYPE_CHECKING:
    from models.market import Source

STAKED: Final[tuple[str, ...]] = tuple(
    get_args(terms.model_fields["kind"].annotation)[0]
    for terms in get_args(get_args(SourceTerms)[0])
    if issubclass(terms, ReserveTerms | ConcentratedTerms)
)
"""The kinds of sources in which somebody can have a stake."""

NOTHING = 0.0, 0.0
NONE = -1  # no position


class NoStakes(Refusal):
    """A source whose liquidity is not provided in stakes."""

    def __init__(self, source: object) -> None:
        super().__init__(f"nobody has a stake in a {type(source).__name__}: use a {', '.join(STAKED)} pool")


class Holdings(Protocol):
    """What anybody may see of the stakes in a pool."""

    @property
    def state(self) -> object:
        """An object that is replaced at every change of the pool, so that unchanged means `is`."""

    def amounts(self) -> FloatArray:
        """What each owner's liquidity is by now, shape (2, owners); fees that the pool keeps apart are not in it."""

    def principal(self) -> FloatArray:
        """`amounts` without the fees that were kept in the pool since each owner came in, shape (2, owners)."""

    def owed(self, owner: int) -> tuple[float, float]:
        """(base, quote) of fees that the pool keeps apart for one owner."""

    def earned(self) -> FloatArray:
        """All fees of each owner from the start on, also of earlier stays, shape (2, owners)."""

    def ratio(self) -> tuple[float, float]:
        """(base, quote) in the proportion in which the pool takes them now."""


class Stakes(Holdings, Protocol):
    """Holdings that can change."""

    def add(self, owners: IntArray, amounts: FloatArray) -> FloatArray:
        """Put in as much of each owner's amounts as the ratio lets; returns what was taken, both of shape (2, owners).

        Nothing is taken where that would be less than a rounding of the pool. An owner who has something in the pool
        leaves before it adds again.
        """

    def remove(self, owners: IntArray) -> FloatArray:
        """Take out everything of some owners, fees included; returns their amounts, shape (2, owners)."""


class ShareStakes:
    """Owners of shares in a pool of reserves."""

    def __init__(self, pool: ReservePool, owners: int) -> None:
        self._pool = pool
        self._shares = np.zeros(owners)
        self._before = np.zeros((2, owners))  # fees that the pool had kept, when they came in, for as many shares
        self._earned = np.zeros((2, owners))  # in earlier stays

    @property
    def state(self) -> object:
        """The pool's."""
        return self._pool.state

    def amounts(self) -> FloatArray:
        """The owners' parts of the reserves."""
        pool, total = self._pool, self._pool.shares.total
        each: FloatArray = np.array(((pool.base / total,), (pool.quote / total,)))
        return self._shares * each

    def principal(self) -> FloatArray:
        """The owners' parts of the reserves less the fees for their shares since they came in."""
        pool, fees = self._pool, self._pool.shares
        each: FloatArray = np.array(
            ((pool.base / fees.total - fees.base_fees,), (pool.quote / fees.total - fees.quote_fees,))
        )
        return self._shares * each + self._before

    def owed(self, owner: int) -> tuple[float, float]:
        """Nothing: the fees are among the reserves."""
        return NOTHING

    def earned(self) -> FloatArray:
        """Those of earlier stays and those kept in the pool."""
        return self._earned + self._kept()

    def ratio(self) -> tuple[float, float]:
        """That of the reserves."""
        return self._pool.base, self._pool.quote

    def add(self, owners: IntArray, amounts: FloatArray) -> FloatArray:
        """Buy shares at the ratio of the reserves."""
        pool = self._pool
        reserves = np.array(((pool.base,), (pool.quote,)))
        parts = (amounts / reserves).min(axis=0)
        parts[parts <= DUST] = 0.0
        taken: FloatArray = parts * reserves
        whole = float(parts.sum())
        if whole > 0.0:
            minted = pool.add(whole * pool.base, whole * pool.quote)
            self._shares[owners] = minted * parts / whole
            self._before[:, owners] = self._shares[owners] * self._fees_by_share()
        return taken

    def remove(self, owners: IntArray) -> FloatArray:
        """Give back all shares."""
        self._earned[:, owners] += self._kept()[:, owners]
        amounts: FloatArray = self.amounts()[:, owners]
        gone = float(self._shares[owners].sum())
        self._shares[owners] = 0.0
        self._before[:, owners] = 0.0
        if gone > 0.0:
            self._pool.remove(gone)
        return amounts

    def _fees_by_share(self) -> FloatArray:
        return np.array(((self._pool.shares.base_fees,), (self._pool.shares.quote_fees,)))

    def _kept(self) -> FloatArray:
        """The fees that the pool has kept for the owners' shares since they came in."""
        return self._shares * self._fees_by_share() - self._before


class RangeStakes:
    """Owners of one position each in a concentrated pool, from `lower` to `upper` times the price at its opening.

    The pool lays out all its positions anew when some of them open or close, so owners who come and go at the same
    time do so in one call.
    """

    def __init__(self, pool: Concentrated, owners: int, lower: float, upper: float) -> None:
        self._pool = pool
        self._span = lower, upper
        self._numbers = np.full(owners, NONE)
        self._liquidity = np.zeros(owners)
        self._roots = np.ones((2, owners))
        self._earned = np.zeros((2, owners))

    @property
    def state(self) -> object:
        """The pool's."""
        return self._pool.state

    def amounts(self) -> FloatArray:
        """L(1/√p - 1/√upper) base and L(√p - √lower) quote, with p held between the bounds."""
        low, high = self._roots
        root = np.clip(sqrt(self._pool.price), low, high)
        each: FloatArray = np.stack(((high - root) / (high * root), root - low))
        return self._liquidity * each

    def principal(self) -> FloatArray:
        """The same: the fees are apart."""
        return self.amounts()

    def owed(self, owner: int) -> tuple[float, float]:
        """The fees of the owner's position."""
        number = int(self._numbers[owner])
        return NOTHING if number == NONE else self._pool.fees(number)

    def earned(self) -> FloatArray:
        """Those of closed positions and those owed to the open ones."""
        owed: FloatArray = np.array([self.owed(owner) for owner in range(len(self._numbers))]).T
        return self._earned + owed

    def ratio(self) -> tuple[float, float]:
        """What one unit of liquidity around the present price is made of."""
        lower, price, upper = self._span[0] * self._pool.price, self._pool.price, self._span[1] * self._pool.price
        low, root, high = sqrt(lower), sqrt(price), sqrt(upper)
        return (high - root) / (high * root), root - low

    def add(self, owners: IntArray, amounts: FloatArray) -> FloatArray:
        """Open positions around the present price."""
        pool, (base, quote) = self._pool, self.ratio()
        lower, upper = self._span[0] * pool.price, self._span[1] * pool.price
        liquidity = np.minimum(amounts[0] / base, amounts[1] / quote)
        coming = liquidity > DUST * max(pool.base / base, pool.quote / quote)
        taken = np.zeros_like(amounts)
        if coming.any():
            who = owners[coming]
            self._numbers[who] = pool.add_many([(lower, upper, units) for units in liquidity[coming].tolist()])
            self._liquidity[who] = liquidity[coming]
            self._roots[:, who] = (sqrt(lower),), (sqrt(upper),)
            taken[:, coming] = np.array([pool.amounts(number) for number in self._numbers[who].tolist()]).T
        return taken

    def remove(self, owners: IntArray) -> FloatArray:
        """Close the positions and collect their fees."""
        amounts = np.zeros((2, owners.size))
        open_ones = self._numbers[owners] != NONE
        who = owners[open_ones]
        numbers = self._numbers[who].tolist()
        if numbers:
            liquidity = np.array(self._pool.remove_many(numbers)).T
            fees = np.array(self._pool.collect_many(numbers)).T
            amounts[:, open_ones] = liquidity + fees
            self._earned[:, who] += fees
            self._numbers[who] = NONE
            self._liquidity[who] = 0.0
        return amounts


def stakes_in(source: "Source", owners: int, lower: float, upper: float) -> Stakes:
    """Stakes of nobody yet in a source of one of the kinds `STAKED`; the bounds are for a concentrated one.

    Raises:
        NoStakes: another kind of source.
    """
    if isinstance(source, Concentrated):
        return RangeStakes(source, owners, lower, upper)
    if isinstance(source, ReservePool):
        return ShareStakes(source, owners)
    raise NoStakes(source)
