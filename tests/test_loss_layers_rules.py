"""Loss layers that write a loss down or sell for it, by protocol and the figures published for it."""

from math import inf

import numpy as np
import pytest

from models.losses import (
    AutoDeleverageLayer,
    HaircutLayer,
    InKindLayer,
    InvalidStake,
    LossMarket,
    MintAuctionLayer,
    PoolDepth,
    PriceBucketLayer,
    TimedWaterfall,
    WithdrawalChargeLayer,
    deleverage_rank,
    lost_assets,
    preset,
    stayers_haircut,
)
from models.losses.sharing import highest_first, pro_rata

DAY = 86400.0
HOUR = 3600.0
PLAIN = LossMarket(claims=1e6)


def token(price: float, depth: float = inf, name: str = "TKN", **more: float) -> LossMarket:
    return LossMarket(claims=1e6, tokens={name: PoolDepth(price, depth)}, **more)


# Comet


def test_comet_reserves_bear_the_debt_and_regain_what_the_collateral_sells_for():
    """Reserves 200, debt 100, collateral 90, liquidation factor 0.93, store front 0.5: 100, then 186.85."""
    reserves = 200.0
    layers = TimedWaterfall(preset("comet"))
    parts, _ = layers.allocate(100.0, 0.0, LossMarket(treasury=reserves))
    reserves -= parts[0].paid.units
    assert reserves == 100.0
    sold_for = 90.0 * (1.0 - 0.5 * (1.0 - 0.93))
    returned, surplus = layers.recover(sold_for, PLAIN)
    reserves += returned[0].recovered.restored
    assert (reserves, surplus) == (pytest.approx(186.85, abs=1e-9), 0.0)


def test_comet_without_reserves_defers_the_loss():
    parts, rest = TimedWaterfall(preset("comet")).allocate(100.0, 0.0, LossMarket(claims=1e3, treasury=30.0))
    assert [(p.layer, p.paid.units, p.paid.pending) for p in parts] == [("reserve", 30.0, 0.0), ("deferred", 0.0, 70.0)]
    assert rest == 0.0


# Maker


def vow(**terms: float):
    return MintAuctionLayer(asset="MKR", **{"wait_seconds": 0.0, **terms}).start()


def test_surplus_heals_first_and_whole_lots_of_the_rest_are_auctioned():
    layer = vow(surplus=500_000.0)
    market = token(300.0, name="MKR")
    assert layer.pay(620_000.0, 0.0, market).pending == 620_000.0
    assert layer.advance(0.0, market).units == 500_000.0
    assert (len(layer.auctions), layer.debt, layer.surplus) == (2, 20_000.0, 0.0)
    assert layer.advance(2 * HOUR, market).units == 0.0
    paid = layer.advance(3 * HOUR, market)
    assert (paid.units, layer.minted) == (100_000.0, pytest.approx(100_000.0 / 300.0))
    assert (layer.pending_units, layer.due_seconds) == (20_000.0, inf)  # less than a lot waits for surplus
    layer.receive(25_000.0)
    assert layer.due_seconds == -inf
    assert layer.advance(4 * HOUR, market).units == 20_000.0
    assert (layer.surplus, layer.pending_units, layer.due_seconds) == (5_000.0, 0.0, inf)


@pytest.mark.parametrize(("price", "minted"), [(50_000.0 / 173.0, 173.0), (50_000.0 / 190.0, 190.0)])
def test_the_early_lots_of_march_2020_clear_at_what_they_did(price, minted):
    layer = vow(surplus=0.0)
    layer.pay(50_000.0, 0.0, token(price, name="MKR"))
    layer.advance(0.0, token(price, name="MKR"))
    layer.advance(3 * HOUR, token(price, name="MKR"))
    assert layer.minted == pytest.approx(minted)


def test_the_debt_of_march_2020_dilutes_by_two_percent():
    """106 lots, 5.3M DAI, for 20,980 MKR of about a million."""
    layer = vow(surplus=0.0)
    market = token(5.3e6 / 20_980.0, name="MKR")
    layer.pay(5.3e6, 0.0, market)
    layer.advance(0.0, market)
    assert len(layer.auctions) == 106
    assert layer.advance(3 * HOUR, market).units == 5.3e6
    assert layer.minted / 1e6 == pytest.approx(0.021, abs=5e-4)


def test_a_lot_that_nobody_takes_is_offered_again_for_half_as_many_tokens_more():
    layer = vow(surplus=0.0)
    market = token(200.0, name="MKR")  # 250 tokens for the lot, but a bid must ask 5 % less than the offer
    layer.pay(50_000.0, 0.0, market)
    for hours in (0.0, 3.0, 47.0):
        assert layer.advance(hours * HOUR, market).units == 0.0
    layer.advance(48 * HOUR, market)
    assert (layer.auctions[0].offered, layer.minted) == (375.0, 0.0)
    layer.advance(51 * HOUR, market)
    assert layer.minted == pytest.approx(250.0)


def test_each_lot_meets_the_price_that_the_one_before_has_left():
    layer = vow(surplus=0.0, first_offer=1000.0)
    market = token(300.0, depth=2000.0, name="MKR")
    layer.pay(150_000.0, 0.0, market)
    layer.advance(0.0, market)
    layer.advance(3 * HOUR, market)
    assert layer.minted == pytest.approx(150_000.0 / (300.0 - 150_000.0 / 2000.0))
    assert layer.minted > 150_000.0 / 300.0


def test_what_the_market_can_pay_for_tokens_is_the_capacity_and_falls_with_their_price():
    layer = vow(surplus=1000.0)
    deep = token(100.0, depth=50.0, name="MKR")
    assert layer.capacity(0.0, deep) == 6000.0
    assert layer.capacity(0.0, token(50.0, depth=50.0, name="MKR")) == 3500.0
    layer.pay(600.0, 0.0, deep)
    assert layer.capacity(0.0, deep) == 5400.0


def test_a_loss_waits_in_the_queue_before_it_is_debt():
    layer = MintAuctionLayer(asset="MKR").start()
    market = token(300.0, name="MKR")
    assert layer.pay(10_000.0, 0.0, market).due_seconds == 156 * HOUR == layer.due_seconds
    assert layer.advance(155 * HOUR, market).units == 0.0
    assert layer.advance(156 * HOUR, market).units == 10_000.0


# Morpho, Euler, Mango, Compound v2


@pytest.mark.parametrize("name", ["morpho_market", "euler_v2"])
def test_a_haircut_cuts_the_share_price_by_bad_debt_over_supply(name):
    suppliers = np.array([50.0, 150.0, 800.0])
    (part,), rest = TimedWaterfall(preset(name)).allocate(130.0, 0.0, LossMarket(claims=1000.0, suppliers=suppliers))
    (cut,) = part.paid.effects
    np.testing.assert_allclose((suppliers - cut.by_holder) / suppliers, 1.0 - 130.0 / 1000.0)
    assert (part.paid.units, rest) == (130.0, 0.0)


def test_a_haircut_ends_where_claims_end_and_the_rest_is_uncovered():
    layers = TimedWaterfall([HaircutLayer()])
    (part,), rest = layers.allocate(130.0, 0.0, LossMarket(claims=100.0))
    assert (part.paid.units, rest, layers.uncovered_units) == (100.0, 30.0, 30.0)
    assert part.paid.effects[0].by_holder is None


def test_the_deferred_vault_carries_its_loss_at_an_unchanged_price():
    lost = lost_assets(real=900.0, last_total=1000.0, lost=0.0)
    assert (lost, 900.0 + lost) == (100.0, 1000.0)
    assert lost_assets(real=950.0, last_total=1000.0, lost=100.0) == 100.0  # a gain is interest, not a recovery
    assert lost_assets(real=850.0, last_total=1050.0, lost=100.0) == 200.0


@pytest.mark.parametrize(("left", "haircut"), [(0.0, 0.100), (0.1, 0.111), (0.2, 0.125), (0.3, 0.143)])
def test_those_who_stay_bear_what_those_who_left_did_not(left, haircut):
    assert stayers_haircut(10.0, 100.0, left) == pytest.approx(haircut, abs=5e-4)


def test_there_is_no_haircut_for_nobody():
    with pytest.raises(InvalidStake, match="nobody stays"):
        stayers_haircut(10.0, 100.0, 1.0)
    assert stayers_haircut(10.0, 100.0, 0.95) == 1.0


# Ajna, Silo


def test_ajna_reserves_pay_before_the_highest_price_buckets():
    market = LossMarket(
        treasury=20.0,
        suppliers=np.array([100.0, 30.0, 70.0, 500.0]),
        bucket_prices=np.array([1900.0, 2000.0, 2000.0, 1800.0]),
    )
    parts, rest = TimedWaterfall(preset("ajna")).allocate(160.0, 0.0, market)
    assert [(p.layer, p.paid.units) for p in parts] == [("reserve", 20.0), ("price_bucket", 140.0)]
    np.testing.assert_allclose(parts[1].paid.effects[0].by_holder, [40.0, 30.0, 70.0, 0.0])
    assert rest == 0.0
    assert PriceBucketLayer().start().capacity(0.0, PLAIN) == 0.0


def test_in_kind_suppliers_get_the_collateral_for_their_claims():
    market = LossMarket(
        claims=1000.0,
        suppliers=np.array([250.0, 750.0]),
        tokens={"ETH": PoolDepth(20.0)},
        collateral_asset="ETH",
        collateral_per_unit=0.04,
    )
    cut, given = InKindLayer().start().pay(100.0, 0.0, market).effects
    np.testing.assert_allclose((cut.by_holder, given.by_holder), ([25.0, 75.0], [1.0, 3.0]))
    generous = InKindLayer(discount=0.5).start().pay(100.0, 0.0, market).effects[1]
    assert generous.units == 4.0  # ten at half the price would be more than goes with the loss
    for price in (20.0, 0.5):
        tokens = {"ETH": PoolDepth(price)}
        plenty = LossMarket(claims=1e3, tokens=tokens, collateral_asset="ETH", collateral_per_unit=100.0)
        discounted = InKindLayer(discount=0.2).start().pay(100.0, 0.0, plenty).effects[1]
        assert discounted.units == pytest.approx(100.0 / (0.8 * price))
    assert InKindLayer().start().pay(100.0, 0.0, PLAIN).effects[1].units == 0.0


# Winners and leavers


def test_deleveraging_takes_from_the_highest_rank_first_and_never_more_than_profits():
    market = LossMarket(profits=np.array([50.0, -20.0, 30.0, 100.0]), ranks=np.array([1.0, -2.0, 9.0, 3.0]))
    layer = AutoDeleverageLayer().start()
    assert layer.capacity(0.0, market) == 180.0
    (cut,) = layer.pay(100.0, 0.0, market).effects
    np.testing.assert_allclose(cut.by_holder, [0.0, 0.0, 30.0, 70.0])


def test_the_clawback_of_okex_was_eighteen_percent_of_every_profit():
    profits = np.array([1000.0, -500.0, 1200.0 / 0.18 - 1000.0])
    (cut,) = AutoDeleverageLayer(key="pro_rata").start().pay(1200.0, 0.0, LossMarket(profits=profits)).effects
    np.testing.assert_allclose(cut.by_holder / profits, [0.18, 0.0, 0.18])


def test_the_rank_of_bitmex_multiplies_gains_and_divides_losses_by_leverage():
    mark, entry = np.full(3, 110.0), np.array([100.0, 100.0, 120.0])
    ranks = deleverage_rank(mark, entry, bankrupt=np.array([99.0, 55.0, 99.0]))
    np.testing.assert_allclose(ranks, [0.1 * 10.0, 0.1 * 2.0, -10.0 / 120.0 / 10.0])
    short = deleverage_rank(np.array([-110.0]), np.array([-120.0]), np.array([-121.0]))
    np.testing.assert_allclose(short, [10.0 / 120.0 * 10.0])


def test_all_who_leave_pay_the_same_factor_and_who_waits_for_a_recovery_pays_nothing():
    layers = TimedWaterfall([WithdrawalChargeLayer()])
    layers.allocate(10.0, 0.0, LossMarket(claims=100.0))
    charge = layers.payers[0]
    assert charge.capacity(0.0, LossMarket(claims=100.0)) == 90.0
    charged = [charge.charge(20.0, 0.0, LossMarket(claims=claims)).units for claims in (100.0, 80.0)]
    np.testing.assert_allclose(charged, [2.0, 2.0])
    left = LossMarket(claims=60.0)
    assert charge.factor(left) == pytest.approx(0.1)
    _, surplus = layers.recover(10.0, left)
    assert (charge.factor(left), surplus) == (0.0, pytest.approx(4.0))
    assert charge.charge(20.0, 0.0, left).units == 0.0
    with pytest.raises(InvalidStake, match="cannot withdraw 61"):
        charge.charge(61.0, 0.0, left)


def test_where_nobody_has_a_stake_nobody_bears_anything():
    assert pro_rata(5.0, np.zeros(3)).tolist() == [0.0] * 3
    assert highest_first(5.0, np.zeros(2), np.array([1.0, 1.0])).tolist() == [0.0] * 2
    assert highest_first(5.0, np.zeros(0), np.zeros(0)).tolist() == []
