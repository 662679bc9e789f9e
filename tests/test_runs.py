"""Runs of depositors: what waiting costs, when leaving breaks even, and the threshold of noisy signals."""

from math import inf, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.runs import (
    InvalidRun,
    advantage_of_waiting,
    better_to_leave,
    breakeven_haircut,
    breakeven_left,
    certain_holes,
    leaving_share,
    run_threshold,
    stayers_haircut,
)

MIDDLES = (np.arange(200_000) + 0.5) / 200_000.0


def mean_advantage(signal: float, threshold: float, noise: float, gain: float, cash: float) -> float:
    """What one with this signal expects of waiting when all others keep to the threshold."""
    holes = signal + noise * (2.0 * MIDDLES - 1.0)
    return float(advantage_of_waiting(holes, leaving_share(holes, threshold, noise), gain, cash).mean())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stayers_haircut(-0.1, 0.0), "hole is -0.1"),
        (lambda: stayers_haircut(0.1, [0.5, 1.0]), "left is between 0.5 and 1.0"),
        (lambda: breakeven_left(-0.1, 0.05), "hole is -0.1"),
        (lambda: breakeven_haircut(-0.1), "gain is -0.1"),
        (lambda: advantage_of_waiting(0.1, 1.1, 0.05, 0.2), "leaving is between 1.1"),
        (lambda: run_threshold(0.05, 0.0), "cash is 0.0"),
        (lambda: run_threshold(0.05, 1.0), "cash is 1.0"),
        (lambda: run_threshold(0.05, 0.5, -0.1), "noise is -0.1"),
        (lambda: run_threshold(0.05, 0.5, 0.1, 0.0), "expected_hole is 0.0"),
        (lambda: run_threshold(0.05, 0.5, 0.1, 0.03), "give a fraction of all claims below 0.02381, from which on"),
        (lambda: leaving_share(0.1, 0.1, float("nan")), "noise is nan"),
    ],
)
def test_what_cannot_be_is_refused(call, message) -> None:
    with pytest.raises(InvalidRun, match=message):
        call()


def test_stayers_bear_what_those_who_left_did_not() -> None:
    """A hole of 10 in 100 claims: 10 %, 11.1 %, 12.5 %, 14.3 % as nothing, 10, 20, 30 have left at par."""
    haircuts = stayers_haircut(0.1, [0.0, 0.1, 0.2, 0.3])
    assert haircuts == pytest.approx([1 / 10, 1 / 9, 1 / 8, 1 / 7], rel=1e-12)
    assert float(stayers_haircut(0.5, 0.8)) == 1.0


@given(st.floats(0.0, 0.5), st.floats(0.0, 0.5))
def test_leavers_and_stayers_together_bear_the_hole(hole: float, left: float) -> None:
    assert (1.0 - left) * float(stayers_haircut(hole, left)) == pytest.approx(hole, rel=1e-9)


@given(st.floats(1e-4, 0.5), st.floats(0.001, 1.0))
def test_at_the_break_even_exit_waiting_pays_as_much_as_leaving(hole: float, gain: float) -> None:
    left = float(breakeven_left(hole, gain))
    if left > 0.0:
        assert (1.0 - float(stayers_haircut(hole, left))) * (1.0 + gain) == pytest.approx(1.0, rel=1e-9)
    else:
        assert hole >= breakeven_haircut(gain)


def test_without_a_gain_any_hole_is_a_reason_to_leave_and_no_hole_is_none() -> None:
    assert breakeven_left([0.0, 1e-6], 0.0).tolist() == [1.0, 0.0]
    assert breakeven_haircut(0.0) == 0.0
    assert run_threshold(0.0, 0.5) == 0.0


def test_the_advantage_of_waiting_falls_until_cash_is_out_and_then_shrinks() -> None:
    """At a hole of 0.1 and a gain of 0.25: 0.25 - 0.125 / (1 - n), and beyond cash times c / n."""
    waiting = advantage_of_waiting(0.1, [0.0, 0.3, 0.6, 1.0], 0.25, 0.6)
    last = 0.25 - 1.25 * 0.1 / 0.4
    assert waiting == pytest.approx([0.125, 0.25 - 1.25 * 0.1 / 0.7, last, 0.6 * last], rel=1e-12)


def test_the_threshold_of_precise_signals_is_the_closed_form() -> None:
    """g / (1 + g) · c (1 + ln 1/c) / (-ln(1 - c) + c / (1 - c) ln 1/c): the mean of D over all n is 0 there."""
    gain, cash = 0.05, 0.2
    expected = gain / (1.0 + gain) * cash * (1.0 - log(cash)) / (-log(1.0 - cash) - cash / (1.0 - cash) * log(cash))
    assert run_threshold(gain, cash) == pytest.approx(expected, rel=1e-12)
    assert advantage_of_waiting(expected, MIDDLES, gain, cash).mean() == pytest.approx(0.0, abs=1e-9)


@settings(max_examples=40)
@given(st.floats(0.001, 0.5), st.floats(0.01, 0.99), st.floats(1e-4, 0.6))
def test_at_the_threshold_one_is_indifferent_and_on_either_side_one_is_not(gain, cash, noise) -> None:
    """The threshold is the best reply to itself, whether or not the noise leaves room for impossible holes."""
    threshold = run_threshold(gain, cash, noise)
    if threshold == inf:
        assert mean_advantage(2.0, 2.0, noise, gain, cash) > 0.0
        return
    assert mean_advantage(threshold, threshold, noise, gain, cash) == pytest.approx(0.0, abs=1e-6)
    assert mean_advantage(threshold - 0.3 * noise, threshold, noise, gain, cash) > -1e-6
    assert mean_advantage(threshold + 0.3 * noise, threshold, noise, gain, cash) < 1e-6


@settings(max_examples=60)
@given(st.floats(0.001, 0.5), st.floats(0.01, 0.98))
def test_patience_delays_a_run_and_cash_hastens_it(gain: float, cash: float) -> None:
    threshold = run_threshold(gain, cash)
    if threshold == inf:
        assert advantage_of_waiting(1.0 - cash, MIDDLES, gain, cash).mean() > 0.0
        return
    surely_not, surely = certain_holes(gain, cash)
    assert surely_not < threshold < surely
    assert run_threshold(1.5 * gain, cash) > threshold
    assert run_threshold(gain, cash - 0.005) > threshold
    assert run_threshold(gain, cash, 1e-9) == pytest.approx(threshold, rel=1e-5)


@pytest.mark.parametrize(("cash", "direction"), [(0.2, 1.0), (0.5, 0.0), (0.8, -1.0)])
def test_noise_delays_a_run_where_cash_is_scarce(cash: float, direction: float) -> None:
    """Those who see the threshold take it that the hole is smaller when few leave, and few are what matters then."""
    steps = np.diff([run_threshold(0.1, cash, noise) for noise in (0.0, 0.01, 0.02)])
    assert np.sign(np.where(np.abs(steps) < 1e-12, 0.0, steps)).tolist() == [direction, direction]


def test_nobody_runs_where_the_gain_outweighs_the_largest_hole() -> None:
    """Nine tenths are cash: a hole can be no more than a tenth, and waiting doubles what is left."""
    assert run_threshold(1.0, 0.9) == run_threshold(1.0, 0.9, 0.01) == inf
    assert leaving_share([0.0, 0.1], inf, 0.01).tolist() == [0.0, 0.0]


def test_the_share_that_leaves_grows_over_the_noise() -> None:
    assert leaving_share([0.0, 0.05, 0.1, 0.15, 0.2], 0.1, 0.1).tolist() == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0])
    assert leaving_share([0.05, 0.1, 0.15], 0.1, 0.0).tolist() == [0.0, 0.5, 1.0]


shares = st.floats(0.02, 0.98)


@given(st.floats(0.0, 0.9), st.floats(0.0, 1.0), shares, st.floats(0.0, 0.2))
def test_who_decides_alone_decides_as_the_threshold_says(signal: float, gain: float, cash: float, noise: float) -> None:
    """With nobody seen to ask, one leaves exactly where the signal is above one's own threshold."""
    threshold = run_threshold(gain, cash, noise)
    if abs(signal - threshold) < 1e-9:
        return
    leaves = better_to_leave(np.array([signal]), np.array([gain]), cash, np.array([noise]))
    assert leaves.tolist() == [signal > threshold]


@given(st.floats(0.0, 0.3), shares, st.floats(0.0, 0.2), st.floats(0.0, 0.99))
def test_what_others_did_is_counted_as_its_law_says(signal: float, cash: float, noise: float, asked: float) -> None:
    """The mean of D over the n that are left, by quadrature, has the sign of the answer."""
    gain = 0.05
    n = asked + (1.0 - asked) * MIDDLES[::100]
    advantage = advantage_of_waiting(signal + noise * (2.0 * n - 1.0), n, gain, cash).mean()
    if abs(advantage) < 1e-5:
        return
    leaves = better_to_leave(np.array([signal]), np.array([gain]), cash, np.array([noise]), asked)
    assert leaves.tolist() == [advantage < 0.0]


@given(st.floats(0.0, 0.3), shares, st.floats(0.0, 0.2), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_nobody_stays_because_others_leave(signal: float, cash: float, noise: float, one: float, other: float) -> None:
    few, many = sorted((one, other))
    arrays = np.array([signal]), np.array([0.03]), cash, np.array([noise])
    assert better_to_leave(*arrays, many) >= better_to_leave(*arrays, few)


def test_at_the_edges_of_cash_there_is_an_answer() -> None:
    """Without cash only the haircut counts, b against g / (1 + g); with nothing lent there is no hole to flee from."""
    signals, gains, noises = np.array([0.04, 0.05, 0.9]), np.full(3, 0.05), np.zeros(3)
    assert better_to_leave(signals, gains, 0.0, noises).tolist() == [False, True, True]
    assert better_to_leave(signals, gains, 1.0, noises).tolist() == [False] * 3
    assert better_to_leave(signals, np.full(3, -0.01), 1.0, noises).all()
    assert better_to_leave(np.zeros(3), np.full(3, -0.01), 0.5, noises).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((float("nan"), 0.0, 0.5, 0.0), "number 0 has the signal nan"),
        ((0.0, -1.0, 0.5, 0.0), "a gain above -1"),
        ((0.0, 0.0, 0.5, -0.1), "the noise -0.1"),
        ((0.0, 0.0, -0.5, 0.0), "cash is -0.5"),
        ((0.0, 0.0, 0.5, 0.0, 1.1), "asked 1.1"),
        ((0.0, 0.0, 0.5, 0.0, 0.0, 0.0), "expected_hole is 0.0"),
    ],
)
def test_choices_that_cannot_be_are_refused(arguments, message) -> None:
    signal, gain, cash, noise, *known = arguments
    with pytest.raises(InvalidRun, match=message):
        better_to_leave(np.array([signal]), np.array([gain]), cash, np.array([noise]), *known)


# Where holes are known to be small as a rule

expectations = st.floats(1e-3, 0.1)


def weighed(signal: float, noise: float, asked: float, expected: float, cash: float) -> tuple[np.ndarray, np.ndarray]:
    """The shares n that see more than `signal`, and how likely each is to one who expects holes of this mean."""
    low = max(asked, 0.5 - 0.5 * signal / noise)
    high = min(1.0, 0.5 + 0.5 * (1.0 - cash - signal) / noise, low + 25.0 * expected / noise)
    n = low + (high - low) * (np.arange(20_000) + 0.5) / 20_000
    density = np.exp(-2.0 * noise * (n - low) / expected)
    return n, density / density.sum()


@given(st.floats(-0.05, 0.2), shares, st.floats(1e-3, 0.2), st.floats(0.0, 0.9), expectations)
def test_a_large_reading_is_taken_for_a_large_error(
    signal: float, cash: float, noise: float, asked: float, expected: float
) -> None:
    """The mean of D over the posterior of the hole, by quadrature, has the sign of the answer."""
    n, likely = weighed(signal, noise, asked, expected, cash)
    if n[-1] - n[0] < 1e-6:
        return
    gain = 0.05
    advantage = float((advantage_of_waiting(signal + noise * (2.0 * n - 1.0), n, gain, cash) * likely).sum())
    if abs(advantage) < 1e-6:
        return
    leaves = better_to_leave(np.array([signal]), np.array([gain]), cash, np.array([noise]), asked, expected)
    assert leaves.tolist() == [advantage < 0.0]


@settings(max_examples=40)
@given(st.floats(0.01, 0.5), st.floats(0.05, 0.95), st.floats(1e-4, 0.6), st.floats(0.01, 0.9))
def test_at_the_threshold_who_weighs_is_indifferent(gain: float, cash: float, noise: float, part: float) -> None:
    expected = part * certain_holes(gain, cash)[0]
    threshold = run_threshold(gain, cash, noise, expected)
    if threshold == inf:
        return
    n, likely = weighed(threshold, noise, 0.0, expected, cash)
    waits = advantage_of_waiting(threshold + noise * (2.0 * n - 1.0), n, gain, cash)
    assert float((waits * likely).sum()) == pytest.approx(0.0, abs=1e-6 * (1.0 + gain))


@given(st.floats(0.05, 0.2), shares, st.floats(1e-3, 0.05), st.floats(0.0, 0.9))
def test_who_expects_any_hole_alike_believes_the_signal(signal: float, cash: float, noise: float, asked: float) -> None:
    """Nested: a mean without end, where every hole thought possible is one that can be."""
    if signal + noise > 1.0 - cash or abs(signal - run_threshold(0.05, cash, noise)) < 1e-6:
        return
    arrays = np.array([signal]), np.array([0.05]), cash, np.array([noise]), asked
    assert better_to_leave(*arrays, 1e9).tolist() == better_to_leave(*arrays).tolist()


@pytest.mark.parametrize("cash", [0.1, 0.25, 0.5, 0.8])
def test_with_more_noise_every_share_leaves_later_in_the_end(cash: float) -> None:
    """The first come to leave at g / (1 + g) - m, whatever they read: later than without noise if m is small."""
    gain = 0.05
    borne, precise = breakeven_haircut(gain), run_threshold(gain, cash)
    expected = 0.3 * (borne - precise)
    noises = np.array([0.02, 0.1, 1.0, 10.0])
    thresholds = np.array([run_threshold(gain, cash, noise, expected) for noise in noises.tolist()])
    first = thresholds - noises
    assert (np.diff(first) > 0.0).all()
    assert first[-1] == pytest.approx(borne - expected, rel=1e-3)
    assert first[-1] > precise
    for share in (0.1, 0.5):
        holes = thresholds + noises * (2.0 * share - 1.0)
        assert (np.diff([precise, *holes]) > 0.0).all()


@given(st.floats(0.01, 0.3), shares, st.floats(1e-3, 0.2))
def test_patience_delays_also_those_who_weigh(gain: float, cash: float, noise: float) -> None:
    expected = 0.5 * certain_holes(gain, cash)[0]
    threshold = run_threshold(gain, cash, noise, expected)
    assert threshold == inf or run_threshold(1.5 * gain, cash, noise, expected) > threshold


@pytest.mark.parametrize(("signal", "asked", "leaves"), [(-0.02, 0.0, False), (0.9, 0.0, True), (0.3, 0.999, True)])
def test_signals_of_no_hole_that_can_be_are_read_as_of_the_nearest(signal: float, asked: float, leaves: bool) -> None:
    """At noise 0.01 and half in cash: no hole, all that is lent, and all that is lent because nearly all have asked."""
    noise = np.array([0.01 if asked == 0.0 else 0.5])
    assert better_to_leave(np.array([signal]), np.array([0.05]), 0.5, noise, asked, 0.01).tolist() == [leaves]
