"""What a layer may see of the world when it pays: prices, depth, claims and the holders that it can reach.

**Source**: a constant-product pool for the depth: selling q into a reserve of x units takes the marginal price to
``p (x / (x + q))^2`` (Uniswap v2 without its fee).

**Models**: everything read at the moment of payment, so that exits and price falls change what a layer can do. A token
is sold on one depth curve; what has been sold before shows in the price and the depth that the world hands in next.

**Leaves out**: the recovery of a price after a sale, which is the world's.

**Units**: units of the debt's asset, unless the name says ``_usd``; prices are units of debt per unit of the asset.

**Invariants**: proceeds grow with what is sold and never reach ``price * depth_units``; selling what is needed for an
amount raises that amount.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final, Protocol

import numpy as np

from models.losses.refusals import UnpricedAsset
from models.types import FloatArray


class TokenMarket(Protocol):
    """Where a layer sells an asset for the debt's own; it quotes and changes nothing."""

    @property
    def price(self) -> float:
        """Units of debt that the first unit sold brings."""

    def proceeds(self, units: float) -> float:
        """What selling `units` brings; `inf` units bring all that the market can pay."""

    def units_for(self, proceeds: float) -> float:
        """How many units must be sold to bring `proceeds`; inf where the market cannot pay as much."""


@dataclass(frozen=True, slots=True)
class PoolDepth:
    """A market as deep as a constant-product pool with `depth_units` of the asset; without slippage by default."""

    price: float
    depth_units: float = inf

    def proceeds(self, units: float) -> float:
        """``p q x / (x + q)``."""
        if units == 0.0 or self.price == 0.0 or self.depth_units == 0.0:
            return 0.0
        # In inverses, since both may be without limit.
        inverse = 1.0 / units + 1.0 / self.depth_units
        return self.price / inverse if inverse > 0.0 else inf

    def units_for(self, proceeds: float) -> float:
        """``y / (p - y / x)`` for proceeds y, the inverse of `proceeds`."""
        if proceeds == 0.0:
            return 0.0
        least_price = self.price - proceeds / self.depth_units if self.depth_units > 0.0 else 0.0
        return proceeds / least_price if least_price > 0.0 else inf

    def price_after(self, units: float) -> float:
        """The marginal price once `units` have been sold."""
        kept = 1.0 / (1.0 + units / self.depth_units) if self.depth_units > 0.0 else 0.0
        return self.price * kept * kept


def _nobody() -> FloatArray:
    return np.zeros(0)


class LossView(Protocol):
    """What layers see of one loss and its surroundings, looked up when it is needed: see `LossMarket`."""

    @property
    def claims(self) -> float:
        """Claims of all suppliers on the reserve that lost."""

    @property
    def treasury(self) -> float:
        """The protocol's own claim on it."""

    @property
    def debt_price_usd(self) -> float:
        """Price of the debt's asset."""

    @property
    def collateral_asset(self) -> str:
        """What goes with the loss."""

    @property
    def collateral_per_unit(self) -> float:
        """Units of it for each unit of the loss."""

    @property
    def suppliers(self) -> FloatArray:
        """Claims by supplier."""

    @property
    def bucket_prices(self) -> FloatArray:
        """The price at which each of them lends."""

    @property
    def borrowers(self) -> FloatArray:
        """Stakes by borrower."""

    @property
    def profits(self) -> FloatArray:
        """Open profits by holder."""

    @property
    def ranks(self) -> FloatArray:
        """Who of them is first in line has the highest."""

    def drawn_for(self, decider: object) -> float:
        """Uniform in [0, 1), one for each loss and for each layer that chance decides about."""

    def token(self, asset: str | None) -> TokenMarket:
        """Where an asset sells; none is the debt's own asset, at par. Raises `UnpricedAsset`."""

    def in_turn(self, holdings: Sequence[tuple[str, float]]) -> Iterator[TokenMarket]:
        """Where each of several holdings (asset, units) sells, once all before it are sold. Raises `UnpricedAsset`."""


@dataclass(frozen=True, slots=True, eq=False)
class LossMarket:
    """What layers see of one loss and its surroundings, written down once.

    `claims`: of all suppliers on the reserve that lost. `treasury`: the protocol's own claim on it. `tokens`: where
    each asset sells. `collateral_per_unit`: units of `collateral_asset` that go with each unit of the loss; none where
    a loss is realised only when nothing is left to seize. `draw`: uniform in [0, 1), for what is left to chance, the
    same for all layers.

    Arrays by holder, (n,), each in the order of its own people: `suppliers` (claims) with `bucket_prices` (the price
    at which each lends), `borrowers` (stakes, in proportion to collateral), `profits` of open positions with `ranks`
    (who is deleveraged first has the highest).
    """

    claims: float = 0.0
    treasury: float = 0.0
    debt_price_usd: float = 1.0
    tokens: Mapping[str, TokenMarket] = field(default_factory=dict)
    collateral_asset: str = ""
    collateral_per_unit: float = 0.0
    suppliers: FloatArray = field(default_factory=_nobody)
    bucket_prices: FloatArray = field(default_factory=_nobody)
    borrowers: FloatArray = field(default_factory=_nobody)
    profits: FloatArray = field(default_factory=_nobody)
    ranks: FloatArray = field(default_factory=_nobody)
    draw: float = 0.0

    def drawn_for(self, decider: object) -> float:
        """The draw."""
        return self.draw

    def token(self, asset: str | None) -> TokenMarket:
        """Where `asset` sells; none is the debt's own asset, at par. Raises `UnpricedAsset`."""
        if asset is None:
            return AT_PAR
        try:
            return self.tokens[asset]
        except KeyError:
            known = ", ".join(sorted(self.tokens)) or "none"
            raise UnpricedAsset(f"a layer holds {asset}, but the market prices {known}; hand in its market") from None

    def in_turn(self, holdings: Sequence[tuple[str, float]]) -> Iterator[TokenMarket]:
        """Where each of several holdings sells: each on a market of its own."""
        return (self.token(asset) for asset, _ in holdings)


AT_PAR: Final = PoolDepth(1.0)


def raise_by_sale(token: TokenMarket, wanted: float, available: float) -> tuple[float, float]:
    """Sell as few of `available` units as bring `wanted`, or all: returns what is raised and what is sold."""
    needed = token.units_for(wanted)
    if needed <= available:
        return wanted, needed
    return min(token.proceeds(available), wanted), available
