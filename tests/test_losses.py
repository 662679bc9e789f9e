"""The waterfall: who pays how much of a bad debt, to the last binary place."""

from fractions import Fraction
from math import ulp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from models.losses import (
    DEPOSITORS,
    UNCOVERED,
    InsuranceLayer,
    InvalidLoss,
    Layer,
    LayerState,
    Payment,
    Recognition,
    ReserveLayer,
    allocate,
    bad_debt,
    waterfall,
)

INF = float("inf")


@pytest.mark.parametrize("loss", [-1.0, float("nan"), INF])
def test_a_loss_that_is_no_amount_is_refused(loss: float) -> None:
    with pytest.raises(InvalidLoss, match="finite amount, 0 or more"):
        waterfall(loss, [], 100.0, "immediate")


@pytest.mark.parametrize("terms", [{"share": 0.0}, {"share": 1.1}, {"deductible_usd": -1.0}, {"limit_usd": -1.0}])
def test_terms_that_make_no_layer_are_refused(terms: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        InsuranceLayer.model_validate(terms)


def test_a_layer_is_chosen_by_its_kind() -> None:
    read = TypeAdapter[ReserveLayer | InsuranceLayer](Layer).validate_python
    assert read({"kind": "reserve"}) == ReserveLayer()
    assert read({"kind": "insurance", "limit_usd": 500}) == InsuranceLayer(limit_usd=500.0)
    with pytest.raises(ValidationError, match="'reserve', 'insurance'"):
        read({"kind": "wishes"})


def test_terms_in_usd_become_units_at_the_price_of_the_asset() -> None:
    layer = InsuranceLayer(share=0.5, deductible_usd=200.0, limit_usd=1000.0)
    assert layer.state("cover", 1e6, 2.0) == LayerState("cover", 500.0, 0.5, 100.0)
    assert layer.state("cover", 30.0, 2.0).capacity == 30.0
    assert ReserveLayer().state("reserve", INF, 2.0) == LayerState("reserve", INF, 1.0, 0.0)


def test_layers_pay_in_order_then_depositors_then_nobody() -> None:
    layers = [LayerState("reserve", 100.0), LayerState("insurance", 500.0, share=0.5, deductible=50.0)]
    assert waterfall(1000.0, layers, 300.0, "immediate") == [
        ("reserve", 100.0),
        ("insurance", 425.0),
        (DEPOSITORS, 300.0),
        (UNCOVERED, 175.0),
    ]


def test_deferred_recognition_leaves_claims_alone() -> None:
    assert waterfall(1000.0, [LayerState("reserve", 100.0)], 5000.0, "deferred") == [
        ("reserve", 100.0),
        (UNCOVERED, 900.0),
    ]


def test_without_a_loss_every_layer_is_inert() -> None:
    layers = [LayerState("reserve", 100.0), LayerState("insurance", INF)]
    assert waterfall(0.0, layers, 100.0, "immediate") == []
    assert allocate(0.0, layers) == ([Payment("reserve", 0.0), Payment("insurance", 0.0)], 0.0)


def test_a_layer_that_can_pay_everything_leaves_exactly_nothing() -> None:
    assert waterfall(0.1 + 0.2, [LayerState("reserve", INF)], INF, "immediate") == [("reserve", 0.1 + 0.2)]


def test_a_loss_below_the_deductible_passes_the_layer_by() -> None:
    assert waterfall(10.0, [LayerState("cover", INF, deductible=10.0)], 100.0, "immediate") == [(DEPOSITORS, 10.0)]


def test_bad_debt_is_all_debt_once_no_collateral_is_left() -> None:
    assert bad_debt([0.0, 0.0], [3.0, 4.0]).tolist() == [3.0, 4.0]
    assert bad_debt([0.0, 1e-9], [3.0, 4.0]).tolist() == [0.0, 0.0]
    debt = np.array([3.0, 4.0])
    bad_debt(np.zeros(2), debt)[0] = 7.0
    assert debt.tolist() == [3.0, 4.0]


amounts = st.one_of(st.floats(0.0, 1e12), st.floats(0.0, 1.0))
layer_lists = st.lists(
    st.builds(LayerState, st.just("layer"), st.one_of(amounts, st.just(INF)), st.floats(0.01, 1.0), amounts), max_size=5
)


@given(loss=amounts, layers=layer_lists, claims=amounts, recognition=st.sampled_from(["immediate", "deferred"]))
@settings(max_examples=200)
def test_the_parts_sum_to_the_loss_exactly_in_any_order(
    loss: float, layers: list[LayerState], claims: float, recognition: Recognition
) -> None:
    parts = [paid for _, paid in waterfall(loss, layers, claims, recognition)]
    assert sum(map(Fraction, parts)) == Fraction(loss)
    assert sum(parts) == loss
    assert sum(reversed(parts)) == loss


@given(loss=amounts, layers=layer_lists)
@settings(max_examples=150)
def test_allocation_agrees_with_exact_arithmetic_and_respects_capacity(loss: float, layers: list[LayerState]) -> None:
    payments, rest = allocate(loss, layers)
    left = Fraction(loss)
    for payment, layer in zip(payments, layers, strict=True):
        beyond = max(left - Fraction(layer.deductible), Fraction(0)) * Fraction(layer.share)
        due = beyond if layer.capacity == INF else min(beyond, Fraction(layer.capacity))
        assert payment.paid <= layer.capacity
        assert abs(Fraction(payment.paid) - due) <= 4 * Fraction(ulp(loss))
        left -= Fraction(payment.paid)
    assert left == Fraction(rest)


@given(loss=st.floats(1e-3, 1e9), capacities=st.lists(st.floats(0.0, 1e9), min_size=1, max_size=5))
@settings(max_examples=100)
def test_a_junior_layer_pays_only_once_the_senior_ones_are_empty(loss: float, capacities: list[float]) -> None:
    payments, rest = allocate(loss, [LayerState(str(k), c) for k, c in enumerate(capacities)])
    for k, payment in enumerate(payments):
        spent = sum(p.paid for p in payments[k + 1 :]) + rest > 0.0
        assert not spent or payment.paid == pytest.approx(capacities[k], rel=1e-12, abs=loss * 1e-15)


@given(first=st.floats(0.0, 1e6), second=st.floats(0.0, 1e6), capacity=st.floats(0.0, 2e6))
@settings(max_examples=100)
def test_what_is_paid_for_two_losses_does_not_depend_on_their_order(
    first: float, second: float, capacity: float
) -> None:
    def paid_in_turn(*losses: float) -> float:
        left = capacity
        for loss in losses:
            left -= sum(p.paid for p in allocate(loss, [LayerState("reserve", left)])[0])
        return capacity - left

    assert paid_in_turn(first, second) == pytest.approx(paid_in_turn(second, first), rel=1e-12, abs=1e-9)
