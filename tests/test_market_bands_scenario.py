"""Bands beside other sources on a venue, and in a scenario."""

from math import inf
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from abm import Scenario
from builders.bands import example, trade
from models.market import BandsTerms, ConstantProduct, OrderBook, SourceTerms, Venue
from models.types import Side


@pytest.mark.parametrize("fee", [0.0, 0.006])
@pytest.mark.parametrize(("side", "size"), [("sell", 3.0), ("sell", 12.0), ("buy", 1e4), ("buy", 3e4)])
def test_a_venue_splits_to_one_price(side: Side, size: float, fee: float) -> None:
    """Bands beside a pool and a book: all reach the last unit's price, and no shift between them gets more."""
    bands = example(fee, 1850.0)
    trade(bands, bands.quote_in("buy", 15_000.0))
    book = OrderBook(0.01)
    for level in range(5):
        book.limit("buy", 1845.0 - level, 0.3, "bidder")
        book.limit("sell", 1855.0 + level, 0.3, "asker")
    sources = [bands, ConstantProduct(60.0, 60.0 * 1850.0, 0.003), book]
    fill = Venue(sources).quote_in(side, size)
    assert fill.complete
    assert fill.parts[0].amount_in > 0.0
    assert fill.parts[1].amount_in > 0.0
    for part in fill.parts[:2]:
        assert part.price_after == pytest.approx(fill.price_after, rel=1e-12)
    for shift in (-0.01, 0.01):
        shares = [part.amount_in for part in fill.parts]
        moved = shift * min(shares[:2])
        shares[0], shares[1] = shares[0] + moved, shares[1] - moved
        got = sum(source.quote_in(side, share).amount_out for source, share in zip(sources, shares, strict=True))
        assert got < fill.amount_out
    again = Venue(sources).quote_out(side, fill.amount_out)
    assert again.amount_in == pytest.approx(size, rel=1e-9)


def test_terms_build_a_pool_with_deposits() -> None:
    """At the reference price where no base price is given; owners of their own."""
    described = {"kind": "bands", "deposits": [{"base": 10.0, "n1": 1, "n2": 4}, {"base": 5.0, "n1": 3, "n2": 3}]}
    terms: BandsTerms = TypeAdapter(SourceTerms).validate_python(described)
    pool = terms.build(2000.0)
    assert (pool.base_price, pool.amplification, pool.fee, pool.admin_fee) == (2000.0, 100.0, 0.006, 0.0)
    assert pool.bands() == {1: (0.0, 2.5), 2: (0.0, 2.5), 3: (0.0, 7.5), 4: (0.0, 2.5)}
    other = described | {"base_price": 2500.0, "amplification": 50.0, "fee": 0.0, "admin_fee": 1.0}
    pool = TypeAdapter(SourceTerms).validate_python(other).build(2000.0)
    assert (pool.base_price, pool.amplification, pool.fee, pool.admin_fee) == (2500.0, 50.0, 0.0, 1.0)
    # The oracle begins at the reference price: that is no step, and costs nothing.
    assert (pool.oracle_price, pool.dynamic_fee) == (2000.0, 0.0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"deposits": []}, "at least 1 item"),
        ({"deposits": [{"base": 1.0, "n1": 5, "n2": 4}]}, "give from 1 to 50 bands"),
        ({"deposits": [{"base": 1.0, "n1": 9000, "n2": 9001}]}, "give numbers from -6873 to 6873"),
        ({"amplification": 1.0}, "greater than or equal to 2"),
        ({"base_price": 0.0}, "greater than 0"),
        ({"owner": "me"}, "Extra inputs"),
    ],
)
def test_terms_that_describe_no_pool(change: dict[str, Any], sentence: str) -> None:
    described = {"kind": "bands", "deposits": [{"base": 1.0, "n1": 1, "n2": 4}]} | change
    with pytest.raises(ValidationError, match=sentence):
        TypeAdapter(SourceTerms).validate_python(described)


def test_bands_of_a_world_follow_its_oracle(small_world: Any, model_of: Any) -> None:
    """Every block they hear the price of the pair as the protocol believes it, in the quote; trades move the ledger."""
    source = {"kind": "bands", "fee": 0.0, "deposits": [{"base": 100.0, "n1": 1, "n2": 10}]}
    world = small_world(
        markets__0__sources=[source],
        assets__DAI__price={"kind": "constant", "price": 0.5},
        assets__ETH__price={"kind": "path", "prices": [1000.0, 950.0, 900.0, 990.0]},
        time={"step_seconds": 600.0, "steps": 4},
        agents__arbitrageurs=[{"market": "ETH/DAI", "capital_usd": inf}],
    )
    model = model_of(world)
    pool = model.world.exchanges[0].bands[0]
    held = []
    for price in (2000.0, 1900.0, 1800.0, 1980.0):
        model.step()
        assert pool.oracle_price == price
        held.append(pool.quote)
        ledger = model.world.ledger.balances[model.world.exchanges[0].source_accounts[0]]
        assert (ledger[model.world.index["DAI"]], ledger[model.world.index["ETH"]]) == (pool.quote, pool.base)
    assert held[0] == 0.0
    assert max(held) > 0.0


def test_bands_on_an_oracle_that_reads_their_venue_are_refused(small_world: Any) -> None:
    """They would follow themselves."""
    source = {"kind": "bands", "deposits": [{"base": 100.0, "n1": 1, "n2": 10}]}
    world = small_world(markets__0__sources=[source], assets__ETH__oracle={"kind": "venue"})
    with pytest.raises(ValueError, match=r"markets\.0\.sources\.0\.kind = 'bands' follows the oracle of ETH"):
        Scenario.from_dict(world)
