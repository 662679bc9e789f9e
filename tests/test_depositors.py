"""Depositors in whole worlds: who bears what by exit order, when a run starts, who may leave, and who comes back."""

from typing import Any

import numpy as np
import pytest

from abm import Scenario, ScenarioError
from abm.intents import Withdraw
from abm.model import UnderwaterModel
from models.runs import leaving_share, run_threshold, stayers_haircut

HOUR = 3600.0
DAY = 86_400.0
CLAIMS = 20_000.0
BOOKS = {"reads_positions": False}


def holed(hole: float = 5_000.0, **changes: Any) -> dict[str, Any]:
    """A pool of 20,000 DAI whose first borrower owes and has nothing: a hole from the first block on."""
    pool: dict[str, Any] = {
        "name": "core",
        "reserves": {"DAI": {}, "ETH": {"ltv": 0.8, "liquidation_threshold": 0.83}},
        "liquidation": {"design": "aave_v3"},
        "losses": {"recognition": "deferred"},
    }
    world = {
        "name": "holed",
        "checks": True,
        "time": {"step_seconds": 60.0, "steps": 5},
        "assets": {name: {"price": {"kind": "constant", "price": 1.0}} for name in ("DAI", "ETH")},
        "pools": [pool | changes.pop("pool", {})],
        "agents": {
            "borrowers": [{"positions": [{"debt": {"DAI": hole}}]}],
            "depositors": [{"count": 20, "deposits": {"DAI": CLAIMS / 20}}],
        },
    }
    for key, value in changes.items():
        world["agents" if key in ("depositors", "borrowers", "liquidators") else "time"][key] = value
    return world


def finished(world: dict[str, Any], seed: int = 1) -> UnderwaterModel:
    model = UnderwaterModel(Scenario.from_dict(world), seed)
    model.run()
    return model


def shaky(noise: float, patience_days: float, cash: float, **changes: Any) -> dict[str, Any]:
    """A pool whose one borrower sinks under water little by little: the hole is 0.1 % of the claims after a block.

    400 depositors decide on what they see, and withdraw only after all have decided: nobody sees what others do.
    """
    lent = 1e6 * (1.0 - cash)
    falls = [1.0 - 0.001 * k / (1.0 - cash) for k in range(240)]
    return {
        "name": "shaky",
        "time": {"step_seconds": 60.0, "steps": 480},
        "assets": {
            "DAI": {"price": {"kind": "constant", "price": 1.0}},
            "ETH": {"price": {"kind": "path", "prices": falls}},
        },
        "pools": [
            {
                "name": "core",
                "reserves": {
                    "DAI": {"rates": {"kind": "fixed", "rate_per_year": 1.0}},
                    "ETH": {"ltv": 0.8, "liquidation_threshold": 0.83},
                },
                "liquidation": {"design": "aave_v3"},
                "losses": {"recognition": "deferred"},
            }
        ],
        "agents": {
            "borrowers": [{"positions": [{"collateral": {"ETH": lent}, "debt": {"DAI": lent}}]}],
            "depositors": [
                {
                    "count": 400,
                    "deposits": {"DAI": 2500.0},
                    "delay_seconds": 240 * 60.0,
                    "judges": {"noise": noise, "patience_seconds": patience_days * DAY},
                }
                | changes
            ],
        },
    }


def holes_at_exit(model: UnderwaterModel, delay_blocks: int) -> np.ndarray:
    """The hole, as a share of the claims, that each saw who left, in order."""
    exits = model.world.lenders[0].exits
    accounts = model.people.depositors[0].accounts
    asked = exits.asked[accounts, 0] > 0
    return np.sort(0.001 * (exits.asked_seconds[accounts, 0][asked] / 60.0 - delay_blocks))


# Who bears what


@pytest.mark.parametrize("leaving", [0, 1, 7, 14])
def test_stayers_bear_the_hole_that_those_who_left_at_par_did_not(leaving: int) -> None:
    """h(w) = B / (A (1 - w)), in a whole world: of twenty, some leave whole before anybody is told."""
    early = {"count": leaving, "deposits": {"DAI": 1000.0}, "leave_at_hole": 0.01}
    late = {"count": 20 - leaving, "deposits": {"DAI": 1000.0}, "locked": True}
    model = finished(holed(depositors=[early, late] if leaving else [late]))
    rows = model.recorder.depositors()
    stayed = rows[rows["cohort"] == f"depositors.{1 if leaving else 0}"]
    haircut = float(stayers_haircut(5_000.0 / CLAIMS, leaving / 20))
    assert stayed["haircut"].to_numpy() == pytest.approx(haircut, rel=1e-12)
    assert stayed["pending"].sum() == pytest.approx(5_000.0, rel=1e-12)
    assert stayed["paid_out"].sum() == 0.0
    left = rows[rows["cohort"] == "depositors.0"] if leaving else rows[:0]
    assert (left["haircut"] == 0.0).all()
    assert left["paid_out"].sum() == 1000.0 * leaving


@pytest.mark.parametrize("leaving", [1, 7, 14])
def test_recognised_at_once_everybody_bears_the_same(leaving: int) -> None:
    """The early see the haircut, leave what is left, and have gained nothing by it: 5,000 of 20,000 is a quarter."""
    early = {"count": leaving, "deposits": {"DAI": 1000.0}, "leave_at_haircut": 0.01}
    late = {"count": 20 - leaving, "deposits": {"DAI": 1000.0}}
    rows = finished(
        holed(depositors=[early, late], pool={"losses": {"recognition": "immediate"}})
    ).recorder.depositors()
    assert rows["haircut"].to_numpy() == pytest.approx(0.25, rel=1e-12)
    assert rows["cut"].sum() == pytest.approx(5_000.0, rel=1e-12)
    assert rows[rows["cohort"] == "depositors.0"]["paid_out"].sum() == pytest.approx(750.0 * leaving, rel=1e-12)


def test_with_immediate_recognition_there_is_nothing_to_run_from() -> None:
    """The same people who all ask to leave a pool that defers its loss stay in one that has owned up to it."""
    nervous = [{"count": 20, "deposits": {"DAI": 1000.0}, "judges": BOOKS | {"noise": 0.02}}]
    asked = {
        recognition: finished(holed(depositors=nervous, pool={"losses": {"recognition": recognition}}))
        .recorder.depositors()["asked_members"]
        .sum()
        for recognition in ("deferred", "immediate")
    }
    assert asked == {"deferred": 20, "immediate": 0}


FUND = {"kind": "insurance_fund", "capital": 6_000.0}


@pytest.mark.parametrize(
    ("layers", "capital", "delay_seconds", "runs"),
    [
        ([], 0.0, 0.0, True),
        ([FUND], 0.0, 0.0, False),  # it pays in the block in which the hole opens
        ([FUND | {"capital": 100.0}], 0.0, 0.0, True),
        ([FUND | {"deductible_usd": 4_900.0}], 0.0, 0.0, True),
        ([{"kind": "dao_offset", "capital": 6_000.0, "delay_seconds": HOUR}], 0.0, 0.0, False),  # it will
        ([{"kind": "insurance"}], 6_000.0, HOUR, False),
        ([{"kind": "insurance"}], 100.0, HOUR, True),  # it owes all, and has next to nothing
        ([{"kind": "insurance"}] * 2, 2_600.0, HOUR, True),  # it has that once
        ([{"kind": "discretionary_rescue", "capital": 6_000.0, "probability": 1.0, "delay_seconds": HOUR}], 0, 0, True),
        ([{"kind": "price_bucket"}, FUND], 0.0, 0.0, True),  # who stands behind suppliers is no help
    ],
)
def test_nobody_runs_from_what_others_pay(
    layers: list[dict[str, Any]], capital: float, delay_seconds: float, runs: bool
) -> None:
    """Before the loss is in the books and after; and who reads no layers runs whatever they are."""
    insurer = {"capital": {"DAI": capital}, "payout_delay_seconds": delay_seconds}
    for reads, asks in ((True, runs), (False, True)):
        watching = [{"count": 20, "deposits": {"DAI": 1000.0}, "judges": {"noise": 0.02, "reads_layers": reads}}]
        world = holed(depositors=watching, pool={"losses": {"recognition": "deferred", "layers": layers}})
        world["agents"]["insurers"] = [insurer]
        assert finished(world).recorder.depositors()["asked_members"].sum() == (20 if asks else 0)


def test_nobody_runs_where_who_leaves_is_charged_its_part() -> None:
    """A hole that everybody takes a part of along is nothing to run from; one that is not in the books yet is."""
    for judges, asked in ((BOOKS | {"noise": 0.02}, 0), ({"noise": 0.02}, 20)):
        nervous = [{"count": 20, "deposits": {"DAI": 1000.0}, "judges": judges}]
        charge = {"losses": {"recognition": "deferred", "layers": [{"kind": "withdrawal_charge"}]}}
        rows = finished(holed(depositors=nervous, pool=charge)).recorder.depositors()
        assert rows["asked_members"].sum() == asked


def test_the_first_out_are_paid_whole_and_the_last_pay() -> None:
    """By exit order, when all run from a hole of 5,000: 15,000 in cash pays the first fifteen of twenty."""
    runners = [{"count": 20, "deposits": {"DAI": 1000.0}, "judges": BOOKS}]
    rows = finished(holed(depositors=runners)).recorder.depositors()
    assert rows["group"].tolist() == list(range(10))
    assert rows["left_share"].to_numpy() == pytest.approx([1.0] * 7 + [0.5] + [0.0] * 2)
    assert rows["haircut"].to_numpy() == pytest.approx([0.0] * 7 + [0.5] + [1.0] * 2)
    assert (rows["asked_members"] == 2).all()


# When the run starts


@pytest.mark.parametrize(("cash", "noise", "days"), [(0.2, 0.0, 45.0), (0.2, 0.03, 45.0), (0.6, 0.01, 60.0)])
def test_who_does_not_see_others_leaves_at_the_threshold_of_the_theory(cash: float, noise: float, days: float) -> None:
    """At every size of the hole, the share that has decided to leave is that of the global game."""
    left = holes_at_exit(finished(shaky(noise, days, cash)), 240)
    gain = np.expm1((1.0 - cash) * days / 365.0)  # what the one borrower pays at a utilisation of 1 - cash
    threshold = run_threshold(float(gain), cash, noise)
    holes = np.linspace(max(threshold - noise, 0.002), min(threshold + noise, 0.235), 9)
    share = np.searchsorted(left, holes + 1e-9, side="right") / 400
    # A block is a step of 0.1 % of the claims, the errors are 400 draws, and the growing debt raises the rate a little.
    step = 0.002 / (2.0 * noise) if noise else 1.0
    np.testing.assert_allclose(share, leaving_share(holes, threshold, noise), atol=min(step + 0.06, 0.6))
    assert np.median(left) == pytest.approx(threshold, abs=0.004)


def test_the_run_comes_later_with_more_noise_and_with_more_patience() -> None:
    """With less than half of the claims in cash, as the theory says."""
    onset = {
        (noise, days): float(np.median(holes_at_exit(finished(shaky(noise, days, 0.2)), 240)))
        for noise, days in ((0.0, 30.0), (0.02, 30.0), (0.04, 30.0), (0.0, 60.0), (0.0, 90.0))
    }
    assert onset[0.0, 30.0] < onset[0.02, 30.0] < onset[0.04, 30.0]
    assert onset[0.0, 30.0] < onset[0.0, 60.0] < onset[0.0, 90.0]


def test_who_sees_others_leave_follows_sooner() -> None:
    """The same people, at once instead of after the event: with some errors, the first pull the rest along."""
    alone = holes_at_exit(finished(shaky(0.04, 45.0, 0.2)), 240)
    seen = holes_at_exit(finished(shaky(0.04, 45.0, 0.2, delay_seconds=0.0)), 0)
    assert seen[0] == pytest.approx(alone[0], abs=1e-9)
    assert np.median(seen) < np.median(alone) - 0.005


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_among_those_who_see_one_another_noise_delays_a_run_where_large_holes_are_known_to_be_rare(
    share: float,
) -> None:
    """Also patience does; and where nothing but the signal is known, the first who err pull the rest along sooner."""

    def onset(noise: float, days: float, **known: float) -> float:
        judges = {"noise": noise, "patience_seconds": days * DAY} | known
        left = holes_at_exit(finished(shaky(noise, days, 0.2, delay_seconds=0.0, judges=judges)), 0)
        return float(left[int(share * 400)])

    weighed = [onset(noise, 30.0, expected_hole=0.005) for noise in (0.0, 0.02, 0.04, 0.08)]
    assert weighed == sorted(weighed)
    assert weighed[-1] > weighed[0] + 0.005
    assert onset(0.02, 60.0, expected_hole=0.005) > weighed[1] + 0.03
    believed = [onset(noise, 30.0) for noise in (0.02, 0.04, 0.08)]
    assert believed == sorted(believed, reverse=True)
    assert believed[-1] < weighed[0] - 0.01


def test_what_was_seen_is_feared_in_full_however_rare_it_was_thought() -> None:
    """All leave a hole of a quarter; once next to all of it is filled, they come back when they have forgotten."""
    rates = {"DAI": {"rates": {"kind": "fixed", "rate_per_year": 1.0}}}
    cover = {"kind": "dao_offset", "capital": 4900.0, "delay_seconds": 120.0}
    pool = {
        "reserves": rates | {"ETH": {"ltv": 0.8, "liquidation_threshold": 0.83}},
        "losses": {"recognition": "deferred", "layers": [cover]},
    }
    judges = {"noise": 0.5, "expected_hole": 1e-5, "patience_seconds": 30 * DAY, "memory_half_life_seconds": 60.0}
    judges |= {"reads_layers": False}
    debtors = [{"positions": [{"debt": {"DAI": 5000.0}}, {"collateral": {"ETH": 1e5}, "debt": {"DAI": 1e4}}]}]

    def back(half_life_seconds: float) -> float:
        fear = {"trust_half_life_seconds": half_life_seconds}
        wary = {"count": 20, "deposits": {"DAI": 1000.0}, "leave_at_hole": 0.1, "judges": judges, "returns": fear}
        world = holed(
            pool=pool, depositors=[wary, {"deposits": {"DAI": 2e4}, "locked": True}], borrowers=debtors, steps=60
        )
        return float(finished(world).recorder.depositors()["brought_back"].sum())

    assert back(1e9) == 0.0
    assert back(60.0) > 0.0


def test_bots_leave_in_the_same_block_and_the_passive_late() -> None:
    """Whoever looks once a day finds the cash gone."""
    bots = {"count": 15, "deposits": {"DAI": 1000.0}, "judges": BOOKS}
    passive = {"count": 5, "deposits": {"DAI": 1000.0}, "judges": {"look_every_seconds": DAY}, "delay_seconds": HOUR}
    world = holed(depositors=[passive, bots], steps=30)
    world["time"] = {"step_seconds": HOUR, "steps": 30}
    rows = finished(world).recorder.depositors()
    quick, slow = (rows[rows["cohort"] == f"depositors.{k}"] for k in (1, 0))
    assert (quick["asked_seconds"] == HOUR).all()  # the block after the bad debt
    assert (quick["left_share"] == 1.0).all()
    assert slow["asked_seconds"].min() >= 2 * HOUR
    assert slow["asked_members"].sum() == 5
    assert (slow["haircut"] == 1.0).all()


# Who may leave


def test_a_rate_limit_stretches_the_exits() -> None:
    """A tenth of the claims may leave at once, and another over ten blocks: by the clock, not by who is first."""
    runners = [{"count": 20, "deposits": {"DAI": 1000.0}, "judges": BOOKS}]
    exits = {"limit_share": 0.1, "limit_seconds": 600.0}
    model = finished(holed(hole=2_000.0, depositors=runners, pool={"exits": exits}, steps=6))
    out = model.recorder.steps()["withdrawn_usd"].to_numpy()
    assert out[:2].tolist() == [0.0, 2000.0]
    assert (np.diff(out)[1:] > 0.0).all()
    assert (np.diff(out)[1:] <= 200.0 + 1e-9).all()
    assert model.recorder.steps()["queue_length"].tolist()[:2] == [0, 18]


def test_pauses_and_halts_hold_everybody_until_they_end() -> None:
    runners = [{"count": 20, "deposits": {"DAI": 1000.0}, "judges": BOOKS}]
    for exits, first in (
        ({"pauses": [[0.0, 180.0]]}, 3),
        ({"halt_after_loss_seconds": 120.0}, 3),  # the loss is seen in block 1
        ({}, 1),
    ):
        out = finished(holed(depositors=runners, pool={"exits": exits})).recorder.steps()["withdrawn_usd"]
        assert np.flatnonzero(out.to_numpy())[0] == first, exits
    sinking = {"collateral": {"ETH": 130.0}, "debt": {"DAI": 100.0}}
    world = holed(depositors=runners, pool={"exits": {"halt_while_liquidatable": True}})
    world["agents"]["borrowers"][0]["positions"].append(sinking)
    world["assets"]["ETH"]["price"] = {"kind": "path", "prices": [1.0, 0.9, 0.9, 1.0]}
    out = finished(world).recorder.steps()["withdrawn_usd"]
    assert np.flatnonzero(out.to_numpy())[0] == 3


def test_borrowers_among_depositors_repay_before_they_leave() -> None:
    """Their repayment is cash for those who queue; who cannot repay stays inside."""
    terms = {"count": 2, "deposits": {"DAI": 1000.0}, "judges": BOOKS}
    loan = {"collateral": {"ETH": 900.0}, "debt": {"DAI": 600.0}, "retry_seconds": 60.0}
    world = holed(
        depositors=[
            terms | {"loan": loan},
            terms | {"loan": loan | {"wallet_share": 0.5}},
            {"count": 16, "deposits": {"DAI": 1000.0}, "locked": True},
        ]
    )
    model = finished(world)
    rows = model.recorder.depositors().set_index("cohort")
    assert rows.loc["depositors.0", "left_share"].tolist() == [1.0, 1.0]
    assert (rows.loc["depositors.0", "asked_seconds"] == 120.0).all()  # a block after the repayment
    assert rows.loc["depositors.1", "asked_members"].tolist() == [0, 0]
    lender = model.world.lenders[0]
    owing = lender.pool.total_debt[0]
    assert owing == pytest.approx(600.0)  # half of what the second cohort owed


# The loop of rates


def test_a_run_squeezes_borrowers_who_repay_and_what_they_repay_is_paid_out() -> None:
    """Exits raise utilisation and the rate; who will not pay it sells and repays; the queue is served from that."""
    steep = {"kind": "kinked", "base_per_year": 0.0, "slope1_per_year": 0.05, "slope2_per_year": 3.0, "kink": 0.8}
    dear = {"count": 20, "collateral": "ETH", "debt": "DAI", "debt_usd": 400.0, "health": 2.0, "watching": 1.0}
    watched = {"watch_interval_seconds": 60.0, "max_rate_per_year": 1.0, "wallet_share": 0.1}
    reserves = {"DAI": {"rates": steep}, "ETH": {"ltv": 0.8, "liquidation_threshold": 0.83}}
    world = holed(
        depositors=[{"count": 20, "deposits": {"DAI": 1000.0}, "judges": BOOKS | {"patience_seconds": DAY}}],
        pool={"reserves": reserves},
        steps=8,
    )
    world["agents"]["borrowers"].append(dear | watched)
    model = finished(world)
    steps = model.recorder.steps()
    assert steps["borrow_rate_per_year"].iloc[0] < 0.2
    assert steps["borrow_rate_per_year"].max() > 1.0
    assert model.recorder.mendings >= 20
    assert model.world.lenders[0].pool.total_debt[0] == pytest.approx(0.0, abs=1e-6)
    # All that was ever there has been paid out: 20,000 less the hole.
    assert steps["withdrawn_usd"].iloc[-1] == pytest.approx(15_000.0, rel=1e-4)
    deaf = dear | watched | {"max_rate_per_year": 1e6}
    world["agents"]["borrowers"][1] = deaf
    assert finished(world).recorder.steps()["withdrawn_usd"].iloc[-1] == pytest.approx(7_000.0, rel=1e-4)


def test_the_rate_that_a_run_brings_liquidates_who_does_not_repay() -> None:
    """The rate alone: at a constant price, positions fall below health 1 only where depositors have left."""
    steep = {"kind": "kinked", "base_per_year": 0.0, "slope1_per_year": 0.05, "slope2_per_year": 20.0, "kink": 0.9}
    reserves = {"DAI": {"rates": steep}, "ETH": {"ltv": 0.8, "liquidation_threshold": 0.83}}
    liquidated = {}
    for locked in (True, False):
        savers = {"count": 20, "deposits": {"DAI": 1000.0}} | (
            {"locked": True} if locked else {"judges": {"patience_seconds": HOUR}}
        )
        world = holed(hole=1000.0, depositors=[savers], pool={"reserves": reserves})
        world["time"] = {"step_seconds": DAY, "steps": 10}
        world["agents"]["borrowers"].append(
            {"positions": [{"collateral": {"ETH": 100.0 / 0.83 * 1.2}, "debt": {"DAI": 100.0}}] * 100}
        )
        world["agents"]["liquidators"] = [{"capital_usd": 1e9}]
        world["markets"] = [{"base": "ETH", "quote": "DAI", "sources": [{"kind": "infinite"}]}]
        liquidated[locked] = len(finished(world).recorder.liquidations())
    assert liquidated[True] == 0
    assert liquidated[False] >= 100


# Trust


def crisis(**changes: Any) -> dict[str, Any]:
    """A price that falls for two hours and recovers: a hole that opens, and closes without a loss."""
    world = shaky(0.0, 30.0, 0.3, delay_seconds=0.0, **changes)
    world["time"] = {"step_seconds": HOUR, "steps": 240}
    world["assets"]["ETH"]["price"] = {"kind": "path", "prices": [1.5, 0.85, 0.85, 1.5]}
    world["checks"] = True
    return world


def test_deposits_return_once_the_rate_pays_for_the_fear() -> None:
    """Fear halves with every half-life: the longer that is, the later everybody is back."""
    back = {}
    for days in (0.25, 1.0):
        model = finished(crisis(returns={"trust_half_life_seconds": days * DAY}))
        steps = model.recorder.steps()
        out = steps["withdrawn_usd"].to_numpy()
        assert out[2] > 2e5
        assert steps["queue_length"].iloc[2] > 0
        assert out[-1] == 0.0
        assert steps["queue_length"].iloc[-1] == 0
        back[days] = int(np.flatnonzero(out)[-1])
    assert back[0.25] < back[1.0]
    stays_out = finished(crisis()).recorder.steps()["withdrawn_usd"]
    assert stays_out.iloc[-1] > 2e5


# What cannot be


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"returns": {}}, "returns needs judges"),
        ({"locked": True, "judges": {}}, "judges moves nobody who is locked"),
        ({"locked": True, "leave_at_hole": 0.1}, "leave_at_hole moves nobody who is locked"),
        ({"judges": {"noise": -0.1}}, "judges.noise"),
        ({"loan": {"collateral": {"ETH": 1.0}, "debt": {"BTC": 1.0}}}, "loan.debt.BTC is no reserve of pool core"),
        ({"loan": {"collateral": {}, "debt": {"DAI": 1.0}}}, "loan.collateral"),
    ],
)
def test_depositors_that_cannot_be_are_refused(terms: dict[str, Any], message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        Scenario.from_dict(holed(depositors=[{"deposits": {"DAI": 1.0}} | terms]))


def test_ten_thousand_depositors_are_one_agent() -> None:
    """Arrays, not objects: a cohort of 10,000 is a single Mesa agent, and its table has ten rows."""
    model = finished(holed(depositors=[{"count": 10_000, "deposits": {"DAI": 2.0}, "judges": {"noise": 0.01}}]))
    assert len(model.agents) == 2  # the borrowers are the other
    rows = model.recorder.depositors()
    assert rows["members"].tolist() == [1000] * 10
    assert rows["deposited"].sum() == CLAIMS


def test_a_last_small_loan_is_not_refused_for_the_rounding_of_large_ones() -> None:
    """Deposits cover what is owed to a unit in the last place: what is left of them is no measure of that."""
    loan = {"collateral": {"ETH": 1.0}, "debt": {"DAI": 0.1}}
    world = holed(hole=1e6 / 3.0, depositors=[{"count": 3, "deposits": {"DAI": 0.1}, "loan": loan}])
    assert finished(world).recorder.depositors()["deposited"].sum() == pytest.approx(0.3)


def test_who_waits_already_is_not_put_into_the_queue_twice(small_world, model_of) -> None:
    """A second request is refused, and the queue counts what is claimed once."""
    lent = [{"positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": 9000.0}}]}]
    savers = [{"count": 5, "deposits": {"DAI": 2000.0}, "leave_at_utilisation": 0.5}]
    model = model_of(small_world(agents__borrowers=lent, agents__depositors=savers, agents__liquidators=[]))
    model.step()
    lender, cohort = model.world.lenders[0], model.people.depositors[0]
    before = lender.exits.waiting(0)
    model.intents.append(Withdraw(cohort, 1, 0.0, 0.0, 0, cohort.first_account + 1, 0))
    model.step()
    assert list(lender.exits.queues[0]) == [1, 2, 3, 4, 5]
    assert lender.exits.waiting(0) == before == 9000.0
