"""Loss layers with a state: what they refuse, their terms over time, presets, funds, cover and rescues."""

from math import inf
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from models.losses import (
    PRESETS,
    TIMED_LAYERS,
    AutoDeleverageLayer,
    BackstopVaultLayer,
    BeyondCapacity,
    DaoOffsetLayer,
    DeferredLayer,
    DiscretionaryRescueLayer,
    ExternalCoverLayer,
    HaircutLayer,
    InsuranceFundLayer,
    InvalidLoss,
    InvalidStake,
    LossMarket,
    MintAuctionLayer,
    PoolDepth,
    PresetName,
    ReserveLayer,
    StakedOwnTokenLayer,
    StakedSameAssetLayer,
    TimedWaterfall,
    UnknownPreset,
    UnpricedAsset,
    preset,
)

DAY = 86400.0
HOUR = 3600.0
PLAIN = LossMarket(claims=1e6)


def token(price: float, depth: float = inf, name: str = "TKN", **more: float) -> LossMarket:
    return LossMarket(claims=1e6, tokens={name: PoolDepth(price, depth)}, **more)


# Refusals


@pytest.mark.parametrize(
    ("terms", "given"),
    [
        (DaoOffsetLayer, {"capital": -1.0}),
        (StakedSameAssetLayer, {"target_liquidity": 0.0}),
        (StakedOwnTokenLayer, {"asset": "TKN", "capital": 1.0, "share_slashable": 1.1}),
        (BackstopVaultLayer, {"capital": 1.0, "rebalance_seconds": 0.0}),
        (DiscretionaryRescueLayer, {"capital": 1.0, "probability": 2.0, "delay_seconds": 0.0}),
        (MintAuctionLayer, {"asset": "TKN", "raise_factor": 1.0}),
        (InsuranceFundLayer, {"capital": inf}),
        (AutoDeleverageLayer, {"key": "luck"}),
        (HaircutLayer, {"share": 0.0}),
        (DeferredLayer, {"attachment_usd": -1.0}),
    ],
)
def test_terms_that_make_no_layer_are_refused(terms, given):
    with pytest.raises(ValidationError):
        terms.model_validate(given)


def test_a_layer_asked_for_more_than_it_has_refuses_and_changes_nothing():
    fund = InsuranceFundLayer(capital=10.0).start()
    with pytest.raises(BeyondCapacity, match=r"can pay 10\.0 is asked for 11\.0"):
        fund.pay(11.0, 0.0, PLAIN)
    assert (fund.pot.capital, fund.paid_units) == (10.0, 0.0)


def test_an_asset_without_a_price_is_refused_before_anybody_pays():
    layers = TimedWaterfall([InsuranceFundLayer(capital=10.0), InsuranceFundLayer(capital=10.0, asset="TKN")])
    with pytest.raises(UnpricedAsset, match="holds TKN, but the market prices ETH"):
        layers.allocate(15.0, 0.0, token(1.0, name="ETH"))
    assert layers.paid_units == layers.lost_units == 0.0


@pytest.mark.parametrize("units", [-1.0, inf, float("nan")])
def test_losses_and_recoveries_that_are_no_amount_are_refused(units):
    layers = TimedWaterfall([DeferredLayer()])
    with pytest.raises(InvalidLoss):
        layers.allocate(units, 0.0, PLAIN)
    with pytest.raises(InvalidLoss):
        layers.recover(units, PLAIN)


def test_a_preset_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(UnknownPreset, match=r"'aave'; choose one of .*aave_v3_umbrella"):
        preset("aave")


# The presets


def test_every_preset_starts_from_layers_with_a_state():
    assert set(get_args(PresetName)) == set(PRESETS), "a preset is named in both"
    for name in PRESETS:
        assert all(type(layer) in TIMED_LAYERS for layer in preset(name))
        assert len(TimedWaterfall(preset(name)).payers) == len(preset(name))
    assert len({layer.model_fields["kind"].default for layer in TIMED_LAYERS}) == len(TIMED_LAYERS)


def test_layers_of_one_kind_are_told_apart():
    layers = [InsuranceFundLayer(capital=1.0), DeferredLayer(), InsuranceFundLayer(capital=1.0)]
    assert TimedWaterfall(layers).names == ("insurance_fund.0", "deferred", "insurance_fund.1")


# Depth


def test_the_depth_of_a_pool_is_that_of_a_constant_product():
    pool = PoolDepth(10.0, 100.0)
    assert pool.proceeds(100.0) == pytest.approx(500.0)
    assert pool.price_after(100.0) == pytest.approx(2.5)
    assert pool.units_for(500.0) == pytest.approx(100.0)
    assert (pool.proceeds(inf), pool.units_for(1000.0)) == (1000.0, inf)
    assert (PoolDepth(10.0).proceeds(7.0), PoolDepth(10.0).units_for(70.0)) == (pytest.approx(70.0), 7.0)
    assert PoolDepth(10.0).proceeds(inf) == inf
    assert [PoolDepth(0.0).proceeds(5.0), PoolDepth(1.0, 0.0).proceeds(5.0), PoolDepth(1.0).proceeds(0.0)] == [0.0] * 3
    assert PoolDepth(0.0).units_for(5.0) == PoolDepth(1.0, 0.0).units_for(5.0) == inf


# Funds, cover, rescues


def test_the_fund_of_dydx_loses_forty_percent_to_one_event():
    fund = InsuranceFundLayer(capital=22.5e6).start()
    fund.pay(9e6, 0.0, PLAIN)
    assert (fund.pot.capital, 9e6 / 22.5e6) == (13.5e6, 0.4)


def test_an_all_or_nothing_fund_leaves_a_loss_that_it_cannot_pay_whole():
    layers = TimedWaterfall([InsuranceFundLayer(capital=100.0, all_or_nothing=True), DeferredLayer()])
    first, _ = layers.allocate(101.0, 0.0, PLAIN)
    second, _ = layers.allocate(100.0, 0.0, PLAIN)
    assert [part.layer for part in first + second] == ["deferred", "insurance_fund"]


def test_an_all_or_nothing_fund_asks_only_for_what_its_terms_make_due():
    fund = InsuranceFundLayer(capital=100.0, all_or_nothing=True, attachment_usd=50.0)
    parts, rest = TimedWaterfall([fund]).allocate(150.0, 0.0, PLAIN)
    assert (parts[0].paid.units, rest) == (100.0, 50.0)


def test_a_fund_in_another_asset_pays_at_its_price_and_is_refilled_at_the_price_of_then():
    fund = InsuranceFundLayer(capital=10.0, asset="TKN").start()
    paid = fund.pay(500.0, 0.0, token(100.0))
    assert (paid.effects[0].units, fund.pot.capital) == (5.0, 5.0)
    assert fund.capacity(0.0, token(10.0)) == pytest.approx(50.0)
    assert fund.recover(500.0, token(50.0)).restored == 500.0
    assert fund.pot.capital == 15.0
    fund.pot.receive(1.0)
    with pytest.raises(InvalidStake, match="cannot receive -1"):
        fund.pot.receive(-1.0)
    assert fund.recover(1.0, token(0.0)).restored == 0.0


def test_an_offset_that_is_promised_is_used_up_and_paid_after_the_vote():
    offset = DaoOffsetLayer(capital=100.0, delay_seconds=DAY).start()
    offset.pay(70.0, 0.0, PLAIN)
    assert (offset.capacity(0.0, PLAIN), offset.capital) == (30.0, 100.0)
    assert (offset.advance(DAY, PLAIN).units, offset.capital) == (70.0, 30.0)


def test_a_recovery_calls_off_what_is_pending_before_it_pays_anybody_back_and_each_part_once():
    offset = DaoOffsetLayer(capital=100.0, delay_seconds=DAY).start()
    offset.pay(40.0, 0.0, PLAIN)
    offset.advance(DAY, PLAIN)
    offset.pay(30.0, DAY, PLAIN)
    assert offset.recover(50.0, PLAIN) == (30.0, 20.0)
    assert offset.recover(50.0, PLAIN) == (0.0, 20.0)
    assert offset.recover(50.0, PLAIN) == (0.0, 0.0)
    assert offset.capacity(DAY, PLAIN) == 100.0


def test_external_cover_pays_after_its_assessment_and_only_for_its_period():
    cover = ExternalCoverLayer(capital=100.0, starts_seconds=DAY, ends_seconds=3 * DAY).start()
    assert [cover.capacity(t * DAY, PLAIN) for t in (0.0, 1.0, 3.0)] == [0.0, 100.0, 0.0]
    assert cover.pay(60.0, 2 * DAY, PLAIN).due_seconds == 5 * DAY
    assert cover.capacity(2 * DAY, PLAIN) == 40.0
    paid = cover.advance(5 * DAY, PLAIN)
    assert [(e.what, e.units) for e in paid.effects] == [("slashed", 30.0), ("mutualised", 30.0)]
    assert (paid.units, cover.pot.capital) == (60.0, 40.0)
    assert cover.recover(100.0, PLAIN).restored == 60.0  # subrogation, up to what was paid


@pytest.mark.parametrize(("draw", "pays"), [(0.29, 90.0), (0.3, 0.0)])
def test_one_draw_decides_the_rescue_of_all_losses_of_one_decision(draw, pays):
    layers = TimedWaterfall([DiscretionaryRescueLayer(capital=100.0, probability=0.3, delay_seconds=DAY)])
    layers.allocate(50.0, 0.0, LossMarket(draw=draw))
    parts, rest = layers.allocate(40.0, DAY / 2, LossMarket(draw=1.0 - draw))
    assert (parts[0].paid.due_seconds, rest, layers.pending_units) == (DAY, 0.0, 90.0)
    parts, rest = layers.advance(DAY, PLAIN)
    assert (parts[0].paid.units, rest) == (pays, 90.0 - pays)
    assert (layers.pending_units, layers.uncovered_units) == (0.0, 90.0 - pays)


def test_a_rescue_that_needs_no_time_is_known_at_once():
    rescue = DiscretionaryRescueLayer(capital=100.0, probability=0.3, delay_seconds=0.0).start()
    assert [rescue.capacity(0.0, LossMarket(draw=draw)) for draw in (0.1, 0.9)] == [100.0, 0.0]
    assert rescue.pay(10.0, 0.0, LossMarket(draw=0.1)).units == 10.0


@pytest.mark.parametrize(("draw", "price", "rescued"), [(0.1, 1.0, 60.0), (0.1, 0.5, 50.0), (0.9, 1.0, 0.0)])
def test_what_others_fail_to_pay_on_the_day_of_a_decision_is_rescued_with_the_rest_or_goes_on(draw, price, rescued):
    """Two promises of one loss fall due together: 300 tokens for 30 that are worth 10 then, and a rescue for 40."""
    layers = TimedWaterfall(
        [
            StakedOwnTokenLayer(asset="TKN", capital=1000.0, delay_seconds=DAY),
            DiscretionaryRescueLayer(asset="SAFE", capital=100.0, probability=0.5, delay_seconds=DAY),
            HaircutLayer(),
        ]
    )
    then = {"TKN": PoolDepth(0.1), "SAFE": PoolDepth(1.0)}
    layers.allocate(70.0, 0.0, LossMarket(claims=1e6, tokens=then, draw=draw))
    now = {"TKN": PoolDepth(0.1 / 3.0), "SAFE": PoolDepth(price)}
    layers.advance(DAY, LossMarket(claims=1e6, tokens=now, draw=1.0 - draw))
    assert [payer.paid_units for payer in layers.payers] == pytest.approx([10.0, rescued, 60.0 - rescued])
    assert (layers.paid_units, layers.pending_units, layers.uncovered_units) == (pytest.approx(70.0), 0.0, 0.0)


# Terms over all losses


def test_the_attachment_is_borne_once_and_the_limit_binds_all_losses():
    fund = InsuranceFundLayer(capital=1e6, attachment_usd=100.0, aggregate_limit_usd=200.0, share=0.5)
    layers = TimedWaterfall([fund])
    market = LossMarket(debt_price_usd=2.0)
    taken = [sum(part.paid.units for part in layers.allocate(60.0, 0.0, market)[0]) for _ in range(6)]
    np.testing.assert_allclose(taken, [5.0, 30.0, 30.0, 30.0, 5.0, 0.0])


def test_the_terms_of_one_loss_still_bind_each():
    fund = InsuranceFundLayer(capital=1e6, deductible_usd=10.0, limit_usd=30.0)
    layers = TimedWaterfall([fund])
    assert [layers.allocate(loss, 0.0, PLAIN)[1] for loss in (5.0, 25.0, 100.0)] == [5.0, 10.0, 70.0]


def test_a_reserve_pays_what_the_treasury_claims():
    parts, rest = TimedWaterfall([ReserveLayer(share=0.5)]).allocate(100.0, 0.0, LossMarket(treasury=30.0))
    assert (parts[0].paid.units, rest) == (30.0, 70.0)
