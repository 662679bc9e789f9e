"""Loss layers with stakers behind them: Umbrella, safety module, stability pool, vaults; by the published figures."""

from math import inf

import numpy as np
import pytest

from models.losses import (
    BackstopVaultLayer,
    DeferredLayer,
    ExitRefused,
    InvalidStake,
    LossMarket,
    PoolDepth,
    RedistributeToBorrowersLayer,
    StabilityPoolLayer,
    StakedOwnTokenLayer,
    StakedSameAssetLayer,
    TimedWaterfall,
    preset,
    slashable_deficit,
)

DAY = 86400.0
HOUR = 3600.0
PLAIN = LossMarket(claims=1e6)


def token(price: float, depth: float = inf, name: str = "TKN", **more: float) -> LossMarket:
    return LossMarket(claims=1e6, tokens={name: PoolDepth(price, depth)}, **more)


# Umbrella


@pytest.mark.parametrize(("filled", "yields"), [(1e-9, 0.0706), (1.0, 0.0353), (2.0, 0.0141)])
def test_the_umbrella_curve_pays_the_published_yields(filled, yields):
    terms = StakedSameAssetLayer(target_liquidity=85e6, max_emission_per_year=3e6)
    staked = filled * 85e6
    assert terms.emission_per_year(staked) / staked == pytest.approx(yields, abs=5e-5)


def test_the_umbrella_curve_has_no_jumps_and_its_published_pieces():
    terms = StakedSameAssetLayer(target_liquidity=100.0, max_emission_per_year=10.0)
    assert [terms.emission_per_year(s) for s in (0.0, 50.0, 100.0)] == [0.0, 7.5, 10.0]
    assert terms.emission_per_year(110.0) == pytest.approx(9.0)
    assert [terms.emission_per_year(s) for s in (120.0, 500.0)] == [8.0, 8.0]
    for corner in (100.0, 120.0):
        below, above = terms.emission_per_year(np.nextafter(corner, 0.0)), terms.emission_per_year(corner)
        assert below == pytest.approx(above, rel=1e-12)


def test_the_deficits_that_aip_467_cleared_stay_within_the_offset():
    layers = TimedWaterfall(preset("aave_v3_umbrella"))
    parts, _ = layers.allocate(51_185.0, 0.0, PLAIN)
    assert [(part.layer, part.paid.units) for part in parts] == [("dao_offset", 51_185.0)]
    assert layers.payers[1].stake.assets == 32_520_000.0


def test_a_loss_beyond_offset_and_stake_stays_as_a_deficit():
    layers = TimedWaterfall(preset("aave_v3_umbrella"))
    parts, rest = layers.allocate(40e6, 0.0, PLAIN)
    assert [(part.layer, part.paid.units + part.paid.pending) for part in parts] == [
        ("dao_offset", 1.3e6),
        ("staked_same_asset", 32_519_999.0),
        ("deferred", 6_180_001.0),
    ]
    assert (rest, layers.pending_units) == (0.0, 6_180_001.0)


def test_what_is_slashed_waits_for_its_cover_and_is_not_slashed_for_again():
    layer = StakedSameAssetLayer(capital=1000.0, least_assets=0.0, cover_delay_seconds=DAY).start()
    first = layer.pay(300.0, 0.0, PLAIN)
    assert (first.units, first.pending, first.due_seconds) == (0.0, 300.0, DAY)
    assert (layer.stake.assets, layer.held, layer.capacity(0.0, PLAIN)) == (700.0, 300.0, 700.0)
    assert slashable_deficit(deficit=300.0, offset=0.0, pending=layer.pending_units) == 0.0
    assert slashable_deficit(deficit=500.0, offset=50.0, pending=layer.pending_units) == 150.0
    assert layer.advance(DAY - 1.0, PLAIN).units == 0.0
    paid = layer.advance(DAY, PLAIN)
    assert (paid.units, layer.held, layer.stake.assets, layer.pending_units) == (300.0, 0.0, 700.0, 0.0)


@pytest.mark.parametrize("back", [40.0, 100.0])
def test_what_a_recovery_calls_off_of_a_stake_slashed_to_the_last_stays_with_the_collector(back):
    """Nobody has shares any more: it is not slashed again, and burned with what is still to be covered."""
    layer = StakedSameAssetLayer(capital=100.0, least_assets=0.0, cover_delay_seconds=DAY).start()
    layer.pay(100.0, 0.0, PLAIN)
    assert layer.recover(back, PLAIN).released == back
    layer.see(100.0, 0.0)  # the claims are still there
    assert (layer.held, layer.stake.assets, layer.capacity(0.0, PLAIN)) == (100.0, 0.0, 0.0)
    paid = layer.advance(DAY, PLAIN)
    assert (paid.units, [effect.units for effect in paid.effects]) == (100.0 - back, [100.0][: back < 100.0])


def test_the_liquidation_fee_and_the_price_of_the_stake_size_the_slash():
    layer = StakedSameAssetLayer(capital=1000.0, least_assets=10.0, liquidation_fee=0.1, asset="TKN").start()
    market = token(2.0)
    assert layer.capacity(0.0, market) == pytest.approx(990.0 * 2.0 / 1.1)
    (slashed, burned) = layer.pay(200.0, 0.0, market).effects
    assert slashed.units == burned.units == pytest.approx(200.0 * 1.1 / 2.0)


def test_what_rounds_on_its_way_through_tokens_and_back_is_no_shortfall():
    for price in (0.7, 1.3, 3.1):
        for fee in (0.01, 0.07, 0.3):
            terms = StakedSameAssetLayer(capital=1e4, least_assets=0.0, liquidation_fee=fee, asset="TKN")
            paid = [terms.start().pay(units, 0.0, token(price)) for units in (0.1, 7.3, 55.7, 111.1)]
            assert [(one.units, one.shortfall) for one in paid] == [(units, 0.0) for units in (0.1, 7.3, 55.7, 111.1)]


def test_a_pause_stops_slashing_and_exit():
    layer = StakedSameAssetLayer(capital=1000.0).start()
    layer.stake.paused = True
    assert layer.capacity(0.0, PLAIN) == 0.0
    with pytest.raises(ExitRefused, match="paused"):
        layer.stake.leave(0, 1.0, 0.0)
    with pytest.raises(InvalidStake, match="paused"):
        layer.stake.enter(0, 1.0, 0.0)


def test_stakers_leave_in_the_window_of_their_cooldown_and_are_slashable_until_then():
    layer = StakedSameAssetLayer(capital=600.0, least_assets=0.0).start()
    stake = layer.stake
    ann = stake.open_accounts(1)
    stake.enter(ann, 400.0, 0.0)
    with pytest.raises(ExitRefused, match="begin a cooldown"):
        stake.leave(ann, 1.0, 0.0)
    assert stake.cool_down(ann, DAY) == 21 * DAY
    stake.enter(ann, 100.0, 2 * DAY)
    slashed = layer.pay(550.0, 3 * DAY, PLAIN).effects[0].by_holder
    np.testing.assert_allclose(slashed, [300.0, 250.0])
    with pytest.raises(ExitRefused, match="not at"):
        stake.leave(ann, 1.0, 20 * DAY)
    with pytest.raises(InvalidStake, match="cooled down 200"):
        stake.leave(ann, 201.0, 21 * DAY)  # what was staked after the cooldown began is not in it
    assert stake.leave(ann, 200.0, 22 * DAY) == pytest.approx(200.0)
    np.testing.assert_allclose(stake.holdings, [300.0, 50.0])
    with pytest.raises(InvalidStake, match=r"cooled down 0\.0"):
        stake.leave(ann, 1.0, 22 * DAY)
    assert layer.capacity(22 * DAY, PLAIN) == pytest.approx(350.0)
    stake.cool_down(0, 0.0)
    with pytest.raises(ExitRefused, match="come back in its window"):
        stake.leave(0, 1.0, 22 * DAY + 1.0)


def test_rewards_follow_the_curve_and_go_to_shares_also_while_cooling_down():
    layer = StakedSameAssetLayer(capital=100.0, target_liquidity=100.0, max_emission_per_year=10.0).start()
    stake, year = layer.stake, 365 * DAY
    stake.cool_down(0, 0.0)
    layer.advance(year / 2, PLAIN)
    ann = stake.open_accounts(1)
    stake.enter(ann, 100.0, year / 2)
    layer.advance(year, PLAIN)
    np.testing.assert_allclose(stake.rewards, [5.0 + 2.0, 2.0])


# The safety module


def test_the_safety_module_covers_thirty_percent_at_the_price_less_slippage():
    layer = StakedOwnTokenLayer(asset="TKN", capital=1000.0).start()
    assert layer.capacity(0.0, token(100.0)) == pytest.approx(0.3 * 1000.0 * 100.0)
    assert layer.capacity(0.0, token(100.0, depth=300.0)) == pytest.approx(0.3 * 1000.0 * 100.0 * 0.5)
    assert layer.capacity(0.0, token(50.0)) == pytest.approx(15_000.0)


def test_a_price_that_falls_until_the_sale_makes_cover_fall_short():
    layers = TimedWaterfall([StakedOwnTokenLayer(asset="TKN", capital=1000.0), DeferredLayer()])
    layers.allocate(30_000.0, 0.0, token(100.0))
    assert layers.due_seconds == 5 * DAY
    parts, rest = layers.advance(5 * DAY, token(40.0))
    assert [(p.layer, p.paid.units, p.paid.shortfall, p.paid.pending) for p in parts] == [
        ("staked_own_token", pytest.approx(12_000.0), pytest.approx(18_000.0), 0.0),
        ("deferred", 0.0, 0.0, pytest.approx(18_000.0)),
    ]
    assert (rest, layers.payers[0].stake.assets) == (0.0, pytest.approx(700.0))
    assert (layers.paid_units, layers.pending_units) == (pytest.approx(12_000.0), pytest.approx(18_000.0))


def test_stakers_who_leave_during_the_vote_take_their_cover_with_them():
    layer = StakedOwnTokenLayer(asset="TKN", capital=500.0, cooldown_seconds=DAY).start()
    ann = layer.stake.open_accounts(1)
    layer.stake.enter(ann, 500.0, 0.0)
    layer.stake.cool_down(ann, 0.0)
    layer.pay(300.0, 0.0, token(1.0))
    layer.stake.leave(ann, 500.0, 2 * DAY)
    paid = layer.advance(5 * DAY, token(1.0))
    assert (paid.units, paid.shortfall) == (pytest.approx(150.0), pytest.approx(150.0))


def test_one_event_slashes_no_more_than_its_share_and_the_next_has_one_of_its_own():
    layer = StakedOwnTokenLayer(asset="TKN", capital=1000.0, delay_seconds=0.0).start()
    layer.pay(200.0, 0.0, token(1.0))
    assert layer.capacity(DAY, token(1.0)) == pytest.approx(100.0)
    layer.pay(100.0, DAY, token(1.0))
    assert layer.capacity(9 * DAY, token(1.0)) == pytest.approx(0.0, abs=1e-9)
    assert layer.capacity(10 * DAY, token(1.0)) == pytest.approx(0.3 * 700.0)


@pytest.mark.parametrize("capital", [1000.0, 700.0])
def test_a_loss_that_meets_an_event_which_is_used_up_does_not_keep_it_open(capital):
    """Of 700 tokens 210 may go; 0.3 (490 + 210) - 210 is a rounding above nothing."""
    layers = TimedWaterfall([StakedOwnTokenLayer(asset="TKN", capital=capital, delay_seconds=5 * DAY)])
    layers.allocate(0.3 * capital, 0.0, token(1.0))
    layers.advance(5 * DAY, token(1.0))
    assert layers.allocate(100.0, 9 * DAY, token(1.0)) == ([], 100.0)
    assert layers.payers[0].capacity(10 * DAY, token(1.0)) == pytest.approx(0.3 * 0.7 * capital)


def test_what_a_recovery_has_called_off_does_not_keep_an_event_open():
    """The three promises are called off whole, however their sum is rounded; the event ends at its time."""
    layer = StakedOwnTokenLayer(asset="TKN", capital=1000.0, delay_seconds=DAY, event_seconds=2 * DAY).start()
    layer.pay(100.0, 0.0, token(1.0))
    layer.advance(DAY, token(1.0))
    for hours, units in ((36, 0.1), (37, 0.7), (38, 0.1)):
        layer.pay(units, hours * HOUR, token(1.0))
    layer.recover(layer.pending_units, token(1.0))
    assert (layer.pending_units, layer.due_seconds) == (0.0, inf)
    assert layer.capacity(2 * DAY, token(1.0)) == pytest.approx(0.3 * 900.0)


def test_what_is_promised_is_no_longer_capacity():
    layer = StakedOwnTokenLayer(asset="TKN", capital=1000.0).start()
    layer.pay(250.0, 0.0, token(1.0))
    assert layer.capacity(0.0, token(1.0)) == pytest.approx(50.0)
    assert layer.capacity(0.0, token(0.5)) == 0.0


# Liquity


def liquidated(debt: float, collateral: float) -> LossMarket:
    return LossMarket(collateral_asset="ETH", collateral_per_unit=collateral / debt)


def test_the_product_and_the_sum_give_what_a_loop_over_depositors_gives():
    pool = StabilityPoolLayer(capital=100.0).start()
    ann = pool.open_accounts(1)
    pool.deposit(ann, 300.0)
    pool.pay(80.0, 0.0, liquidated(80.0, 0.05))
    np.testing.assert_allclose(pool.deposits, [80.0, 240.0])
    np.testing.assert_allclose(pool.gains, [0.0125, 0.0375])
    bob = pool.open_accounts(1)
    pool.deposit(bob, 80.0)
    pool.pay(200.0, 0.0, liquidated(200.0, 0.2))
    np.testing.assert_allclose(pool.deposits, [40.0, 120.0, 40.0])
    np.testing.assert_allclose(pool.gains, [0.0525, 0.1575, 0.04])
    assert pool.claim_gain(ann) == pytest.approx(0.1575)
    assert pool.gains[ann] == 0.0


def test_an_emptied_pool_keeps_the_gains_and_begins_anew():
    pool = StabilityPoolLayer(capital=100.0).start()
    pool.pay(100.0, 0.0, liquidated(100.0, 1.0))
    assert (pool.total, pool.capacity(0.0, PLAIN)) == (0.0, 0.0)
    pool.deposit(0, 50.0)
    pool.pay(10.0, 0.0, liquidated(10.0, 0.2))
    np.testing.assert_allclose((pool.deposits[0], pool.gains[0]), (40.0, 1.2))


def test_many_offsets_that_leave_next_to_nothing_do_not_wear_the_product_out():
    pool = StabilityPoolLayer(capital=1.0).start()
    for _ in range(60):
        pool.pay(pool.total * (1.0 - 1e-9), 0.0, liquidated(1.0, 1.0))
        pool.deposit(0, 1.0)
    assert pool.deposits[0] == pytest.approx(pool.total, rel=1e-9)


def test_depositors_cannot_dodge_a_liquidation_or_take_what_they_have_not():
    pool = StabilityPoolLayer(capital=100.0, least_deposits=1.0).start()
    assert pool.capacity(0.0, PLAIN) == 99.0
    pool.gated = True
    with pytest.raises(ExitRefused, match="under water"):
        pool.withdraw(0, 1.0)
    pool.gated = False
    with pytest.raises(InvalidStake, match="has 100"):
        pool.withdraw(0, 101.0)
    with pytest.raises(InvalidStake, match="cannot deposit -1"):
        pool.deposit(0, -1.0)
    assert (pool.withdraw(0, 60.0), pool.total) == (60.0, 40.0)


def test_beyond_the_stability_pool_the_other_borrowers_take_over_by_stake():
    layers = TimedWaterfall([StabilityPoolLayer(capital=600.0), RedistributeToBorrowersLayer()])
    market = LossMarket(collateral_asset="ETH", collateral_per_unit=0.5 / 1000.0, borrowers=np.array([1.0, 3.0]))
    parts, rest = layers.allocate(1000.0, 0.0, market)
    assert [(p.layer, p.paid.units) for p in parts] == [
        ("stability_pool", 600.0),
        ("redistribute_to_borrowers", 400.0),
    ]
    debts, given = parts[1].paid.effects
    np.testing.assert_allclose(debts.by_holder, [100.0, 300.0])
    np.testing.assert_allclose(given.by_holder, [0.05, 0.15])
    others = layers.payers[1]
    assert (others.debt_per_stake, others.collateral_per_stake) == (pytest.approx(100.0), pytest.approx(0.05))
    assert (rest, parts[0].paid.effects[1].units) == (0.0, pytest.approx(0.3))


def test_the_last_borrower_has_nobody_to_redistribute_to():
    assert RedistributeToBorrowersLayer().start().capacity(0.0, PLAIN) == 0.0


# Vaults


def test_a_vault_loses_no_more_than_its_component_until_rebalanced():
    vault = BackstopVaultLayer(capital=1000.0, component_share=0.1).start()
    assert vault.capacity(0.0, PLAIN) == 100.0
    vault.pay(80.0, 0.0, PLAIN)
    assert vault.capacity(HOUR, PLAIN) == pytest.approx(20.0)
    assert vault.capacity(DAY, PLAIN) == pytest.approx(92.0)


@pytest.mark.parametrize("capital", [100.0, 93.0, 211.0])
def test_a_vault_that_is_used_up_is_nobodys(capital):
    """Also where what its capital brings is rounded: 93 bring 93 less a last digit."""
    vault = BackstopVaultLayer(capital=capital).start()
    vault.pay(vault.capacity(0.0, PLAIN), 0.0, PLAIN)
    assert not vault.stake.shares.any()
    assert vault.recover(50.0, PLAIN).restored == 0.0


def test_who_was_slashed_to_the_last_while_cooling_down_leaves_with_nothing():
    """Also where the layer's account has kept a rounding, or tokens that no market took."""
    vault = BackstopVaultLayer(capital=100.0, cooldown_seconds=DAY).start()
    vault.stake.cool_down(0, 0.0)
    vault.pay(100.0, 0.0, PLAIN)
    vault.stake.mark(1e-14)
    assert vault.stake.leave(0, 0.0, DAY) == 0.0
