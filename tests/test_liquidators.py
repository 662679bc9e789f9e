"""What tells liquidators apart: what they understand and see, how they pay, what they risk, when they come and go."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from abm import Scenario
from abm.agents.entry import Entry, Turnover
from abm.agents.inventory import HoldingTerms, charge_per_usd
from abm.scenario import ScenarioError
from models.liquidation import Design, EulerV1, EulerV2, MakerFlip
from models.rates import SECONDS_PER_YEAR


def cohort(**terms: Any) -> list[dict[str, Any]]:
    return [{"capital_usd": 1e9, **terms}]


def many(count: int, debt: float = 16000.0) -> list[dict[str, Any]]:
    return [{"positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": debt}}] * count}]


# What they understand


def test_an_unknown_design_cannot_be_understood(small_world):
    with pytest.raises(ScenarioError, match=r"understands\.0 = 'aave_v33' is no liquidation design; did you mean"):
        Scenario.from_dict(small_world(agents__liquidators=cohort(understands=["aave_v33"])))


def test_who_does_not_understand_a_design_leaves_it_alone(play, digest):
    run = play(agents__liquidators=cohort(understands=["maker_clip", "morpho_blue"]))
    assert run.summary["liquidations"] == 0
    understood = play(agents__liquidators=cohort(understands=["maker_clip", "aave_v3"]))
    assert digest(understood) == digest(play(agents__liquidators=cohort()))


# What they see


def test_who_looks_back_comes_as_many_blocks_later(play):
    steps = [
        play(agents__liquidators=cohort(looks_back_blocks=k), time__steps=8).liquidations["step"] for k in (0, 1, 3)
    ]
    assert [step.iloc[0] for step in steps] == [1, 2, 4]


def test_calls_for_what_has_gone_fail_and_cost_gas(play):
    """The first closes the position in the block before the second sees that it is open."""
    two = [*cohort(), *cohort(looks_back_blocks=1, gas_usd=7.0)]
    run = play(agents__liquidators=two, pools__0__liquidation__close_factor=1.0, time__steps=6)
    assert run.liquidations["liquidator"].tolist() == ["liquidators.0"]
    late = run.liquidators.iloc[1]
    assert (late["calls"], late["failed"], late["gas_usd"], late["profit_usd"]) == (1, 1, 7.0, -7.0)


def test_who_looks_back_calls_in_vain_in_every_block_in_which_it_still_sees_the_fall(play):
    """Below health 1 in three blocks and never again: each is seen four blocks later, when nothing is on offer."""
    run = play(
        assets__ETH__price__prices=[2000.0, 1900.0, 1900.0, 1900.0, 2000.0],
        agents__liquidators=cohort(looks_back_blocks=4, gas_usd=7.0),
        time__steps=12,
    )
    assert run.steps["refused"].tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0]
    assert run.summary["gas_burnt_usd"] == 21.0


def test_who_looks_back_goes_by_the_prices_it_saw(play):
    """At 1,500 dollars nothing pays after gas any more, which it learns a block later, for what the gas costs."""
    world = {
        "assets__ETH__price__prices": [2000.0, 1900.0, 1500.0],
        "assets__ETH__oracle": {"kind": "delayed", "hop_seconds": 60.0},
        "time__steps": 3,
    }
    seen_now = play(**world, agents__liquidators=cohort(gas_usd=1.0))
    seen_late = play(**world, agents__liquidators=cohort(gas_usd=1.0, looks_back_blocks=1))
    assert seen_now.summary["refused"] == seen_now.summary["gas_burnt_usd"] == 0.0
    assert seen_late.summary["liquidations"] == 0


GAS = {"gas_price_gwei": {"kind": "constant", "price": 30.0}, "asset": "ETH"}
THIN = {
    "markets__0__sources": [{"kind": "constant_product", "value": 2e5, "fee": 0.0}],
    "assets__ETH__price": {"kind": "constant", "price": 2000.0},
    "pools__0__reserves__ETH": {"ltv": 0.5, "liquidation_threshold": 0.75},
    "agents__borrowers": [
        {"positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": 16000.0 + k}} for k in range(6)]}
    ],
    "time__steps": 1,
}


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize(("depth", "calls"), [(2e5, 1), (2e6, 2), (2e7, 6)])
def test_nobody_calls_for_what_pending_sales_leave_too_little_for(play, members, depth, calls):
    """Of six accounts as many are called for, one after the other, as the venue's price pays for then."""
    pool = {"kind": "constant_product", "value": depth, "fee": 0.0}
    run = play(**THIN | {"markets__0__sources": [pool]}, agents__liquidators=cohort(count=members, gas_usd=10.0))
    rows = run.liquidations
    assert run.summary["refused"] == 0
    assert len(rows) == calls
    assert (rows["profit_usd"] > 0.0).all()


def test_who_holds_minds_no_pending_sale(play):
    """It goes by the reference price, whatever others sell."""
    run = play(**THIN, agents__liquidators=[*cohort(calls_per_block=2), *cohort(selling="over_time")])
    assert len(run.liquidations) == 6


# How they pay


def test_each_design_says_how_its_takers_pay():
    kinds = Design.__args__[0].__args__
    assert {kind for kind in kinds if kind.financing == "take_over"} == {EulerV1, EulerV2}
    assert [kind for kind in kinds if kind.financing == "lock"] == [MakerFlip]


@pytest.mark.parametrize(("design", "paid"), [("euler_v2", False), ("morpho_blue", True)])
def test_who_takes_over_the_debt_needs_no_loan(play, design, paid):
    """A tenth of what is repaid would be more than there is to gain."""
    world = {"assets__ETH__price__prices": [2000.0, 1750.0], "pools__0__liquidation": {"design": design}}
    free = play(**world, agents__liquidators=cohort(financing="flash"))
    dear = play(**world, agents__liquidators=cohort(financing="flash", flash_fee=0.1))
    assert free.summary["liquidations"] > 0
    assert (dear.summary["liquidations"] < free.summary["liquidations"]) is paid


def test_a_flash_loan_cannot_be_locked_in_a_bid(play):
    world = {"assets__ETH__price__prices": [2000.0, 1750.0], "pools__0__liquidation": {"design": "maker_flip"}}
    bids = [
        play(**world, agents__liquidators=[*cohort(), *rest], time__steps=9).tables["auctions"]["bids"].sum()
        for rest in ([], cohort(financing="flash"))
    ]
    assert bids[0] == bids[1] > 0
    assert play(**world, agents__liquidators=cohort(financing="flash")).liquidators["calls"].sum() == 0


# The risk that they bear


def test_the_charge_is_the_loss_of_certainty_equivalent():
    """a s^2 h x^2 / (2 W) with x before and after; its derivative is what most_usd sets against the gain."""
    aversion, volatility, years, wealth = 4.0, 0.8, 0.01, 1e6
    charge = charge_per_usd(aversion, volatility, years, wealth)
    assert charge == pytest.approx(4.0 * 0.64 * 0.01 / 1e6)
    terms = HoldingTerms(charge, 2e5, math.inf)

    def lost(holding: float) -> float:
        return aversion * volatility**2 * years * holding**2 / (2.0 * wealth)

    assert terms.charge_usd(1e5) == pytest.approx(lost(3e5) - lost(2e5), rel=1e-12)
    most = terms.most_usd(0.01)
    assert aversion * volatility**2 * years * (2e5 + most) / wealth == pytest.approx(0.01, rel=1e-12)


@given(charge=st.floats(0.0, 1e-3), held=st.floats(0.0, 1e6), limit=st.floats(1.0, 1e7), gained=st.floats(0.0, 0.2))
def test_what_is_worth_adding_gains_more_than_it_is_charged_and_fits_the_limit(charge, held, limit, gained):
    terms = HoldingTerms(charge, held, limit)
    most = terms.most_usd(gained)
    assert 0.0 <= most <= max(limit - held, 0.0)
    assert terms.charge_usd(most) <= gained * most * (1.0 + 1e-9)


@pytest.mark.parametrize(("charge", "held", "gain"), [(1.857e-6, 1735.0, 0.05), (6.743e-6, 3.0, 0.1)])
def test_who_has_added_all_that_is_worth_adding_does_not_add_its_rounding(charge, held, gain):
    """A dollar repaid brings 1 + gain dollars of collateral, and that is what rounds."""
    gained = gain / (1.0 + gain)
    repaid = HoldingTerms(charge, held, math.inf).most_usd(gained) / (1.0 + gain)
    assert repaid > 0.0
    assert HoldingTerms(charge, held + repaid * (1.0 + gain), math.inf).most_usd(gained) == 0.0


def test_without_aversion_or_with_endless_wealth_nothing_is_charged(play, digest):
    assert charge_per_usd(0.0, 0.8, 1.0, 0.0) == 0.0
    assert charge_per_usd(5.0, 0.8, 1.0, math.inf) == 0.0
    plain = play(agents__liquidators=cohort(selling="over_time"), time__steps=40)
    assert digest(play(agents__liquidators=cohort(selling="over_time", risk_aversion=0.0), time__steps=40)) == digest(
        plain
    )
    # Who sells at once bears none.
    sold = play(agents__liquidators=cohort(risk_aversion=50.0, holding_limit_usd=1.0))
    assert digest(sold) == digest(play(agents__liquidators=cohort()))


def test_a_holder_takes_as_much_as_its_aversion_lets_it(small_world, model_of):
    """Until the charge on one dollar more is what that dollar gains."""
    averse = [{"capital_usd": 1e5, "selling": "over_time", "sell_over_seconds": 86400.0, "risk_aversion": 20.0}]
    model = model_of(small_world(agents__liquidators=averse, time__steps=2))
    for _ in range(2):
        model.step()
    row = model.recorder.liquidations().iloc[0]
    volatility = model.view.asset_volatility_per_year(1)
    charge = 20.0 * volatility**2 * 86400.0 / SECONDS_PER_YEAR / 1e5
    most = 0.05 / 1.05 / charge
    assert row["seized"] * 1900.0 == pytest.approx(most, rel=1e-9)
    assert row["repaid"] < 8000.0


@pytest.mark.parametrize("design", ["aave_v3", "maker_flip"])
def test_nobody_holds_more_than_its_limit(play, design):
    """Lots are taken whole or not at all."""
    world = {
        "assets__ETH__price__prices": [2000.0, 1700.0],
        "agents__borrowers": many(9),
        "pools__0__liquidation": {"design": design} | ({"bid_seconds": 120.0} if design == "maker_flip" else {}),
        "time__steps": 30,
    }
    holder = {"selling": "over_time", "sell_over_seconds": 1e6, "sell_every_seconds": 1e6}
    free = play(**world, agents__liquidators=cohort(**holder))
    bound = play(**world, agents__liquidators=cohort(**holder, holding_limit_usd=4e4))

    def held(run):
        rows = run.liquidations
        return (rows["seized"] - rows["protocol_fee"]).sum() * 1700.0

    assert held(free) > 1e5
    assert 1e4 < held(bound) <= 4e4 * (1.0 + 1e-9)


def test_an_averse_holder_bids_less_for_a_lot(play):
    world = {
        "assets__ETH__price__prices": [2000.0, 1700.0],
        "pools__0__liquidation": {"design": "maker_flip", "bid_seconds": 120.0},
        "time__steps": 8,
    }

    def raised(aversion: float) -> float:
        holder = cohort(selling="over_time", capital_usd=1e5, risk_aversion=aversion, first_bid=0.99)
        return float(play(**world, agents__liquidators=holder).tables["auctions"]["raised"].iloc[0])

    assert raised(0.0) > raised(1.0) > raised(3.0) > 0.0


# What they hold, and sell over time


def test_who_sells_over_time_may_keep_its_capital_in_what_it_seizes(small_world, model_of, assert_books_agree):
    """Gas is paid in ether too: what is sold must still be there after it has been paid."""
    model = model_of(
        small_world(
            blockspace=GAS,
            agents__liquidators=[
                {"capital_usd": 100.0, "capital_asset": "ETH", "selling": "over_time", "sell_every_seconds": 60.0}
                | {"sell_over_seconds": 60.0}
            ],
            pools__0__liquidation={"design": "fixed_spread", "liquidation_bonus": 0.9, "close_factor": 1.0},
            time__steps=6,
        )
    )
    model.run()
    assert_books_agree(model)
    assert not model.recorder.liquidations().empty


def test_the_gas_of_a_sale_is_paid_from_its_proceeds(small_world, model_of):
    """All capital went into the repayment: the sale brings the money that pays for it."""
    terms = {"capital_usd": 8000.0, "selling": "over_time", "sell_over_seconds": 60.0, "sell_every_seconds": 60.0}
    ends = []
    for units in (0.0, 1e6):
        model = model_of(small_world(blockspace=GAS, agents__liquidators=[terms | {"sale_gas_units": units}]))
        model.run()
        account = model.people.liquidators[0].first_account
        ends.append(model.world.ledger.balance(account, 0))
    assert ends[0] - ends[1] == pytest.approx(1e6 * 33e-9 * 1900.0, rel=1e-9)


def test_what_a_sale_brings_becomes_the_money_of_who_sells(small_world, model_of):
    """Its capital is in a stablecoin that no market quotes, worth 1.25: all of it is there again, and the bonus."""
    terms = {"capital_usd": 1e4, "selling": "over_time", "sell_over_seconds": 60.0, "sell_every_seconds": 60.0}
    model = model_of(
        small_world(
            assets__USDC={"price": {"kind": "constant", "price": 1.25}},
            agents__liquidators=[terms | {"capital_asset": "USDC"}],
            pools__0__liquidation={"design": "fixed_spread", "liquidation_bonus": 0.05, "close_factor": 0.5},
        )
    )
    account, held = model.people.liquidators[0].first_account, []
    for _ in range(3):
        model.step()
        held.append(dict(zip(model.world.assets, model.world.ledger.balances[account].tolist(), strict=True)))
    bought = 8000.0 * 1.05 / 1900.0
    assert held[1] == pytest.approx({"DAI": 0.0, "ETH": bought, "USDC": 2000.0 / 1.25}, abs=1e-9)
    assert held[2] == pytest.approx({"DAI": 0.0, "ETH": 0.0, "USDC": 10_400.0 / 1.25}, abs=1e-9)


@pytest.mark.parametrize(("discount", "sold"), [(0.1, False), (0.5, True)])
def test_who_holds_sells_no_unit_for_less_than_it_accepts(small_world, model_of, discount, sold):
    """A pool that stands a fifth below the market: who waits holds all, who does not sells down to what it accepts."""
    pool = {"kind": "constant_product", "base": 2.0, "quote": 2.0 * 0.8 * 1900.0, "fee": 0.0}
    terms = {"selling": "over_time", "sell_over_seconds": 60.0, "sell_every_seconds": 60.0, "max_discount": discount}
    model = model_of(
        small_world(blockspace=GAS, markets__0__sources=[pool], agents__liquidators=[{"capital_usd": 1e5} | terms])
    )
    model.run()
    cohort = model.people.liquidators[0]
    seized, venue = model.recorder.liquidations()["seized"].sum(), model.world.exchanges[0].venue
    assert seized > 3.0
    assert venue.bid == pytest.approx(1900.0 * (0.5 if sold else 0.8), rel=1e-9)
    assert (model.world.ledger.balance(cohort.first_account, 1) < seized) == sold
    # Who does not sell pays no gas for trying.
    assert cohort.tallies[0].gas_usd == pytest.approx((500_000.0 + sold * 150_000.0) * 33e-9 * 1900.0, rel=1e-9)


# When they come and go


@pytest.mark.parametrize(
    "wrong", [{"active": 0}, {"evaluate_every_seconds": 0.0}, {"enter_above": 0.5, "leave_below": 1.0}]
)
def test_terms_of_entry_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        Entry(**{"active": 1} | wrong)


def test_more_active_members_than_there_are_is_refused(small_world):
    with pytest.raises(ScenarioError, match=r"entry\.active = 3 is above count = 2; raise that"):
        Scenario.from_dict(small_world(agents__liquidators=cohort(count=2, entry={"active": 3})))


def turnover(count: int = 5, capital: float = 1e6, **terms: Any) -> Turnover:
    return Turnover(Entry(**{"active": 2, "evaluate_every_seconds": 3600.0, "moves": 1} | terms), count, capital)


def test_a_steady_income_is_what_is_averaged():
    """A dollar a second, however short the time or the memory."""
    for memory in (600.0, 1e6):
        state = turnover(memory_seconds=memory)
        for now in range(1, 4000):
            state.earn(1.0, float(now))
        assert state.per_second(3999.0) == pytest.approx(1.0, rel=2e-3)


def test_nobody_comes_where_nothing_is_earned_though_nothing_costs_anything():
    state = turnover(capital_cost_per_year=0.0)
    for hour in range(1, 10):
        state.review(3600.0 * hour)
    assert state.active == 2


def test_members_come_while_it_pays_and_go_when_it_does_not():
    """Costs of 10 % of a million a year; twice that is earned a member, then nothing."""
    state = turnover(memory_seconds=3600.0)
    wanted = 2.0 * 0.1 * 1e6 / SECONDS_PER_YEAR
    seen = []
    for hour in range(1, 25):
        now = hour * 3600.0
        if hour <= 12:
            state.earn(wanted * state.active * 3600.0 / 0.5819767, now)  # 1 / (e - 1): an hour's income counted late
        state.review(now)
        seen.append(state.active)
    assert seen[:3] == [3, 4, 5]
    assert max(seen) == 5
    assert seen[-1] == 1
    assert np.abs(np.diff(seen)).max() == 1


def test_within_the_band_nothing_happens():
    state = turnover(enter_above=1e9, leave_below=0.0)
    state.earn(1e6, 1800.0)
    state.review(3600.0)
    assert state.active == 2


@given(earned=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), count=st.integers(1, 6), moves=st.integers(1, 9))
def test_there_is_always_somebody_and_never_more_than_all(earned, count, moves):
    state = turnover(count=count, active=1, moves=moves)
    for hour, usd in enumerate(earned, start=1):
        state.earn(usd, hour * 3600.0)
        state.review(hour * 3600.0)
        assert 1 <= state.active <= count


def test_all_active_at_no_cost_is_as_without_terms_of_entry(play, digest):
    """They earn more than nothing, so that nobody goes, and nobody is left to come."""
    free = {"active": 3, "capital_cost_per_year": 0.0, "evaluate_every_seconds": 60.0}
    world = {"agents__borrowers": many(5), "time__steps": 20}
    assert digest(play(**world, agents__liquidators=cohort(count=3, entry=free))) == digest(
        play(**world, agents__liquidators=cohort(count=3))
    )


DEBTS = np.linspace(12e3, 16e3, 60).tolist()
CRASH = {
    "agents__borrowers": [{"positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": debt}} for debt in DEBTS]}],
    "assets__ETH__price__prices": [2000.0, *np.linspace(1900.0, 1500.0, 45).tolist()],
    "time__steps": 120,
}
ENTRY = {
    "active": 1,
    "evaluate_every_seconds": 300.0,
    "memory_seconds": 1200.0,
    "capital_cost_per_year": 0.1,
    "running_cost_usd_per_year": 1e7,
}


def reserve(**terms: Any) -> list[dict[str, Any]]:
    return cohort(count=4, capital_usd=1e6, calls_per_block=1, entry=ENTRY | terms)


@pytest.fixture(scope="module")
def kept(play):
    """The crash with its terms of entry as they are."""
    return play(**CRASH, agents__liquidators=reserve())


def test_members_in_reserve_do_nothing_and_those_who_come_are_counted(kept):
    """One at a time every five minutes while a crash pays; then they go again one by one."""
    run = kept
    active = run.steps["active_liquidators"].to_numpy()
    assert active[0] == 1
    assert active.max() == 4
    assert active[-1] == 1
    rows = run.liquidations
    number = rows["liquidator"].str.extract(r"\[(\d)\]")[0].astype(int)
    assert (number.to_numpy() < active[rows["step"].to_numpy()]).all()
    assert run.summary["active_liquidators"] == pytest.approx(active.mean())


@pytest.mark.parametrize(
    "change",
    [
        {"active": 2},
        {"evaluate_every_seconds": 120.0},
        {"memory_seconds": 60.0},
        {"capital_cost_per_year": 500.0},
        {"running_cost_usd_per_year": 1e8},
        {"enter_above": 1e6},
        {"leave_below": 0.0},
        {"moves": 3},
    ],
    ids=str,
)
def test_every_term_of_entry_moves_some_output(play, kept, change):
    changed = play(**CRASH, agents__liquidators=reserve(**change))
    assert (kept.steps["active_liquidators"] != changed.steps["active_liquidators"]).any()


# What came of it


def test_the_table_of_liquidators_adds_up(play):
    """Calls, what failed and gas against the other tables and the summary, under contest and in auctions."""
    space = {"gas_price_gwei": {"kind": "constant", "price": 30.0}, "asset": "ETH", "bidding": {"kind": "sealed"}}
    for design in ("aave_v3", "maker_clip", "maker_flip"):
        run = play(
            agents__borrowers=many(6),
            assets__ETH__price__prices=[2000.0, 1700.0],
            agents__liquidators=cohort(count=3, capital_usd=1e6),
            blockspace=space,
            pools__0__liquidation={"design": design} | ({"bid_seconds": 120.0} if design == "maker_flip" else {}),
            time__steps=60,
        )
        table, rows = run.liquidators, run.liquidations
        assert len(table) == 3
        assert table["failed"].sum() == run.summary["refused"]
        assert table["gas_usd"].sum() == pytest.approx(run.summary["gas_burnt_usd"], rel=1e-9)
        assert table["liquidations"].sum() == len(rows)
        assert table["repaid_usd"].sum() >= rows["repaid_usd"].sum() * (1.0 - 1e-9)
        assert run.summary["failed_calls_per_liquidator"] == pytest.approx(table["failed"].sum() / 3)
        gains = table["profit_usd"].clip(lower=0.0)
        assert run.summary["largest_liquidator_share"] == pytest.approx(
            gains.max() / gains.sum() if gains.any() else 0.0
        )


@pytest.mark.parametrize("design", ["aave_v3", "maker_clip", "maker_flip"])
def test_a_members_profit_is_what_its_money_has_grown_by(small_world, model_of, design):
    """Sold at once on a market that takes all at the reference price, so that nothing is held in the end."""
    model = model_of(
        small_world(
            assets__ETH__price__prices=[2000.0, 1700.0],
            agents__borrowers=many(6),
            agents__liquidators=cohort(count=3, capital_usd=1e6, gas_usd=5.0),
            pools__0__liquidation={"design": design} | ({"bid_seconds": 120.0} if design == "maker_flip" else {}),
            time__steps=60,
        )
    )
    for _ in range(60):
        model.step()
    members = model.people.liquidators[0]
    locked = {
        account: units
        for account, _, units in (model.world.lenders[0].auctions.locked() if design == "maker_flip" else [])
    }
    for member, tally in enumerate(members.tallies):
        account = members.first_account + member
        have = model.world.ledger.balance(account, 0) + locked.get(account, 0.0)
        assert have - 1e6 == pytest.approx(tally.profit_usd, abs=1e-5)
    assert sum(tally.liquidations for tally in members.tallies) > 0
