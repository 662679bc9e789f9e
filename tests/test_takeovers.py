"""Layers that take the collateral of accounts under water, in whole worlds: who gets what, and what then is lost."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm import Run, Scenario, simulate
from abm.model import UnderwaterModel
from models.losses import StabilityPoolLayer

DAI, ETH = 0, 1
Finished = Callable[..., UnderwaterModel]


@pytest.fixture
def sunk(small_world: Any, model_of: Any) -> Finished:
    """Run a world in which 16,000 DAI are owed for 10 ETH that are worth 15,000 from the second block on.

    Nobody liquidates; these are its layers.
    """

    def run(*layers: dict[str, Any], **changes: Any) -> UnderwaterModel:
        terms = {
            "assets__ETH__price__prices": [2000.0, 1500.0],
            "agents__liquidators": [],
            "pools__0__losses__layers": list(layers),
        }
        model: UnderwaterModel = model_of(small_world(**terms | changes))
        model.run()
        return model

    return run


def paid(model: UnderwaterModel) -> dict[str, float]:
    return dict(zip(*(model.recorder.write_offs()[name] for name in ("layer", "paid")), strict=True))


def exchanged(model: UnderwaterModel) -> list[tuple[str, float, float]]:
    return list(model.recorder.liquidations()[["liquidator", "repaid", "seized"]].itertuples(index=False, name=None))


def means(model: UnderwaterModel) -> np.ndarray:
    """What the account of the first layer holds."""
    return model.world.ledger.balances[model.losses[0].reserves[DAI].books.means[0].account]


# What each layer does


def test_a_stability_pool_with_next_to_nothing_takes_nothing_over(sunk: Finished) -> None:
    assert exchanged(sunk({"kind": "stability_pool", "capital": 1e-9})) == []


def test_a_stability_pool_burns_deposits_for_the_whole_debt_and_has_the_collateral(sunk: Finished) -> None:
    """16,000 burned, 10 ETH gained: 15,000 are an exchange, 1,000 a loss of the pool's; lenders have it all in cash."""
    model = sunk({"kind": "stability_pool", "capital": 50_000.0})
    assert exchanged(model) == [("stability_pool", 15_000.0, 10.0)]
    assert paid(model) == {"stability_pool": 1000.0}
    assert means(model).tolist() == [34_000.0, 10.0]
    pool = model.world.lenders[0].pool
    assert (pool.cash[DAI], pool.total_claims[DAI], pool.total_collateral[ETH]) == (1e6, 1e6, 0.0)
    payer = model.losses[0].reserves[DAI].waterfall.payers[0]
    # Product and sum are those of one offset of 16,000 with 10 ETH.
    alone = StabilityPoolLayer(capital=50_000.0).start()
    alone.take_over(16_000.0, 10.0, model.losses[0].reserves[DAI].view)
    assert [payer.total, *payer.deposits, *payer.gains] == pytest.approx([alone.total, *alone.deposits, *alone.gains])
    assert model.recorder.stability_pool_profit_usd == pytest.approx(0.0, abs=1e-9)


def test_a_small_stability_pool_takes_a_part_and_leaves_the_rest_open(sunk: Finished) -> None:
    """8,000 of 16,000: half the collateral, half the loss; the other half is as far under water as before."""
    model = sunk({"kind": "stability_pool", "capital": 8000.0})
    assert exchanged(model) == [("stability_pool", 7500.0, 5.0)]
    assert paid(model) == {"stability_pool": 500.0}
    pool = model.world.lenders[0].pool
    assert pool.debt(0, DAI) == pytest.approx(8000.0)
    assert (pool.collateral[0, ETH], *means(model)) == (5.0, 0.0, 5.0)


def test_suppliers_in_kind_get_collateral_in_proportion_and_lose_what_it_is_not_worth(sunk: Finished) -> None:
    """Of 20,000 claims a quarter gives up 3,750 for 2.5 ETH and loses 250; of what was due that is a twentieth."""
    people = [{"deposits": {"DAI": 5000.0}}, {"deposits": {"DAI": 15_000.0}}]
    model = sunk({"kind": "in_kind"}, agents__depositors=people)
    assert exchanged(model) == [("in_kind", 15_000.0, 10.0)]
    assert paid(model) == {"in_kind": pytest.approx(1000.0)}
    rows = model.recorder.depositors()
    assert rows["in_kind"].tolist() == pytest.approx([3750.0, 11_250.0])
    assert rows["cut"].tolist() == pytest.approx([250.0, 750.0])
    assert rows["claims"].tolist() == pytest.approx([1000.0, 3000.0])
    assert rows["haircut"].tolist() == pytest.approx([0.05, 0.05])
    lender = model.world.lenders[0]
    wallets = [lender.first_holder + cohort.first_account for cohort in model.people.depositors]
    assert model.world.ledger.balances[wallets, ETH].tolist() == pytest.approx([2.5, 7.5])
    assert lender.pool.cash[DAI] == pytest.approx(4000.0)


def test_in_kind_at_a_discount_more_is_a_loss_for_whoever_stands_before(sunk: Finished) -> None:
    """At a tenth off collateral is worth 13,500 of claims: 2,500 are lost, of which the reserve pays its 400 first."""
    treasury = {"pools__0__reserves__DAI__treasury": 400.0}
    model = sunk({"kind": "reserve"}, {"kind": "in_kind", "discount": 0.1}, **treasury)
    assert exchanged(model) == [("in_kind", 13_500.0, 10.0)]
    assert paid(model) == {"reserve": 400.0, "in_kind": pytest.approx(2100.0)}
    assert model.recorder.in_kind_loss_usd == pytest.approx(-1500.0)


def test_liquity_offsets_against_its_pool_and_gives_the_rest_to_other_borrowers(sunk: Finished) -> None:
    """Half to a pool of 8,000; half by stakes of 30 and 10 ETH: 6,000 with 3.75 ETH, and 2,000 with 1.25."""
    positions = [
        {"collateral": {"ETH": units}, "debt": {"DAI": debt}}
        for units, debt in ((10.0, 16_000.0), (30.0, 16_000.0), (10.0, 4000.0))
    ]
    losses = {"preset": "liquity", "layers": [{"kind": "stability_pool", "capital": 8000.0}]}
    model = sunk(agents__borrowers=[{"positions": positions}], pools__0__losses=losses)
    assert exchanged(model) == [("stability_pool", 7500.0, 5.0), ("redistribute_to_borrowers", 7500.0, 5.0)]
    assert paid(model) == {"stability_pool": 500.0, "redistribute_to_borrowers": pytest.approx(500.0)}
    pool = model.world.lenders[0].pool
    assert [pool.debt(k, DAI) for k in range(3)] == pytest.approx([0.0, 22_000.0, 6000.0])
    assert pool.collateral[:3, ETH].tolist() == pytest.approx([0.0, 33.75, 11.25])


def test_silo_gives_collateral_to_lenders(sunk: Finished) -> None:
    model = sunk(pools__0__losses={"preset": "silo_v3"})
    assert exchanged(model) == [("in_kind", 15_000.0, 10.0)]
    assert paid(model) == {"in_kind": 1000.0}


# Who is taken over


def test_above_water_nobody_is_taken_over_and_liquidators_come_first(sunk: Finished) -> None:
    layer = {"kind": "stability_pool", "capital": 1e6}
    above = sunk(layer, assets__ETH__price__prices=[2000.0, 1601.0])
    assert above.recorder.liquidations().empty
    assert above.recorder.write_offs().empty
    taken = sunk(layer, agents__liquidators=[{"capital_usd": 1e9}])
    assert not taken.recorder.liquidations()["liquidator"].str.contains("pool").any()
    assert paid(taken) == {"stability_pool": pytest.approx(16_000.0 - 15_000.0 / 1.05)}


@pytest.mark.parametrize(
    "position",
    [
        {"collateral": {"ETH": 5.0, "BTC": 1.0}, "debt": {"DAI": 16_000.0}},
        {"collateral": {"ETH": 10.0}, "debt": {"DAI": 15_900.0, "BTC": 0.01}},
    ],
)
def test_what_has_several_collaterals_or_debts_is_left_to_liquidators(sunk: Finished, position: dict[str, Any]) -> None:
    terms = {"ltv": 0.8, "liquidation_threshold": 0.83}
    model = sunk(
        {"kind": "in_kind"},
        agents__borrowers=[{"positions": [position]}],
        agents__depositors=[{"deposits": {"DAI": 1e6, "BTC": 1.0}}],
        assets__BTC={"price": {"kind": "path", "prices": [10_000.0, 7500.0]}},
        pools__0__reserves={"DAI": {}, "ETH": terms, "BTC": terms},
    )
    assert model.world.lenders[0].liquidatable().accounts.tolist() == [0]
    assert model.recorder.liquidations().empty


def test_without_another_borrower_a_position_stays_as_it_is(sunk: Finished) -> None:
    model = sunk({"kind": "redistribute_to_borrowers"})
    assert model.recorder.liquidations().empty
    assert model.world.lenders[0].pool.debt(0, DAI) == 16_000.0


def test_who_waits_to_leave_waits_for_what_is_left_of_the_claim(sunk: Finished) -> None:
    """Of 20,000 claims 4,000 are cash: who asks for 10,000 is paid these, and gets collateral for half the rest."""
    people = [{"deposits": {"DAI": 10_000.0}, "leave_at_utilisation": 0.5}, {"deposits": {"DAI": 10_000.0}}]
    model = sunk({"kind": "in_kind"}, agents__depositors=people)
    lender = model.world.lenders[0]
    leaver = model.people.depositors[0].first_account
    rows = model.recorder.depositors()
    assert rows["paid_out"].tolist() == [4000.0, 0.0]
    assert rows["in_kind"].tolist() == pytest.approx([15_000.0 * 6.0 / 16.0, 15_000.0 * 10.0 / 16.0])
    assert rows["claims"].tolist() == pytest.approx([0.0, 0.0], abs=1e-9)
    assert lender.exits.waiting(DAI) == pytest.approx(lender.pool.claims(leaver, DAI), abs=1e-9)


# What always holds

KINDS = ("stability_pool", "in_kind", "redistribute_to_borrowers", "insurance_fund", "reserve", "haircut")


@given(
    debts=st.lists(st.floats(1000.0, 16_000.0), min_size=1, max_size=5),
    price=st.floats(50.0, 1990.0),
    kinds=st.permutations(KINDS),
    count=st.integers(1, len(KINDS)),
    capital=st.sampled_from([0.0, 500.0, 9000.0, 1e6]),
    discount=st.sampled_from([0.0, 0.1]),
    recognition=st.sampled_from(["immediate", "deferred"]),
    deposits=st.sampled_from([1e5, 1e6]),
)
@settings(max_examples=40)
def test_debt_and_collateral_go_together_and_books_balance(
    small_world: Any,
    assert_losses_add_up: Callable[[Run], None],
    debts: list[float],
    price: float,
    kinds: list[str],
    count: int,
    capital: float,
    discount: float,
    recognition: str,
    deposits: float,
) -> None:
    """Of what was owed, all is exchanged, bad or still open; of the collateral, all is somebody's; checks are on."""
    own = {
        "stability_pool": {"capital": capital},
        "insurance_fund": {"capital": capital},
        "in_kind": {"discount": discount},
    }
    layers = [{"kind": kind} | own.get(kind, {}) for kind in kinds[:count]]
    run = simulate(
        Scenario.from_dict(
            small_world(
                assets__ETH__price__prices=[2000.0, 1999.0, price],
                time__steps=5,
                agents__liquidators=[],
                agents__borrowers=[{"positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": d}} for d in debts]}],
                agents__depositors=[{"count": 3, "deposits": {"DAI": deposits}}],
                pools__0__reserves__DAI__treasury=300.0,
                pools__0__losses={"layers": layers, "recognition": recognition},
            )
        )
    )
    assert_losses_add_up(run)
    taken, last = run.liquidations, run.steps.iloc[-1]
    given_up = float(taken["repaid"].sum())
    handed = taken["liquidator"] == "redistribute_to_borrowers"
    # Redistribution moves a debt, whose collateral moves along; bad debt that borrowers assume is owed again.
    assumed = run.write_offs.query("layer == 'redistribute_to_borrowers'")["paid"].sum()
    owed = sum(debts) - given_up + taken["repaid"][handed].sum() - run.summary["bad_debt_usd"] + assumed
    assert last["debt_usd"] == pytest.approx(owed, rel=1e-9, abs=1e-6)
    posted = 10.0 * len(debts) - float(taken["seized"][~handed].sum())
    assert last["collateral_usd"] == pytest.approx(posted * price, rel=1e-9, abs=1e-6)
    off = np.where(taken["liquidator"] == "in_kind", discount, 0.0)
    np.testing.assert_allclose(taken["repaid"], taken["seized"] * price * (1.0 - off), rtol=1e-9)
    if price * 10.0 > max(debts):
        assert taken.empty
