"""The attacker: what a manipulation pays, against calculations by hand; when it stays away; what it leaves behind."""

from copy import deepcopy
from math import inf, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm import Scenario, ScenarioError, simulate
from abm.agents.attacker import TOP_OF_BLOCK_GWEI
from abm.intents import BorrowAgainst, Lent, Status
from models.market import Bands, Concentrated, ConstantProduct, Infinite, OrderBook, StableSwap, Venue

PRICE, DEPTH, CAPITAL, LTV = 10.0, 1e6, 1e6, 0.75
"""The pool has `DEPTH` dollars on each side, so that all the capital takes the price to four times what it was."""

TWAP = {"kind": "twap", "window_seconds": 600.0}
ARBITRAGEUR = [{"capital_usd": inf, "hedge_cost": 0.0}]
VICTIMS = [{"positions": [{"collateral": {"ALT": 20000.0}, "debt": {"USD": 140000.0}}]}]


def attack_world(**changes: Any) -> dict[str, Any]:
    """A fee-free constant product that a lender believes, and an attacker with nobody in its way."""
    described = {
        "oracle": {"kind": "venue"},
        "depth": DEPTH,
        "fee": 0.0,
        "ltv": LTV,
        "cash": 1e9,
        "steps": 3,
        "agents": {},
        "attacker": {},
        **changes,
    }
    return {
        "name": "attack",
        "checks": True,
        "time": {"step_seconds": 60.0, "steps": described["steps"]},
        "assets": {
            "USD": {"price": {"kind": "constant", "price": 1.0}},
            "ALT": {"price": {"kind": "constant", "price": PRICE}, "oracle": described["oracle"]},
        },
        "markets": [
            {
                "base": "ALT",
                "quote": "USD",
                "sources": [
                    {"kind": "constant_product", "value": 2.0 * described["depth"], "fee": described["fee"]},
                ],
            }
        ],
        "pools": [
            {
                "reserves": {"USD": {}, "ALT": {"ltv": described["ltv"], "liquidation_threshold": 0.8}},
                "liquidation": {"design": "fixed_spread", "liquidation_bonus": 0.1, "close_factor": 1.0},
            }
        ],
        "agents": {
            "depositors": [{"deposits": {"USD": described["cash"]}}],
            "attackers": [{"capital_usd": CAPITAL, **described["attacker"]}],
            **described["agents"],
        },
    }


@pytest.fixture
def attacked(play):
    """The run of an attack world."""

    def run(**changes: Any):
        return play(attack_world(**changes))

    return run


# Pump and borrow, by hand


def test_a_pump_pays_what_the_constant_product_says(attacked):
    """Push to m² times the price; sell back until the price is ltv m², post the rest: y (√ltv m - 1)² is left."""
    run = attacked()
    m = 1.0 + CAPITAL / DEPTH
    profit = DEPTH * (sqrt(LTV) * m - 1.0) ** 2
    row = run.attacks.iloc[0]
    assert (row["step"], row["strategy"], row["oracle"], row["asset"]) == (1, "pump_and_borrow", "venue", "ALT")
    assert row["pushed_to"] == pytest.approx(PRICE * m * m, rel=1e-9)
    assert row["spent_usd"] == pytest.approx(CAPITAL, rel=1e-9)
    assert row["expected_profit_usd"] == pytest.approx(profit, rel=1e-9)
    assert row["profit_usd"] == pytest.approx(profit, rel=1e-9)
    assert run.summary["attack_profit_usd"] == pytest.approx(profit, rel=1e-9)
    assert run.summary["attack_expected_profit_usd"] == pytest.approx(profit, rel=1e-9)


@pytest.mark.parametrize("fee", [0.003, 0.05])
def test_a_pump_through_a_fee_pays_what_is_left_of_it_by_hand(attacked, fee):
    """The fee stays in the pool; the lender believes the mid; base is sold back while it brings more than a loan."""
    keep, base, quote = 1.0 - fee, DEPTH / PRICE, DEPTH
    left, grown = base * quote / (quote + keep * CAPITAL), quote + CAPITAL
    believed = grown / left * (keep + 1.0 / keep) / 2.0
    sold = (sqrt(keep * left * grown / (LTV * believed)) - left) / keep
    proceeds, posted = grown * keep * sold / (left + keep * sold), base - left - sold
    row = attacked(fee=fee).attacks.iloc[0]
    assert row["pushed_to"] == pytest.approx((quote + keep * CAPITAL) / (keep * left), rel=1e-9)
    assert row["profit_usd"] == pytest.approx(proceeds + LTV * believed * posted - CAPITAL, rel=1e-9)
    assert row["expected_profit_usd"] == pytest.approx(row["profit_usd"], rel=1e-9)


def test_the_money_is_the_lenders(small_world, model_of):
    """What the attacker has gained is in its account, what it owes in the pool's books, what it posted behind it."""
    model = model_of(attack_world())
    model.run()
    world, lender, attacker = model.world, model.world.lenders[0], model.people.attackers[0]
    profit = DEPTH * (2.0 * sqrt(LTV) - 1.0) ** 2
    assert world.ledger.balance(attacker.first_account, 0) == pytest.approx(CAPITAL + profit, rel=1e-9)
    assert world.ledger.balance(attacker.first_account, 1) == pytest.approx(0.0, abs=1e-6)
    ratio = 2.0 * sqrt(LTV)
    posted = DEPTH / PRICE * (1.0 - 1.0 / ratio)
    assert lender.pool.collateral[1, 1] == pytest.approx(posted, rel=1e-9)
    assert lender.pool.debt(1, 0) == pytest.approx(posted * LTV * 4.0 * PRICE, rel=1e-9)


def test_where_cash_is_short_less_is_posted_and_more_sold_back(attacked):
    """K in cash takes q = K / (ltv p m²) of collateral, which costs y q / (x - q) to keep out of the pool."""
    cash, base = 1e5, DEPTH / PRICE
    run = attacked(cash=cash)
    posted = cash / (LTV * PRICE * 4.0)
    assert run.attacks["profit_usd"][0] == pytest.approx(cash - DEPTH * posted / (base - posted), rel=1e-9)
    assert run.attacks["gained_usd"][0] == pytest.approx(CAPITAL + run.attacks["profit_usd"][0], rel=1e-9)


@pytest.mark.parametrize(("part", "acts"), [(0.95, True), (1.05, False)])
def test_it_pays_up_to_the_depth_that_the_capital_can_move(attacked, part, acts):
    """√ltv (1 + C / y) = 1 at y = C √ltv / (1 - √ltv), six and a half times the capital."""
    run = attacked(depth=part * CAPITAL * sqrt(LTV) / (1.0 - sqrt(LTV)))
    assert len(run.attacks) == acts
    assert (run.summary["attack_expected_profit_usd"] > 0.0) == acts
    assert run.summary["attack_profit_usd"] == pytest.approx(max(run.summary["attack_expected_profit_usd"], 0.0))


@pytest.mark.parametrize(("margin", "acts"), [(0.53, True), (0.54, False)])
def test_it_acts_only_for_its_margin_on_the_capital_in_use(attacked, margin, acts):
    """(√0.75 · 2 - 1)² is 0.536; what it expected shows though it did nothing."""
    run = attacked(attacker={"margin": margin})
    assert len(run.attacks) == acts
    assert run.summary["attack_expected_profit_usd"] == pytest.approx(535898.384862, rel=1e-9)


def test_gas_is_part_of_the_profit_and_paid(model_of):
    free, dear = (model_of(attack_world(attacker={"gas_usd": gas})) for gas in (0.0, 100.0))
    for model in (free, dear):
        model.run()
    wealth = [model.world.ledger.balance(model.people.attackers[0].first_account, 0) for model in (free, dear)]
    assert wealth[0] - wealth[1] == pytest.approx(100.0)
    profits = [model.recorder.attacks()["profit_usd"][0] for model in (free, dear)]
    assert profits[0] - profits[1] == pytest.approx(100.0)


@given(
    depth=st.floats(1e4, 1e7),
    ltv=st.floats(0.3, 0.79),
    fee=st.sampled_from([0.0, 0.003, 0.01]),
    cash=st.floats(1e3, 1e8),
    triggers=st.booleans(),
)
@settings(max_examples=30)
def test_with_nobody_in_the_way_it_gets_what_it_expected(depth, ltv, fee, cash, triggers):
    attacker = {"strategy": "trigger_liquidations"} if triggers else {}
    described = attack_world(depth=depth, ltv=ltv, fee=fee, cash=cash, attacker=attacker, agents={"borrowers": VICTIMS})
    run = simulate(Scenario.from_dict(described))
    rows = run.attacks
    np.testing.assert_allclose(rows["profit_usd"], rows["expected_profit_usd"], rtol=1e-9, atol=1e-3)
    assert (rows["profit_usd"] > -1e-3).all()


# Oracles


SAFE = [
    {"kind": "reference"},
    {"kind": "push", "deviation": 0.005, "heartbeat_seconds": 3600.0},
    {"kind": "delayed", "hop_seconds": 60.0},
    {"kind": "ema", "half_life_seconds": 600.0, "source": "reference"},
    {"kind": "median", "of": [{"kind": "venue"}, {"kind": "reference"}, {"kind": "reference"}]},
    {"kind": "bounded", "of": {"kind": "venue"}, "largest_move": 0.02},
    {"kind": "bounded", "of": {"kind": "venue"}, "ceiling_usd": 12.0},
    TWAP,
]


@pytest.mark.parametrize("oracle", SAFE, ids=str)
def test_it_stays_away_from_an_oracle_that_does_not_follow(attacked, oracle):
    """At a depth at which an attack on the venue pays half of the capital; here the best would lose, and it waits."""
    run = attacked(oracle=oracle, agents={"arbitrageurs": ARBITRAGEUR})
    assert run.attacks.empty
    assert run.summary["attack_expected_profit_usd"] < 0.0
    np.testing.assert_allclose(run.steps["venue_ALT"], PRICE, rtol=1e-12)


@pytest.mark.parametrize(
    "oracle",
    [
        {"kind": "median", "of": [{"kind": "venue"}, {"kind": "venue"}, {"kind": "reference"}]},
        {"kind": "bounded", "of": {"kind": "venue"}, "ceiling_usd": 1000.0},
        {"kind": "ema", "time_seconds": 0.1},
        {"kind": "twap", "window_seconds": 60.0},
    ],
    ids=str,
)
def test_oracles_that_come_down_to_the_venue_are_attacked_alike(attacked, oracle):
    assert attacked(oracle=oracle).summary["attack_profit_usd"] == pytest.approx(535898.384862, rel=1e-9)


def test_an_average_is_held_for_as_long_as_it_takes(attacked):
    """A mean over ten blocks of a shallow pool: one block does not pay, several do, and each is bought anew."""
    shallow: dict[str, Any] = {"oracle": TWAP, "depth": 1e4, "steps": 20, "agents": {"arbitrageurs": ARBITRAGEUR}}
    assert attacked(**shallow, attacker={"capital_usd": 2e5, "margin": 0.1}).attacks.empty
    row = attacked(**shallow, attacker={"capital_usd": 2e5, "margin": 0.1, "hold_blocks": 10}).attacks.iloc[0]
    assert row["blocks"] > 5
    push = 1e4 * (sqrt(row["pushed_to"] / PRICE) - 1.0)
    assert row["spent_usd"] == pytest.approx(row["blocks"] * push, rel=1e-6)
    assert row["profit_usd"] > row["expected_profit_usd"] > 0.0
    margin = 2.0 * row["expected_profit_usd"] / row["spent_usd"]
    dear = attacked(**shallow, attacker={"capital_usd": 2e5, "margin": margin, "hold_blocks": 10}).attacks
    assert (dear["expected_profit_usd"] >= margin * dear["spent_usd"]).all()


def test_without_arbitrage_a_held_price_costs_one_push(attacked):
    """The worst that it reckons with is that nobody sells it more: then it has what one push brought."""
    run = attacked(oracle=TWAP, depth=1e4, steps=20, attacker={"capital_usd": 2e5, "hold_blocks": 10})
    row = run.attacks.iloc[0]
    assert row["spent_usd"] == pytest.approx(1e4 * (sqrt(row["pushed_to"] / PRICE) - 1.0), rel=1e-9)
    assert row["profit_usd"] == pytest.approx(row["expected_profit_usd"], rel=1e-9)


def test_quotes_that_are_eaten_once_are_not_counted_on_again(attacked, play):
    """Makers with little to sell make the first block dearer than the later ones; the plan still keeps its word."""
    described = attack_world(
        oracle=TWAP,
        depth=1e4,
        steps=20,
        attacker={"capital_usd": 4e5, "hold_blocks": 10},
        agents={"arbitrageurs": ARBITRAGEUR, "market_makers": [{"capital_usd": 2e4, "size_usd": 2e3}]},
    )
    described["markets"][0]["sources"].append({"kind": "order_book", "tick": 0.001})
    run = play(described)
    assert len(run.attacks) == 1
    assert run.attacks["profit_usd"][0] >= run.attacks["expected_profit_usd"][0] > 0.0


def test_an_attack_cut_off_by_the_end_has_spent_and_not_gained(attacked):
    run = attacked(oracle=TWAP, depth=1e4, steps=5, attacker={"capital_usd": 2e5, "hold_blocks": 10})
    row = run.attacks.iloc[0]
    assert row["blocks"] == 4
    assert row["gained_usd"] == 0.0
    assert row["profit_usd"] == -row["spent_usd"] < 0.0


# Triggering liquidations


def test_triggered_liquidations_pay_what_the_constant_product_says(attacked):
    """Sell to m² times the price, repay with the proceeds at the bonus, buy base with the rest."""
    run = attacked(attacker={"strategy": "trigger_liquidations"}, agents={"borrowers": VICTIMS})
    row, seized = run.attacks.iloc[0], run.liquidations.iloc[0]
    pushed = row["pushed_to"]
    m, base = sqrt(pushed / PRICE), DEPTH / PRICE
    assert pushed < 140000.0 / 20000.0 / 0.8
    sold, proceeds = base * (1.0 / m - 1.0), DEPTH * (1.0 - m)
    received = seized["repaid"] * 1.1 / pushed
    left = proceeds - seized["repaid"]
    bought = base / m * left / (DEPTH * m + left)
    assert seized["liquidator"] == "attackers.0"
    assert seized["generation"] == 1
    assert seized["seized"] == pytest.approx(received, rel=1e-9)
    assert row["profit_usd"] == pytest.approx((received + bought - sold) * PRICE, rel=1e-9)
    assert row["profit_usd"] == pytest.approx(row["expected_profit_usd"], rel=1e-9)


def test_its_bundle_goes_before_liquidators_and_borrowers(attacked):
    """Everybody reacts in the same block; a block without room for them has room for what is paid for otherwise."""
    others = {
        "borrowers": [VICTIMS[0] | {"watching": 1.0, "react_below": 1.05, "watch_interval_seconds": 60.0}],
        "liquidators": [{"capital_usd": 1e9}],
    }
    run = attacked(attacker={"strategy": "trigger_liquidations"}, agents=others)
    assert set(run.liquidations["liquidator"]) == {"attackers.0"}
    assert run.attacks["profit_usd"][0] == pytest.approx(run.attacks["expected_profit_usd"][0], rel=1e-9)


def test_positions_that_are_open_anyway_are_no_reason_to_attack(attacked):
    """Below health 1 without a push; a round trip on the venue triggers nothing more."""
    already = [{"positions": [{"collateral": {"ALT": 20000.0}, "debt": {"USD": 170000.0}}]}]
    run = attacked(attacker={"strategy": "trigger_liquidations"}, agents={"borrowers": already}, fee=0.003)
    assert run.attacks.empty
    assert run.summary["attack_expected_profit_usd"] < 0.0


@pytest.mark.parametrize("debt", [1.4e5, 7e6])
def test_it_keeps_back_what_its_gas_costs(model_of, debt):
    """Also where it could repay more than its sale has brought; its profit is what it has gained, and as planned."""
    victims = [{"positions": [{"collateral": {"ALT": debt / 7.0}, "debt": {"USD": debt}}]}]
    attacker = {"strategy": "trigger_liquidations", "gas_usd": 2000.0}
    model = model_of(attack_world(attacker=attacker, agents={"borrowers": victims}))
    account, balance = model.people.attackers[0].first_account, model.world.ledger.balance
    before = balance(account, 0) + balance(account, 1) * PRICE
    model.run()
    gained = balance(account, 0) + balance(account, 1) * PRICE - before
    row = model.recorder.attacks().iloc[0]
    assert row["profit_usd"] == pytest.approx(gained, rel=1e-9)
    assert row["profit_usd"] == pytest.approx(row["expected_profit_usd"], rel=1e-9)
    assert model.recorder.gas_burnt_usd == 2000.0


# What it leaves behind


def test_the_price_returns_and_the_loan_is_bad(attacked):
    """Arbitrageurs undo the push, liquidators take the collateral, depositors bear the rest."""
    run = attacked(
        cash=1e6,
        depth=3e5,
        agents={"arbitrageurs": ARBITRAGEUR, "liquidators": [{"capital_usd": inf, "selling": "over_time"}]},
    )
    assert run.summary["attacks"] >= 1.0
    assert run.summary["bad_debt_usd"] > 0.5 * run.summary["attack_profit_usd"] > 0.0
    assert run.summary["depositor_loss_usd"] == pytest.approx(run.summary["bad_debt_usd"])


def test_it_borrows_again_only_once_nothing_is_owed(attacked):
    assert len(attacked(steps=30, attacker={"evaluate_every_seconds": 60.0}).attacks) == 1


@pytest.mark.parametrize(
    ("attacker", "step"),
    [({}, 1), ({"from_seconds": 100.0}, 2), ({"from_seconds": 120.0}, 2), ({"from_seconds": 121.0}, 3)],
)
def test_it_waits_for_its_time_and_for_the_first_block_to_pass(attacked, attacker, step):
    assert attacked(steps=6, attacker=attacker).attacks["step"].tolist() == [step]


def test_it_looks_as_often_as_it_says(attacked):
    """Too dear a market until the price doubles within the eleventh minute; the look after that is in the fifteenth."""
    described = attack_world(steps=20, agents={"borrowers": VICTIMS})
    described["agents"]["attackers"] = [
        {"capital_usd": CAPITAL, "strategy": "trigger_liquidations", "evaluate_every_seconds": 420.0, "margin": 0.2}
    ]
    first = simulate(Scenario.from_dict(described)).attacks["step"].tolist()
    assert first == [1]
    described["agents"]["attackers"][0]["from_seconds"] = 300.0
    assert simulate(Scenario.from_dict(described)).attacks["step"].tolist() == [5]


def test_without_feedback_there_is_nothing_to_deceive_with(play):
    run = play(attack_world(), feedback=False)
    assert run.attacks.empty
    np.testing.assert_allclose(run.steps["venue_ALT"], PRICE, rtol=1e-12)


def test_a_world_without_attackers_says_zero(play):
    summary = play().summary
    assert [summary[name] for name in ("attacks", "attack_profit_usd", "attack_expected_profit_usd")] == [0.0] * 3


def test_an_attacker_changes_nobody_elses_draws(play):
    """Where it never acts, everything else is as it would be without it."""
    with_one = play(attack_world(oracle={"kind": "reference"}, agents={"noise_traders": NOISE}, steps=20))
    described = attack_world(oracle={"kind": "reference"}, agents={"noise_traders": NOISE}, steps=20)
    described["agents"]["attackers"] = []
    np.testing.assert_array_equal(with_one.steps.to_numpy(), play(described).steps.to_numpy())


NOISE = [{"trades_per_hour": 600.0, "size_usd": {"kind": "lognormal", "median": 100.0, "sigma": 1.0}}]


# What it may see, and what it asks for


def test_what_it_tries_out_changes_nothing(model_of):
    """A trade on a copy and a price told to a copy of the oracle leave the market and the oracle as they were."""
    model = model_of(attack_world(oracle=TWAP))
    model.step()
    view, world = model.view, model.world
    before = view.best(0), world.feeds.oracles[0].updated_seconds, view.quote_in(0, "sell", 10.0).amount_out
    fork = view.fork(0)
    fork.settle(fork.quote_in("buy", 1e6))
    assert view.oracle_if(1, [40.0] * 20)[-1] == pytest.approx(40.0)
    assert (view.best(0), world.feeds.oracles[0].updated_seconds, view.quote_in(0, "sell", 10.0).amount_out) == before
    model.step()
    assert world.oracle[1] == pytest.approx(PRICE)


def every_source() -> list[Any]:
    book = OrderBook(0.01)
    for level in range(1, 6):
        book.limit("buy", 10.0 - 0.1 * level, 50.0, level)
        book.limit("sell", 10.0 + 0.1 * level, 50.0, level)
    bands = Bands(10.0, 100.0, 0.006)
    bands.deposit("somebody", 100.0, -4, 10)
    return [
        ConstantProduct(1e3, 1e4),
        book,
        Concentrated(10.0, [(5.0, 20.0, 1e4)], 0.003),
        StableSwap(1e3, 1e4, 50.0, 0.0004, 10.0),
        bands,
        Infinite(10.0, 0.2),
    ]


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5, None])
def test_a_copy_of_any_venue_trades_like_the_venue_and_leaves_it_alone(number):
    """Alone or all on one ladder: prices and quotes agree after the same trades, and not before."""
    sources = every_source()
    venue = Venue(sources if number is None else [sources[number]])
    for side, amount in (("buy", 300.0), ("sell", 60.0), ("sell", 30.0), ("buy", 500.0)):
        before = venue.bid, venue.ask, venue.mid, venue.quote_in(side, amount).amount_out
        copied = deepcopy(venue)
        assert (copied.bid, copied.ask, copied.mid, copied.quote_in(side, amount).amount_out) == pytest.approx(
            before, rel=0.0, nan_ok=True
        )
        copied.settle(copied.quote_in(side, amount))
        assert (venue.bid, venue.ask, venue.mid, venue.quote_in(side, amount).amount_out) == pytest.approx(
            before, rel=0.0, nan_ok=True
        )
        venue.settle(venue.quote_in(side, amount))
        assert (venue.bid, venue.ask, venue.mid) == pytest.approx(
            (copied.bid, copied.ask, copied.mid), rel=0.0, nan_ok=True
        )
        for way in ("sell", "buy"):
            assert venue.quote_in(way, 50.0).amount_out == copied.quote_in(way, 50.0).amount_out


@pytest.mark.parametrize(
    ("wanted", "least", "status"), [(700.0, 0.0, "FILLED"), (9e3, 0.0, "PARTLY"), (9e3, 800.0, "REFUSED")]
)
def test_a_loan_is_what_the_limit_allows_or_is_refused_whole(model_of, wanted, least, status):
    """100 ALT at 10 dollars and a loan-to-value of 75 % are good for 750."""
    model = model_of(attack_world(oracle={"kind": "reference"}))
    attacker, ledger = model.people.attackers[0], model.world.ledger
    model.world.endow(attacker.first_account, 1, 100.0)
    heard: list[Any] = []
    attacker.receive = lambda intent, receipt: heard.append(receipt)
    ask = BorrowAgainst(attacker, 0, TOP_OF_BLOCK_GWEI, 0.0, 0, 1, 1, 0, 100.0, wanted, least)
    model.settlement.block([ask])
    assert heard[0].status is Status[status]
    lent = {"FILLED": 700.0, "PARTLY": 750.0, "REFUSED": 0.0}[status]
    assert isinstance(heard[0], Lent) == (lent > 0.0)
    assert ledger.balance(attacker.first_account, 0) == pytest.approx(CAPITAL + lent)
    assert ledger.balance(attacker.first_account, 1) == (0.0 if lent else 100.0)
    model.world.check()
    if lent:
        model.settlement.block([ask])
        assert heard[1].status is Status.REFUSED


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"agents__attackers__0__strategy": "flash"}, "agents.attackers.0.strategy"),
        ({"agents__attackers__0__capital_usd": 0.0}, "agents.attackers.0.capital_usd = 0.0"),
        ({"agents__attackers__0__capital_usd": inf}, "agents.attackers.0.capital_usd"),
        ({"agents__attackers__0__hold_blocks": 0}, "agents.attackers.0.hold_blocks = 0"),
        ({"agents__attackers__0__evaluate_every_seconds": 0.0}, "agents.attackers.0.evaluate_every_seconds"),
        ({"agents__attackers__0__margins": 0.1}, "did you mean"),
        ({"agents__attackers__0__market": "USD/ALT"}, "agents.attackers.0.market"),
        ({"agents__attackers__0__pool": "side"}, "agents.attackers.0.pool"),
        ({"pools__0__reserves__ALT__ltv": 0.0}, "agents.attackers.0 cannot borrow against ALT"),
        ({"pools__0__reserves": {"USD": {}}}, "ALT"),
        ({"pools__0__reserves": {"ALT": {"ltv": 0.5, "liquidation_threshold": 0.6}}}, "USD"),
        ({"markets": [], "assets__ALT__oracle": {"kind": "reference"}}, "agents.attackers.0 has no market"),
    ],
)
def test_what_cannot_be_attacked_is_refused_with_a_sentence(change, broken, words):
    described = attack_world(agents={"depositors": []})
    for key, value in broken.items():
        change(described, key.replace("__", "."), value)
    with pytest.raises(ScenarioError) as caught:
        Scenario.from_dict(described)
    assert words in str(caught.value)


def test_a_market_that_no_oracle_reads_is_refused():
    described = attack_world(attacker={"market": "second"})
    described["markets"].append({**described["markets"][0], "name": "second"})
    with pytest.raises(ScenarioError, match=r"agents\.attackers\.0\.market = .*second.* use ALT/USD"):
        Scenario.from_dict(described)


# The shipped scenario


def test_the_shipped_attack_pays_on_the_venue_and_not_on_a_push_of_the_reference(shipped):
    """Checks are on: the books agree after every block of an attack, too."""
    on_venue = shipped("oracle-attack", time__steps="100")
    assert on_venue.summary["attacks"] >= 1.0
    assert on_venue.summary["attack_profit_usd"] > 1e6
    pushed = shipped(
        "oracle-attack",
        time__steps="100",
        assets__ALT__oracle='{ kind = "push", deviation = 0.005, heartbeat_seconds = 3600.0 }',
    )
    assert pushed.attacks.empty
    assert pushed.summary["attack_expected_profit_usd"] < 0.0
