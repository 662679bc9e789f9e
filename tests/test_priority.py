"""Who goes first in a block: what rivals bid against one another, against closed forms and the source's rules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.priority import OpenBidding, SealedBidding, at_stake, shaded

OPEN = OpenBidding(kind="open", min_raise=0.1)
SEALED = SealedBidding(kind="sealed")


def bids(rule, starts, limits, reactions=None, seconds=60.0):
    reactions = np.zeros(len(starts)) if reactions is None else np.array(reactions)
    return rule.bids(np.array(starts, dtype=float), np.array(limits, dtype=float), reactions, seconds)


@pytest.mark.parametrize(("rule", "wrong"), [(OpenBidding, {"min_raise": 0.0}), (SealedBidding, {"alike": 0.0})])
def test_a_rule_refuses_what_it_cannot_use(rule, wrong):
    with pytest.raises(ValidationError):
        rule(kind=rule.model_fields["kind"].annotation.__args__[0], **wrong)


# Open bidding


def test_two_alike_raise_in_turn_up_to_the_last_raise_below_their_limit():
    """Ten raises of a tenth lead from 100 to 259.4; an eleventh would be above 280."""
    got = bids(OPEN, [100.0, 100.0], [280.0, 280.0])
    assert got.max() == pytest.approx(100.0 * 1.1**10, rel=1e-12)
    assert got.min() == pytest.approx(100.0 * 1.1**9, rel=1e-12)


def test_the_one_with_the_highest_limit_leads_by_one_raise_over_what_the_second_could_bid():
    got = bids(OPEN, [100.0, 100.0, 100.0], [150.0, 1000.0, 300.0])
    assert got.argmax() == 1
    assert 300.0 / 1.1 < got[1] <= 300.0 * 1.1
    assert got[2] <= 300.0
    assert got[0] <= 150.0


def test_who_cannot_raise_stays_where_it_began():
    assert bids(OPEN, [100.0, 100.0], [105.0, 50.0]).tolist() == [100.0, 100.0]
    assert bids(OPEN, [100.0, 120.0], [110.0, 120.0]).tolist() == [100.0, 120.0]


def test_slow_rivals_have_time_for_few_raises():
    """Each answers after 10 s: at 10, 20 and 30 s of a block of 35."""
    got = bids(OPEN, [100.0, 100.0], [1e6, 1e6], [10.0, 10.0], 35.0)
    assert sorted(got) == pytest.approx([100.0 * 1.1**2, 100.0 * 1.1**3])


def test_the_fast_one_has_the_last_word_while_its_rival_thinks():
    """The slow one answers at 20 and 50 s, the fast one a second after each; the third answer comes too late."""
    got = bids(OPEN, [100.0, 100.0], [1e6, 1e6], [1.0, 20.0], 60.0)
    assert got.argmax() == 0
    assert bids(OPEN, [100.0, 100.0], [1e6, 1e6], [61.0, 61.0], 60.0).tolist() == [100.0, 100.0]


@given(
    limits=st.lists(st.floats(1.0, 1e6), min_size=2, max_size=6),
    reactions=st.lists(st.floats(0.0, 30.0), min_size=6, max_size=6),
    raised=st.floats(0.01, 1.0),
)
def test_nobody_bids_above_its_limit_and_instant_rivals_end_at_the_second_highest(limits, reactions, raised):
    rule = OpenBidding(kind="open", min_raise=raised)
    starts = np.full(len(limits), 10.0)
    for pace in (np.zeros(len(limits)), np.array(reactions[: len(limits)])):
        got = bids(rule, starts, limits, pace)
        assert (got >= starts).all()
        assert (got <= np.maximum(limits, starts)).all()
    second = max(sorted(limits)[-2], 10.0)
    top = bids(rule, starts, limits).max()
    assert top <= second * (1.0 + raised) * (1.0 + 1e-12)
    # Whoever could still have raised the last bid was leading it.
    assert top * (1.0 + raised) > second * (1.0 - 1e-12)


# Sealed bidding


def test_who_is_alone_bids_nothing_and_shares_rise_with_the_number_of_rivals():
    """With values evenly spread from nothing, (n - 1) / n of one's own is bid (Vickrey 1961)."""
    assert [shaded(n, 1.0) for n in (1, 2, 3, 10)] == pytest.approx([0.0, 1 / 2, 2 / 3, 9 / 10], rel=1e-15)
    assert shaded(2, 9.0) == pytest.approx(0.9)


def test_who_values_the_call_at_nothing_is_no_rival():
    assert bids(SEALED, [100.0, 100.0], [20.0, 300.0]).tolist() == [100.0, 100.0]
    assert bids(SEALED, [100.0, 100.0, 100.0], [20.0, 300.0, 200.0]).tolist() == [100.0, 200.0, 150.0]
    assert bids(SEALED, [100.0, 100.0], [20.0, 30.0]).tolist() == [100.0, 100.0]


@pytest.mark.parametrize(("rivals", "alike"), [(2, 1.0), (5, 1.0), (3, 2.5)])
def test_the_winner_pays_on_average_what_the_closed_form_says(rivals, alike):
    """E[beta(v_max)] = a (n - 1) / (a (n - 1) + 1) * n a / (n a + 1) of the highest value there can be."""
    rng = np.random.default_rng(5)
    values = rng.random((200_000, rivals)) ** (1.0 / alike)
    paid = shaded(rivals, alike) * values.max(axis=1)
    a, n = alike, rivals
    expected = a * (n - 1) / (a * (n - 1) + 1) * n * a / (n * a + 1)
    assert paid.mean() == pytest.approx(expected, abs=4.0 * paid.std() / np.sqrt(paid.size))
    # Revenue equivalence: on average as much as the second highest value.
    second = np.sort(values, axis=1)[:, -2]
    assert second.mean() == pytest.approx(expected, abs=4.0 * second.std() / np.sqrt(second.size))


def test_no_other_bid_pays_better_against_rivals_who_bid_the_equilibrium():
    """With a value of 0.7 against two others, the best of all bids is 2 / 3 of it."""
    rng = np.random.default_rng(7)
    highest = (shaded(3, 1.0) * rng.random((400_000, 2))).max(axis=1)
    tried = np.linspace(0.2, 0.66, 47)
    gained = [(0.7 - bid) * (highest < bid).mean() for bid in tried]
    assert tried[int(np.argmax(gained))] == pytest.approx(0.7 * 2 / 3, abs=0.02)


# Where failed calls are paid for


@given(st.lists(st.tuples(st.floats(1.0, 100.0), st.floats(0.0, 1e4)), min_size=1, max_size=12))
def test_those_who_join_cannot_spend_more_than_the_highest_value(rivals):
    """Nobody else could join without bidding below the going price, and who is worth more joins first."""
    starts, values = np.array(rivals).T
    most, joins = at_stake(starts, values)
    joined = int(joins.sum())
    assert joined >= 1
    assert values[joins].min() >= values[~joins].max(initial=0.0)
    np.testing.assert_allclose(most, values / joined)
    assert most[joins].sum() <= values.max() * (1.0 + 1e-12)
    if joined > 1:
        assert (most[joins] * (1.0 + 1e-12) >= starts[joins]).all()
    if joined < len(rivals):
        joins[np.argsort(-values, kind="stable")[joined]] = True
        assert (values[joins] < starts[joins] * (joined + 1)).any()


def test_of_those_alike_as_many_join_as_can_pay_the_going_price():
    most, joins = at_stake(np.full(10, 30.0), np.full(10, 100.0))
    assert joins.tolist() == [True] * 3 + [False] * 7
    assert most[joins].tolist() == pytest.approx([100.0 / 3.0] * 3)
    _, alone = at_stake(np.full(3, 30.0), np.zeros(3))
    assert alone.tolist() == [True, False, False]
