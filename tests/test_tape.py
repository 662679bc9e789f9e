"""Who traded with whom: the tape agrees with what the accounts of pools and makers exchanged, trade by trade."""

import numpy as np
import pytest

from abm.markets import tape
from abm.markets.tape import Tape
from models.ledger import OUTSIDE, Ledger

MARKET = {
    "base": "ETH",
    "quote": "DAI",
    "sources": [
        {"kind": "constant_product", "value": 4e6, "fee": 0.003},
        {"kind": "order_book", "tick": 0.01, "taker_fee": 0.001},
        {"kind": "constant_product", "value": 1e6, "fee": 0.01},
    ],
}
PEOPLE = {
    "time__steps": 200,
    "markets": [MARKET],
    "assets__ETH__price": {"kind": "gbm", "start": 2000.0, "drift_per_year": -600.0, "volatility_per_year": 1.0},
    "agents__borrowers": [
        {
            "count": 30,
            "collateral": "ETH",
            "debt": "DAI",
            "debt_usd": 20000.0,
            "watching": 0.5,
            "reactions": {"sell": 1.0},
        }
        | {"health": {"kind": "uniform", "low": 1.0, "high": 1.2}, "react_below": 1.1, "watch_interval_seconds": 600.0}
    ],
    "agents__arbitrageurs": [{"capital_usd": 1e6}],
    "agents__market_makers": [{"count": 2, "capital_usd": 4e5, "size_usd": 5e3}],
    "agents__noise_traders": [{"trades_per_hour": 120, "size_usd": 3e3}],
}


@pytest.fixture(scope="module")
def busy(small_world, model_of):
    """A model at its end in which every kind of agent has traded."""
    model = model_of(small_world(**PEOPLE))
    model.run()
    return model


def test_sources_are_called_by_their_kind_and_numbered_where_a_kind_occurs_twice(busy):
    names = ["constant_product.1", "order_book", "constant_product.2"]
    assert busy.world.exchanges[0].source_names == names
    assert list(busy.recorder.depth()["source"].unique()) == names


def test_every_kind_of_agent_is_on_the_tape_by_name(busy):
    trades = busy.recorder.trades()
    assert set(trades["taker"]) == {"borrowers", "liquidators", "arbitrageurs", "noise_traders"}
    assert set(trades["maker"]) == {"constant_product.1", "constant_product.2", "market_makers"}
    assert set(trades["market"]) == {"ETH/DAI"}
    assert (trades[["trades", "base_units", "quote_units", "usd"]] > 0.0).all(axis=None)


@pytest.mark.parametrize("name", ["constant_product.1", "constant_product.2"])
def test_a_pool_holds_what_it_had_and_what_the_tape_says_it_exchanged(busy, name):
    desk = busy.world.exchanges[0]
    account = desk.source_accounts[desk.source_names.index(name)]
    value = 4e6 if name.endswith("1") else 1e6
    with_pool = busy.recorder.trades().query("maker == @name")
    sign = np.where(with_pool["side"] == "sell", 1.0, -1.0)
    held = busy.world.ledger.balances[account]
    start = busy.world.exogenous[0][desk.base]
    assert held[desk.base] == pytest.approx(0.5 * value / start + (sign * with_pool["base_units"]).sum(), rel=1e-9)
    assert held[desk.quote] == pytest.approx(0.5 * value - (sign * with_pool["quote_units"]).sum(), rel=1e-9)


def test_makers_own_what_they_brought_and_what_the_tape_says_they_exchanged(busy):
    """Their accounts and what stands in their orders; fees of the book are not theirs and not on the tape."""
    desk, ledger = busy.world.exchanges[0], busy.world.ledger
    makers = busy.people.market_makers[0]
    accounts = [makers.first_account, makers.first_account + 1, desk.escrow]
    held = ledger.balances[accounts][:, [desk.base, desk.quote]].sum(axis=0)
    trades = busy.recorder.trades().query("maker == 'market_makers'")
    sign = np.where(trades["side"] == "sell", 1.0, -1.0)
    start = busy.world.exogenous[0][desk.base]
    brought = float(makers.capital_usd.sum())
    assert held[0] == pytest.approx(0.5 * brought / start + (sign * trades["base_units"]).sum(), rel=1e-9)
    assert held[1] == pytest.approx(0.5 * brought - (sign * trades["quote_units"]).sum(), rel=1e-9)


def test_stretches_begin_with_the_samples_of_the_depth(busy):
    trades, depth = busy.recorder.trades(), busy.recorder.depth()
    assert busy.world.tape.every == 2
    assert set(trades["step"]) <= set(depth["step"])
    assert (trades["time_seconds"] == 60.0 * trades["step"]).all()
    assert not trades.duplicated(["step", "market", "taker", "maker", "side"]).any()


def test_depth_by_source_sums_to_the_venues_and_is_measured_from_its_mid(busy):
    depth = busy.recorder.depth()
    last = depth[depth["step"] == 199]
    venue = busy.world.exchanges[0].venue
    assert (last["mid"] == venue.mid).all()
    for side, does in (("bid", "sell"), ("ask", "buy")):
        total = last[last["side"] == side].groupby("distance")["base_units"].sum()
        np.testing.assert_allclose(total, venue.depths(does, total.index.to_numpy()), rtol=1e-12)


def test_a_sale_without_feedback_is_traded_with_the_world_outside(play):
    sold = play(feedback=False).trades
    assert sold[["taker", "maker", "side"]].to_numpy().tolist() == [["liquidators", "outside", "sell"]]
    assert play().trades["maker"].tolist() == ["infinite"]


def test_dollars_are_those_of_the_moment(play):
    """Two DAI a unit of quote at a dollar and a half each."""
    assets = {
        "DAI": {"price": {"kind": "constant", "price": 1.5}},
        "ETH": {"price": {"kind": "path", "prices": [3000.0, 2850.0]}},
    }
    trades = play(assets=assets).trades
    assert trades["usd"].tolist() == pytest.approx((1.5 * trades["quote_units"]).tolist(), rel=1e-12)
    assert trades["usd"].sum() == pytest.approx(2850.0 * trades["base_units"].sum(), rel=1e-12)


def test_a_world_without_trades_has_an_empty_table_with_its_columns(play):
    trades = play(assets__ETH__price__prices=[2000.0]).trades
    assert trades.empty
    assert trades["trades"].dtype == np.int64
    assert trades["usd"].dtype == np.float64


@pytest.mark.parametrize(("steps", "every"), [(1, 1), (95, 1), (192, 2), (1440, 15), (1_000_000, 10416)])
def test_a_path_is_cut_into_about_as_many_stretches_however_long(steps, every):
    assert Tape(Ledger(["A"]), steps).every == every
    assert steps // every >= min(steps, tape.SAMPLES)


def test_the_kind_of_an_account_is_what_its_name_begins_with():
    ledger = Ledger(["A"])
    named = {name: ledger.open(name, 2) for name in ("accounts of core.v2", "market_makers.0", "liquidators.12")}
    written = Tape(ledger, 10)
    assert [written.kind(first + 1) for first in named.values()] == ["borrowers", "market_makers", "liquidators"]
    assert written.kind(OUTSIDE) == "outside"
