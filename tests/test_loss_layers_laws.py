"""What must hold for every waterfall with a state, whatever its layers and whatever happens."""

from fractions import Fraction
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.losses import (
    AutoDeleverageLayer,
    BackstopVaultLayer,
    DaoOffsetLayer,
    DeferredLayer,
    DiscretionaryRescueLayer,
    ExternalCoverLayer,
    HaircutLayer,
    InKindLayer,
    InsuranceFundLayer,
    LossMarket,
    MintAuctionLayer,
    PoolDepth,
    PriceBucketLayer,
    RedistributeToBorrowersLayer,
    ReserveLayer,
    StabilityPoolLayer,
    Stake,
    StakedOwnTokenLayer,
    StakedSameAssetLayer,
    TimedWaterfall,
    WithdrawalChargeLayer,
    preset,
)

DAY = 86400.0

units = st.floats(0.0, 1e6)
terms = st.fixed_dictionaries(
    {
        "share": st.sampled_from([1.0, 1.0, 0.4]),
        "attachment_usd": st.sampled_from([0.0, 500.0]),
        "aggregate_limit_usd": st.sampled_from([None, 4e5]),
    }
)
delays = st.sampled_from([0.0, DAY, 4 * DAY])
layers = st.one_of(
    st.builds(ReserveLayer),
    st.builds(lambda t, c, d: DaoOffsetLayer(**t, capital=c, delay_seconds=d), terms, units, delays),
    st.builds(
        lambda t, c, d: StakedSameAssetLayer(**t, capital=c, cover_delay_seconds=d, target_liquidity=1e5),
        terms,
        units,
        delays,
    ),
    st.builds(lambda t, c, d: StakedOwnTokenLayer(**t, asset="TKN", capital=c, delay_seconds=d), terms, units, delays),
    st.builds(lambda t, c: StabilityPoolLayer(**t, capital=c), terms, units),
    st.builds(lambda t, c: BackstopVaultLayer(**t, capital=c, component_share=0.5), terms, units),
    st.builds(
        lambda t, c, asset, whole: InsuranceFundLayer(**t, capital=c, asset=asset, all_or_nothing=whole),
        terms,
        units,
        st.sampled_from([None, "TKN"]),
        st.booleans(),
    ),
    st.builds(lambda t, c: ExternalCoverLayer(**t, asset="TKN", capital=c), terms, units),
    st.builds(lambda t, s: MintAuctionLayer(**t, asset="TKN", surplus=s, lot=1000.0, wait_seconds=DAY), terms, units),
    st.builds(lambda t: RedistributeToBorrowersLayer(**t), terms),
    st.builds(lambda t: HaircutLayer(**t), terms),
    st.builds(lambda t: PriceBucketLayer(**t), terms),
    st.builds(lambda t: InKindLayer(**t), terms),
    st.builds(lambda t, key: AutoDeleverageLayer(**t, key=key), terms, st.sampled_from(["rank", "pro_rata"])),
    st.builds(lambda t: WithdrawalChargeLayer(**t), terms),
    st.builds(
        lambda t, c, d: DiscretionaryRescueLayer(**t, capital=c, probability=0.5, delay_seconds=d), terms, units, delays
    ),
    st.builds(lambda t: DeferredLayer(**t), terms),
)
events = st.lists(
    st.tuples(
        st.sampled_from(["loss", "loss", "recovery"]), units, st.sampled_from([0.0, 1.0, 6.0]), st.floats(0.0, 0.99)
    ),
    max_size=8,
)


def market_at(price: float, draw: float = 0.0) -> LossMarket:
    suppliers = np.array([2e5, 5e5, 3e5])
    return LossMarket(
        claims=float(suppliers.sum()),
        treasury=1e4,
        debt_price_usd=2.0,
        tokens={"TKN": PoolDepth(price, 2e5), "ETH": PoolDepth(2000.0)},
        collateral_asset="ETH",
        collateral_per_unit=1e-4,
        suppliers=suppliers,
        bucket_prices=np.array([1.0, 3.0, 3.0]),
        borrowers=np.array([1.0, 2.0]),
        profits=np.array([4e5, -1.0, 7e5]),
        ranks=np.array([2.0, 0.0, 1.0]),
        draw=draw,
    )


def close(total: float) -> Any:
    return pytest.approx(total, rel=1e-9, abs=1e-6)


@given(stack=st.lists(layers, min_size=1, max_size=5), story=events)
@settings(max_examples=120)
def test_nothing_is_lost_or_found_whatever_happens(stack, story):
    """Per loss exactly, and at every time: losses less what was filled = paid + pending + uncovered."""
    falls = TimedWaterfall(stack)
    now = 0.0
    for what, amount, days, number in story:
        now += days * DAY
        market = market_at(price=1.5 - number, draw=number)
        before = falls.pending_units
        moved, uncovered = falls.advance(now, market)
        paid, newly_owed = sum(p.paid.units for p in moved), sum(p.paid.pending for p in moved)
        assert before - falls.pending_units == close(paid + uncovered - sum(p.paid.pending for p in moved) + newly_owed)
        if what == "loss":
            check_loss(falls, amount, now, market)
        else:
            check_recovery(falls, amount, market)
        assert falls.lost_units - falls.filled_units == close(
            falls.paid_units + falls.pending_units + falls.uncovered_units
        )


def check_loss(falls: TimedWaterfall, amount: float, now: float, market: LossMarket) -> None:
    capacities = {name: p.capacity(now, market) for name, p in zip(falls.names, falls.payers, strict=True)}
    parts, rest = falls.allocate(amount, now, market)
    taken = [part.paid.units + part.paid.pending for part in parts]
    assert sum(map(Fraction, taken)) + Fraction(rest) == Fraction(amount)
    for part, units_taken in zip(parts, taken, strict=True):
        assert 0.0 < units_taken <= capacities[part.layer]
        assert part.paid.shortfall == 0.0
        for effect in part.paid.effects:
            if effect.by_holder is not None:
                assert (effect.by_holder >= 0.0).all()
                assert float(effect.by_holder.sum()) == close(effect.units)


def check_recovery(falls: TimedWaterfall, amount: float, market: LossMarket) -> None:
    uncovered = falls.uncovered_units
    returned, surplus = falls.recover(amount, market)
    given_back = sum(r.recovered.released + r.recovered.restored for r in returned)
    assert amount == close(uncovered - falls.uncovered_units + given_back + surplus)
    for payer in falls.payers:
        assert payer.restored_units <= payer.paid_units * (1.0 + 1e-12)
        assert payer.pending_units >= 0.0


@given(stack=st.lists(layers, min_size=1, max_size=5))
@settings(max_examples=30)
def test_without_a_loss_every_layer_is_inert(stack):
    falls = TimedWaterfall(stack)
    market = market_at(1.0)
    assert falls.due_seconds == inf
    assert falls.allocate(0.0, 0.0, market) == ([], 0.0)
    assert falls.advance(9 * DAY, market) == ([], 0.0)
    assert falls.recover(100.0, market) == ([], 100.0)
    assert [payer.paid_units for payer in falls.payers] == [0.0] * len(stack)


@given(loss=st.floats(1e-3, 1e7), capitals=st.lists(units, min_size=2, max_size=5))
@settings(max_examples=50)
def test_a_layer_pays_only_once_those_before_it_are_empty(loss, capitals):
    falls = TimedWaterfall([InsuranceFundLayer(capital=capital) for capital in capitals])
    parts, rest = falls.allocate(loss, 0.0, LossMarket())
    for earlier, part in zip(falls.payers, parts, strict=False):
        if part is not parts[-1] or rest > 0.0:
            assert earlier.pot.capital <= 1e-12 * loss + 1e-9


@given(losses=st.lists(st.floats(0.0, 1e5), min_size=2, max_size=5), order=st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_what_each_layer_pays_does_not_depend_on_the_order_of_simultaneous_losses(losses, order):
    def paid(sequence: list[float]) -> list[float]:
        falls = TimedWaterfall(
            [
                DaoOffsetLayer(capital=3e4),
                StakedSameAssetLayer(capital=9e4, cover_delay_seconds=DAY),
                StakedOwnTokenLayer(asset="TKN", capital=2e5),
                InsuranceFundLayer(capital=2e4, attachment_usd=1e4),
                DeferredLayer(),
            ]
        )
        for loss in sequence:
            falls.allocate(loss, 0.0, market_at(1.0))
        return [payer.paid_units + payer.pending_units for payer in falls.payers]

    shuffled = order.sample(losses, len(losses))
    np.testing.assert_allclose(paid(shuffled), paid(losses), rtol=1e-9, atol=1e-6)


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["enter", "cool down", "leave", "slash", "earn"]), st.integers(0, 2), st.floats(0.01, 0.99)
        ),
        max_size=25,
    )
)
def test_shares_are_but_a_way_to_count_what_each_has(steps):
    """Written without shares: what each put in and has cooled down, cut and raised by the same part as everybody's."""
    stake = Stake(100.0, 0.0)
    stake.open_accounts(2)
    has, cooled = np.array([100.0, 0.0, 0.0]), np.zeros(3)
    for what, who, part in steps:
        if what == "enter":
            stake.enter(who, 300.0 * part, 0.0)
            has[who] += 300.0 * part
        elif what == "cool down":
            stake.cool_down(who, 0.0)
            cooled[who] = has[who]
        elif what == "leave" and cooled[who] > 0.0:
            units = part * min(has[who], cooled[who])
            assert stake.leave(who, units, 0.0) == units
            has[who] -= units
            cooled[who] -= units
        elif what in ("slash", "earn"):
            kept = 1.0 - part if what == "slash" else 1.0 + part
            if what == "slash":
                np.testing.assert_allclose(stake.slash(part * has.sum(), 0.0), part * has, rtol=1e-9, atol=1e-9)
            else:
                stake.mark(kept * stake.assets)
            has, cooled = kept * has, kept * cooled
        np.testing.assert_allclose(stake.holdings, has, rtol=1e-9, atol=1e-9)


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["pay", "advance", "recover", "enter"]), st.floats(0.0, 500.0)), max_size=12
    ),
    fee=st.sampled_from([0.0, 0.1]),
)
@settings(max_examples=60)
def test_what_is_slashed_is_in_the_stake_or_held_or_burned_and_never_twice(steps, fee):
    layer = StakedSameAssetLayer(capital=1000.0, cover_delay_seconds=DAY, liquidation_fee=fee).start()
    market, now, burned, put_in = LossMarket(), 0.0, 0.0, 1000.0
    for what, amount in steps:
        now += DAY / 3
        if what == "pay":
            layer.pay(min(amount, layer.capacity(now, market)), now, market)
        elif what == "enter":
            layer.stake.enter(0, amount, now)
            put_in += amount
        elif what == "recover":
            put_in += layer.recover(amount, market).restored
        burned += sum(effect.units for effect in layer.advance(now, market).effects)
        assert layer.stake.assets + layer.held + burned == close(put_in)
        assert layer.held == close(layer.pending_units * (1.0 + fee))
        assert layer.stake.assets >= 1.0 - 1e-9


@given(
    story=st.lists(
        st.tuples(st.sampled_from(["offset", "deposit", "withdraw"]), st.integers(0, 3), st.floats(0.0, 1.0)),
        max_size=20,
    )
)
@settings(max_examples=60)
def test_product_and_sum_agree_with_a_loop_over_depositors(story):
    pool = StabilityPoolLayer(capital=100.0).start()
    pool.open_accounts(3)
    deposits, gains = [100.0, 0.0, 0.0, 0.0], [0.0] * 4
    for what, holder, part in story:
        if what == "deposit":
            pool.deposit(holder, 100.0 * part)
            deposits[holder] += 100.0 * part
        elif what == "withdraw":
            deposits[holder] -= pool.withdraw(holder, float(pool.deposits[holder]) * part)
        elif pool.total > 0.0:
            burned, total = pool.total * part, sum(deposits)
            pool.pay(burned, 0.0, LossMarket(collateral_per_unit=0.01))
            for k, deposit in enumerate(deposits):
                gains[k] += 0.01 * burned * deposit / total
                deposits[k] = deposit * ((total - burned) / total)
        np.testing.assert_allclose(pool.deposits, deposits, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(pool.gains, gains, rtol=1e-9, atol=1e-9)
        assert pool.total == close(sum(deposits))


@given(
    profits=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=6),
    key=st.sampled_from(["rank", "pro_rata"]),
    part=st.floats(0.0, 1.0),
)
@settings(max_examples=60)
def test_winners_pay_the_loss_and_nobody_is_left_below_zero(profits, key, part):
    market = LossMarket(profits=np.array(profits), ranks=np.arange(len(profits), dtype=np.float64))
    layer = AutoDeleverageLayer(key=key).start()
    loss = layer.capacity(0.0, market) * part
    for effect in layer.pay(loss, 0.0, market).effects:
        left = np.maximum(market.profits, 0.0) - effect.by_holder
        assert (left >= -1e-9 * np.abs(market.profits)).all()
        assert float(effect.by_holder.sum()) == close(loss)


@given(
    loss=st.floats(1.0, 1e5), capitals=st.lists(st.floats(1.0, 4e4), min_size=3, max_size=3), back=st.floats(0.0, 2e5)
)
@settings(max_examples=60)
def test_recoveries_go_to_the_last_payer_first_and_never_above_what_was_paid(loss, capitals, back):
    falls = TimedWaterfall([InsuranceFundLayer(capital=capital) for capital in capitals])
    falls.allocate(loss, 0.0, LossMarket())
    _, surplus = falls.recover(back, LossMarket())
    left = max(back - falls.filled_units, 0.0)
    for payer in reversed(falls.payers):
        assert payer.restored_units == close(min(left, payer.paid_units))
        left = max(left - payer.paid_units, 0.0)
    assert surplus == close(max(back - loss, 0.0))


BOOKED = {  # what a payment does to cash, deficit, debt, claims and treasury of a pool
    "claims": {"deficit": -1.0, "claims": -1.0},
    "treasury": {"deficit": -1.0, "treasury": -1.0},
    "cash": {"deficit": -1.0, "cash": 1.0},
    "debt": {"deficit": -1.0, "debt": 1.0},
    "nothing": {},
}


@given(
    loss=st.floats(1.0, 5e5), name=st.sampled_from(["aave_v3_umbrella", "comet", "liquity", "morpho_market", "ajna"])
)
@settings(max_examples=40)
def test_the_sheet_of_the_pool_balances_before_and_after(loss, name):
    """Cash + debt + deficit = claims + treasury; what a layer pays with says how it is booked."""
    sheet = {"cash": 2e5, "debt": 8.1e5, "deficit": 0.0, "claims": 1e6, "treasury": 1e4}
    sheet["debt"] -= loss
    sheet["deficit"] += loss
    falls = TimedWaterfall(preset(name))
    parts, rest = falls.allocate(loss, 0.0, market_at(1.0))
    for part in parts:
        payer = falls.payers[falls.names.index(part.layer)]
        for entry, sign in BOOKED[payer.settles].items():
            sheet[entry] += sign * part.paid.units
    assert sheet["cash"] + sheet["debt"] + sheet["deficit"] == close(sheet["claims"] + sheet["treasury"])
    assert sheet["deficit"] == close(rest + falls.pending_units)


def test_a_deferred_loss_cuts_no_claim():
    parts, _ = TimedWaterfall(preset("morpho_vault_deferred")).allocate(1e5, 0.0, market_at(1.0))
    assert [part.paid.effects for part in parts] == [()]
