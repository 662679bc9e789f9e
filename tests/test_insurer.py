"""The insurer: its balance sheet, its policy, what it asks for, and when it fails; against Cramér and Lundberg."""

from math import sqrt
from typing import Any

import numpy as np
import pytest

from abm import Scenario, ScenarioError
from abm.agents.insurer import Insurer, Sheet
from abm.agents.policy import Insurers
from abm.losses.insurance import InsuredBy
from abm.losses.underwriting import sheet_of
from abm.markets.trading import funded_swap
from abm.model import UnderwaterModel
from models.ledger import OUTSIDE
from models.losses import Loss, LossMarket
from models.losses.insurance import InsuranceLayer
from models.ruin import finite_time_ruin

DAY, YEAR = 86400.0, 31_536_000.0
UNDER = {
    "assets__ETH__price__prices": [2000.0, 1500.0],  # 14,285.71 repaid, 1,714.29 lost in block 1
    "time__steps": 2,
    "pools__0__losses__layers": [{"kind": "insurance"}],
}
LOSS = 16000.0 - 100000.0 / 7.0
TOKEN = {"assets__TKN": {"price": {"kind": "path", "prices": [10.0, 5.0]}}}
EARNING = {"rates": {"kind": "fixed", "rate_per_year": 1.0}, "reserve_factor": 1.0, "treasury": 1e5}


def paid_by(run: Any) -> dict[str, float]:
    return run.write_offs.groupby("layer", sort=False)["paid"].sum().to_dict()


def insured(play: Any, terms: dict[str, Any], **changes: Any) -> Any:
    return play(**UNDER | {"agents__insurers": [{"capital": {}} | terms]} | changes)


def started(small_world: Any, model_of: Any, terms: dict[str, Any], **changes: Any) -> UnderwaterModel:
    return model_of(small_world(**UNDER | {"agents__insurers": [{"capital": {}} | terms]} | changes))


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"capital": {"BTC": 1.0}}, "insurers.0.capital.BTC is no reserve of pool core"),
        ({"pool_claims": {"BTC": 1.0}}, "insurers.0.pool_claims.BTC is no reserve of pool core"),
        ({"tokens": {"BTC": 1.0}}, "insurers.0.tokens.BTC is no asset with a price; add"),
        ({"pricing": {"shock": 1.0}}, "insurers.0.pricing.shock = 1.0 cannot be used; give a number below 1"),
        ({"payout_delay_seconds": -1.0}, "payout_delay_seconds = -1.0 cannot be used; give 0 or more"),
        ({"recapitalization_usd": 1.0}, "is not a known key; did you mean 'recapitalisation_usd'"),
    ],
)
def test_terms_that_cannot_be_get_one_sentence(small_world, terms, message):
    with pytest.raises(ScenarioError, match=message):
        Scenario.from_dict(small_world(agents__insurers=[{"capital": {}} | terms]))


# What it pays with


def test_money_pays_first_then_claims_on_the_pool_then_tokens_at_their_price(small_world, model_of):
    """Of 1,714: 500 of money, 400 of claims given up without cash, the rest from tokens at 5, half of before."""
    terms = {"capital": {"DAI": 500.0}, "pool_claims": {"DAI": 400.0}, "tokens": {"TKN": 1000.0}}
    model = started(small_world, model_of, terms, **TOKEN)
    (insurer,) = model.people.insurers
    assert sheet_of(model.world, insurer) == Sheet(500.0, 400.0, 10_000.0, 0.0)
    model.run()
    sheet = sheet_of(model.world, insurer)
    assert (sheet.money_usd, sheet.claims_usd) == pytest.approx((0.0, 0.0))
    assert sheet.tokens_usd == pytest.approx(5000.0 - (LOSS - 900.0))
    pool = model.world.lenders[0].pool
    assert (pool.total_claims[0], pool.deficit[0]) == pytest.approx((1e6, 0.0))
    assert pool.cash[0] == pytest.approx(1e6)


@pytest.mark.parametrize("feedback", [True, False])
def test_tokens_sold_on_one_venue_bring_what_those_before_have_left(play, assert_losses_add_up, feedback):
    """Tokens go by way of ETH, whose market then pays less for the insurer's own; it pays what it says all the same."""
    pools = {"ETH": ("DAI", 40_000.0), "TKN": ("ETH", 40.0)}
    run = insured(
        play,
        {"tokens": {"TKN": 100.0, "ETH": 2.0}},
        **TOKEN,
        feedback=feedback,
        markets=[
            {"base": base, "quote": quote, "sources": [{"kind": "constant_product", "value": value}]}
            for base, (quote, value) in pools.items()
        ],
        agents__liquidators=[{"capital_usd": 1e9, "selling": "over_time", "sell_over_seconds": 1e6}],
    )
    assert paid_by(run) == pytest.approx({"insurance": LOSS})
    assert_losses_add_up(run)


def test_capital_that_is_a_claim_on_the_pool_it_insures_is_cut_with_everybodys(play):
    """Before it comes to pay the second loss it has borne its part of the first, which nobody insured."""
    layers = [{"kind": "haircut", "limit_usd": 1000.0}, {"kind": "insurance"}]
    terms = {"pool_claims": {"DAI": 700.0}}
    run = insured(play, terms, pools__0__losses__layers=layers, agents__depositors=[{"deposits": {"DAI": 19300.0}}])
    assert paid_by(run)["insurance"] == pytest.approx(700.0 * (1.0 - 1000.0 / 20000.0), rel=1e-12)


def test_money_in_an_asset_that_was_not_lost_pays_nothing(play):
    assert paid_by(insured(play, {"capital": {"ETH": 100.0}})) == pytest.approx({"depositors": LOSS})


# The policy

TWICE = {
    "assets__ETH__price__prices": [2000.0, 1500.0, 1500.0, 900.0],
    "agents__borrowers": [
        {"positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": debt}} for debt in (16000.0, 16000.0, 12000.0)]}
    ],
    "time": {"step_seconds": 3600.0, "steps": 5},
}
LATER = 12000.0 - 9000.0 / 1.05


@pytest.mark.parametrize(
    ("terms", "paid"),
    [
        ({"event_limit_usd": 1000.0, "event_seconds": 60.0}, 2000.0),
        ({"event_limit_usd": 1000.0, "event_seconds": 7201.0}, 1000.0),
        ({"event_limit_usd": 1000.0, "limit_usd": 1500.0, "event_seconds": 60.0}, 1500.0),
        ({"event_limit_usd": 1000.0, "deductible_usd": 2.0 * LOSS, "event_seconds": 60.0}, 1000.0),
        ({}, 2.0 * LOSS + LATER),
    ],
)
def test_limits_bind_each_event_and_all_of_them(play, terms, paid):
    """Two losses in one block and one two hours later: two events, or one."""
    run = insured(play, {"capital": {"DAI": 1e6}} | terms, **TWICE)
    assert paid_by(run)["insurance"] == pytest.approx(paid, rel=1e-9)


@pytest.mark.parametrize(
    ("layer", "paid"),
    [({"share": 0.5}, 0.5 * (LOSS - 1000.0)), ({"deductible_usd": 300.0, "limit_usd": 400.0}, 400.0)],
)
def test_the_layers_terms_are_of_what_the_policys_deductible_leaves(play, layer, paid):
    """A layer takes its share of the loss beyond all that is deducted, its limit at most."""
    terms = {"capital": {"DAI": 1e6}, "deductible_usd": 1000.0}
    run = insured(play, terms, pools__0__losses__layers=[{"kind": "insurance"} | layer])
    assert paid_by(run)["insurance"] == pytest.approx(paid, rel=1e-12)


AGAIN = {"kind": "insurance"}


@pytest.mark.parametrize(
    ("layers", "deductible", "paid"),
    [
        ([AGAIN | {"share": 0.5}, AGAIN], 1000.0, LOSS - 1000.0),
        ([AGAIN | {"share": 0.5}, AGAIN | {"share": 0.5}], 1000.0, 0.75 * (LOSS - 1000.0)),
        ([AGAIN, AGAIN], 1000.0, LOSS - 1000.0),
        ([AGAIN, AGAIN], 2000.0, 0.0),
        ([AGAIN | {"limit_usd": 300.0}, AGAIN], 0.0, LOSS),
    ],
)
def test_an_insurer_that_stands_twice_in_a_waterfall_deducts_once(play, layers, deductible, paid):
    """What the deductible leaves to others at the first layer is not paid at the second, nor borne again there."""
    terms = {"capital": {"DAI": 1e6}, "deductible_usd": deductible}
    run = insured(play, terms, pools__0__losses__layers=layers)
    assert paid_by(run).get("insurance", 0.0) == pytest.approx(paid, rel=1e-12)


def test_a_shortfall_of_what_was_deducted_is_no_claim(play):
    """A cover between the two takes the 1,000 that were deducted, and pays half: the rest is the depositors'."""
    cover = {"kind": "external_cover", "asset": "TKN", "capital": 100.0, "assessment_seconds": 60.0}
    terms = {"capital": {"DAI": 1e6}, "deductible_usd": 1000.0}
    token = {"assets__TKN": {"price": {"kind": "path", "prices": [10.0, 10.0, 5.0]}}}
    run = insured(play, terms, pools__0__losses__layers=[AGAIN, cover, AGAIN], time__steps=3, **token)
    expected = {"insurance": LOSS - 1000.0, "external_cover": 500.0, "depositors": 500.0}
    assert paid_by(run) == pytest.approx(expected, rel=1e-9)


def test_claims_queue_for_their_delay_and_are_paid_then(small_world, model_of, assert_losses_add_up, play):
    terms = {"capital": {"DAI": 5000.0}, "payout_delay_seconds": 120.0}
    run = insured(play, terms, time__steps=5)
    assert run.steps["pending_usd"].tolist() == pytest.approx([0.0, LOSS, LOSS, 0.0, 0.0])
    assert run.steps["insurer_capital_usd"].tolist() == pytest.approx([5000.0] * 3 + [5000.0 - LOSS] * 2)
    assert paid_by(run) == pytest.approx({"insurance": LOSS})
    assert_losses_add_up(run)
    model = started(small_world, model_of, terms)
    model.run()
    sheet = sheet_of(model.world, model.people.insurers[0])
    assert (sheet.assets_usd, sheet.owed_usd, sheet.equity_usd) == pytest.approx((5000.0, LOSS, 5000.0 - LOSS))


def test_an_insolvent_insurer_pays_every_claim_the_same_part_and_then_nothing(play, assert_losses_add_up):
    """It owes two losses with money for one and a half: three quarters of each; the third is not its affair."""
    terms = {"capital": {"DAI": 1.5 * LOSS}, "payout_delay_seconds": 3600.0}
    run = insured(play, terms, **TWICE)
    rows = run.write_offs[run.write_offs["layer"] == "insurance"].set_index("account")["paid"]
    assert rows.to_dict() == pytest.approx({0: 0.75 * LOSS, 1: 0.75 * LOSS})
    assert run.summary["depositor_loss_usd"] == pytest.approx(0.5 * LOSS + LATER)
    assert run.summary["insolvent_insurers"] == 1.0
    assert_losses_add_up(run)


def test_claims_that_fall_due_apart_get_the_same_part(small_world, model_of):
    """Insolvent with two claims in its queue, of which one falls due now: the other has its part kept for it."""
    model = started(small_world, model_of, {"capital": {"DAI": 60.0}, "payout_delay_seconds": 100.0})
    world, market = model.world, LossMarket()
    payer = InsuredBy(InsuranceLayer(), model.people.insurers[0], world, world.lenders[0], 0).start()
    payer.pay(40.0, 0.0, market)
    payer.pay(80.0, 50.0, market)
    first = payer.advance(100.0, market)
    assert (first.units, first.shortfall) == pytest.approx((20.0, 20.0))
    world.ledger.transfer(model.people.insurers[0].account, OUTSIDE, 0, first.units)
    assert payer.advance(150.0, market).units == pytest.approx(40.0)
    assert payer.capacity(150.0, market) == 0.0


# Solvency


def test_owners_bring_what_the_minimum_lacks_after_their_delay_and_no_more_than_they_said(play):
    """Half of 16,000 of exposure must be capital: 8,000, of which 3,000 are there and 4,000 to be had."""
    run = insured(
        play,
        {
            "capital": {"DAI": 3000.0},
            "min_capital_ratio": 0.5,
            "recapitalisation_usd": 4000.0,
            "recapitalisation_delay_seconds": 120.0,
        },
        assets__ETH__price__prices=[2000.0],
        time__steps=5,
    )
    assert run.steps["insurer_capital_usd"].tolist() == pytest.approx([3000.0] * 2 + [7000.0] * 3)


@pytest.mark.parametrize(("capital", "insures"), [(8000.0, True), (7999.0, False)])
def test_cover_is_renewed_only_with_the_capital_that_it_asks_for(play, capital, insures):
    run = insured(
        play,
        {"capital": {"DAI": capital}, "min_capital_ratio": 0.5, "renewal_seconds": 60.0},
        assets__ETH__price__prices=[2000.0, 2000.0, 1500.0],
        time__steps=3,
    )
    assert ("insurance" in paid_by(run)) is insures


def test_a_rounding_below_what_is_asked_for_is_neither_the_end_of_cover_nor_of_the_insurer(small_world, model_of):
    terms = {"capital": {"DAI": 1.0}, "renewal_seconds": 60.0}
    insurer = Insurer(model_of(small_world()), Insurers.model_validate(terms), 0, 0)
    minimum = 880.6455700066898
    insurer.renew(Sheet(np.nextafter(minimum, 0.0), 0.0, 0.0, 0.0), minimum, 60.0)
    assert insurer.covers
    assert insurer.payable_share(np.nextafter(minimum, 0.0), minimum) == 1.0
    assert not insurer.insolvent


@pytest.mark.parametrize(("ratio", "stays"), [(0.0, 0.0), (0.5, 1000.0)])
def test_nobody_leaves_an_insurer_below_its_minimum(small_world, model_of, ratio, stays):
    """A staker behind 3,000 of the owners' money wants out at the first shortfall; below 12,500 it may not."""
    model = started(
        small_world,
        model_of,
        {"capital": {"DAI": 3000.0}, "min_capital_ratio": ratio},
        agents__stakers=[{"layer": "insurance", "capital": 1000.0, "leave_at_hole": 1e-9}],
        agents__borrowers=[
            {
                "positions": [
                    {"collateral": {"ETH": 10.0}, "debt": {"DAI": 16000.0}},
                    {"collateral": {"ETH": 10.0}, "debt": {"DAI": 9000.0}},
                ]
            }
        ],
        agents__liquidators=[],
        time__steps=5,
    )
    model.run()
    desk = model.people.stakers[0]
    wallet = model.world.ledger.balance(desk.cohort.first_account, 0)
    assert wallet == pytest.approx(1000.0 - stays)
    assert float(desk.place.stake.holdings[desk.cohort.first_holder]) == pytest.approx(stays, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_who_takes_the_last_of_the_money_is_out_whatever_its_rounding(small_world, model_of, seed):
    """All stakers leave in the one block of their window; the owners' capital is a claim, not money to leave with."""
    leaving = {"layer": "insurance", "count": 9, "capital": {"kind": "uniform", "low": 100.0, "high": 3000.0}}
    terms = {"pool_claims": {"DAI": 1000.0}, "cooldown_seconds": 60.0, "window_seconds": 0.0}
    stakers = [leaving | {"leave_at_yield_per_year": 1.0}]
    changes = {"assets__ETH__price__prices": [2000.0], "agents__stakers": stakers}
    model = model_of(small_world(**UNDER | {"agents__insurers": [{"capital": {}} | terms]} | changes), seed)
    model.run()
    (desk,) = model.people.stakers
    assert not desk.cohort.where.any()
    assert not desk.place.stake.shares[1:].any()
    assert [model.world.ledger.balance(desk.cohort.first_account + k, 0) for k in range(9)] == pytest.approx(
        desk.cohort.capital.tolist(), rel=1e-12
    )


def test_stakers_share_what_premiums_bring_and_claims_cost(small_world, model_of):
    """A quarter of the equity is theirs: they bear a quarter of the loss when they leave after it."""
    model = started(
        small_world,
        model_of,
        {"capital": {"DAI": 3000.0}, "cooldown_seconds": 60.0},
        agents__stakers=[{"layer": "insurance", "capital": 1000.0, "leave_at_yield_per_year": 1e9}],
        time__steps=4,
    )
    model.run()
    wallet = model.world.ledger.balance(model.people.stakers[0].cohort.first_account, 0)
    assert wallet == pytest.approx(1000.0 - 0.25 * LOSS)


def test_stakers_enter_for_the_yield_that_premiums_pay(small_world, model_of):
    """3,000 dollars a year on 3,000 of capital: who asks for 60 % comes in, who asks for 150 % does not."""
    pricing = {"expected_loss_usd_per_year": 2000.0, "loading": 0.5, "credibility_years": 1e18}
    for asked, comes in ((0.6, True), (1.5, False)):
        model = started(
            small_world,
            model_of,
            {"capital": {"DAI": 3000.0}, "pricing": pricing},
            agents__stakers=[{"layer": "insurance", "capital": 1000.0, "enter_at_yield_per_year": asked}],
            assets__ETH__price__prices=[2000.0],
            time__steps=3,
        )
        model.run()
        assert (model.world.ledger.balance(model.people.stakers[0].cohort.first_account, 0) == 0.0) is comes


# Premiums


def test_a_priced_premium_is_the_estimate_with_its_loading_and_comes_from_the_treasury(play):
    """1,000 expected a year, loaded by 30 %, for three days; nothing before any time has passed."""
    pricing = {"expected_loss_usd_per_year": 1000.0, "loading": 0.3, "credibility_years": 1e18}
    run = insured(
        play,
        {"capital": {"DAI": 50.0}, "pricing": pricing},
        pools__0__reserves__DAI=EARNING,
        agents__liquidators=[],
        assets__ETH__price__prices=[2000.0],
        time={"step_seconds": DAY, "steps": 4},
    )
    expected = 50.0 + 1300.0 / 365.0 * np.arange(4)
    assert run.steps["insurer_capital_usd"].tolist() == pytest.approx(expected.tolist(), rel=1e-12)
    assert run.summary["premiums_usd"] == pytest.approx(3 * 1300.0 / 365.0, rel=1e-12)


def test_its_own_estimate_is_what_a_shock_would_cost_under_its_policy(small_world, model_of):
    """10 ETH at 2,000 less 30 % back 14,000 of 16,000: 2,000 are missing, less a deductible of 500, twice a year."""
    pricing = {"shock": 0.3, "shocks_per_year": 2.0, "loading": 0.0}
    terms = {"capital": {"DAI": 1e4}, "pricing": pricing, "deductible_usd": 500.0}
    model = started(small_world, model_of, terms, assets__ETH__price__prices=[2000.0])
    model.step()
    assert model.people.insurers[0].premium_usd_per_year == pytest.approx(2.0 * 1500.0, rel=1e-12)


def test_a_shock_falls_on_what_sales_have_left_in_bands(small_world, model_of):
    """Two of ten ETH are bought out of the bands after everybody has looked: what was paid for them no longer falls."""
    book = {"base": "ETH", "quote": "DAI", "sources": [{"kind": "order_book", "tick": 0.01}]}
    llamma = {"pools__0__liquidation": {"design": "llamma"}, "markets": [book], "agents__liquidators": []}
    model = model_of(small_world(**UNDER | llamma))
    model.step()
    world, view = model.world, model.view
    assert view.shortfall_after(0, 0.5) == pytest.approx(16_000.0 - 10.0 * 1000.0)
    fill = world.exchanges[0].venue.quote_out("buy", 2.0)
    funded_swap(world, world.exchanges[0], world.ledger.open("a buyer"), fill)
    assert view.shortfall_after(0, 0.5) == pytest.approx(16_000.0 - fill.amount_in - 8.0 * 1000.0, rel=1e-12)


ASKED = {"expected_loss_usd_per_year": 36_500.0, "loading": 0.0, "credibility_years": 1e18}
DAILY: dict[str, Any] = {
    "time": {"step_seconds": DAY, "steps": 5},
    "pools__0__reserves__DAI": {"treasury": 1e5},
    "agents__borrowers": [
        {"positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": debt}} for debt in (16000.0, 8000.0)]}
    ],
}


@pytest.mark.parametrize(
    ("terms", "capital"),
    [
        ({"capital": {"DAI": 1000.0}, "payout_delay_seconds": DAY}, [1000.0, 1100.0, 0.0, 0.0, 0.0]),
        (
            {"capital": {"DAI": 9000.0}, "min_capital_ratio": 1.0, "renewal_seconds": DAY},
            [9000.0] + [9100.0 - LOSS] * 4,
        ),
        ({"capital": {"DAI": 9000.0}, "limit_usd": 1000.0, "premium_share": 0.5}, [9000.0] + [8000.0] * 4),
    ],
)
def test_no_premium_is_asked_once_cover_has_ended(play, terms, capital):
    """100 a day, looked at again long after the end: of one that fails, one below its minimum, one at its limit."""
    terms |= {"pricing": ASKED | {"estimate_every_seconds": YEAR}}
    assert insured(play, terms, **DAILY).steps["insurer_capital_usd"].tolist() == pytest.approx(capital, rel=1e-12)


def test_a_loss_raises_the_premium_of_the_time_after_it(play):
    """By its record alone: the loss a year's 365th part on, then half of it; the day of the loss costs nothing."""
    terms = {"capital": {"DAI": 5000.0}, "pricing": {"credibility_years": 0.0, "loading": 0.0, "shocks_per_year": 0.0}}
    left = 5000.0 - LOSS
    capital = [5000.0, left, left + LOSS, left + 1.5 * LOSS, left + (1.5 + 1.0 / 3.0) * LOSS]
    assert insured(play, terms, **DAILY).steps["insurer_capital_usd"].tolist() == pytest.approx(capital, rel=1e-12)


def test_what_is_due_of_premiums_is_paid_once_there_is_money_for_it(small_world, model_of):
    """The treasury is empty at first; what comes in when nothing new falls due any more pays the arrears."""
    terms = {"capital": {"DAI": 50.0}, "pricing": ASKED | {"estimate_every_seconds": 1.0}}
    still = {"assets__ETH__price__prices": [2000.0], "agents__liquidators": []}
    model = started(small_world, model_of, terms, **DAILY | {"pools__0__reserves__DAI": {}} | still)
    (insurer,), pool = model.people.insurers, model.world.lenders[0].pool
    for _ in range(3):
        model.step()
    assert insurer.premiums_usd == 0.0
    insurer.covers = False
    model.world.endow(model.world.lenders[0].account, 0, 1000.0)
    pool.fund_treasury(0, 1000.0)
    model.step()
    assert insurer.premiums_usd == pytest.approx(200.0, rel=1e-12)


def insurer_with(model: UnderwaterModel, **pricing: float) -> Insurer:
    terms = Insurers.model_validate({"capital": {"DAI": 1.0}, "pricing": pricing, "limit_usd": 1000.0})
    return Insurer(model, terms, 0, 0)


def test_its_record_counts_for_more_with_time_and_capacity_used_makes_cover_dearer(small_world, model_of):
    """After a year with 300 paid and a credibility of a year: half of 300 and half of 100; then 1 + 2 (e / c)^2."""
    model = model_of(small_world())
    insurer = insurer_with(model, credibility_years=1.0, loading=0.1, curve=2.0, curve_power=2.0)
    insurer.promise(300.0, 0.0)
    assert insurer.premium_for(100.0, 0.0, 500.0, YEAR) == pytest.approx(1.1 * 200.0, rel=1e-12)
    assert insurer.premium_for(100.0, 250.0, 500.0, YEAR) == pytest.approx(1.1 * 200.0 * 1.5, rel=1e-12)
    assert insurer.premium_for(100.0, 0.0, 500.0, 0.0) == pytest.approx(1.1 * 100.0, rel=1e-12)


@pytest.mark.parametrize(("curve", "goes_on"), [(0.0, True), (2.0, False)])
def test_an_insurer_whose_capital_is_gone_has_no_price_where_capacity_has_one(play, curve, goes_on):
    """It owes more than it has from day 1 on, whose premium was set before; the next loss is that of day 3.

    Without a curve it goes on as if it had capital.
    """
    pricing = ASKED | {"curve": curve, "curve_power": 1e-9}  # 1 + curve, whatever the exposure
    terms = {"capital": {"DAI": 500.0}, "payout_delay_seconds": 2.5 * DAY, "pricing": pricing}
    run = insured(play, terms, **DAILY | {"assets__ETH__price__prices": [2000.0, 1500.0, 1500.0, 700.0]})
    first, later = 100.0 * (1.0 + curve), 100.0 * goes_on
    capital = [500.0, 500.0 + first, 500.0 + first + later]
    assert run.steps["insurer_capital_usd"].tolist()[:3] == pytest.approx(capital)
    assert run.write_offs[run.write_offs["account"] == 1]["layer"].tolist() == ["pending" if goes_on else "depositors"]


# Ruin


def test_it_is_ruined_as_often_as_cramer_and_lundberg_say(small_world, model_of):
    """Capital 5, claims of mean 1 once a year, loaded by 30 %, over fifteen years: within three standard errors.

    The claims are drawn; all else is the insurer's own: what its policy takes of a claim, its queue, what it then can
    pay, its premium, its end.
    """
    capital, mean, loading, years, paths = 5.0, 1.0, 0.3, 15.0, 3000
    model = model_of(small_world())
    world, market, rng = model.world, LossMarket(), np.random.default_rng(5)
    account = world.ledger.open("insurers under test")
    pricing = {"expected_loss_usd_per_year": mean, "credibility_years": 1e18, "loading": loading}
    terms = Insurers.model_validate({"capital": {"DAI": 0.0}, "pricing": pricing, "payout_delay_seconds": 1.0})
    ruined = 0
    for _ in range(paths):
        world.ledger.transfer(account, OUTSIDE, 0, world.ledger.balance(account, 0))
        world.endow(account, 0, capital)
        insurer = Insurer(model, terms, 0, account)
        payer = InsuredBy(InsuranceLayer(), insurer, world, world.lenders[0], 0).start()
        elapsed = 0.0
        while not insurer.insolvent:
            wait = float(rng.exponential(1.0))
            elapsed += wait
            if elapsed > years:
                break
            now = elapsed * YEAR
            world.endow(account, 0, wait * insurer.premium_for(mean, 0.0, capital, now))
            loss = Loss(float(rng.exponential(mean)))
            payer.pay(loss.take(payer.facing("insurance", loss, now, market)), now, market)
            assert loss.rest == 0.0
            paid = payer.advance(now + 1.0, market)
            world.ledger.transfer(account, OUTSIDE, 0, paid.units)
        ruined += insurer.insolvent
    expected = finite_time_ruin(capital, years, 1.0, mean, loading)
    assert ruined / paths == pytest.approx(expected, abs=3.0 * sqrt(expected * (1.0 - expected) / paths))
