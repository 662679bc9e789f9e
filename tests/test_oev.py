"""Auctions of the right to liquidate, around any design: what they delay and pay, and when they change nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm import Scenario
from abm.scenario import ScenarioError
from experiments.designs import designs
from models.liquidation import Oev

AT_ONCE = {"auction_seconds": 0.0, "fallback_seconds": 0.0}
# Enough of a fall that something is on offer under every rule, lots and openings among it.
FALL = [2000.0, 1950.0, 1900.0, 1800.0, 1750.0, 1700.0, 1650.0, 1600.0]


def world(oev=None, design="aave_v3", count=1, **changes):
    described = {
        "assets__ETH__price__prices": FALL,
        "time__steps": 30,
        "agents__liquidators": [{"count": count, "capital_usd": 1e9}],
        "pools__0__liquidation": {"design": design} | ({"oev": oev} if oev is not None else {}),
    }
    return described | changes


# The rule


def test_an_auction_that_ends_before_it_began_is_refused(small_world):
    changes = world({"auction_seconds": 60.0, "fallback_seconds": 30.0})
    with pytest.raises(ScenarioError, match=r"oev: fallback_seconds = 30 ends the auction before auction_seconds = 60"):
        Scenario.from_dict(small_world(**changes))
    with pytest.raises(ScenarioError, match=r"oev\.sahre = 0\.5 is not a known key; did you mean 'share'\?"):
        Scenario.from_dict(small_world(**world({"sahre": 0.5})))


def test_what_is_on_offer_is_closed_then_auctioned_then_open():
    rule = Oev(auction_seconds=12.0, fallback_seconds=36.0)
    stages = [rule.stage(waited, 12.0, failed=False) for waited in (0.0, 12.0, 24.0, 36.0, 48.0)]
    assert stages == ["closed", "auction", "auction", "open", "open"]
    failed = [rule.stage(waited, 12.0, failed=True) for waited in (0.0, 12.0, 24.0, 36.0)]
    assert failed == ["closed", "closed", "closed", "open"]


def test_an_auction_that_ends_between_blocks_is_won_in_the_next():
    """Blocks of a minute, five seconds of bidding, half a minute to the fallback: still one auction."""
    rule = Oev(auction_seconds=5.0, fallback_seconds=30.0)
    assert [rule.stage(waited, 60.0, failed=False) for waited in (0.0, 60.0, 120.0)] == ["closed", "auction", "open"]


@given(paid=st.floats(0.0, 1e9), share=st.floats(0.0, 1.0))
def test_what_is_paid_is_the_protocols_and_the_auctioneers(paid, share):
    to_protocol, to_auctioneer = Oev(share=share).split(paid)
    assert min(to_protocol, to_auctioneer) >= 0.0
    assert to_protocol + to_auctioneer == pytest.approx(paid, rel=1e-15)


# Around a design

OTHERS = [{"collateral": {"ETH": 10.0}, "debt": {"DAI": 16_000.0}}, {"collateral": {"ETH": 99.0}, "debt": {"DAI": 9e3}}]
SUITED = {
    # A bond pays only once the price is near what is owed; and the last borrower of Liquity is never liquidated.
    "ajna": {"assets__ETH__price__prices": [2000.0, 1650.0]},
    "liquity_v1": {"agents__borrowers__0__positions": OTHERS},
    "liquity_v2": {"agents__borrowers__0__positions": OTHERS},
}


@pytest.mark.parametrize("design", designs())
def test_nothing_is_changed_for_who_is_alone_without_delay(play, digest, design):
    """Nobody to bid against, and the protocol's share is of nothing: every table and metric as without the wrapper."""
    suited = SUITED.get(design, {})
    wrapped, plain = play(**world({"share": 0.0} | AT_ONCE, design, **suited)), play(**world(None, design, **suited))
    rights = wrapped.summary.pop("oev_auctions"), plain.summary.pop("oev_auctions")
    assert rights > (0.0, 0.0), f"nobody calls in this world: give {design} one in SUITED in which somebody does"
    assert digest(wrapped) == digest(plain)


@pytest.mark.parametrize("count", [2, 5])
def test_rivals_bid_what_the_equilibrium_says_and_the_protocol_has_its_share(play, count):
    plain = play(**world(None, count=count, time__steps=3))
    run = play(**world({"share": 0.65}, count=count, time__steps=3))
    assert (run.liquidations["step"] == plain.liquidations["step"]).all()
    gained = plain.summary["liquidator_profit_usd"]
    paid = (count - 1) / count * gained
    assert run.summary["bid_away_usd"] == pytest.approx(paid, rel=1e-9)
    assert run.summary["liquidator_profit_usd"] == pytest.approx(gained - paid, rel=1e-9)
    assert run.summary["oev_revenue_usd"] == pytest.approx(0.65 * paid, rel=1e-9)
    assert run.summary["oev_auctioneers_usd"] == pytest.approx(0.35 * paid, rel=1e-9)
    more = run.summary["protocol_revenue_usd"] - plain.summary["protocol_revenue_usd"]
    assert more == pytest.approx(0.65 * paid, rel=1e-9)


def test_the_protocols_share_is_on_its_account(small_world, model_of):
    model = model_of(small_world(**world({"share": 0.5}, count=2, pools__0__liquidation__protocol_fee=0.0)))
    for _ in range(30):
        model.step()
    lender = model.world.lenders[0]
    assert model.world.ledger.balance(lender.fees, 0) == pytest.approx(model.recorder.rights_protocol_usd, rel=1e-12)
    assert model.recorder.rights_protocol_usd > 100.0


def test_losers_of_a_sealed_auction_call_nothing(play):
    run = play(**world({}, count=5, time__steps=3))
    assert run.summary["refused"] == 0


@pytest.mark.parametrize(("seconds", "blocks"), [(0.0, 0), (60.0, 1), (150.0, 3)])
def test_the_auction_takes_its_time(play, seconds, blocks):
    """The position falls below 1 in the second block after the start."""
    run = play(**world({"auction_seconds": seconds, "fallback_seconds": 600.0}))
    plain = play(**world())
    assert run.liquidations["step"].iloc[0] == plain.liquidations["step"].iloc[0] + blocks


def test_a_failed_auction_waits_for_the_fallback_at_a_worse_price(play):
    """Then everybody may call, and nothing is paid for the right."""
    late = play(**world({"failures": 1.0, "fallback_seconds": 300.0}, count=2))
    plain = play(**world(None, count=2))
    assert late.liquidations["step"].iloc[0] == plain.liquidations["step"].iloc[0] + 5
    assert late.summary["oev_auctions"] == late.summary["bid_away_usd"] == 0
    assert late.summary["borrower_loss_usd"] != plain.summary["borrower_loss_usd"]


def test_failures_come_as_often_as_asked(play):
    positions = [{"collateral": {"ETH": 10.0}, "debt": {"DAI": 16000.0}}] * 400
    run = play(
        **world({"failures": 0.25, "fallback_seconds": 900.0}, time__steps=5),
        agents__borrowers=[{"positions": positions}],
    )
    in_time = run.liquidations["account"].nunique()
    assert abs(in_time - 300) < 4 * np.sqrt(400 * 0.25 * 0.75)


@pytest.mark.parametrize(("design", "kind"), [("aave_v3", "take"), ("maker_clip", "open")])
def test_the_time_of_a_right_runs_whether_anybody_looks_or_not(small_world, model_of, design, kind):
    """No liquidators here; in one of two worlds somebody looks into every block, which changes nothing."""
    told = []
    for looks in (False, True):
        oev = {"auction_seconds": 60.0, "fallback_seconds": 120.0}
        model = model_of(small_world(**world(oev, design) | {"agents__liquidators": []}))
        stages = []
        for _ in range(8):
            model.step()
            stages.append(model.world.lenders[0].rights.stage(kind, 0, model.world.now))
            if looks:
                model.view.offers_anything(0)
        told.append(stages)
    assert told[0] == told[1]
    assert list(dict.fromkeys(told[0])) == ["closed", "auction", "open"]


def test_who_has_no_right_is_refused(play):
    """An attacker's bundle, which goes before all others, does not jump the auction."""
    attacker = {"capital_usd": 1e6, "strategy": "trigger_liquidations"}
    deep = {"markets__0__sources": [{"kind": "constant_product", "value": 2e6}]}
    changes = {"assets__ETH__oracle": {"kind": "venue"}, "agents__attackers": [attacker], **deep}
    run = play(**world({"auction_seconds": 600.0, "fallback_seconds": 600.0}, **changes))
    assert not run.liquidations["liquidator"].str.startswith("attackers").any()
    assert run.summary["attacks"] == 0
    plain = play(**world(None, **changes))
    assert plain.liquidations["liquidator"].str.startswith("attackers").any()


@pytest.mark.parametrize(("capital", "paid"), [(8010.0, 180.0 * 8010.0 / 8180.0), (1e6, 180.0)])
def test_a_holder_sets_aside_what_it_bids(play, capital, paid):
    """What it gets it does not sell at once, so that repayment and right are paid out of the same money.

    Of 8,000 dollars repaid 360 are gained, half of which two rivals bid. Who has only 8,010 repays and bids less.
    """
    two = [{"count": 2, "capital_usd": capital, "selling": "over_time"}]
    run = play(**world({}, time__steps=3, agents__liquidators=two))
    assert run.summary["liquidations"] == 1
    assert run.summary["bid_away_usd"] == pytest.approx(paid, rel=1e-9)
    assert run.summary["liquidated_usd"] == pytest.approx(min(8000.0, capital - paid), rel=1e-9)


@pytest.mark.parametrize("design", ["maker_clip", "compound_v3"])
def test_openings_and_lots_are_auctioned_too(play, design):
    """Maker pays who opens; lots are sold over time or from a store front: rights to all of it are worth something."""
    changes = {"time__steps": 120, "assets__ETH__price__prices": [*FALL, 1500.0]}
    run = play(**world({"fallback_seconds": 1e6}, design, count=2, **changes))
    plain = play(**world(None, design, count=2, **changes))
    assert run.summary["oev_auctions"] >= 2
    assert run.summary["oev_revenue_usd"] > 0.0
    assert len(run.tables["auctions"]) == len(plain.tables["auctions"])
    gained = run.summary["liquidator_profit_usd"] + run.summary["bid_away_usd"]
    assert gained == pytest.approx(plain.summary["liquidator_profit_usd"], rel=1e-9)


def test_each_parameter_moves_some_output(play, digest):
    base = {"share": 0.5, "auction_seconds": 60.0, "fallback_seconds": 120.0, "failures": 0.5, "alike": 1.0}
    changes = world(
        base, count=3, agents__borrowers=[{"positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": 16000.0}}] * 9}]
    )
    seen = digest(play(**changes))
    for name, other in (("share", 0.6), ("auction_seconds", 120.0), ("fallback_seconds", 600.0), ("failures", 0.0),
                        ("alike", 3.0)):  # fmt: skip
        assert digest(play(**changes | {f"pools__0__liquidation__oev__{name}": other})) != seen, name


# Money that must do for more than the bid


def spent(model):
    """What liquidators' capital has changed by, and what the tables and the summary say that they have earned."""
    run = model.recorder
    capital = run.blocks()["liquidator_capital_usd"]
    earned = sum(one.profit_usd for cohort in model.people.liquidators for one in cohort.tallies)
    return capital[-1] - capital[0], earned


@pytest.mark.parametrize("gas_usd", [20.0, 150.0])
def test_gas_is_set_aside_beside_what_is_bid(small_world, model_of, gas_usd):
    """Who holds what it gets, and has less than a call could repay, pays its bid in full and its gas too.

    Two rivals bid half of what is gained: 4.5 % of what gas and bid leave to be repaid, less gas.
    """
    two = [{"count": 2, "capital_usd": 8010.0, "selling": "over_time", "gas_usd": gas_usd}]
    model = model_of(small_world(**world({"share": 0.65}, time__steps=3, agents__liquidators=two)))
    model.run()
    paid = (0.045 * (8010.0 - gas_usd) - gas_usd) / (2.0 + 0.045)
    assert model.recorder.rights_sold == 1
    assert model.recorder.rights_protocol_usd == pytest.approx(0.65 * paid, rel=1e-9)
    assert model.recorder.rights_auctioneers_usd == pytest.approx(0.35 * paid, rel=1e-9)
    assert model.recorder.gas_burnt_usd == gas_usd
    changed, earned = spent(model)
    assert changed == pytest.approx(earned, rel=1e-9)
    assert model.recorder.liquidations()["profit_usd"].sum() == pytest.approx(earned, rel=1e-9)


def test_what_is_bid_for_an_opening_is_beside_its_bond(small_world, model_of):
    """Ajna's caller locks a bond of 74.5 dollars: with 85 it bids no more than the rest."""
    three = [{"count": 3, "capital_usd": 85.0, "selling": "over_time", "margin": 0.02}]
    prices = {"assets__ETH__price__prices": [2000.0, 1450.0]}
    described = world({"share": 0.65}, "ajna", agents__liquidators=three, time__steps=4, **prices)
    described["agents__borrowers__0__positions"] = [{"collateral": {"ETH": 10.0}, "debt": {"DAI": 14_900.0}}]
    model = model_of(small_world(**described))
    model.run()
    assert model.recorder.rights_sold == 1
    paid = model.recorder.bid_away_usd
    assert paid == pytest.approx(85.0 - 74.5, rel=1e-9)
    assert spent(model) == (pytest.approx(-paid), pytest.approx(-paid))


def test_who_wins_more_rights_than_it_has_money_for_opens_no_more_than_it_can_pay_for(small_world, model_of):
    """Each of eight openings is worth more to two rivals than all their money."""
    described = world({"share": 0.5, "fallback_seconds": 1e6}, "compound_v3", time__steps=3)
    described["agents__liquidators"] = [{"count": 2, "capital_usd": 100.0, "margin": 0.5, "selling": "over_time"}]
    described["agents__borrowers__0__positions"] = OTHERS[:1] * 8
    model = model_of(small_world(**described))
    model.run()
    assert model.recorder.refusals > 0
    assert model.recorder.rights_sold > 0
    changed, earned = spent(model)
    assert changed == pytest.approx(earned, rel=1e-9)
    assert -changed == pytest.approx(model.recorder.bid_away_usd, rel=1e-9)


@pytest.mark.parametrize("design", ["liquity_v1", "liquity_v2"])
def test_a_call_that_settles_at_once_is_a_row_less_what_its_right_cost(play, design):
    """As for every other liquidation."""
    run = play(**world({}, design, count=2, **SUITED[design]))
    assert run.summary["bid_away_usd"] > 0.0
    assert run.liquidations["profit_usd"].sum() == pytest.approx(run.summary["liquidator_profit_usd"], rel=1e-12)
    assert run.tables["liquidators"]["profit_usd"].sum() == pytest.approx(
        run.summary["liquidator_profit_usd"], rel=1e-12
    )
