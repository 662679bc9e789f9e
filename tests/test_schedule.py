"""The block: its phases in their order, and what follows from that order."""

import numpy as np
import pytest

from abm.schedule import PHASES

UNDER = {"assets__ETH__price__prices": [2000.0, 1500.0], "time__steps": 2}
LOSS = 16000.0 - 100000.0 / 7.0


def test_the_timetable_can_be_read_aloud():
    assert [words for words, _ in PHASES] == [
        "the reference price moves",
        "market makers requote, liquidity providers add or pull",
        "noise traders trade",
        "arbitrageurs pull the venue toward the reference",
        "an attacker moves the venue, if it pays",
        "oracles report",
        "interest accrues",
        "borrowers and depositors submit intents",
        "liquidators submit intents",
        "the block is built and settled",
        "auctions, absorptions and queues advance",
        "bad debt goes down the waterfall",
        "the insurer collects premiums",
        "the recorder writes the block",
    ]


def test_a_step_runs_every_phase_once_in_order(small_world, model_of, monkeypatch):
    said: list[str] = []

    def overheard(words, phase):
        return words, lambda model: (said.append(words), phase(model))

    monkeypatch.setattr("abm.model.PHASES", tuple(overheard(words, phase) for words, phase in PHASES))
    model = model_of(small_world())
    model.step()
    model.step()
    assert said == [words for words, _ in PHASES] * 2


def test_prices_move_before_liquidators_look(play):
    """The block in which the price falls is the block of the liquidation."""
    assert play().liquidations["step"].tolist() == [1]


@pytest.mark.parametrize("delay", [0.0, 59.0, 60.0, 61.0, 180.0])
def test_a_delay_is_kept_to_the_block(play, delay):
    run = play(agents__liquidators=[{"capital_usd": 1e9, "delay_seconds": delay}], time__steps=8)
    assert run.liquidations["step"].tolist() == [1 + int(np.ceil(delay / 60.0))]


def test_who_recovers_starts_its_wait_afresh(play):
    """Two blocks below, one above, then below again: the delay of two blocks is counted from the second fall."""
    run = play(
        agents__liquidators=[{"capital_usd": 1e9, "delay_seconds": 120.0}],
        assets__ETH__price__prices=[2000.0, 1900.0, 1900.0, 2000.0, 1900.0],
        time__steps=8,
    )
    assert run.liquidations["step"].tolist() == [6]


def test_a_late_oracle_makes_late_liquidations(play):
    """Believed one to two hops late: the fall in block 1 is sampled in block 2 and in force in block 4."""
    run = play(assets__ETH__oracle={"kind": "delayed", "hop_seconds": 120.0}, time__steps=6)
    assert run.liquidations["step"].tolist() == [4]
    assert run.steps["oracle_ETH"].tolist() == [2000.0] * 4 + [1900.0] * 2


def test_the_arbitrageur_pulls_the_venue_to_within_its_cost_of_the_reference(play):
    """The last unit sold gets, the last one bought costs, the reference and the hedge; the fee then joins the pool."""
    run = play(
        markets__0__sources=[{"kind": "constant_product", "value": 1e6, "fee": 0.003}],
        agents__arbitrageurs=[{"capital_usd": float("inf"), "hedge_cost": 0.001}],
        agents__liquidators=[],
        assets__ETH__price__prices=[2000.0, 1900.0, 1950.0],
    )
    keep, base, quote = 0.997, 250.0, 500_000.0
    sold = (np.sqrt(keep * base * quote / (1900.0 * 1.001)) - base) / keep
    base, quote = base + sold, base * quote / (base + keep * sold)
    mid = 0.5 * (keep + 1.0 / keep)
    assert run.steps["venue_ETH"][1] == pytest.approx(mid * quote / base, rel=1e-9)
    paid = (np.sqrt(keep * base * quote * 1950.0 * 0.999) - quote) / keep
    base, quote = base * quote / (quote + keep * paid), quote + paid
    assert run.steps["venue_ETH"][2] == pytest.approx(mid * quote / base, rel=1e-9)


def test_interest_accrues_from_the_second_block_on(play):
    """Aave's third-order compounding at 10 % a year, block by block."""
    run = play(
        pools__0__reserves__DAI={"rates": {"kind": "fixed", "rate_per_year": 0.1}},
        agents__liquidators=[],
        time__step_seconds=86400.0,
        time__steps=4,
    )
    x = 0.1 / 365
    growth = 1.0 + x + x**2 / 2 + x**3 / 6
    np.testing.assert_allclose(run.steps["debt_usd"], 16000.0 * growth ** np.arange(4.0), rtol=1e-12)
    np.testing.assert_allclose(run.steps["deposits_usd"] - 1e6, run.steps["debt_usd"] - 16000.0, rtol=1e-6, atol=1e-6)


# Depositors leave: by cash, in order

LENT = {
    "agents__borrowers": [{"positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": 9000.0}}]}],
    "agents__depositors": [
        {"count": 5, "deposits": {"DAI": 2000.0}, "leave_at_utilisation": 0.5, "delay_seconds": 60.0},
    ],
    "agents__liquidators": [],
    "assets__ETH__price": {"kind": "constant", "price": 2000.0},
    "time__steps": 4,
}


def test_exits_are_limited_by_cash_and_queue_in_order(small_world, model_of):
    """10,000 deposited, 9,000 lent: the first gets the 1,000 there are, the rest waits."""
    model = model_of(small_world(**LENT))
    model.run()
    lender = model.world.lenders[0]
    assert lender.pool.claims(1, 0) == pytest.approx(1000.0)
    assert list(lender.exits.queues[0]) == [1, 2, 3, 4, 5]
    steps = model.recorder.steps()
    assert steps["cash_usd"].tolist() == [1000.0, 0.0, 0.0, 0.0]
    assert steps["queued_withdrawals_usd"].tolist() == [0.0, 9000.0, 9000.0, 9000.0]
    assert steps["utilisation"].tolist() == pytest.approx([0.9, 1.0, 1.0, 1.0])


def test_cash_that_comes_in_is_paid_to_the_queue_first_come_first_served(small_world, model_of):
    """Repayments of liquidations go to the first in the queue, then to the second, within the same block."""
    model = model_of(
        small_world(
            **LENT
            | {"agents__liquidators": [{"capital_usd": 2500.0, "calls_per_block": 1}]}
            | {"assets__ETH__price": {"kind": "path", "prices": [2000.0, 2000.0, 1000.0, 1000.0]}},
            pools__0__liquidation={"design": "fixed_spread", "liquidation_bonus": 0.1, "close_factor": 1.0},
        )
    )
    for _ in range(3):
        model.step()
    lender = model.world.lenders[0]
    repaid = model.recorder.liquidations()["repaid"].sum()
    assert repaid == pytest.approx(2500.0)
    claims = [lender.pool.claims(account, 0) for account in range(1, 6)]
    assert claims == pytest.approx([0.0, 500.0, 2000.0, 2000.0, 2000.0])
    assert list(lender.exits.queues[0]) == [2, 3, 4, 5]
    wallets = model.world.ledger.balances[lender.first_holder + 1 : lender.first_holder + 4, 0]
    assert wallets.tolist() == pytest.approx([2000.0, 1500.0, 0.0])


def test_under_deferred_recognition_who_leaves_early_leaves_whole(small_world, model_of):
    """The hole stays behind for those who did not run; cut at once, it is everybody's."""
    nervous = {"deposits": {"DAI": 6000.0}, "leave_at_hole": 1e-6, "leave_at_haircut": 1e-6}
    calm = {"deposits": {"DAI": 12000.0}}
    got = {}
    for recognition in ("deferred", "immediate"):
        model = model_of(
            small_world(
                **UNDER | {"time__steps": 4},
                pools__0__losses__recognition=recognition,
                agents__depositors=[nervous, calm],
            )
        )
        model.run()
        lender = model.world.lenders[0]
        assert lender.pool.claims(1, 0) == 0.0
        got[recognition] = (model.world.ledger.balance(lender.first_holder + 1, 0), lender.pool.claims(2, 0))
        hole = lender.pool.deficit[0]
        assert hole == pytest.approx(LOSS if recognition == "deferred" else 0.0, abs=1e-6)
    assert got["deferred"] == pytest.approx((6000.0, 12000.0))
    assert got["immediate"] == pytest.approx((6000.0 * (1 - LOSS / 18000.0), 12000.0 * (1 - LOSS / 18000.0)))


# The insurer's premiums


def test_premiums_are_the_share_of_the_treasurys_income(play):
    """16,000 at 10 % a year for three days, a fifth to the treasury, a quarter of that to the insurer."""
    run = play(
        pools__0__reserves__DAI={"rates": {"kind": "fixed", "rate_per_year": 0.1}, "reserve_factor": 0.2},
        pools__0__losses__layers=[{"kind": "insurance"}],
        agents__insurers=[{"capital": {"DAI": 50.0}, "premium_share": 0.25}],
        agents__liquidators=[],
        time__step_seconds=86400.0,
        time__steps=4,
    )
    interest = run.steps["debt_usd"] - 16000.0
    np.testing.assert_allclose(run.steps["insurer_capital_usd"], 50.0 + 0.25 * 0.2 * interest, rtol=1e-12)
    np.testing.assert_allclose(run.steps["treasury_usd"], 0.75 * 0.2 * interest, rtol=1e-9, atol=1e-9)


def test_premiums_wait_for_cash(play):
    """Everything is lent: what is due is paid when a repayment brings cash, and not forgotten."""
    run = play(
        pools__0__reserves__DAI={"rates": {"kind": "fixed", "rate_per_year": 0.1}, "reserve_factor": 0.2},
        pools__0__losses__layers=[{"kind": "insurance"}],
        agents__insurers=[{"capital": {"DAI": 50.0}, "premium_share": 0.25}],
        agents__depositors=[],
        assets__ETH__price__prices=[2000.0, 2000.0, 2000.0, 1900.0],
        time__step_seconds=86400.0,
        time__steps=5,
    )
    capital = run.steps["insurer_capital_usd"].tolist()
    assert capital[:3] == [50.0] * 3
    assert run.steps["cash_usd"].tolist()[:3] == [0.0] * 3
    x = 0.1 / 365
    owed = 16000.0 * (1.0 + x + x**2 / 2 + x**3 / 6) ** 3
    assert capital[3] == pytest.approx(50.0 + 0.05 * (owed - 16000.0), rel=1e-9)
