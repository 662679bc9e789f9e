"""One market of the world: a venue with the ledger accounts behind its ladder."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abm.pools.band_loans import open_bands
from models.ledger import OUTSIDE
from models.market import Bands, Following, OrderBook, Venue

if TYPE_CHECKING:
    from abm.scenario import Market, Pool
    from abm.world import World


@dataclass(slots=True)
class Exchange:
    """One venue, the assets of its pair, and the ledger accounts behind its ladder.

    `source_names` are the kinds of the sources, numbered from 1 where a kind occurs more than once: `constant_product`
    alone, `constant_product.1` and `constant_product.2` when there are two.
    """

    name: str
    base: int
    quote: int
    venue: Venue
    source_names: list[str]
    book: OrderBook | None
    following: list[Following]
    bands: list[Bands]
    source_accounts: list[int]
    escrow: int
    fees: int
    variance_per_second: float = 0.0
    last_price: float = 0.0

    def note_price(self, price: float, seconds: float, keep: float) -> None:
        """Update the realised variance of the pair's reference price, an average that keeps so much of its past."""
        if self.last_price > 0.0:
            move = math.log(price / self.last_price)
            self.variance_per_second = keep * self.variance_per_second + (1.0 - keep) * move * move / seconds
        self.last_price = price


def open_exchange(world: "World", market: "Market", pools: "Sequence[Pool]") -> Exchange:
    """Open a market, with the bands of these pools beside its own sources."""
    base, quote = world.index[market.base], world.index[market.quote]
    price = world.reference[base] / world.reference[quote]
    sources = [terms.build(price) for terms in market.sources]
    escrow = world.ledger.open(f"market {market.name} order escrow")
    accounts: list[int] = []
    for k, source in enumerate(sources):
        if isinstance(source, Following):
            accounts.append(OUTSIDE)
        elif isinstance(source, OrderBook):
            accounts.append(escrow)
        else:
            account = world.ledger.open(f"market {market.name} source {k}")
            accounts.append(account)
            world.endow(account, base, source.base)
            world.endow(account, quote, source.quote)
    for pool in pools:
        bands = world.band_sources[pool.name] = open_bands(world, market, pool, price)
        sources.append(bands.bands)
        accounts.append(bands.account)
    books = [source for source in sources if isinstance(source, OrderBook)]
    return Exchange(
        name=market.name,
        base=base,
        quote=quote,
        venue=Venue(sources),
        source_names=_numbered([*[terms.kind for terms in market.sources], *["llamma"] * len(pools)]),
        book=books[0] if books else None,
        following=[source for source in sources if isinstance(source, Following)],
        bands=[source for source in sources if isinstance(source, Bands)],
        source_accounts=accounts,
        escrow=escrow,
        fees=world.ledger.open(f"market {market.name} taker fees"),
    )


def _numbered(kinds: Sequence[str]) -> list[str]:
    """Tell sources of one kind apart."""
    return [f"{kind}.{kinds[: k + 1].count(kind)}" if kinds.count(kind) > 1 else kind for k, kind in enumerate(kinds)]
