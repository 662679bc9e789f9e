"""Market makers in danger: sizes that shrink, sides that are not quoted, depth that falls in a crash and recovers."""

from math import log, sqrt

import numpy as np
import pytest

from abm import Scenario, ScenarioError
from abm.agents.market_maker import MarketMakers, Recovery

YEAR = 31_536_000.0
BOOK = [{"kind": "order_book", "tick": 1e-6}]
CRASH = [2000.0, 2000.0, 1600.0]


@pytest.fixture
def desk(small_world, model_of):
    """The model of a book with one cohort of makers and nobody else; volatility halves with every block of a minute."""

    def build(terms=None, prices=(2000.0,), **changes):
        world = small_world(
            markets__0__sources=BOOK,
            assets__ETH__price__prices=list(prices),
            time__steps=200,
            volatility_half_life_seconds=60.0,
            **changes,
        )
        world["pools"], world["agents"] = [], {"noise_traders": []}
        maker = {"capital_usd": 1e6, "size_usd": 1e4, "levels": 5, "skew": 0.0, "volatility_multiple": 0.0}
        world["agents"]["market_makers"] = [maker | (terms or {})]
        return model_of(world)

    return build


def depths(model, blocks, side="sell"):
    """Run some blocks; the base that the venue takes within a tenth of its mid, after each."""
    venue, seen = model.world.exchanges[0].venue, []
    for _ in range(blocks):
        model.step()
        seen.append(venue.depth(side, 0.1))
    return np.array(seen)


def volatility_after(jump, blocks):
    """Volatility over one block, so many blocks after a jump."""
    return sqrt(0.5 ** (blocks + 1)) * abs(log(jump))


def test_quotes_lean_away_from_what_a_maker_has_too_much_of(desk):
    """Half of all in base at 2000; at 2400 it is 6/11, so that everything is quoted lower by 1/11 of the skew."""
    model = desk({"half_spread": 0.01, "skew": 0.22, "stays": True}, [2000.0, 2400.0])
    book = model.world.exchanges[0].book
    for price in (2000.0, 2400.0 * (1.0 - 0.22 / 11.0)):
        model.step()
        best = [book.levels(side)[0][0] for side in ("buy", "sell")]
        assert best == pytest.approx([price * 0.99, price * 1.01], abs=0.01)


def test_the_size_shrinks_with_volatility_as_said(desk):
    """Divided by 1 + multiple · volatility of a block / half spread; after a jump of 2 % that is a half at first."""
    swing = volatility_after(0.98, 0)
    terms = {"half_spread": 0.01, "size_volatility_multiple": 0.01 / swing, "stays": True}
    model = desk(terms, [2000.0, 1960.0])
    seen = depths(model, 6)
    full = 5.0 * 1e4 / 1960.0
    expected = [full / (1.0 + volatility_after(0.98, n) / swing) for n in range(5)]
    assert seen[0] == pytest.approx(25.0, rel=1e-6)
    np.testing.assert_allclose(seen[1:], expected, rtol=1e-6)


def test_what_there_is_too_much_of_is_not_bought(desk):
    """Half in each asset at first; after a rise of a half the base is three fifths of all, after a fall the quote."""
    for limit, quoted in ((0.59, 0.0), (0.61, 5e4)):
        for price, shunned, other in ((3000.0, "sell", "buy"), (2000.0 / 1.5, "buy", "sell")):
            model = desk({"inventory_limit": limit, "stays": True}, [2000.0, price])
            assert depths(model, 1)[0] == pytest.approx(25.0, rel=1e-6)
            assert depths(model, 1, shunned)[0] == pytest.approx(quoted / price, rel=1e-6)
            assert model.world.exchanges[0].venue.depth(other, 0.1) == pytest.approx(5e4 / price, rel=1e-6)


def test_who_begins_at_the_limit_quotes_both_sides(desk):
    """A half in each asset is not more than a half, whatever the price and the capital round it to."""
    for capital, price in ((1e3, 2360.93), (1e4, 2439.82), (1e6, 2795.2)):
        model = desk({"inventory_limit": 0.5, "capital_usd": capital, "size_usd": 1.0}, [price])
        assert depths(model, 1)[0] == pytest.approx(depths(model, 1, "buy")[0], rel=1e-6)


def test_makers_with_lines_of_their_own_leave_and_return_one_after_the_other(desk):
    lines = {"kind": "uniform", "low": 5.0, "high": 120.0}
    seen = depths(desk({"count": 50, "withdraw_volatility_per_year": lines}, CRASH), 12)
    assert 0.0 < seen[2] < 0.6 * seen[1]
    assert len(set(np.round(seen[2:], 6))) > 4
    assert (np.diff(seen[2:]) >= 0.0).all()


def test_drawn_lines_to_return_are_never_above_those_to_leave(desk):
    line = {"kind": "uniform", "low": 0.0, "high": 100.0}
    model = desk({"count": 50, "withdraw_volatility_per_year": line, "return_volatility_per_year": line}, CRASH)
    cohort = model.people.market_makers[0]
    assert all(back <= leave for back, leave in zip(cohort._return, cohort._leave, strict=True))


def test_those_who_stay_quote_through_anything(desk):
    seen = depths(desk({"withdraw_volatility_per_year": 0.1, "stays": True}, CRASH), 6)
    assert (seen > 0.0).all()


@pytest.mark.parametrize("half_life", [60.0, 600.0, 3600.0])
def test_depth_falls_in_a_crash_and_recovers_with_its_half_life(desk, half_life):
    """Nothing while makers are away, then 1 - 2^(-t / half-life) of all, t from their return on."""
    terms = {"withdraw_volatility_per_year": 20.0, "recovery_half_life_seconds": half_life}
    seen = depths(desk(terms, CRASH), 150)
    full = 5e4 / 1600.0
    assert seen[:2] == pytest.approx([25.0, 25.0], rel=1e-6)
    assert not seen[2]
    calm = next(n for n in range(30) if volatility_after(0.8, n) * sqrt(YEAR / 60.0) <= 20.0)
    returned = 2 + calm
    assert not seen[2 : returned + 1].any()
    t = 60.0 * np.arange(150 - returned)
    np.testing.assert_allclose(seen[returned:], full * (1.0 - 0.5 ** (t / half_life)), rtol=1e-5, atol=1e-9)
    at_once = depths(desk({"withdraw_volatility_per_year": 20.0}, CRASH), returned + 1)
    assert at_once[-1] == pytest.approx(full, rel=1e-6)


def test_the_table_of_depth_shows_the_half_life(play, small_world):
    """A run's own table: nothing in the crash, and from the return on half of what is missing after each half-life."""
    world = small_world(
        markets__0__sources=BOOK,
        assets__ETH__price__prices=CRASH,
        time__steps=60,
        volatility_half_life_seconds=60.0,
    )
    maker = {"capital_usd": 1e6, "size_usd": 1e4, "levels": 5, "skew": 0.0, "volatility_multiple": 0.0}
    maker |= {"withdraw_volatility_per_year": 100.0, "recovery_half_life_seconds": 600.0}
    world["pools"], world["agents"] = [], {"market_makers": [maker]}
    depth = play(world).depth
    bids = depth[(depth["side"] == "bid") & (depth["distance"] == depth["distance"].max())].set_index("step")
    units = bids["base_units"]
    calm = next(n for n in range(30) if volatility_after(0.8, n) * sqrt(YEAR / 60.0) <= 100.0)
    full, returned = 5e4 / 1600.0, 2 + calm
    assert units[1] == pytest.approx(25.0, rel=1e-6)
    assert not units[returned]
    for half_lives in (1, 2, 3, 5):
        block = returned + 10 * half_lives
        assert full - units[block] == pytest.approx(full * 0.5**half_lives, rel=1e-5)


@pytest.mark.parametrize("side", ["sell", "buy"])
def test_what_was_eaten_is_replaced_with_the_half_life(desk, side):
    """A level and a half are taken: half of what is missing is back after each half-life, on that side only."""
    model = desk({"recovery_half_life_seconds": 300.0, "capital_usd": 1e9})
    model.step()
    eat(model, side, 1.5 * 1e4 / 2000.0)
    seen = depths(model, 40, side)
    t = 60.0 * np.arange(1, 41)
    np.testing.assert_allclose(seen, 25.0 - 7.5 * 0.5 ** (t / 300.0), rtol=1e-4)
    other = model.world.exchanges[0].venue.depth("buy" if side == "sell" else "sell", 0.1)
    assert other == pytest.approx(25.0, rel=1e-6)


def eat(model, side, base):
    """Somebody trades so much base with the venue."""
    from abm.markets.trading import funded_swap  # noqa: PLC0415

    exchange = model.world.exchanges[0]
    fill = exchange.venue.quote_in(side, base) if side == "sell" else exchange.venue.quote_out(side, base)
    account = model.world.ledger.open(f"somebody {model.blocks} {side}")
    funded_swap(model.world, exchange, account, fill)


def test_the_best_levels_are_the_ones_that_were_eaten(desk):
    """The spread is wider until they are back."""
    model = desk({"recovery_half_life_seconds": 300.0, "half_spread": 0.001, "level_step": 0.001})
    model.step()
    eat(model, "sell", 1.5 * 1e4 / 2000.0)
    for blocks in (5, 5):
        for _ in range(blocks):
            model.step()
    sizes = [size for _, size in model.world.exchanges[0].book.levels("buy")]
    np.testing.assert_allclose(sizes, [3.75, 4.375, 5.0, 5.0, 5.0], rtol=1e-3)


def test_without_a_half_life_everything_is_back_at_once(desk):
    model = desk({"capital_usd": 1e9})
    model.step()
    eat(model, "sell", 10.0)
    assert depths(model, 1)[0] == pytest.approx(25.0, rel=1e-6)


def test_eaten_twice_is_missing_twice():
    """A second trade takes from what has come back so far, and no level is ever more than empty."""
    recovery = Recovery(MarketMakers(capital_usd=1.0, size_usd=1.0, levels=2, recovery_half_life_seconds=100.0))

    def quote():
        bids, asks = np.array([(10.0, 1.0), (9.0, 1.0)]), np.array([(11.0, 1.0), (12.0, 1.0)])
        recovery.thin(bids, asks)
        recovery.committed = float(bids.prod(axis=1).sum()), float(asks[:, 1].sum())
        return bids[:, 1].tolist(), asks[:, 1].tolist()

    assert quote() == ([1.0, 1.0], [1.0, 1.0])
    assert recovery.look(100.0, 1.0, 19.0)
    assert quote() == ([1.0, 1.0], [0.5, 1.0])
    # All that stood at the best ask and a half of the next: 1.0 of 1.5.
    assert recovery.look(200.0, 0.5, 19.0)
    assert quote() == ([1.0, 1.0], [0.5, 0.75])
    assert recovery.look(200.0, 0.0, 0.0)
    assert quote() == ([0.0, 0.0], [0.0, 0.0])
    assert recovery.look(100_000.0, 0.0, 0.0)
    assert quote() == ([1.0, 1.0], [1.0, 1.0])
    assert not recovery.look(100_060.0, 2.0, 19.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"inventory_limit": 0.4}, r"agents\.market_makers\.0\.inventory_limit"),
        ({"size_volatility_multiple": -1.0}, r"agents\.market_makers\.0\.size_volatility_multiple"),
        ({"recovery_half_life_seconds": -1.0}, r"agents\.market_makers\.0\.recovery_half_life_seconds"),
        (
            {"withdraw_volatility_per_year": 1.0, "return_volatility_per_year": 2.0},
            r"return_volatility_per_year = 2\.0 is above withdraw_volatility_per_year = 1\.0",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(small_world, change, words):
    maker = {"capital_usd": 1.0, "size_usd": 1.0} | change
    with pytest.raises(ScenarioError, match=words):
        Scenario.from_dict(small_world(markets__0__sources=BOOK, agents__market_makers=[maker]))


def test_the_spread_narrows_with_volatility_though_the_price_stands_still(desk):
    """After a jump of 5 % it is as wide as the volatility of a block, and as that fades it comes back to the least."""
    model = desk({"volatility_multiple": 1.0, "levels": 1, "stays": True}, [2000.0, 1900.0])
    spreads = []
    for _ in range(12):
        model.step()
        venue = model.world.exchanges[0].venue
        spreads.append(0.5 * (venue.ask - venue.bid) / venue.mid)
    expected = [0.001] + [max(volatility_after(0.95, n), 0.001) for n in range(11)]
    np.testing.assert_allclose(spreads, expected, rtol=1e-5)


def test_who_has_bought_back_exactly_what_it_sold_quotes_again(desk):
    """The base is the same as before, yet no order is left of the one level."""
    model = desk({"levels": 1})
    model.step()
    for side in ("buy", "sell"):
        eat(model, side, 1e4 / 2000.0)
    assert model.world.exchanges[0].book.levels("sell") == []
    assert depths(model, 1) == depths(model, 1, "buy") == pytest.approx(5.0, rel=1e-6)


@pytest.mark.parametrize("jump", [1.1, 0.9])
def test_makers_who_follow_a_jump_together_leave_no_quote_out(desk, jump):
    """The new bids of the first are above the old asks of the second, which are about to go."""
    model = desk({"count": 3, "stays": True}, [2000.0, 2000.0 * jump])
    for block in range(2):
        model.step()
        book = model.world.exchanges[0].book
        for side in ("buy", "sell"):
            assert len(book.orders(side)) == 15, (block, side)
    model.world.check()
