"""Loss layers in whole worlds: whose money pays, when, at what price, and what always holds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm import Scenario, ScenarioError, simulate
from builders.losses import LOSS, UNDER, balance, hit, paid_by

DAY = 86400.0
BAD_WEEK = 5  # a seed of `insured-pool` that loses more than its fund
QUOTED = [("ETH", "DAI"), ("TKN", "USDC")]
TOKEN = {"assets__TKN": {"price": {"kind": "path", "prices": [10.0, 5.0]}}}


# Refusals


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ({"layers": [{"kind": "wishes"}]}, "layers.0.kind = 'wishes' cannot be used"),
        (
            {"layers": [{"kind": "insurance_fund", "capital": 1.0, "asset": "MKR"}]},
            "pools.0.losses.layers.0.asset = 'MKR' is no asset with a price; add .assets.MKR. with a price",
        ),
        (
            {"layers": [{"kind": "haircut", "covers": "DIA"}]},
            "layers.0.covers = 'DIA' is no reserve of pool core; did you mean 'DAI'",
        ),
        (
            {"layers": [{"kind": "staked_same_asset", "asset": "ETH"}]},
            "layers.0.asset = 'ETH' cannot be staked as the same asset: .* leave asset out",
        ),
        ({"preset": "makr"}, "preset = 'makr' cannot be used; did you mean 'maker'"),
        ({"preset": "maker"}, "preset = 'maker': mint_auction.asset = 'MKR' is no asset with a price"),
        ({"depth_usd": {"TKN": 1.0}}, "depth_usd.TKN is no asset with a price"),
        ({"recoveries": [{"at_seconds": 1.0, "share": 2.0}]}, "recoveries.0.share = 2.0 cannot be used; give 1 or"),
        ({"recoveries": [{"at_seconds": 1.0, "share": 1.0, "asset": "X"}]}, "recoveries.0.asset = 'X' is no reserve"),
    ],
)
def test_layers_that_cannot_be_get_one_sentence(small_world, losses, message):
    with pytest.raises(ScenarioError, match=message):
        Scenario.from_dict(small_world(pools__0__losses=losses))


CLAIM = {"assets__aDAI": {"price": {"kind": "claim", "pool": "core", "reserve": "DAI"}}}


@pytest.mark.parametrize(
    ("where", "key"),
    [
        (
            {"pools__0__losses__layers": [{"kind": "insurance_fund", "asset": "aDAI", "capital": 5e3}]},
            "pools.0.losses.layers.0.asset = 'aDAI'",
        ),
        ({"agents__insurers": [{"capital": {}, "tokens": {"aDAI": 5e3}}]}, "agents.insurers.0.tokens.aDAI"),
    ],
)
def test_a_layer_holds_claims_only_where_a_market_buys_them(small_world, where, key):
    """Else it could only redeem them, and no deposit stands behind what it begins with."""
    with pytest.raises(ScenarioError, match=f"{key} is a claim that no market buys.* or use 'DAI'"):
        Scenario.from_dict(small_world(**CLAIM | where))
    markets = [{"base": base, "quote": "DAI", "sources": [{"kind": "infinite"}]} for base in ("ETH", "aDAI")]
    Scenario.from_dict(small_world(**CLAIM | where, markets=markets))


def test_no_layer_makes_new_claims(small_world):
    layers = {"pools__0__losses__layers": [{"kind": "mint_auction", "asset": "aDAI"}]}
    markets = [{"base": base, "quote": "DAI", "sources": [{"kind": "infinite"}]} for base in ("ETH", "aDAI")]
    with pytest.raises(ScenarioError, match=r"layers.0.asset = 'aDAI' is a claim .* protocol's own token"):
        Scenario.from_dict(small_world(**CLAIM | layers, markets=markets))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("insurance_fund", "layer = 'insurance_fund' is no layer of pool core to stake on; did you mean 'insurance'"),
        ("wishes", "to stake on; known here: backstop_vault, insurance"),
    ],
)
def test_stakers_need_a_layer_with_a_stake(small_world, layer, message):
    world = small_world(
        pools__0__losses__layers=[
            {"kind": "backstop_vault", "capital": 1.0},
            {"kind": "insurance_fund", "capital": 1.0},
            {"kind": "insurance"},
        ],
        agents__insurers=[{"capital": {"DAI": 1.0}}],
        agents__stakers=[{"layer": layer, "capital": 1.0}],
    )
    with pytest.raises(ScenarioError, match=message):
        Scenario.from_dict(world)
    del world["pools"][0]["losses"]["layers"], world["agents"]["insurers"]
    with pytest.raises(ScenarioError, match="it has none, so add one or remove the cohort"):
        Scenario.from_dict(world)


# Whose money it is


MONEY = {
    "stability_pool": {},
    "backstop_vault": {},
    "insurance_fund": {},
    "external_cover": {"assessment_seconds": 0.0},
    "discretionary_rescue": {"probability": 1.0, "delay_seconds": 0.0},
    "dao_offset": {},
    "staked_same_asset": {"least_assets": 0.0},
}


@pytest.mark.parametrize("kind", MONEY)
def test_a_layer_pays_with_what_it_has_and_suppliers_bear_the_rest(play, assert_losses_add_up, kind):
    run = hit(play, {"kind": kind, "capital": 1000.0, **MONEY[kind]})
    assert paid_by(run) == pytest.approx({kind: 1000.0, "depositors": LOSS - 1000.0}, rel=1e-9)
    assert run.summary["layers_paid_usd"] == pytest.approx(1000.0, rel=1e-9)
    assert run.summary["depositor_loss_usd"] == pytest.approx(LOSS - 1000.0, rel=1e-9)
    assert_losses_add_up(run)


@pytest.mark.parametrize("kind", ["stability_pool", "backstop_vault", "insurance_fund", "external_cover"])
def test_money_from_outside_the_pool_comes_in_as_cash(small_world, model_of, kind):
    model = model_of(
        small_world(
            **UNDER,
            pools__0__losses__layers=[{"kind": kind, "capital": 5000.0, **MONEY[kind]}],
        )
    )
    model.run()
    assert balance(model, "losses of core", "DAI") == pytest.approx(5000.0 - LOSS, rel=1e-12)
    pool = model.world.lenders[0].pool
    assert (pool.total_claims[0], pool.deficit[0]) == pytest.approx((1e6, 0.0))
    assert pool.cash[0] == pytest.approx(1e6)


@pytest.mark.parametrize("kind", ["dao_offset", "staked_same_asset"])
def test_claims_on_the_pool_are_given_up_without_cash(small_world, model_of, kind):
    """They lie in the pool from the start, and what is burned of them leaves its cash alone."""
    layer = {"kind": kind, "capital": 5000.0, **MONEY[kind]}
    model = model_of(small_world(**UNDER, pools__0__losses__layers=[layer]))
    pool = model.world.lenders[0].pool
    assert pool.total_claims[0] == 1_005_000.0
    model.run()
    sheet = pool.balance_sheet(0)
    assert sheet.claims == pytest.approx(1_005_000.0 - LOSS, rel=1e-12)
    assert (sheet.deficit, sheet.treasury) == (0.0, pytest.approx(0.0, abs=1e-9))
    assert sheet.cash == pytest.approx(1_005_000.0 - LOSS)


def test_claims_staked_earn_and_are_cut_like_anybodys(small_world, model_of):
    """Half the loss is a haircut first, which the stake bears too; interest makes it larger before that."""
    layers = [
        {"kind": "haircut", "share": 0.5},
        {"kind": "staked_same_asset", "capital": 1000.0, "least_assets": 0.0},
    ]
    model = model_of(
        small_world(
            **UNDER | {"time__step_seconds": 10.0 * DAY},
            pools__0__losses__layers=layers,
            pools__0__reserves__DAI={"rates": {"kind": "fixed", "rate_per_year": 1.0}},
        )
    )
    model.run()
    rows = dict(zip(*(model.recorder.write_offs()[name] for name in ("layer", "paid")), strict=True))
    x = 10.0 / 365.0
    growth = 1.0 + 16000.0 / 1_001_000.0 * (x + x**2 / 2 + x**3 / 6)
    cut = 1.0 - rows["haircut"] / (1_001_000.0 * growth)
    assert rows["staked_same_asset"] == pytest.approx(1000.0 * growth * cut, rel=1e-12)


def test_an_own_token_is_sold_on_its_market_at_the_price_it_has_then(play):
    """Price halved to 5, depth of a constant product: 300 of 1,000 tokens bring p q x / (x + q); the rest is cut."""
    market = [
        {"base": "ETH", "quote": "DAI", "sources": [{"kind": "infinite"}]},
        {"base": "TKN", "quote": "DAI", "sources": [{"kind": "constant_product", "value": 1e4, "fee": 0.0}]},
    ]
    arbitrageur = [{"market": "TKN/DAI", "capital_usd": float("inf"), "hedge_cost": 0.0}]
    run = hit(
        play,
        {"kind": "staked_own_token", "asset": "TKN", "capital": 1000.0, "delay_seconds": 0.0},
        **TOKEN,
        markets=market,
        agents__arbitrageurs=arbitrageur,
    )
    depth = np.sqrt(500.0 * 5000.0 / 5.0)  # tokens in the pool once it is at 5
    raised = 5.0 * 300.0 * depth / (depth + 300.0)
    assert paid_by(run) == pytest.approx({"staked_own_token": raised, "depositors": LOSS - raised}, rel=1e-9)
    assert run.trades["taker"].tolist().count("losses of core: staked_own_token for DAI") <= 1
    assert run.steps["venue_TKN"].iloc[-1] == pytest.approx(5.0 * (depth / (depth + 300.0)) ** 2, rel=1e-9)


@pytest.mark.parametrize(("depth", "raised"), [(None, 1500.0), (5000.0, 1500.0 / 1.3)])
def test_a_token_without_a_market_is_sold_to_the_rest_of_it_as_deep_as_is_said(play, depth, raised):
    """1,000 tokens at 5 of which 300 may go; against 5,000 dollars of them p q x / (x + q), and with lasting impact."""
    run = hit(
        play,
        {"kind": "staked_own_token", "asset": "TKN", "capital": 1000.0, "delay_seconds": 0.0},
        **TOKEN,
        assets__TKN__impact={"kind": "linear", "daily_volume_usd": 1e5, "half_life_seconds": 1e9},
        **({} if depth is None else {"pools__0__losses__depth_usd": {"TKN": depth}}),
        time__steps=3,
    )
    assert paid_by(run)["staked_own_token"] == pytest.approx(raised, rel=1e-9)
    assert run.steps["reference_TKN"].iloc[-1] < 5.0


@pytest.mark.parametrize("feedback", [True, False])
def test_a_loss_in_parts_costs_a_fund_as_many_tokens_as_in_one(small_world, model_of, feedback):
    """What was sold before in the block stands in the way of the next sale; without feedback nothing does."""
    layer = {"kind": "insurance_fund", "asset": "TKN", "capital": 1000.0}
    spent = {}
    for parts in (1, 10):
        positions = [{"collateral": {"ETH": 10.0 / parts}, "debt": {"DAI": 16000.0 / parts}}] * parts
        model = model_of(
            small_world(
                **UNDER,
                **TOKEN,
                feedback=feedback,
                agents__borrowers=[{"positions": positions}],
                pools__0__losses__layers=[layer],
                pools__0__losses__depth_usd={"TKN": 5000.0},
            )
        )
        model.run()
        assert len(set(model.recorder.write_offs()["step"])) == 1
        spent[parts] = 1000.0 - balance(model, "losses of core", "TKN")
    whole = LOSS / (5.0 - LOSS / 1000.0)  # y / (p - y / x), with 1,000 tokens against the sale
    pieces = LOSS / (5.0 - LOSS / 10.0 / 1000.0)
    assert spent == pytest.approx({1: whole, 10: whole if feedback else pieces}, rel=1e-9)


def test_a_token_that_sells_for_another_asset_is_changed_into_what_was_lost(small_world, model_of):
    """It is quoted in a stablecoin that is worth 1.25, and fills the hole in dollars."""
    markets = [{"base": base, "quote": quote, "sources": [{"kind": "infinite"}]} for base, quote in QUOTED]
    model = model_of(
        small_world(
            **UNDER,
            assets__TKN={"price": {"kind": "constant", "price": 10.0}},
            assets__USDC={"price": {"kind": "constant", "price": 1.25}},
            markets=markets,
            pools__0__losses__layers=[{"kind": "insurance_fund", "asset": "TKN", "capital": 1000.0}],
        )
    )
    model.run()
    held = {asset: balance(model, "losses of core", asset) for asset in ("TKN", "DAI", "USDC")}
    assert held == pytest.approx({"TKN": 1000.0 - LOSS / 10.0, "DAI": 0.0, "USDC": 0.0}, abs=1e-9)
    pool = model.world.lenders[0].pool
    assert (pool.total_claims[0], pool.deficit[0], pool.cash[0]) == pytest.approx((1e6, 0.0, 1e6))


def test_a_fund_in_a_volatile_asset_covers_less_when_it_is_needed(play):
    run = hit(play, {"kind": "insurance_fund", "asset": "ETH", "capital": 1.0})
    assert paid_by(run)["insurance_fund"] == pytest.approx(1500.0, rel=1e-12)


def test_new_tokens_are_made_and_sold_for_whole_lots_once_the_surplus_is_used_up(small_world, model_of):
    """1,714 of loss: a surplus of 700 heals, two lots of 500 are sold at 5 a token in the next block, 14 stay debt."""
    layer = {
        "kind": "mint_auction",
        "asset": "TKN",
        "surplus": 700.0,
        "lot": 500.0,
        "first_offer": 250.0,
        "wait_seconds": 0.0,
        "auction_seconds": 60.0,
    }
    model = model_of(small_world(**UNDER | TOKEN | {"time__steps": 5}, pools__0__losses__layers=[layer]))
    model.run()
    steps, ledger = model.recorder.steps(), model.world.ledger
    assert steps["absorbed_usd"].tolist() == pytest.approx([0.0, 0.0, 700.0, 1700.0, 1700.0])
    assert steps["pending_usd"].tolist() == pytest.approx([0.0, LOSS, LOSS - 700.0, LOSS - 1700.0, LOSS - 1700.0])
    assert -ledger.balance(0, ledger.asset("TKN")) == pytest.approx(1000.0 / 5.0)
    rows = dict(zip(*(model.recorder.write_offs()[name] for name in ("layer", "paid")), strict=True))
    assert rows == pytest.approx({"mint_auction": 1700.0, "pending": LOSS - 1700.0})


@pytest.mark.parametrize(("value", "absorbed"), [(2000.0, 0.0), (20_000.0, 1500.0)])
def test_a_lot_for_which_the_venue_has_not_the_money_is_not_sold(play, value, absorbed):
    """A constant product worth 2,000 dollars has 1,000 to pay with, at whatever price."""
    layer = {"kind": "mint_auction", "asset": "TKN", "surplus": 0.0, "lot": 1500.0, "first_offer": 1e6}
    run = hit(
        play,
        layer | {"wait_seconds": 0.0, "auction_seconds": 60.0},
        **TOKEN,
        markets=[
            {"base": "ETH", "quote": "DAI", "sources": [{"kind": "infinite"}]},
            {"base": "TKN", "quote": "DAI", "sources": [{"kind": "constant_product", "value": value, "fee": 0.0}]},
        ],
        time__steps=5,
    )
    assert run.steps["absorbed_usd"].iloc[-1] == pytest.approx(absorbed, rel=1e-9)


# What always holds


def test_with_no_loss_every_layer_is_inert(small_world, model_of):
    layers = [
        *({"kind": kind, "capital": 1000.0, **terms} for kind, terms in MONEY.items()),
        {"kind": "staked_own_token", "asset": "TKN", "capital": 1000.0},
        {"kind": "mint_auction", "asset": "TKN", "surplus": 1000.0},
        *({"kind": kind} for kind in ("redistribute_to_borrowers", "in_kind", "auto_deleverage", "withdrawal_charge")),
        *({"kind": kind} for kind in ("reserve", "price_bucket", "haircut", "deferred")),
    ]
    model = model_of(small_world(**TOKEN, pools__0__losses__layers=layers, assets__ETH__price__prices=[2000.0]))
    ledger = model.world.ledger
    before = ledger.balances.copy()
    model.run()
    np.testing.assert_array_equal(ledger.balances, before)
    assert model.recorder.write_offs().empty


@given(
    capitals=st.lists(st.one_of(st.just(0.0), st.floats(1.0, 6000.0)), min_size=1, max_size=4),
    share=st.sampled_from([1.0, 1.0, 0.5]),
    debts=st.lists(st.floats(9000.0, 16000.0), min_size=1, max_size=5),
    delay=st.sampled_from([0.0, 60.0]),
)
@settings(max_examples=25)
def test_no_layer_pays_beyond_its_means_nor_before_those_ahead_of_it(small_world, capitals, share, debts, delay):
    """Covers in a row: a later one pays only once an earlier one is used up, unless that one shares."""
    covers = [{"kind": "external_cover", "capital": capital, "assessment_seconds": delay} for capital in capitals]
    covers[0]["share"] = share
    world = small_world(
        pools__0__losses={"layers": covers, "recognition": "deferred"},
        agents__borrowers=[{"positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": debt}} for debt in debts]}],
        assets__ETH__price__prices=[2000.0, 1500.0, 900.0],
        time__steps=6,
    )
    run = simulate(Scenario.from_dict(world))
    by_layer = paid_by(run)
    names = ["external_cover"] if len(covers) == 1 else [f"external_cover.{k}" for k in range(len(covers))]
    paid = [by_layer.get(name, 0.0) for name in names]
    lost = sum(by_layer.values())
    assert lost == pytest.approx(run.summary["bad_debt_usd"])
    for number, (units, capital) in enumerate(zip(paid, capitals, strict=True)):
        assert units <= capital * (1.0 + 1e-12)
        later = sum(paid[number + 1 :]) + by_layer.get("uncovered", 0.0)
        if later > 1e-9 and not (number == 0 and share < 1.0):
            assert units == pytest.approx(capital, rel=1e-9, abs=1e-9)


@given(debts=st.permutations([15000.0, 15500.0, 16000.0, 14500.0]), delay=st.sampled_from([0.0, 60.0]))
@settings(max_examples=15)
def test_totals_do_not_depend_on_the_order_of_losses_in_one_block(small_world, debts, delay):
    layers = [
        {"kind": "dao_offset", "capital": 300.0, "delay_seconds": delay},
        {"kind": "insurance_fund", "capital": 400.0, "attachment_usd": 100.0},
        {"kind": "staked_own_token", "asset": "TKN", "capital": 500.0, "delay_seconds": delay},
    ]

    def totals(order: list[float]) -> dict[str, float]:
        world = small_world(
            **UNDER | TOKEN | {"time__steps": 4},
            pools__0__losses__layers=layers,
            agents__borrowers=[{"positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": d}} for d in order]}],
        )
        return paid_by(simulate(Scenario.from_dict(world)))

    assert totals(debts) == pytest.approx(totals(sorted(debts)), rel=1e-9)


# The shipped scenarios


def test_the_same_loss_is_borne_by_whoever_stands_before_depositors(shipped):
    """Own tokens, worth more than the stake of claims at the start, cover less than it when they are sold."""
    layers = "pools__0__losses__layers"
    stake = '[{ kind = "staked_same_asset", capital = 4e5, cover_delay_seconds = 21600.0 }]'
    token = '[{ kind = "staked_own_token", asset = "GOV", capital = 27000.0, delay_seconds = 43200.0 }]'
    claims, tokens = (shipped("who-pays", time__steps="230", **{layers: layer}).summary for layer in (stake, token))
    assert claims["bad_debt_usd"] == pytest.approx(tokens["bad_debt_usd"], rel=1e-9)
    assert claims["layers_paid_usd"] == pytest.approx(4e5, rel=1e-2)
    worth_at_the_start = 0.3 * 27000.0 * 50.0
    assert worth_at_the_start > 4e5
    assert 0.0 < tokens["layers_paid_usd"] < 0.7 * worth_at_the_start


def test_a_larger_fund_touches_depositors_less_and_one_in_the_asset_itself_covers_less(shipped):
    """On a seed whose week is bad."""
    fund = "pools__0__losses__layers__1__capital"
    plain = [shipped("insured-pool", seed=BAD_WEEK, **{fund: size}) for size in ("1e5", "1e7")]
    touched = [run.summary["depositor_loss_usd"] for run in plain]
    assert touched[0] > touched[1] == 0.0
    held = {fund: "10000.0", "pools__0__losses__layers__1__asset": '"ALT"'}
    wrong_way = shipped("insured-pool", seed=BAD_WEEK, **held)
    assert 0.0 < wrong_way.summary["layers_paid_usd"] < plain[0].summary["layers_paid_usd"]
