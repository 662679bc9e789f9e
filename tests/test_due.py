"""Who has decided to act, and when; a crowd without room in a block acts as if all had asked in every block."""

import heapq
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.agents.borrower import BorrowerCohort
from abm.agents.depositor import DepositorCohort
from abm.agents.due import Due
from abm.view import View

GAS = {"gas_price_gwei": {"kind": "constant", "price": 30.0}, "asset": "ETH"}
FALL = {"kind": "path", "prices": [2000.0, 1800.0]}
# All are below the line by the second block; some top up, some repay, some sell.
BORROWERS = {
    "count": 60,
    "collateral": "ETH",
    "debt": "DAI",
    "debt_usd": 1000.0,
    "health": {"kind": "uniform", "low": 1.15, "high": 1.4},
    "watching": 1.0,
    "watch_interval_seconds": 60.0,
    "react_below": 1.4,
    "react_delay_seconds": {"kind": "uniform", "low": 0.0, "high": 300.0},
    "reactions": {"top_up": 1.0, "repay": 1.0, "sell": 1.0},
    "gas_units": 300_000.0,
}
DEPOSITORS = {
    "count": 50,
    "deposits": {"DAI": 3000.0, "ETH": 1.0},
    "leave_at_utilisation": 0.1,
    "delay_seconds": {"kind": "uniform", "low": 0.0, "high": 300.0},
    "gas_units": 200_000.0,
}


def test_whose_time_has_come_has_its_turn_once_the_earliest_first():
    due: Due[int] = Due()
    for at_seconds, member in ((120.0, 1), (60.0, 5), (60.0, 3), (180.0, 2)):
        due.plan(at_seconds, member)
    assert [due.turn(now) for now in (0.0, 60.0, 150.0, 150.0, 500.0)] == [[], [3, 5], [1], [], [2]]


def test_who_was_left_out_goes_before_all_others_by_number():
    due: Due[tuple[int, int]] = Due()
    due.plan(0.0, (1, 0))
    due.leave_out([(7, 1), (7, 0)])
    due.leave_out([(2, 0)])
    assert due.turn(0.0) == [(2, 0), (7, 0), (7, 1), (1, 0)]
    assert due.turn(0.0) == []


@given(st.lists(st.tuples(st.floats(1.0, 500.0), st.integers(0, 3)), max_size=30), st.integers(0, 5))
def test_turns_are_those_of_one_queue_in_which_who_is_left_out_is_due_at_once(plans, room):
    due: Due[int] = Due()
    queue: list[tuple[float, int]] = []
    for member, (after_seconds, block) in enumerate(plans):
        due.plan(60.0 * block + after_seconds, member)
        heapq.heappush(queue, (60.0 * block + after_seconds, member))
    for now in (0.0, 60.0, 120.0, 240.0, 400.0, 700.0):
        turn = due.turn(now)
        expected = []
        while queue and queue[0][0] <= now:
            expected.append(heapq.heappop(queue)[1])
        assert turn == expected
        due.leave_out(reversed(turn[room:]))
        for member in turn[room:]:
            heapq.heappush(queue, (0.0, member))


@pytest.mark.parametrize("max_gas_gwei", [None, {"kind": "uniform", "low": 20.0, "high": 60.0}])
@pytest.mark.parametrize("loan", [None, {"collateral": {"ETH": 2.0}, "debt": {"DAI": 500.0}, "retry_seconds": 120.0}])
@pytest.mark.parametrize("failed_calls", ["pay", "free"])
def test_a_crowd_acts_as_if_everybody_asked_in_every_block(play, digest, monkeypatch, max_gas_gwei, loan, failed_calls):
    """Gas goes up and down, the block has room for a few, and not all pay what it costs."""
    prices = [30.0, 50.0, 30.0, 20.0, 55.0, 25.0, 40.0]
    changes = {
        "assets__ETH__price": FALL,
        "blockspace": GAS
        | {
            "capacity_gas": 1.3e6,
            "failed_calls": failed_calls,
            "gas_price_gwei": {"kind": "path", "prices": prices},
        },
        "agents__borrowers": [BORROWERS | ({"max_gas_gwei": max_gas_gwei} if max_gas_gwei else {})],
        "agents__depositors": [DEPOSITORS | ({"loan": loan} if loan else {})],
        "time__steps": 30,
    }
    run = play(**changes)
    assert run.steps["withdrawn_usd"].iloc[-1] > 0.0
    monkeypatch.setattr(View, "room_for", lambda *_: sys.maxsize)
    assert digest(play(**changes)) == digest(run)


@pytest.mark.parametrize("cohort", [BorrowerCohort, DepositorCohort])
def test_no_more_of_a_crowd_ask_than_a_block_could_hold(play, monkeypatch, cohort):
    asked: list[int] = []
    decide = cohort.decide

    def counted(self, view):
        intents = decide(self, view)
        asked.append(len(intents))
        return intents

    monkeypatch.setattr(cohort, "decide", counted)
    play(
        assets__ETH__price=FALL,
        blockspace=GAS | {"capacity_gas": 900_000.0},
        agents__borrowers=[BORROWERS],
        agents__depositors=[DEPOSITORS],
        time__steps=30,
    )
    gas = BORROWERS["gas_units"] if cohort is BorrowerCohort else DEPOSITORS["gas_units"]
    assert 900_000.0 // gas <= max(asked) <= 900_000.0 // gas + 1


def test_without_an_end_to_its_room_a_block_takes_whoever_asks(model_of, small_world):
    for blockspace in (None, GAS, GAS | {"capacity_gas": 1e6, "failed_calls": "free"}):
        world = small_world(**({"blockspace": blockspace} if blockspace else {}))
        assert model_of(world).view.room_for(1e5) == sys.maxsize
    view = model_of(small_world(blockspace=GAS | {"capacity_gas": 1e6})).view
    assert [view.room_for(gas_units) for gas_units in (0.0, 1e-310, 1e-16)] == [sys.maxsize] * 3
    assert 10 <= view.room_for(1e5) <= 11
