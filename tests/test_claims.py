"""Claims on pools as assets: what they are worth, how a loss travels through them, loops, and redemption."""

from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from abm import Scenario, ScenarioError, simulate
from abm.model import UnderwaterModel
from models.clearing import clear
from models.exposure import exposure_graph, reached_by
from models.looping import leverage, unwind
from models.prices import ClaimPrice

NO_SPREAD = 1e-12
"""A bonus so small that nothing is lost to it, and large enough that rounding does not keep a liquidator away."""


def pool(name: str, claim: str | None = None, recognition: str = "immediate", **reserve: Any) -> dict[str, Any]:
    """A pool that lends USD, against claims on another where one is named."""
    backing = {} if claim is None else {claim: {"ltv": 0.9, "liquidation_threshold": 1.0}}
    return {
        "name": name,
        "reserves": {"USD": reserve, **backing},
        "liquidation": {
            "design": "fixed_spread",
            "liquidation_bonus": NO_SPREAD,
            "close_factor": 1.0,
            "protocol_fee": 0.0,
        },
        "losses": {"recognition": recognition},
    }


def claim_on(name: str, reserve: str = "USD", **terms: Any) -> dict[str, Any]:
    return {"price": {"kind": "claim", "pool": name, "reserve": reserve, **terms}}


def world(pools: list[dict[str, Any]], claims: dict[str, Any], steps: int = 6, **agents: Any) -> dict[str, Any]:
    """Pools over one dollar, claims that trade at their worth, and liquidators for every pool."""
    liquidators = [{"pool": described["name"], "capital_usd": float("inf")} for described in pools]
    return {
        "name": "claims",
        "checks": True,
        "time": {"step_seconds": 60.0, "steps": steps},
        "assets": {"USD": {"price": {"kind": "constant", "price": 1.0}}, **claims},
        "markets": [{"base": name, "quote": "USD", "sources": [{"kind": "infinite"}]} for name in claims],
        "pools": pools,
        "agents": {"liquidators": liquidators} | agents,
    }


def finished(described: dict[str, Any]) -> UnderwaterModel:
    model = UnderwaterModel(Scenario.from_dict(described), 1)
    model.run()
    return model


def chain(bad: float, deposits: list[float], posted: list[float], owed: list[float]) -> dict[str, Any]:
    """Three pools; a bad debt in the first, whose claims back a loan of the second, whose claims one of the third."""
    return world(
        [pool("p0"), pool("p1", "c0"), pool("p2", "c1")],
        {"c0": claim_on("p0"), "c1": claim_on("p1")},
        borrowers=[
            {"pool": "p0", "positions": [{"debt": {"USD": bad}}]},
            {"pool": "p1", "positions": [{"collateral": {"c0": posted[0]}, "debt": {"USD": owed[0]}}]},
            {"pool": "p2", "positions": [{"collateral": {"c1": posted[1]}, "debt": {"USD": owed[1]}}]},
        ],
        depositors=[{"pool": f"p{k}", "deposits": {"USD": units}} for k, units in enumerate(deposits)],
    )


units = st.floats(100.0, 10_000.0)
shares = st.floats(0.01, 1.0)


@given(st.floats(0.01, 0.99), st.tuples(units, units, units), st.tuples(units, units), st.tuples(shares, shares))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_chain_of_pools_clears_as_eisenberg_and_noe_have_it(
    lost: float, deposits: tuple[float, ...], posted: tuple[float, float], ltvs: tuple[float, float]
) -> None:
    """Without loops, spreads or scarce cash, what is left of each pool's claims in the end is the clearing vector."""
    owed = [min(units * ltv, 0.9 * deposits[k + 1]) for k, (units, ltv) in enumerate(zip(posted, ltvs, strict=True))]
    bad = lost * deposits[0]
    model = finished(chain(bad, list(deposits), list(posted), owed))
    # Debtors: the three pools, then the borrowers of the second and the third.
    due = [deposits[0] + posted[0], deposits[1] + posted[1], deposits[2]]
    between = np.zeros((5, 5))
    between[0, 3], between[3, 1], between[1, 4], between[4, 2] = posted[0], owed[0], posted[1], owed[1]
    own = [due[0] - bad, due[1] - owed[0], due[2] - owed[1], 0.0, 0.0]
    cleared = clear(between, np.array([*deposits, 0.0, 0.0]), np.array(own))
    recovered = cleared.paid[:3] / cleared.due[:3]
    left = [float(lender.pool.supply_index[0]) for lender in model.world.lenders]
    np.testing.assert_allclose(left, recovered, rtol=1e-9)
    rows = model.recorder.depositors()
    np.testing.assert_allclose(1.0 - rows["haircut"], recovered, rtol=1e-9)


def test_a_loss_travels_one_pool_a_block() -> None:
    """Half of the first pool is lost: its claims fall in the next block, then the loan on them, then the next pool."""
    model = finished(chain(500.0, [500.0, 1000.0, 1000.0], [500.0, 500.0], [450.0, 450.0]))
    prices = model.recorder.steps()[["oracle_c0", "oracle_c1"]].to_numpy()
    assert prices[0].tolist() == [1.0, 1.0]
    assert prices[1].tolist() == pytest.approx([0.5, 1.0])  # 500 of 1,000
    lost = 450.0 - 250.0  # of the second pool's 1,500, so that 433 back the 450 lent in the third
    assert prices[2].tolist() == pytest.approx([0.5, 1.0 - lost / 1500.0])
    losses = model.recorder.write_offs().groupby("step")["amount"].sum()
    assert losses.to_dict() == pytest.approx({0: 500.0, 1: lost, 2: 450.0 - 500.0 * (1.0 - lost / 1500.0)})


def test_deferred_losses_show_in_the_price_only_where_backing_is_asked_for() -> None:
    for marks, worth in (("index", 1.0), ("backing", 0.5)):
        described = chain(500.0, [500.0, 1000.0, 1000.0], [500.0, 500.0], [450.0, 450.0])
        described["pools"][0]["losses"]["recognition"] = "deferred"
        described["assets"]["c0"]["price"]["marks"] = marks
        steps = finished(described).recorder.steps()
        assert steps["reference_c0"].iloc[-1] == pytest.approx(worth)


def test_interest_makes_a_claim_worth_more_than_its_underlying() -> None:
    rates = {"kind": "fixed", "rate_per_year": 0.5}
    described = world(
        [pool("p0", rates=rates), pool("p1", "c0")],
        {"c0": claim_on("p0")},
        borrowers=[
            {"pool": "p0", "positions": [{"debt": {"USD": 1e-9}}]},
            {"pool": "p1", "positions": [{"collateral": {"c0": 100.0}}]},
        ],
    )
    described["pools"][0]["reserves"]["ETH"] = {"ltv": 0.8, "liquidation_threshold": 0.9}
    described["assets"]["ETH"] = {"price": {"kind": "constant", "price": 1.0}}
    described["agents"]["borrowers"][0]["positions"] = [{"collateral": {"ETH": 1e3}, "debt": {"USD": 100.0}}]
    described["time"]["step_seconds"] = 86400.0
    model = finished(described)
    growth = model.recorder.steps()["reference_c0"].to_numpy()
    # Priced at the start of a block, before its interest: that of the fifth block is not in yet.
    x = 0.5 / 365.0
    assert growth[-1] == pytest.approx((1.0 + x + x**2 / 2 + x**3 / 6) ** 4, rel=1e-12)
    assert growth[0] == 1.0


def loop_of_pools(lost: float) -> dict[str, Any]:
    """Two pools that lend against claims on one another, and a bad debt in the first."""
    return world(
        [pool("p0", "c1"), pool("p1", "c0")],
        {"c0": claim_on("p0"), "c1": claim_on("p1")},
        steps=12,
        borrowers=[
            {"pool": "p0", "positions": [{"debt": {"USD": lost}}]},
            {"pool": "p0", "positions": [{"collateral": {"c1": 1000.0}, "debt": {"USD": 890.0}}]},
            {"pool": "p1", "positions": [{"collateral": {"c0": 1000.0}, "debt": {"USD": 890.0}}]},
        ],
        depositors=[{"pool": name, "deposits": {"USD": 200.0}} for name in ("p0", "p1")],
    )


def test_a_loop_of_pools_passes_a_loss_round_until_it_is_borne() -> None:
    """What goes round falls in every round and ends: nobody bears more than there is."""
    model = finished(loop_of_pools(600.0))
    assert len(model.recorder.write_offs()) >= 3  # the bad debt, what it costs the second pool, and the first again
    indices = [float(lender.pool.supply_index[0]) for lender in model.world.lenders]
    assert all(0.0 < index < 1.0 for index in indices)
    steps = model.recorder.steps()
    for name in ("c0", "c1"):
        assert (np.diff(steps[f"oracle_{name}"]) <= 1e-15).all()
    without = finished(loop_of_pools(1e-6))
    assert len(without.recorder.write_offs()) == 1


# Loops of one position


def looped(loops: int, **changes: Any) -> dict[str, Any]:
    """Fifty who deposit in one pool, borrow in another against the claims, and deposit again."""
    described = world(
        [pool("p0"), pool("p1", "c0")],
        {"c0": claim_on("p0")},
        borrowers=[
            {
                "pool": "p1",
                "count": 50,
                "collateral": "c0",
                "debt": "USD",
                "equity_usd": 100.0,
                "loops": loops,
                "loop_ltv": 0.8,
                "watching": 1.0,
                "watch_interval_seconds": 60.0,
                "react_below": 1.0,
                "reactions": {"sell": 1.0},
            },
            {"pool": "p0", "positions": [{"debt": {"USD": 1e-9}}]},
        ],
        depositors=[
            {"pool": "p0", "deposits": {"USD": 10_000.0}, "locked": True},
            {"pool": "p1", "deposits": {"USD": 100_000.0}, "locked": True},
        ],
    )
    described["markets"] = []  # claims are redeemed
    for key, value in changes.items():
        described["agents"]["borrowers"][0][key] = value
    return described


@pytest.mark.parametrize("loops", [1, 3, 30])
def test_a_loop_has_the_leverage_of_the_series(loops: int) -> None:
    model = UnderwaterModel(Scenario.from_dict(looped(loops)), 1)
    lender = model.world.lenders[1]
    assert lender.pool.collateral[:50, 1] == pytest.approx(100.0 * leverage(0.8, loops), rel=1e-12)
    assert lender.pool.scaled_debt[:50, 0] == pytest.approx(100.0 * (leverage(0.8, loops) - 1.0), rel=1e-12)
    # What is looped was deposited: the first pool's claims are larger than its depositors' own.
    assert model.world.lenders[0].pool.total_claims[0] == pytest.approx(10_000.0 + 5_000.0 * leverage(0.8, loops))


def test_all_loops_unwind_together_as_one_does_on_paper() -> None:
    """The rate drives them out: all sell, by redeeming, what repays their debts; what is left is the own capital."""
    model = finished(looped(3, max_rate_per_year=0.001) | {"pools": [pool("p0"), dear_pool()]})
    lender = model.world.lenders[1]
    assert lender.pool.total_debt[0] == pytest.approx(0.0, abs=1e-6)
    alone = unwind(0.8, 1.0, 0.0, 3)
    assert lender.pool.collateral[:50, 1] == pytest.approx(100.0 * alone.equity_usd, rel=1e-3)  # six minutes' interest
    assert alone.bad_debt_usd == 0.0


@pytest.mark.parametrize("price", [0.95, 0.6])
def test_loops_that_are_liquidated_together_leave_what_they_do_on_paper(price: float) -> None:
    """The pool below loses a part: all claims on it fall at once, and every loop on them is unwound by redeeming."""
    described = looped(3, watching=0.0)
    described["pools"][1]["reserves"]["c0"] = {"ltv": 0.69, "liquidation_threshold": 0.69}
    lost = (1.0 - price) * (10_000.0 + 5_000.0 * leverage(0.8, 3))
    described["agents"]["borrowers"][1]["positions"] = [{"debt": {"USD": lost}}]
    model = finished(described)
    alone, (below, lender) = unwind(0.8, price, 0.0, 3), model.world.lenders
    assert below.pool.supply_index[0] == pytest.approx(price, rel=1e-12)
    left = lender.pool.collateral[:50, 1] * price
    assert left == pytest.approx(100.0 * alone.equity_usd, rel=1e-9, abs=1e-9)
    losses = model.recorder.write_offs().groupby("pool")["amount"].sum()
    assert losses.get("p1", 0.0) == pytest.approx(5_000.0 * alone.bad_debt_usd, rel=1e-9, abs=1e-9)
    assert model.recorder.liquidations()["repaid"].sum() == pytest.approx(5_000.0 * alone.repaid_usd, rel=1e-9)


def dear_pool() -> dict[str, Any]:
    return pool("p1", "c0", rates={"kind": "fixed", "rate_per_year": 1.0})


def test_an_unwinding_waits_for_the_cash_of_the_pool_below() -> None:
    """The first pool has lent all but 3,000: so much is redeemed, and the rest of the loops stay as they are."""
    described = looped(3, max_rate_per_year=0.001) | {"pools": [pool("p0"), dear_pool()]}
    posted = 5_000.0 * leverage(0.8, 3)
    described["assets"]["ETH"] = {"price": {"kind": "constant", "price": 1.0}}
    described["pools"][0]["reserves"]["ETH"] = {"ltv": 0.8, "liquidation_threshold": 0.9}
    lent = 10_000.0 + posted - 3_000.0
    described["agents"]["borrowers"][1]["positions"] = [{"collateral": {"ETH": 1e6}, "debt": {"USD": lent}}]
    model = finished(described)
    first, second = model.world.lenders
    assert first.pool.cash[0] == pytest.approx(0.0, abs=1e-9)
    assert second.pool.total_collateral[1] == pytest.approx(posted - 3_000.0)
    owed = 5_000.0 * (leverage(0.8, 3) - 1.0)
    assert second.pool.total_debt[0] == pytest.approx(owed - 3_000.0, rel=1e-4)


def test_nobody_liquidates_for_claims_that_cannot_be_redeemed() -> None:
    """A position on claims of a pool without cash falls below health 1 by its rate, and stays there."""
    for cash, waits in ((0.0, True), (1e5, False)):
        described = looped(30, watching=0.0, loop_ltv=0.89)
        described["pools"][1] = pool("p1", "c0", rates={"kind": "fixed", "rate_per_year": 800.0})
        described["pools"][1]["reserves"]["c0"] = {"ltv": 0.9, "liquidation_threshold": 0.9}
        described["pools"][1]["liquidation"]["liquidation_bonus"] = 0.01
        described["assets"]["ETH"] = {"price": {"kind": "constant", "price": 1.0}}
        described["pools"][0]["reserves"]["ETH"] = {"ltv": 0.8, "liquidation_threshold": 0.9}
        described["agents"]["depositors"][0]["deposits"]["USD"] = 10_000.0 + cash
        lent = 10_000.0 + 5_000.0 * leverage(0.89, 30)
        described["agents"]["borrowers"][1]["positions"] = [{"collateral": {"ETH": 1e6}, "debt": {"USD": lent}}]
        described["time"]["steps"] = 150
        model = finished(described)
        assert (model.recorder.steps()["liquidatable_usd"].iloc[-1] > 0.0) == waits
        assert (len(model.recorder.liquidations()) == 0) == waits


# Who depends on whom


def test_claims_wrap_pools_and_a_failure_reaches_those_behind_them() -> None:
    """In a chain, what stands on the first pool is reached through its claims; a loop of pools is one component."""
    described = chain(100.0, [500.0, 1000.0, 1000.0], [500.0, 400.0], [450.0, 300.0])
    graph = exposure_graph(simulate(Scenario.from_dict(described)).exposures)
    assert graph["asset c0"]["pool p0"]["wraps"]["usd"] == pytest.approx(500.0)
    assert graph["borrowers.1"]["asset c0"]["collateralises with"]["usd"] == pytest.approx(500.0)
    assert graph["pool p1"]["oracle c0"]["is priced by"]["usd"] == pytest.approx(500.0)
    hit = set(reached_by(graph, "pool p0"))
    assert hit >= {"asset c0", "pool p1", "depositors.1", "asset c1", "pool p2", "depositors.2", "depositors.0"}
    looped = exposure_graph(simulate(Scenario.from_dict(loop_of_pools(1.0))).exposures)
    assert {"pool p0", "asset c0", "pool p1", "asset c1"} < max(nx.strongly_connected_components(looped), key=len)


def test_the_losses_of_nodes_add_up_as_they_travel() -> None:
    """What a pool's bad debt is, its suppliers bear: its depositors, and the holders of its claims."""
    run = simulate(Scenario.from_dict(chain(500.0, [500.0, 1000.0, 1000.0], [500.0, 500.0], [450.0, 450.0])))
    last = run.nodes[run.nodes["step"] == run.nodes["step"].max()].set_index("node")["loss_usd"]
    assert last["pool p0"] == pytest.approx(500.0)
    assert last["depositors.0"] + last["asset c0"] == pytest.approx(500.0)
    assert last["pool p1"] == pytest.approx(200.0)
    assert last["depositors.1"] + last["asset c1"] == pytest.approx(200.0)
    assert last["borrowers.1"] == pytest.approx(50.0)  # the own capital in the loan: 500 posted, 450 owed
    before = run.nodes[run.nodes["step"] == 0].set_index("node")["loss_usd"]
    assert before["pool p1"] == before["depositors.1"] == 0.0


# What cannot be


@pytest.mark.parametrize(
    ("assets", "message"),
    [
        ({"c0": claim_on("nowhere")}, r"assets\.c0\.price\.pool = 'nowhere' is no pool"),
        ({"c0": claim_on("p0", "EUR")}, r"assets\.c0\.price\.reserve = 'EUR' is no reserve of pool p0"),
        ({"c0": claim_on("p0", marks="hope")}, r"assets\.c0\.price\.marks"),
    ],
)
def test_claims_on_what_is_not_there_are_refused(assets: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        Scenario.from_dict(world([pool("p0")], assets))


def test_claims_that_rest_on_one_another_are_refused_and_a_chain_of_them_is_not() -> None:
    """A claim on a claim on itself has no price; one on a claim on a dollar has."""
    pools = [pool("p0", "c1"), pool("p1", "c0")]
    circle = {"c0": claim_on("p0", "c1"), "c1": claim_on("p1", "c0")}
    with pytest.raises(
        ScenarioError, match=r"assets\.c\d\.price follows from itself \(c\d from c\d from c\d\), so no price solves it"
    ):
        Scenario.from_dict(world(pools, circle))
    stacked = world([pool("p0"), pool("p1", "c0")], {"c1": claim_on("p1", "c0"), "c0": claim_on("p0")})
    stacked["agents"]["borrowers"] = [{"pool": "p0", "positions": [{"debt": {"USD": 10.0}}]}]
    stacked["agents"]["depositors"] = [{"pool": "p0", "deposits": {"USD": 40.0}}]
    assert finished(stacked).recorder.steps()["reference_c1"].iloc[-1] == pytest.approx(0.75)


def test_a_worthless_claim_keeps_a_price_that_can_be_divided_by() -> None:
    terms = ClaimPrice(pool="p0", reserve="USD")
    assert terms.worth(0.0, 10.0, 0.0) == 1e-9
    wiped = chain(500.0, [500.0, 1000.0, 1000.0], [500.0, 500.0], [450.0, 450.0])
    wiped["agents"]["borrowers"][0]["positions"][0]["debt"]["USD"] = 2000.0
    wiped["agents"]["depositors"] = wiped["agents"]["depositors"][1:]  # all that the first pool has is lent and lost
    assert finished(wiped).recorder.steps()["reference_c0"].iloc[-1] == 1e-9
    assert ClaimPrice(pool="p0", reserve="USD", marks="backing").worth(1.2, 10.0, 5.0) == pytest.approx(0.6)
    with pytest.raises(ValidationError, match="pool"):
        ClaimPrice(pool="", reserve="USD")


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"equity_usd": 1.0, "debt_usd": 5.0, "health": 1.5}, "debt_usd and equity_usd both say how large"),
        ({"collateral_usd": 1.0}, "needs limit_used too"),
        ({"loops": 3, "debt_usd": 5.0, "health": 1.5}, "a loop needs equity_usd"),
        ({"equity_usd": 1.0, "loops": 0}, "loops"),
        ({"equity_usd": 1.0, "loop_ltv": 1.0}, "loop_ltv"),
    ],
)
def test_loops_that_cannot_be_are_refused(terms: dict[str, Any], message: str) -> None:
    cohort = {"pool": "p1", "count": 2, "collateral": "c0", "debt": "USD"} | terms
    with pytest.raises(ScenarioError, match=message):
        Scenario.from_dict(world([pool("p0"), pool("p1", "c0")], {"c0": claim_on("p0")}, borrowers=[cohort]))


@pytest.mark.parametrize(
    ("ltv", "terms", "message"),
    [
        (0.0, {"equity_usd": 1.0}, "has no ltv in pool p1"),
        (0.0, {"collateral_usd": 1.0, "limit_used": 0.5}, "has no ltv in pool p1"),
        (1.0, {"equity_usd": 1.0}, "a loop at the ltv of c0, which is 1"),
    ],
)
def test_an_ltv_that_debts_follow_from_must_be_one(ltv: float, terms: dict[str, Any], message: str) -> None:
    cohort = {"pool": "p1", "count": 2, "collateral": "c0", "debt": "USD"} | terms
    described = world([pool("p0"), pool("p1", "c0")], {"c0": claim_on("p0")}, borrowers=[cohort])
    described["pools"][1]["reserves"]["c0"]["ltv"] = ltv
    with pytest.raises(ScenarioError, match=message):
        Scenario.from_dict(described)


def test_borrowers_who_draw_a_part_of_their_limit_owe_it() -> None:
    """A hundred posted at an ltv of 0.9, of which a half is drawn, and a limit is never overdrawn."""
    for used, owed in ((0.5, 45.0), (3.0, 90.0)):
        cohort = {"pool": "p1", "count": 2, "collateral": "c0", "debt": "USD"}
        sizes = {"collateral_usd": 100.0, "limit_used": used}
        described = world([pool("p0"), pool("p1", "c0")], {"c0": claim_on("p0")}, borrowers=[cohort | sizes])
        lender = UnderwaterModel(Scenario.from_dict(described), 1).world.lenders[1]
        assert lender.pool.collateral[:2, 1].tolist() == pytest.approx([100.0, 100.0])
        assert lender.pool.scaled_debt[:2, 0].tolist() == pytest.approx([owed, owed])
