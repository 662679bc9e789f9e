"""Layers without money of their own in whole worlds: borrowers, lenders, winners and those who leave bear the loss."""

import numpy as np
import pytest

from builders.losses import LOSS, UNDER, hit, paid_by

# Who bears without money of their own


def test_other_borrowers_owe_what_was_lost_by_the_value_of_their_collateral(small_world, model_of):
    positions = [
        {"collateral": {"ETH": 10.0}, "debt": {"DAI": 16000.0}},
        {"collateral": {"ETH": 30.0}, "debt": {"DAI": 10.0}},
        {"collateral": {"ETH": 10.0}, "debt": {"DAI": 10.0}},
        {"collateral": {"ETH": 99.0}},
    ]
    model = model_of(
        small_world(
            **UNDER,
            agents__borrowers=[{"positions": positions}],
            pools__0__losses__layers=[{"kind": "redistribute_to_borrowers"}],
        )
    )
    model.run()
    pool = model.world.lenders[0].pool
    debts = [pool.debt(account, 0) for account in range(4)]
    assert debts == pytest.approx([0.0, 10.0 + 0.75 * LOSS, 10.0 + 0.25 * LOSS, 0.0])
    assert (pool.deficit[0], pool.total_claims[0]) == pytest.approx((0.0, 1e6))


def test_the_boldest_lenders_lose_first_and_one_bucket_is_a_haircut(play, small_world, model_of):
    depositors = [{"count": 20, "deposits": {"DAI": 1000.0}}]
    world = {**UNDER, "agents__depositors": depositors}
    model = model_of(small_world(**world, pools__0__losses__layers=[{"kind": "price_bucket", "buckets": 5}]))
    model.run()
    lender = model.world.lenders[0]
    prices = model.losses[0].reserves[0].view.bucket_prices[1:21]
    claims = lender.pool.shares[1:21, 0] * lender.pool.supply_index[0]
    left = LOSS
    for bold in sorted(set(prices), reverse=True):
        bucket = claims[prices == bold]
        lost = min(left, 1000.0 * bucket.size)
        assert bucket == pytest.approx(1000.0 - lost / bucket.size)
        left -= lost
    one = hit(play, {"kind": "price_bucket", "buckets": 1}, **world)
    assert paid_by(one) == pytest.approx({"price_bucket": LOSS})
    assert one.summary["depositor_loss_usd"] == pytest.approx(LOSS)


@pytest.mark.parametrize("size", [1.0, 1e-4])
def test_winners_pay_from_what_they_gained_the_first_in_line_first(small_world, model_of, size):
    """Who is short of ETH has gained 500 on each; the one with more leverage stands first and loses all of it."""
    positions = [
        {"collateral": {"ETH": 10.0 * size}, "debt": {"DAI": 16000.0 * size}},
        {"collateral": {"DAI": 8000.0 * size}, "debt": {"ETH": 3.0 * size}},
        {"collateral": {"DAI": 9000.0 * size}, "debt": {"ETH": 1.0 * size}},
    ]
    reserves = {"DAI": {"ltv": 0.8, "liquidation_threshold": 0.83}, "ETH": {"ltv": 0.8, "liquidation_threshold": 0.83}}
    model = model_of(
        small_world(
            **UNDER,
            agents__borrowers=[{"positions": positions}],
            pools__0__reserves=reserves,
            pools__0__losses__layers=[{"kind": "auto_deleverage"}],
        )
    )
    model.run()
    pool = model.world.lenders[0].pool
    assert pool.collateral[1, 0] == pytest.approx(size * (8000.0 - 1500.0))
    assert pool.collateral[2, 0] == pytest.approx(size * (9000.0 - (LOSS - 1500.0)))
    assert (pool.deficit[0], pool.total_claims[0]) == pytest.approx((0.0, 1e6))


def test_what_winners_have_paid_is_no_profit_of_theirs_any_more(small_world, model_of):
    """2,000 gained, of which a first loss takes all that it is: a second finds the rest, in whatever reserve it is."""
    vault = {"collateral": {"ETH": 10.0}, "debt": {"DAI": 16000.0}}
    winner = {"collateral": {"DAI": 9000.0, "USDC": 9000.0}, "debt": {"ETH": 4.0}}
    other = {"collateral": {"ETH": 10.0}, "debt": {"USDC": 16000.0}}
    backing = {"ltv": 0.8, "liquidation_threshold": 0.83}
    model = model_of(
        small_world(
            **UNDER,
            assets__USDC={"price": {"kind": "constant", "price": 1.0}},
            agents__borrowers=[{"positions": [vault, other, vault, winner]}],
            agents__depositors=[{"deposits": {"DAI": 1e6, "USDC": 1e6, "ETH": 100.0}}],
            pools__0__reserves=dict.fromkeys(("DAI", "ETH", "USDC"), backing),
            pools__0__losses__layers=[{"kind": "auto_deleverage"}],
        )
    )
    model.run()
    lender = model.world.lenders[0]
    assert lender.pool.collateral[3] == pytest.approx([9000.0 - LOSS, 0.0, 9000.0 - (2000.0 - LOSS)])
    rows = model.recorder.write_offs()
    paid = dict(zip(zip(rows["account"], rows["layer"], strict=True), rows["paid"], strict=True))
    assert paid == pytest.approx(
        {
            (0, "auto_deleverage"): LOSS,
            (1, "auto_deleverage"): 2000.0 - LOSS,
            (1, "depositors"): 2.0 * LOSS - 2000.0,
            (2, "depositors"): LOSS,
        }
    )


def test_without_collateral_to_give_in_kind_is_a_haircut(play):
    run = hit(play, {"kind": "in_kind"})
    assert paid_by(run) == pytest.approx({"in_kind": LOSS})


def test_who_leaves_while_a_hole_is_open_is_charged_its_part_and_who_stays_is_not(small_world, model_of):
    """6,000 of 18,000 leave: a third of the hole is theirs, and the claims of those who stay are whole."""
    model = model_of(
        small_world(
            **UNDER | {"time__steps": 4},
            pools__0__losses__layers=[{"kind": "withdrawal_charge"}],
            agents__depositors=[
                {"deposits": {"DAI": 6000.0}, "leave_at_hole": 1e-6},
                {"deposits": {"DAI": 12000.0}},
            ],
        )
    )
    model.run()
    lender = model.world.lenders[0]
    got = model.world.ledger.balance(lender.first_holder + 1, 0)
    assert got == pytest.approx(6000.0 - LOSS / 3.0, rel=1e-9)
    assert lender.pool.claims(2, 0) == 12000.0
    rows = dict(zip(*(model.recorder.write_offs()[name] for name in ("layer", "paid")), strict=True))
    assert rows == pytest.approx({"withdrawal_charge": LOSS / 3.0, "pending": LOSS * 2.0 / 3.0}, rel=1e-9)


def test_nobody_waits_for_what_is_but_rounding(small_world, model_of):
    """The last in line has all that there is once the hole is filled, less a digit: nothing is left to wait for."""
    for tenths in range(10):
        deposits = [8000.0 + 0.1 * tenths, 8500.0 + 0.3 * tenths]
        model = model_of(
            small_world(
                **UNDER | {"time__steps": 5},
                pools__0__losses={"recognition": "deferred", "recoveries": [{"at_seconds": 180.0, "share": 1.0}]},
                agents__depositors=[{"deposits": {"DAI": units}, "leave_at_hole": 1e-6} for units in deposits],
            )
        )
        model.run()
        assert model.recorder.blocks()["queue_length"].tolist() == [0, 0, 1, 1, 0]
        assert model.world.lenders[0].pool.total_claims[0] == 0.0


# The sheet


def test_the_sheet_can_be_printed_at_any_block_and_balances(play):
    run = hit(play, {"kind": "dao_offset", "capital": 900.0, "delay_seconds": 60.0}, recognition="deferred")
    before, after = run.balance_sheet(0), run.balance_sheet(-1)
    assert before.loc["equity", "DAI"] == 0.0
    assert after.loc["deficit", "DAI"] == pytest.approx(LOSS)
    for sheet in (before, after):
        np.testing.assert_allclose(sheet.loc["assets"], sheet.loc["cash"] + sheet.loc["debt"])
        np.testing.assert_allclose(sheet.loc["assets"], sheet.loc["claims"] + sheet.loc["equity"])
    last = run.balance_sheets.query("step == 1 and asset == 'DAI'").iloc[0]
    assert (last["pending"], last["uncovered"]) == pytest.approx((900.0, LOSS - 900.0))
    with pytest.raises(KeyError, match="at step 99"):
        run.balance_sheet(99)
