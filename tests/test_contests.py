"""Liquidators who go for the same thing bid against one another; what they bid away is an outcome."""

import numpy as np
import pytest

from abm import Scenario
from abm.scenario import ScenarioError

GAS = {"gas_price_gwei": {"kind": "constant", "price": 30.0}, "asset": "ETH"}
OPEN = GAS | {"bidding": {"kind": "open", "min_raise": 0.01}, "failed_calls": "free"}
SEALED = GAS | {"bidding": {"kind": "sealed"}, "failed_calls": "free"}


def rivals(count: int, **terms: object) -> list[dict[str, object]]:
    return [{"count": count, "capital_usd": 1e9, "gas_premium": 0.0, **terms}]


def test_a_rule_of_bidding_has_to_be_named(small_world):
    with pytest.raises(ScenarioError, match=r"bidding\.kind = 'opne' cannot be used; did you mean 'open'\?"):
        Scenario.from_dict(small_world(blockspace=GAS | {"bidding": {"kind": "opne"}}))
    with pytest.raises(ScenarioError, match=r"failed_calls = 'fre' cannot be used; did you mean 'free'\?"):
        Scenario.from_dict(small_world(blockspace=GAS | {"failed_calls": "fre"}))


@pytest.mark.parametrize("space", [OPEN, SEALED])
def test_one_alone_bids_nothing_away(play, digest, space):
    """Bytes as without the rule."""
    alone = play(blockspace=space, agents__liquidators=rivals(1))
    assert digest(alone) == digest(play(blockspace=GAS, agents__liquidators=rivals(1)))
    assert alone.summary["bid_away_usd"] == 0.0
    assert alone.summary["liquidations"] > 0


def test_two_alike_bid_away_nearly_all_where_bids_are_open(play):
    """What is left is less than one raise."""
    run = play(blockspace=OPEN, agents__liquidators=rivals(2))
    row = run.liquidations.iloc[0]
    assert 0.0 <= row["profit_usd"] < 0.011 * row["gas_usd"]
    assert 0.98 < run.summary["bid_away_share"] <= 1.0
    plain = play(blockspace=GAS, agents__liquidators=rivals(2))
    gained = plain.liquidations["profit_usd"].iloc[0]
    start_usd = plain.liquidations["gas_usd"].iloc[0]
    assert row["gas_usd"] + row["profit_usd"] == pytest.approx(gained + start_usd, rel=1e-12)


@pytest.mark.parametrize("count", [2, 3, 8])
def test_a_share_of_what_rivals_gain_rises_with_their_number_where_bids_are_sealed(play, count):
    """(n - 1) / n of what is left after gas at the going price."""
    run = play(blockspace=SEALED, agents__liquidators=rivals(count), time__steps=2)
    assert run.summary["bid_away_share"] == pytest.approx((count - 1) / count, rel=1e-9)


def test_the_loser_pays_for_its_failed_call_or_not(play):
    """The position is closed in one call, so that the second finds nothing. Failure costs what was bid."""
    world = {"agents__liquidators": rivals(2), "pools__0__liquidation__close_factor": 1.0, "time__steps": 2}
    paid = play(**world, blockspace=SEALED | {"failed_calls": "pay"})
    free = play(**world, blockspace=SEALED)
    assert paid.summary["refused"] == free.summary["refused"] == 1.0
    for run, calls in ((free, 1.0), (paid, 2.0)):
        assert run.summary["gas_burnt_usd"] == pytest.approx(calls * run.liquidations["gas_usd"].iloc[0], rel=1e-12)


@pytest.mark.parametrize("rule", [OPEN, SEALED])
@pytest.mark.parametrize("count", [2, 5])
def test_rivals_who_pay_for_failed_calls_spend_no_more_than_there_is_to_win(play, rule, count):
    """Each would bid a part of it as they are many: together they spend it, or less where bids are sealed."""
    space = rule | {"failed_calls": "pay"}
    world = {"pools__0__liquidation__close_factor": 1.0, "time__steps": 2}
    run = play(**world, blockspace=space, agents__liquidators=rivals(count))
    alone = play(**world, blockspace=GAS, agents__liquidators=rivals(1))
    row, start_usd = run.liquidations.iloc[0], alone.liquidations["gas_usd"].iloc[0]
    assert run.summary["refused"] == count - 1
    won_usd = row["profit_usd"] + row["gas_usd"]
    assert won_usd == pytest.approx(alone.liquidations["profit_usd"].iloc[0] + start_usd, rel=1e-12)
    assert row["gas_usd"] <= won_usd / count
    spent_usd = run.summary["gas_burnt_usd"]
    assert 0.0 <= run.summary["liquidator_net_usd"] == pytest.approx(won_usd - spent_usd, abs=1e-6)
    if rule is OPEN:
        assert spent_usd > 0.97 * won_usd
        assert run.summary["bid_away_usd"] == pytest.approx(spent_usd - count * start_usd, rel=1e-9)


def test_who_could_not_even_pay_the_going_price_on_average_stays_away(play):
    """Of a hundred alike as many call as there is room for: what is won pays for a call of each."""
    world = {"pools__0__liquidation__close_factor": 1.0, "time__steps": 2}
    alone = play(**world, blockspace=GAS, agents__liquidators=rivals(1)).liquidations.iloc[0]
    run = play(**world, blockspace=OPEN | {"failed_calls": "pay"}, agents__liquidators=rivals(100))
    fit = int((alone["profit_usd"] + alone["gas_usd"]) / alone["gas_usd"])
    assert 10 < fit < 50
    assert run.summary["refused"] == fit - 1
    assert run.liquidators["calls"].sum() == fit


def test_what_is_bid_leaves_as_gas(small_world, model_of):
    """The two pay out of their own money; the ledger closes, and nobody else has it."""
    model = model_of(small_world(blockspace=OPEN, agents__liquidators=rivals(2), time__steps=2))
    cohort = model.people.liquidators[0]
    ledger, before = model.world.ledger, 2e9
    for _ in range(2):
        model.step()
    worth = sum(
        ledger.balance(cohort.first_account + k, asset) * price
        for k in (0, 1)
        for asset, price in enumerate(model.world.reference)
    )
    rows = model.recorder.liquidations()
    gross = float((rows["profit_usd"] + rows["gas_usd"]).sum())
    assert worth - before == pytest.approx(gross - model.recorder.gas_burnt_usd, abs=1e-5)


@pytest.mark.parametrize(("failed", "liquidations"), [("pay", 1), ("free", 2)])
def test_a_failed_call_takes_room_or_not(play, failed, liquidations):
    """Two calls fit a block: the winner's for the larger position, and its rival's for that too or one for the next."""
    positions = [{"collateral": {"ETH": size}, "debt": {"DAI": 1600.0 * size}} for size in (10.0, 5.0)]
    run = play(
        blockspace=SEALED | {"capacity_gas": 1e6, "failed_calls": failed},
        agents__borrowers=[{"positions": positions}],
        agents__liquidators=rivals(2),
        pools__0__liquidation__close_factor=1.0,
        time__steps=2,
    )
    assert run.summary["liquidations"] == liquidations


def test_capital_limits_what_a_rival_bids(play):
    """The small one cannot gain as much, so the large one wins at the small one's limit."""
    two = [*rivals(1), *rivals(1, capital_usd=2000.0)]
    run = play(blockspace=OPEN, agents__liquidators=two, pools__0__liquidation__close_factor=1.0, time__steps=2)
    row = run.liquidations.iloc[0]
    assert row["liquidator"] == "liquidators.0"
    # 2,000 dollars gain 5 %, which is what the small one can bid for gas, start included.
    assert row["gas_usd"] == pytest.approx(100.0, rel=0.011)
    assert row["profit_usd"] > 600.0


def test_a_holder_sets_aside_the_gas_that_it_bids(play):
    """It sells later, so that repayment and gas are paid out of the same 8,050 dollars, and still it loses nothing."""
    run = play(blockspace=OPEN, agents__liquidators=rivals(2, capital_usd=8050.0, selling="over_time"), time__steps=2)
    row = run.liquidations.iloc[0]
    assert row["repaid"] + row["gas_usd"] == pytest.approx(8050.0, rel=1e-9)
    assert 0.0 <= row["profit_usd"] < 0.03 * row["gas_usd"]
    assert run.liquidators["gas_usd"].max() == pytest.approx(row["gas_usd"], rel=1e-9)


@pytest.mark.parametrize("least", [50.0, 100.0])
def test_a_holder_bids_no_more_than_leaves_it_the_profit_that_it_asks_for(play, least):
    """Of 4,000 dollars it repays less by what it bids, and gains less; what it must keep does not shrink with that."""
    space = OPEN | {
        "gas_price_gwei": {"kind": "constant", "price": 5.0},
        "bidding": {"kind": "open", "min_raise": 1e-3},
    }
    two = rivals(2, capital_usd=4000.0, selling="over_time", minimum_profit_usd=least)
    run = play(blockspace=space, agents__liquidators=two, time__steps=2)
    row = run.liquidations.iloc[0]
    assert row["repaid"] + row["gas_usd"] == pytest.approx(4000.0, rel=1e-9)
    assert least <= row["profit_usd"] < least + 0.002 * row["gas_usd"]


def test_a_price_of_gas_above_which_one_does_not_get_through_limits_its_bid(play):
    two = [*rivals(1, max_gas_gwei=50.0), *rivals(1, max_gas_gwei=40.0)]
    run = play(blockspace=OPEN, agents__liquidators=two, time__steps=2)
    assert run.liquidations["liquidator"].iloc[0] == "liquidators.0"
    assert run.liquidations["gas_usd"].iloc[0] == pytest.approx(500_000 * 40e-9 * 1900.0, rel=0.011)


def test_slow_rivals_bid_less_away(play):
    def share(seconds: float) -> float:
        run = play(blockspace=OPEN, agents__liquidators=rivals(2, reaction_seconds=seconds), time__steps=2)
        return float(run.summary["bid_away_share"])

    shares = [share(seconds) for seconds in (0.0, 1.0, 5.0, 20.0, 61.0)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == 0.0
    assert shares[0] > 5.0 * shares[2] > 0.0


def test_equal_rivals_win_about_as_often(play):
    """Who wins among equals is drawn, over cohorts too."""
    positions = [{"collateral": {"ETH": 10.0}, "debt": {"DAI": 16000.0}}] * 200
    run = play(
        blockspace=SEALED,
        agents__borrowers=[{"positions": positions}],
        agents__liquidators=[*rivals(1), *rivals(1)],
        pools__0__liquidation__close_factor=1.0,
        time__steps=2,
    )
    won = run.liquidations["liquidator"].value_counts()
    assert won.sum() == 200
    assert abs(won["liquidators.0"] - 100) < 4 * np.sqrt(50)


def test_openings_are_contested_too(play):
    """Maker pays who opens an auction: two alike leave nearly all of that to the miners."""
    world = {
        "assets__ETH__price__prices": [2000.0, 1500.0],
        "pools__0__liquidation": {"design": "maker_clip", "buffer": 1.3},
        "time__steps": 2,
    }
    run = play(**world, blockspace=OPEN, agents__liquidators=rivals(2))
    plain = play(**world, blockspace=GAS, agents__liquidators=rivals(2))
    assert len(run.tables["auctions"]) == len(plain.tables["auctions"]) == 1
    assert run.summary["liquidator_profit_usd"] < 0.05 * plain.summary["liquidator_profit_usd"]


def test_the_shipped_rivals_bid_away_what_their_number_says(shipped):
    """Eight who all see the same: seven eighths where bids are sealed, nearly all where they are open."""
    free = {"time__steps": "500", "blockspace__failed_calls": "'free'"}
    plain = shipped("rival-liquidators", **free)
    sealed = shipped("rival-liquidators", **free, blockspace__bidding="{ kind = 'sealed' }")
    opened = shipped("rival-liquidators", **free, blockspace__bidding="{ kind = 'open' }")
    assert plain.summary["bid_away_share"] == 0.0
    assert sealed.summary["bid_away_share"] == pytest.approx(7 / 8, abs=0.01)
    assert opened.summary["bid_away_share"] > 0.9
    assert plain.summary["refused"] == 0.0
