"""The clocks of those who watch: found ahead, they strike in exactly the blocks in which asking each would say so."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from abm.agents.clocks import Clocks
from abm.simulation import begin
from experiments import load_scenario
from experiments.comparing.entrants import field_of


def asked(phases, intervals, step, step_seconds):
    """Ask every clock, as the law of `abm.agents.clocks` says it."""
    return np.flatnonzero((step * step_seconds - phases) % intervals < step_seconds)


@given(
    step_seconds=st.sampled_from([0.1, 1.0, 12.0, 60.0, 61.7]),
    clocks=st.lists(st.tuples(st.floats(0.0, 1.0, exclude_max=True), st.floats(1.0, 1e5)), min_size=1, max_size=8),
    first=st.integers(0, 100_000),
)
@example(step_seconds=60.0, clocks=[(0.0, 60.0), (0.5, 30.0), (0.0, 120.0), (0.999999999, 3600.0)], first=0)
@example(step_seconds=0.1, clocks=[(0.3, 1.0), (0.1, 1.1)], first=0)
@example(step_seconds=60.0, clocks=[(0.0, 1e300)], first=0)
def test_clocks_strike_when_asking_each_says_so(step_seconds, clocks, first):
    intervals = np.array([interval for _, interval in clocks])
    phases = np.array([part for part, _ in clocks]) * intervals
    members = np.arange(len(clocks)) * 3 + 2
    ahead = Clocks(members, phases, intervals, step_seconds)
    for step in (*range(first, first + 300), 5):
        expected = members[asked(phases, intervals, step, step_seconds)]
        np.testing.assert_array_equal(ahead.striking(step), expected)


def test_strikes_per_block_is_what_is_counted():
    rng = np.random.default_rng(1)
    intervals = rng.uniform(30.0, 5000.0, 200)
    clocks = Clocks(np.arange(200), rng.random(200) * intervals, intervals, 60.0)
    counted = np.mean([clocks.striking(step).size for step in range(3000)])
    assert counted == pytest.approx(clocks.strikes_per_block, rel=0.01)


@pytest.mark.parametrize("design", [{}, {"pools.0.liquidation": '{ design = "liquity_v1" }'}])
def test_few_valued_one_by_one_and_all_by_the_watch_find_the_same(design):
    scenario = load_scenario("black-thursday", {"time.steps": "900", "agents.borrowers.0.count": "300", **design})
    model = begin(scenario, 2)
    lender = model.world.lenders[0]
    everybody = np.arange(lender.pool.accounts)
    found = 0
    for _ in range(900):
        model.step()
        few = lender.own_lines.below(everybody)
        np.testing.assert_array_equal(few, lender.own_lines.below())
        found = max(found, few.size)
    assert found > 20


@pytest.mark.parametrize("design", ["fixed_spread", "llamma"])
def test_a_cohort_of_many_who_look_decides_as_one_of_few(design, monkeypatch):
    overrides = {"time.steps": "1300", "agents.borrowers.0.count": "400"}
    field = field_of(load_scenario("black-thursday", overrides), "all", 1).entrants
    (scenario,) = [one.scenario for one in field if one.name == design]
    few = begin(scenario, 3)
    few.run()
    monkeypatch.setattr("abm.agents.borrower._FEW", -1)
    many = begin(scenario, 3)
    many.run()
    assert few.recorder.mendings > 0
    assert few.recorder.steps().equals(many.recorder.steps())
