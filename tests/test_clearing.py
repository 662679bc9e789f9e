"""Clearing of a network of debts: Eisenberg and Noe, and Rogers and Veraart with costs of bankruptcy."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.clearing import NEVER, BankruptcyCosts, Clearing, InvalidDebts, clear

Numbers = list[Fraction]
Debts = tuple[list[list[int]], list[int], list[int]]


def solve(matrix: list[Numbers], right: Numbers) -> Numbers | None:
    """Solve a linear system exactly; None if it has no single solution."""
    n = len(right)
    rows = [[*matrix[i], right[i]] for i in range(n)]
    for k in range(n):
        pivot = next((i for i in range(k, n) if rows[i][k]), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [value / rows[k][k] for value in rows[k]]
        for i in range(n):
            if i != k:
                rows[i] = [a - rows[i][k] * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[n] for row in rows]


def greatest_clearing(debts: Debts, assets_kept: Fraction, claims_kept: Fraction) -> Numbers:
    """The greatest clearing vector by trying every set of defaults, in fractions."""
    owed, outside, assets = debts
    n = len(assets)
    due = [Fraction(sum(owed[i]) + outside[i]) for i in range(n)]
    share = [[owed[i][j] / due[i] if due[i] else Fraction(0) for j in range(n)] for i in range(n)]
    found: list[Numbers] = []
    for fails in product([False, True], repeat=n):
        system = [
            [(i == j) - (claims_kept * share[j][i] if fails[i] else 0) * Fraction(1) for j in range(n)]
            for i in range(n)
        ]
        paid = solve(system, [assets_kept * assets[i] if fails[i] else due[i] for i in range(n)])
        if paid is None:
            continue
        has = [assets[i] + sum(share[j][i] * paid[j] for j in range(n)) for i in range(n)]
        if all((has[i] < due[i]) == fails[i] for i in range(n)):
            found.append(paid)
    best = max(found, key=sum)
    assert all(a >= b for other in found for a, b in zip(best, other, strict=True))
    return best


@st.composite
def networks(draw: st.DrawFn, most: int = 4) -> Debts:
    """A few debtors who owe small whole amounts, so that some can pay to the dollar and some only just not."""
    n = draw(st.integers(1, most))
    amounts = st.integers(0, 6)
    owed = [[0 if i == j else draw(amounts) for j in range(n)] for i in range(n)]
    return owed, [draw(amounts) for _ in range(n)], [draw(amounts) for _ in range(n)]


quarters = st.integers(0, 4).map(lambda k: Fraction(k, 4))


def cleared(debts: Debts, assets_kept: Fraction = Fraction(1), claims_kept: Fraction = Fraction(1)) -> Clearing:
    return clear(*debts, BankruptcyCosts(assets_kept=float(assets_kept), claims_kept=float(claims_kept)))


@pytest.mark.parametrize(
    ("owed", "outside", "assets", "message"),
    [
        ([[0.0, 1.0]], [0.0, 0.0], [0.0, 0.0], "owed has the shape"),
        ([[0.0]], [0.0, 0.0], [0.0], "give \\(n, n\\)"),
        ([[0.0, -1.0], [0.0, 0.0]], [0.0, 0.0], [0.0, 0.0], "owed holds an amount that is negative"),
        ([[0.0]], [float("nan")], [0.0], "owed_outside holds"),
        ([[0.0]], [0.0], [float("inf")], "assets holds"),
        ([[0.0, 0.0], [0.0, 2.0]], [0.0, 0.0], [0.0, 0.0], "number 1 owes itself"),
    ],
)
def test_what_is_no_network_is_refused(owed, outside, assets, message) -> None:
    with pytest.raises(InvalidDebts, match=message):
        clear(owed, outside, assets)


@pytest.mark.parametrize("wrong", [{"assets_kept": 1.1}, {"claims_kept": -0.1}, {"kept": 1.0}])
def test_costs_out_of_bounds_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        BankruptcyCosts(**wrong)


def test_three_equals_who_all_fail_pay_what_the_linear_system_says() -> None:
    """Each owes the others 0.5 and the world 1.5; the solution of p = e + Πᵀ p is known."""
    owed = 0.5 * (1.0 - np.eye(3))
    result = clear(owed, [1.5] * 3, [0.5, 0.625, 0.75])
    assert result.paid == pytest.approx([0.9375, 25 / 24, 55 / 48], rel=1e-12)
    assert result.wave.tolist() == [0, 0, 0]
    assert not result.equity.any()


def test_defaults_come_in_waves() -> None:
    """The first fails of itself; the second only because of it; the third has enough of its own."""
    owed = [[0, 10, 0], [0, 0, 10], [0, 0, 0]]
    result = clear(owed, [0, 0, 5], [4, 2, 1])
    assert result.wave.tolist() == [0, 1, NEVER]
    assert result.paid.tolist() == [4.0, 6.0, 5.0]
    assert result.equity.tolist() == [0.0, 0.0, 2.0]
    assert result.recovery.tolist() == [0.4, 0.6, 1.0]


def test_costs_are_lost_to_everybody() -> None:
    """With half of the assets and none of the claims kept, the second fails with 8 in hand and hands on 1."""
    result = clear([[0, 0], [0, 0]], [0, 10], [0, 2], BankruptcyCosts(assets_kept=0.5))
    assert (result.paid[1], result.costs[1]) == (1.0, 1.0)
    chain = clear([[0, 6], [0, 0]], [0, 10], [6, 2], BankruptcyCosts(assets_kept=0.5, claims_kept=0.0))
    assert (chain.paid[1], chain.costs[1]) == (1.0, 7.0)


def test_of_several_solutions_the_one_with_the_fewest_defaults_is_taken() -> None:
    """Two who owe each other 10 and keep nothing in default: if one paid nothing, so would the other."""
    result = clear([[0, 10], [10, 0]], [0, 0], [0, 0], BankruptcyCosts(assets_kept=0.0, claims_kept=0.0))
    assert result.paid.tolist() == [10.0, 10.0]
    assert not result.defaulted.any()


def test_nobody_and_nothing_owed_are_no_trouble() -> None:
    assert clear(np.zeros((0, 0)), [], []).paid.size == 0
    idle = clear(np.zeros((2, 2)), [0, 0], [0, 3])
    assert idle.recovery.tolist() == [1.0, 1.0]
    assert idle.equity.tolist() == [0.0, 3.0]


@pytest.mark.parametrize("leak", [1e-3, 1e-6, 1e-9])
def test_debts_that_nearly_all_circle_are_cleared_as_exactly_as_others(leak: float) -> None:
    """Two owe each other a million and the world next to nothing, of which they have half: they pay half of all."""
    result = clear([[0, 1e6], [1e6, 0]], [leak * 1e6] * 2, [leak * 5e5] * 2)
    assert result.recovery == pytest.approx([0.5, 0.5], rel=1e-12)
    assert result.paid_outside.sum() == pytest.approx(leak * 1e6, rel=1e-12)


def test_a_token_is_worth_what_backs_it_however_often_it_is_wrapped() -> None:
    """Two issue 100 tokens each and hold 80 of the other's: (I - W)⁻¹ b of the real backing, not what is printed."""
    held = np.array([[0.0, 80.0], [80.0, 0.0]])  # by the row, of the column's tokens
    backing = np.array([10.0, 19.0])
    result = clear(held.T, [20.0, 20.0], backing)
    expected = np.linalg.solve(np.eye(2) - held / 100.0, backing / 100.0)
    assert result.recovery == pytest.approx(expected, rel=1e-12)
    assert result.paid_outside.sum() == pytest.approx(backing.sum(), rel=1e-12)


@settings(max_examples=150)
@given(networks(), quarters, quarters)
def test_the_greatest_clearing_vector_is_found_exactly(debts: Debts, assets_kept: Fraction, claims_kept: Fraction):
    """Against every set of defaults tried out in fractions, where many pay to the dollar."""
    expected = greatest_clearing(debts, assets_kept, claims_kept)
    result = cleared(debts, assets_kept, claims_kept)
    assert result.paid == pytest.approx([float(p) for p in expected], rel=1e-9, abs=1e-12)
    due = [sum(row) + more for row, more in zip(debts[0], debts[1], strict=True)]
    assert result.defaulted.tolist() == [p < d for p, d in zip(expected, due, strict=True)]


@settings(max_examples=100)
@given(networks(most=8), quarters, quarters)
def test_clearing_obeys_its_rules(debts: Debts, assets_kept: Fraction, claims_kept: Fraction) -> None:
    """Limited liability, absolute priority, proportionality, and every dollar accounted for."""
    result = cleared(debts, assets_kept, claims_kept)
    owed, _, assets = (np.array(part, float) for part in debts)
    has = assets + result.payments.sum(axis=0)
    assert (result.paid >= 0.0).all()
    assert (result.paid <= result.due).all()
    assert (result.paid <= has + 1e-9).all()
    assert not result.equity[result.defaulted].any()
    assert result.paid[~result.defaulted].tolist() == result.due[~result.defaulted].tolist()
    assert result.payments == pytest.approx(owed * result.recovery[:, None], rel=1e-12)
    assert result.equity + result.paid + result.costs == pytest.approx(has, rel=1e-9, abs=1e-12)
    total = result.equity.sum() + result.paid_outside.sum() + result.costs.sum()
    assert total == pytest.approx(assets.sum(), rel=1e-9, abs=1e-12)


@settings(max_examples=60)
@given(networks(most=6), quarters, quarters, st.integers(0, 5), st.integers(1, 5))
def test_more_assets_or_lower_costs_harm_nobody(debts, assets_kept, claims_kept, who, more) -> None:
    owed, outside, assets = debts
    before = cleared(debts, assets_kept, claims_kept)
    richer = [a + more * (i == who % len(assets)) for i, a in enumerate(assets)]
    after = cleared((owed, outside, richer), assets_kept, claims_kept)
    without = cleared(debts)
    for better in (after, without):
        assert (better.paid >= before.paid - 1e-9).all()
        assert (better.equity >= before.equity - 1e-9).all()
    if not without.defaulted.any():
        assert without.paid.tolist() == before.paid.tolist()
