"""An account of last resort around any design: it takes what nobody has taken, at its own risk."""

import copy

import pytest

from abm import Scenario
from abm.scenario import ScenarioError
from experiments.designs import designs
from models.liquidation import Backstop

# Below 1 from the second block on (1,900 dollars), and at 1,700 from the fifth.
FALL = [2000.0, 1900.0, 1900.0, 1900.0, 1700.0]


def world(design="aave_v3", liquidation=None, **terms):
    terms = {"capital_usd": 1e6, "delay_seconds": 120.0, "selling": "never"} | terms
    return {
        "assets__ETH__price__prices": FALL,
        "time__steps": 30,
        "pools__0__liquidation": {"design": design, "backstop": terms} | (liquidation or {}),
    }


def alone(design="aave_v3", liquidation=None, **terms):
    """The world without liquidators."""
    return world(design, liquidation, **terms) | {"agents__liquidators": []}


# The rule


def test_an_account_of_last_resort_needs_capital(small_world):
    without = world()
    del without["pools__0__liquidation"]["backstop"]["capital_usd"]
    with pytest.raises(ScenarioError, match=r"pools\.0\.liquidation\.backstop\.capital_usd is missing; add it"):
        Scenario.from_dict(small_world(**without))
    with pytest.raises(ScenarioError, match=r"backstop\.delay_seconds = -1\.0 cannot be used; give 0 or more"):
        Scenario.from_dict(small_world(**world(delay_seconds=-1.0)))


def test_a_slice_is_sold_when_its_turn_comes():
    terms = Backstop(capital_usd=1.0, sell_over_seconds=3600.0, sell_every_seconds=600.0)
    assert [terms.slice(6.0, now, 60.0) for now in (0.0, 60.0, 540.0, 600.0)] == [1.0, 0.0, 0.0, 1.0]
    assert Backstop(capital_usd=1.0, selling="at_once").slice(6.0, 60.0, 60.0) == 6.0
    assert Backstop(capital_usd=1.0, selling="never").slice(6.0, 0.0, 60.0) == 0.0


def test_a_bid_is_up_to_what_is_believed_and_to_the_tab():
    terms = Backstop(capital_usd=1.0, at_most=0.8)
    assert terms.bid(10.0, 100.0, 1e9) == pytest.approx(800.0)
    assert terms.bid(10.0, 100.0, 500.0) == 500.0
    assert terms.pays(80.0, 100.0)
    assert not terms.pays(80.1, 100.0)


# Around a design


@pytest.mark.parametrize("design", designs())
def test_an_endless_delay_is_no_account_of_last_resort(play, digest, design):
    """Every table and metric as without, when it has nothing either; with money only that is told."""
    plain = world(design)
    del plain["pools__0__liquidation"]["backstop"]
    wrapped = play(**world(design, capital_usd=0.0, delay_seconds=float("inf")))
    assert digest(wrapped) == digest(play(**plain))
    rich = play(**world(design, delay_seconds=float("inf")))
    assert (rich.steps["backstop_usd"] == 1e6).all()
    assert rich.summary == wrapped.summary


@pytest.mark.parametrize("design", designs())
def test_where_there_are_no_liquidators_it_takes_what_the_design_offers(play, design):
    """Spot designs at 1,900 or 1,700; what takes time it opens, and buys or bids for when that has waited too.

    There is another borrower, since the last one of Liquity is never liquidated.
    """
    run = play(
        agents__borrowers__0__positions=[POSITION, SAFE],
        **alone(design, delay_seconds=60.0, liquidation=FAST.get(design)) | {"time__steps": BLOCKS.get(design, 60)},
    )
    rows = run.liquidations
    assert len(rows) > 0
    assert (rows["liquidator"] == "backstop.core").all()
    assert run.summary["backstop_taken_usd"] == pytest.approx(rows["repaid_usd"].sum())
    assert run.summary["liquidator_profit_usd"] == run.summary["liquidator_concentration"] == 0.0


POSITION = {"collateral": {"ETH": 10.0}, "debt": {"DAI": 16_000.0}}
SAFE = {"collateral": {"ETH": 100.0}, "debt": {"DAI": 16_000.0}}
BLOCKS = {"ajna": 400}
"""Where the price needs hours to fall to the market's."""

FAST = {
    "maker_flip": {"bid_seconds": 300.0, "auction_seconds": 1200.0},
    "maker_clip": {"step_seconds": 60.0, "cut": 0.95},
}


def test_it_comes_after_its_delay_and_takes_on_the_designs_terms(play):
    """Half of 16,000 at 1,900 dollars and 5 %, a tenth of it the protocol's, two blocks after the fall below 1."""
    run = play(**alone() | {"time__steps": 4})
    row = run.liquidations.iloc[0]
    assert row["step"] == 3
    assert row["repaid"] == pytest.approx(8000.0, rel=1e-12)
    assert row["seized"] == pytest.approx(8000.0 * 1.05 / 1900.0, rel=1e-12)
    assert run.summary["backstop_profit_usd"] == pytest.approx(360.0, rel=1e-9)
    assert run.summary["gas_burnt_usd"] == 0.0


def test_liquidators_who_take_everything_leave_it_nothing(play):
    assert play(**world()).summary["backstop_taken_usd"] == 0.0


def test_what_it_holds_is_its_own_risk(play):
    """What it got at 1,900 dollars is worth 1,700 each one block later."""
    held = play(**alone() | {"time__steps": 5})
    rows = held.liquidations
    assert rows["step"].tolist() == [3, 4]
    worth = ((rows["seized"] - rows["protocol_fee"]) * 1700.0 - rows["repaid"]).sum()
    assert held.summary["backstop_profit_usd"] == pytest.approx(worth, rel=1e-9)
    assert worth < 0.0 < rows["profit_usd"].min()
    sold = play(**alone(selling="at_once") | {"time__steps": 60})
    assert sold.steps["backstop_usd"].iloc[-1] == pytest.approx(1e6 + sold.summary["backstop_profit_usd"], rel=1e-12)


@pytest.mark.parametrize("selling", ["at_once", "over_time", "never"])
def test_it_sells_as_its_terms_say(small_world, model_of, selling):
    described = alone(selling=selling, sell_over_seconds=600.0, sell_every_seconds=60.0)
    model = model_of(small_world(**described))
    account = model.people.backstops[0]
    held = []
    for _ in range(30):
        model.step()
        held.append(model.world.ledger.balance(account.first_account, 1))
    assert max(held) > 0.0
    if selling == "never":
        assert held[-1] == max(held)
    elif selling == "at_once":
        assert held[-1] == 0.0
    else:
        assert held[-1] == pytest.approx(0.9 * held[-2])


def test_it_takes_no_more_than_it_has_money_for(play):
    run = play(**alone(capital_usd=1000.0))
    assert run.summary["backstop_taken_usd"] == pytest.approx(1000.0, rel=1e-9)


def test_it_waits_until_a_dutch_auction_is_as_cheap_as_it_pays(play):
    """From 30 % above the feed down by 5 % a minute: six steps to the feed, and more to a tenth below it."""

    def taken(at_most: float) -> int:
        described = alone("maker_clip", delay_seconds=0.0, at_most=at_most, liquidation=FAST["maker_clip"])
        run = play(**described | {"assets__ETH__price__prices": [2000.0, 1700.0]})
        return int(run.liquidations["step"].iloc[0])

    assert taken(1.0) == 1 + 6
    assert taken(0.9) == 1 + 8


def test_it_bids_where_nobody_bids(play):
    """All of the tab that the collateral is believed to be worth, and it is the only one."""
    described = alone("maker_flip", delay_seconds=60.0, liquidation=FAST["maker_flip"])
    run = play(**described | {"assets__ETH__price__prices": [2000.0, 1700.0]})
    lot = run.tables["auctions"].iloc[0]
    assert lot["bids"] == 1
    assert lot["raised"] == pytest.approx(min(10.0 * 1700.0, 16000.0 * 1.13), rel=1e-9)


def test_bad_debt_comes_out_the_same_whoever_takes(play):
    """At 1,500 dollars all collateral pays for 14,286 of 16,000, whoever it is that pays."""
    prices = {"assets__ETH__price__prices": [2000.0, 1500.0]}
    last = play(**alone() | prices)
    first = play(**world() | prices)
    assert last.summary["bad_debt_usd"] == pytest.approx(first.summary["bad_debt_usd"], rel=1e-12)
    assert last.summary["bad_debt_usd"] == pytest.approx(16000.0 - 15000.0 / 1.05, rel=1e-9)


def test_each_parameter_moves_some_output(play, digest):
    thin = {"markets__0__sources": [{"kind": "constant_product", "value": 1e6}]}
    thin |= {"agents__arbitrageurs": [{"capital_usd": 1e9}]}
    base = alone("maker_clip", selling="over_time", liquidation=FAST["maker_clip"], capital_usd=5000.0)
    base |= thin | {"time__steps": 60}
    seen = digest(play(**base))
    for name, other in (
        ("capital_usd", 4000.0),
        ("delay_seconds", 900.0),
        ("at_most", 0.8),
        ("selling", "never"),
        ("sell_over_seconds", 3600.0),
        ("sell_every_seconds", 300.0),
        ("max_discount", 0.0),
    ):
        changed = copy.deepcopy(base)
        changed["pools__0__liquidation"]["backstop"][name] = other
        assert digest(play(**changed)) != seen, name


@pytest.mark.parametrize("design", designs())
@pytest.mark.parametrize("keepers", [0, 1])
def test_it_waits_until_everybody_may_call_where_the_right_to_is_auctioned(play, design, keepers):
    """It buys no right: neither before the auctions begin nor while they are held, whoever else looks on."""
    rights = {"oev": {"auction_seconds": 120.0, "fallback_seconds": 600.0}} | FAST.get(design, {})
    described = alone(design, delay_seconds=0.0, liquidation=rights) | {
        "agents__borrowers__0__positions": [POSITION, SAFE],
        "agents__liquidators": [{"capital_usd": 1e6, "gas_usd": 1e9}] * keepers,
        "time__steps": BLOCKS.get(design, 60),
    }
    run, plain = play(**described), play(**described | {"pools__0__liquidation__oev": None})
    assert first_call(run) == first_call(plain) + 600.0 / 60.0


def first_call(run):
    """The step in which something was taken or opened first."""
    return min([*run.liquidations["step"], *run.tables["auctions"]["opened_step"]])
