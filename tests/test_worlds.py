"""Any world keeps its books: random scenarios of every kind of part and agent, run with checks on.

A world follows from one number, drawn by Hypothesis; the number shows in the report of a failure.
"""

from random import Random
from types import SimpleNamespace

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from abm import Scenario
from abm.auctions.bond_settlement import LENDERS
from abm.auctions.bonds import BondedSales
from abm.auctions.english import EnglishAuctions
from abm.liquidations.stability import StabilityPool
from abm.model import UnderwaterModel
from abm.record.metrics import summarise
from builders.random_worlds.worlds import world_of
from models.types import FloatArray

SELLERS = {"staked_own_token", "backstop_vault", "insurance_fund", "external_cover", "mint_auction", "insurance"} | {
    "discretionary_rescue"
}
"""Layers that may sell something for what they pay."""


def finished(model: UnderwaterModel) -> SimpleNamespace:
    """The tables and the summary of a model that has run."""
    tables = {
        name: getattr(model.recorder, name)() for name in ("steps", "liquidations", "write_offs", "balance_sheets")
    }
    return SimpleNamespace(**tables, summary=summarise(model))


@given(number=st.integers(0, 2**64))
@example(number=4039798673)  # an insurer that pays with claims alone, and what rounding leaves of them
@example(number=4056476087)  # a stability pool of which rounding has left next to nothing
@example(number=1491)  # a liquidator that pays with a claim of which it has seized some before
@example(number=9883)  # a claim that somebody sells once a loss has wiped out the shares behind it
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_world_keeps_its_books(assert_books_agree, assert_losses_add_up, number):
    """Never an exception; ledger, books, watch and waterfall agree after every block, whatever meets whatever."""
    world, seed = world_of(Random(number)), number % 2**32
    model = UnderwaterModel(Scenario.from_dict(world), seed)
    owed: list[list[list[float]]] = []
    became: list[list[float]] = []
    for _ in range(world["time"]["steps"]):
        model.step()
        assert_books_agree(model)
        units = [losses.open_units() for losses in model.losses]
        owed.append([[one for of_pool in units for one in of_pool[k]] for k in range(2)])
        became.append([sum(usd) for usd in zip(*[losses.totals.figures() for losses in model.losses], strict=True)])
    run = finished(model)
    assert_losses_are_noted(run, np.array(owed), np.array(became))
    assert_losses_add_up(run)
    assert_sane(model, run, seed)


def assert_losses_are_noted(run: SimpleNamespace, owed: FloatArray, became: FloatArray) -> None:
    """The tables say of each block what its layers said: `owed` (blocks, 2, reserves), `became` (blocks, 5) or none."""
    sheets = run.balance_sheets.sort_values("step", kind="stable")
    for k, name in enumerate(("pending", "uncovered")):
        np.testing.assert_array_equal(sheets[name].to_numpy(), owed[:, k].ravel())
    names = ["absorbed_usd", "written_off_usd", "pending_usd", "uncovered_usd", "recovered_usd"]
    np.testing.assert_array_equal(run.steps[names].to_numpy(), became if became.size else 0.0)


def assert_sane(model: UnderwaterModel, run: SimpleNamespace, seed: int) -> None:
    """What holds of the tables of any run."""
    rows = run.liquidations
    # Where a penalty is raised after the debt, the last buyers repay nothing any more.
    assert (rows["repaid"] >= 0.0).all()
    assert (rows["seized"] > 0.0).all()
    assert (rows["protocol_fee"] <= rows["seized"]).all()
    assert (rows["slippage"] >= -1e-12).all()
    assert (rows["slippage"] < 1.0).all()
    assert (rows["generation"] >= 0).all()
    # A generation can follow only one that has been there: none is skipped.
    seen = set(rows["generation"].unique())
    assert seen == set(range(len(seen))) or not model.world.scenario.feedback or sold_otherwise(model)
    prices = [name for name in run.steps if name.startswith(("reference_", "oracle_"))]
    assert np.isfinite(run.steps[prices]).all(axis=None)
    assert (run.steps[prices] > 0.0).all(axis=None)
    assert (run.steps["utilisation"] <= 1.0 + 1e-12).all()
    if not model.world.scenario.feedback:
        assert run.summary["amplification"] == 1.0
        assert not rows["generation"].any()
        alone = UnderwaterModel.baseline(model.world.scenario, seed)
        own = [k for k in range(len(model.world.assets)) if k not in model.world.claims.of]
        names = [f"oracle_{model.world.assets[k]}" for k in own]
        # Without pools there are no borrowers' bands: who trades around a triangle finds another ladder there.
        if not (any(lender.loans is not None for lender in model.world.lenders) and model.people.triangle_arbitrageurs):
            np.testing.assert_array_equal(run.steps[names].to_numpy(), alone[:, own])
    assert all(isinstance(value, float) and not np.isnan(value) for value in run.summary.values())
    assert_each_profit_is_asked_for(model, rows)
    assert_liquidators_have_what_they_gained(model)
    assert_depositors_are_accounted_for(model)


def assert_liquidators_have_what_they_gained(model: UnderwaterModel) -> None:
    """Who began with so many dollars has these at the end, its profit, and what holding has brought.

    But prices move the money that is locked in bids and in bonds, and money that is no dollars.
    """
    world = model.world
    locks = any(isinstance(lender.auctions, (EnglishAuctions, BondedSales)) for lender in world.lenders)
    for cohort in model.people.liquidators if not locks else ():
        if world.assets[cohort.capital_asset] != "USD":
            continue
        accounts = range(cohort.first_account, cohort.first_account + cohort.terms.count)
        own = world.ledger.balances[accounts] @ np.array(world.reference)
        for member in np.flatnonzero(~np.array(cohort.unlimited)).tolist():
            tally = cohort.tallies[member]
            net = tally.profit_usd + cohort.holding_usd(member, world.reference)
            scale = max(cohort.capital_usd[member], tally.repaid_usd, 1.0)
            assert abs(own[member] - cohort.capital_usd[member] - net) <= 1e-9 * scale


def assert_depositors_are_accounted_for(model: UnderwaterModel) -> None:
    """What was paid out lies in wallets or came back; queues hold whom they say; no haircut is below 0 or above 1."""
    rows = model.recorder.depositors()
    assert ((rows["haircut"] >= 0.0) & (rows["haircut"] <= 1.0 + 1e-9)).all()
    assert (rows["members"] >= rows["asked_members"]).all()
    for lender in model.world.lenders:
        for reserve, queue in enumerate(lender.exits.queues):
            waiting = sum(lender.pool.claims(account, reserve) for account in queue)
            scale = max(lender.exits.withdrawn[reserve], waiting)
            assert abs(lender.exits.waiting(reserve) - waiting) <= 1e-9 * scale
        away = lender.exits.away.sum(axis=0)
        out = np.array(lender.exits.withdrawn) - lender.exits.returned
        np.testing.assert_allclose(away, out, rtol=1e-9, atol=1e-9 * max(lender.exits.withdrawn))


def sold_otherwise(model: UnderwaterModel) -> bool:
    """Borrowers who sell, and attackers who do, count as generations that the table of liquidations does not show."""
    attacked, mended = len(model.recorder.attacks()) > 0, model.recorder.mendings > 0
    layers = model.recorder.write_offs()["layer"].str.split(".").str[0]
    return attacked or mended or bool(layers.isin(SELLERS).any())


def assert_each_profit_is_asked_for(model: UnderwaterModel, rows: pd.DataFrame) -> None:
    """Nobody liquidates below the margin that its cohort asks for, nor at a loss.

    But a bid is made before the end, a stability pool repays for the caller, and lenders take what nobody wants.
    """
    others = (EnglishAuctions, StabilityPool)
    apart = [lender.name for lender in model.world.lenders if isinstance(lender.auctions, others)]
    rows = rows[~rows["pool"].isin(apart) & (rows["liquidator"] != LENDERS)]
    for k, cohort in enumerate(model.world.scenario.agents.liquidators):
        mine = rows[rows["liquidator"].str.startswith(f"liquidators.{k}")]
        # A call that winds up a loan in bands has a row for each asset, and its gas in the first.
        calls = mine.groupby(["step", "pool", "account", "liquidator"])[["profit_usd", "repaid_usd"]].sum()
        assert (calls["profit_usd"] >= cohort.margin * calls["repaid_usd"] - 1e-9).all()
