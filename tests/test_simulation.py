"""The contract of a run: tables and summary, the worked example, conservation, determinism, common random numbers."""

import builtins
import gc
import hashlib
import math
import pickle
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

import abm
from abm import Run, Scenario, ScenarioError, simulate
from abm.model import UnderwaterModel
from experiments import load_scenario

SHIPPED = ("one-position", "calm", "thin-market", "black-thursday")

# Columns of the contract beside the prices, and the figures of the summary.
STEPS = {
    "debt_usd",
    "collateral_usd",
    "liquidatable_usd",
    "underwater_usd",
    "bad_debt_usd",
    "deposits_usd",
    "cash_usd",
    "utilisation",
}
LIQUIDATIONS = {
    "path",
    "step",
    "pool",
    "account",
    "liquidator",
    "debt_asset",
    "repaid",
    "collateral_asset",
    "seized",
    "protocol_fee",
    "gas_usd",
    "profit_usd",
    "slippage",
    "generation",
}
WRITE_OFFS = {
    "path",
    "step",
    "pool",
    "account",
    "debt_asset",
    "amount",
    "layer",
    "paid",
}
SUMMARY = {
    "bad_debt_usd",
    "bad_debt_share",
    "liquidated_usd",
    "liquidations",
    "liquidator_profit_usd",
    "borrower_loss_usd",
    "depositor_loss_usd",
    "reserve_paid_usd",
    "insurer_paid_usd",
    "uncovered_usd",
    "amplification",
    "generations",
    "max_fall",
}

# A run that uses every kind of agent and every stream, short enough to repeat: thin-market, during its fall.
CRASH = {"time.steps": "400", "agents.borrowers.0.count": "300"}


@pytest.fixture(scope="module")
def crash() -> Scenario:
    scenario = load_scenario("thin-market", CRASH).to_dict()
    scenario["assets"]["ALT"]["price"]["bars"] = scenario["assets"]["ALT"]["price"]["bars"][2:]
    return Scenario.from_dict(scenario)


# The contract


@pytest.mark.parametrize("name", SHIPPED)
def test_tables_and_summary_have_what_the_contract_promises(shipped, name):
    run = shipped(name)
    assets = list(run.scenario.assets)
    prices = [f"{kind}_{asset}" for kind in ("reference", "venue", "oracle") for asset in assets]
    assert not {"path", "step", "time_seconds", *prices, *STEPS} - set(run.steps.columns)
    assert not LIQUIDATIONS - set(run.liquidations.columns)
    assert not WRITE_OFFS - set(run.write_offs.columns)
    assert not SUMMARY - set(run.summary)
    assert all(type(value) is float and np.isfinite(value) for value in run.summary.values())


def test_a_run_carries_its_scenario_and_seed(crash):
    run = simulate(crash, seed=7)
    assert run.scenario is crash
    assert run.seed == 7
    assert isinstance(run, Run)
    assert len(run.steps) == crash.time.steps
    np.testing.assert_array_equal(run.steps["step"], np.arange(400))
    np.testing.assert_array_equal(run.steps["time_seconds"], 60.0 * np.arange(400))


def test_a_table_is_made_once_when_asked_for_and_copied_as_a_table(crash):
    run = simulate(crash, seed=1)
    assert run.tables["depth"] is run.tables["depth"]
    carried = pickle.loads(pickle.dumps(run.tables))
    assert list(carried) == list(run.tables)
    assert all(carried[name].equals(table) for name, table in run.tables.items())
    with pytest.raises(KeyError, match="gossip"):
        run.tables["gossip"]


def test_empty_tables_have_the_types_of_full_ones(shipped):
    """Who joins the tables of many paths must not find columns whose type depends on whether anything happened."""
    calm, busy = shipped("calm"), shipped("thin-market")
    assert calm.liquidations.empty
    assert calm.write_offs.empty
    assert (calm.liquidations.dtypes == busy.liquidations.dtypes).all()
    assert (calm.write_offs.dtypes == busy.write_offs.dtypes).all()


def test_the_summary_is_the_sum_of_the_tables(shipped):
    run = shipped("thin-market")
    rows = run.liquidations
    assert run.summary["liquidations"] == len(rows) == run.steps["liquidations"].sum()
    assert run.summary["liquidated_usd"] == pytest.approx(rows["repaid"].sum(), rel=1e-12)  # USD is the only debt
    assert run.summary["liquidator_profit_usd"] == pytest.approx(rows["profit_usd"].sum(), rel=1e-12)
    assert run.summary["generations"] == rows["generation"].max() + 1
    fall = 1.0 - run.steps["oracle_ALT"].min() / run.steps["oracle_ALT"].iloc[0]
    assert run.summary["max_fall"] == pytest.approx(fall, rel=1e-12)
    assert run.summary["bad_debt_share"] == run.summary["bad_debt_usd"] / 2.4e7
    assert run.steps["refused"].sum() == run.summary["refused"]


def test_progress_is_told_and_ends_with_all_blocks(crash):
    heard: list[int] = []
    simulate(crash, seed=1, progress=heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 400
    assert len(heard) <= 201


def test_a_file_that_is_missing_is_a_scenario_error(small_world):
    world = small_world(assets__ETH__price={"kind": "file", "file": "nowhere.csv", "time": "t", "price": "p"})
    with pytest.raises(ScenarioError, match=r"assets\.ETH\.price.*nowhere\.csv"):
        simulate(Scenario.from_dict(world))


def test_a_path_that_is_over_leaves_nothing_in_memory(small_world, model_of):
    model = model_of(small_world())
    model.run()
    world = weakref.ref(model.world)
    del model
    gc.collect()
    assert world() is None


def test_steps_describe_the_end_of_the_block(play):
    """One position, closed by half at 1,900: every figure of the block is that after the liquidation."""
    row = play().steps.iloc[1]
    assert row["debt_usd"] == pytest.approx(8000.0, rel=1e-12)
    assert row["collateral_usd"] == pytest.approx((10.0 - 8400.0 / 1900.0) * 1900.0, rel=1e-12)
    assert row["cash_usd"] == pytest.approx(992000.0, rel=1e-12)
    assert row["deposits_usd"] == pytest.approx(1e6, rel=1e-12)
    assert row["utilisation"] == pytest.approx(0.008, rel=1e-12)
    assert row["liquidatable_usd"] == row["underwater_usd"] == row["bad_debt_usd"] == 0.0


def test_underwater_and_liquidatable_positions_are_shown_as_long_as_nobody_acts(play):
    """10 ETH against 16,000 DAI at 1,500: worth less than the debt, and no liquidator."""
    run = play(agents__liquidators=[], assets__ETH__price__prices=[2000.0, 1900.0, 1500.0])
    assert run.steps["liquidatable_usd"].tolist() == [0.0, 16000.0, 16000.0]
    assert run.steps["underwater_usd"].tolist() == [0.0, 0.0, 16000.0]
    assert run.summary["bad_debt_usd"] == 0.0  # unrealised as long as there is something to seize
    assert run.summary["unrealised_shortfall_usd"] == pytest.approx(1000.0)


def test_who_owes_just_what_the_collateral_is_worth_is_not_under_water(play):
    run = play(agents__liquidators=[], assets__ETH__price__prices=[2000.0, 1600.0])
    assert run.steps["liquidatable_usd"].tolist() == [0.0, 16000.0, 16000.0]
    assert run.steps["underwater_usd"].tolist() == [0.0] * 3


# Reference: Aave v3.3 and later, 10 ETH against 16,000 at a threshold of 83 %, a bonus of 5 %, a fee of 10 % of it.


@pytest.mark.parametrize(
    ("price", "repaid", "seized", "fee", "deficit"),
    [
        (1900, 8000, 4.421052631578947368, 0.021052631578947368, 0),
        (1850, 8000, 4.540540540540540540, 0.021621621621621622, 0),
        (1800, 16000, 9.333333333333333333, 0.044444444444444444, 0),
        (1600, 320000 / 21, 10, 1 / 21, 16000 - 320000 / 21),
        (1500, 100000 / 7, 10, 1 / 21, 16000 - 100000 / 7),
    ],
)
def test_one_position_gives_the_figures_of_aave_v3(price, repaid, seized, fee, deficit):
    run = simulate(load_scenario("one-position", {"assets.ETH.price.prices": f"[2000.0, {price}.0]"}))
    (row,) = run.liquidations.to_dict("records")
    assert row["step"] == 1
    assert row["generation"] == 0
    assert row["repaid"] == pytest.approx(repaid, rel=1e-9)
    assert row["seized"] == pytest.approx(seized, rel=1e-9)
    assert row["protocol_fee"] == pytest.approx(fee, rel=1e-9)
    assert row["profit_usd"] == pytest.approx((seized - fee) * price - repaid, rel=1e-9)
    assert row["slippage"] == 0.0
    assert run.summary["bad_debt_usd"] == pytest.approx(deficit, rel=1e-9, abs=0.0)
    assert run.summary["depositor_loss_usd"] == pytest.approx(deficit, rel=1e-9, abs=0.0)
    assert run.summary["borrower_loss_usd"] == pytest.approx(seized * price - repaid, rel=1e-9)


def test_one_position_is_left_alone_above_its_trigger():
    """10 P 0.83 = 16,000 at 1,927.71."""
    safe = simulate(load_scenario("one-position", {"assets.ETH.price.prices": "[2000.0, 1927.72]"}))
    caught = simulate(load_scenario("one-position", {"assets.ETH.price.prices": "[2000.0, 1927.70]"}))
    assert len(safe.liquidations) == 0
    assert len(caught.liquidations) == 1


# Invariants: the shipped scenarios close their books, block by block


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_scenarios_run_with_checks_on_and_their_losses_add_up(shipped, assert_losses_add_up, name):
    assert_losses_add_up(shipped(name))


@pytest.mark.parametrize("name", ["thin-market", "black-thursday"])
def test_every_mechanism_agrees_with_the_ledger_after_every_block(name, assert_books_agree):
    """Blocks of a quarter of an hour, so that eighty of them reach into the fall."""
    overrides = {"time.steps": "80", "time.step_seconds": "900.0", "agents.borrowers.0.count": "500"}
    model = UnderwaterModel(load_scenario(name, overrides), 3)
    for _ in range(80):
        model.step()
        assert_books_agree(model)
    assert len(model.recorder.liquidations()) > 0


def test_calm_liquidates_nobody(shipped):
    summary = shipped("calm").summary
    assert summary["liquidations"] == summary["bad_debt_usd"] == summary["mended"] == summary["refused"] == 0.0
    assert summary["amplification"] == 1.0
    assert summary["generations"] == 0.0


def test_black_thursday_leaves_bad_debt_that_the_surplus_pays_first(shipped):
    summary = shipped("black-thursday").summary
    assert summary["bad_debt_usd"] > 0.0
    assert summary["reserve_paid_usd"] > 0.0
    assert summary["depositor_loss_usd"] == 0.0  # deferred: DAI stays at par
    assert 0.45 < summary["max_fall"] < 0.6  # from about 194 to about 90 dollars, an hour late


# Determinism


def test_the_same_seed_gives_the_same_bytes_twice_and_another_seed_others(crash, digest):
    first, again, other = (digest(simulate(crash, seed)) for seed in (5, 5, 6))
    assert first == again
    assert first != other


@pytest.mark.parametrize("name", ["contagion", "thin-market"])
def test_nothing_depends_on_how_this_python_adds_floats(digest, name, monkeypatch):
    # From Python 3.12 on the built-in sum carries what rounding lost; amounts are added with `math.fsum` everywhere.
    def carried(given, start=0):
        given = list(given)
        return math.fsum([start, *given]) if any(isinstance(one, float) for one in given) else plain(given, start)

    scenario, plain = load_scenario(name), builtins.sum
    here = digest(simulate(scenario, seed=1))
    monkeypatch.setattr(builtins, "sum", carried)
    assert digest(simulate(scenario, seed=1)) == here


def test_a_fresh_process_gives_the_same_bytes(digest):
    """Nothing may depend on hash seeds, addresses or what ran before in the process."""
    program = (
        "import hashlib\n"
        "from abm import simulate\n"
        "from experiments import load_scenario\n"
        f"run = simulate(load_scenario('thin-market', {CRASH!r}), 5)\n"
        "text = repr(run.summary) + ''.join(table.to_csv(float_format='%r') for table in run.tables.values())\n"
        "print(hashlib.sha256(text.encode()).hexdigest())\n"
    )
    run = simulate(load_scenario("thin-market", CRASH), 5)
    text = repr(run.summary) + "".join(table.to_csv(float_format="%r") for table in run.tables.values())
    root = Path(next(iter(abm.__path__))).parent
    fresh = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True, timeout=120
    )
    assert fresh.stdout.strip() == hashlib.sha256(text.encode()).hexdigest()


# Common random numbers

NEWCOMERS = {
    "borrowers": {"count": 50, "collateral": "ALT", "debt": "USD", "debt_usd": 1000.0, "health": 3.0, "watching": 1.0},
    "liquidators": {"count": 3, "capital_usd": {"kind": "lognormal", "median": 1e5, "sigma": 1.0}},
    "depositors": {"count": 3, "deposits": {"USD": {"kind": "uniform", "low": 1.0, "high": 1e4}}},
    "insurers": {"capital": {"USD": 1e5}},
    "arbitrageurs": {"capital_usd": 1e5, "hedge_usd_per_hour": 1e5},
    "market_makers": {"capital_usd": 1e5, "size_usd": 1e3},
    "noise_traders": {"trades_per_hour": 30, "size_usd": 500.0},
}


def population(model: UnderwaterModel) -> dict[str, np.ndarray]:
    """Everything that is drawn for the people of a scenario's first cohorts."""
    people = model.people
    pool = model.world.lenders[0].pool
    members = people.borrowers[0].count
    return {
        "collateral": pool.collateral[:members],
        "debt": pool.scaled_debt[:members],
        "line": people.borrowers[0].line,
        "reaction": people.borrowers[0].reaction,
        "deposits": np.sort(pool.shares[people.depositors[0].first_account :][: people.depositors[0].terms.count, 0]),
        "capital": people.liquidators[0].capital_usd,
        "gas": np.array(people.liquidators[0].max_gas_gwei),
    }


@pytest.mark.parametrize("kind", NEWCOMERS)
def test_a_new_cohort_leaves_prices_and_everybody_else_as_they_were(crash, kind):
    """Prices before impact, and every draw of those who were there already."""
    before = UnderwaterModel(crash, 5)
    data = crash.to_dict()
    data["agents"][kind].append(NEWCOMERS[kind])
    after = UnderwaterModel(Scenario.from_dict(data), 5)
    np.testing.assert_array_equal(after.world.exogenous, before.world.exogenous)
    np.testing.assert_array_equal(after.world.gas_path, before.world.gas_path)
    for name, drawn in population(before).items():
        np.testing.assert_array_equal(population(after)[name], drawn, err_msg=name)


def test_without_impact_the_price_path_of_a_run_does_not_depend_on_who_is_there(crash):
    data = crash.to_dict()
    data["assets"]["ALT"]["impact"] = {"kind": "none"}
    before = simulate(Scenario.from_dict(data), 5)
    for kind, cohort in NEWCOMERS.items():
        data["agents"][kind].append(cohort)
    after = simulate(Scenario.from_dict(data), 5)
    for column in ("reference_ALT", "reference_USD", "oracle_ALT"):
        np.testing.assert_array_equal(after.steps[column], before.steps[column])
    assert len(before.liquidations) > 0


def test_two_designs_meet_the_same_population_and_prices(crash):
    data = crash.to_dict()
    data["pools"][0]["liquidation"] = {"design": "fixed_spread", "liquidation_bonus": 0.08}
    aave, fixed = UnderwaterModel(crash, 5), UnderwaterModel(Scenario.from_dict(data), 5)
    np.testing.assert_array_equal(aave.world.exogenous, fixed.world.exogenous)
    for name, drawn in population(aave).items():
        np.testing.assert_array_equal(population(fixed)[name], drawn, err_msg=name)


def test_a_longer_run_begins_with_the_shorter_one(crash):
    """Where no noise trades, whose draws depend on the length of the run: what comes later must not reach back."""
    data = crash.to_dict()
    data["agents"]["noise_traders"] = []
    long_run = simulate(Scenario.from_dict(data), 2)
    data["time"]["steps"] = 150
    short_run = simulate(Scenario.from_dict(data), 2)
    assert len(short_run.liquidations) > 0
    for name in set(short_run.steps.columns):
        np.testing.assert_array_equal(long_run.steps[name][:150], short_run.steps[name], err_msg=name)
