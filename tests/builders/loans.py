"""Positions to liquidate, and what a design makes of them."""

from typing import Any

import pytest
from hypothesis import strategies as st

from models.liquidation import Absorption, CompoundV3, House, Lot, Opening, Position, TimedDesign

INF = float("inf")
HOUR = 3600.0
MAT = 1.0 / 1.5
"""The threshold of a vault that is worth at least 150 % of what it owes."""
WORKED_HOUSE = House(stability_pool=1e6, stakes_units=100.0, borrow_rate_per_year=0.05)


def position(price: float, threshold: float, collateral: float = 10.0, debt: float = 16_000.0) -> Position:
    """Collateral against a dollar debt, all that the account has."""
    value = collateral * price
    return Position(value * threshold / debt, collateral, price, debt, 1.0, value, debt, threshold)


def stated(figure: str) -> Any:
    """A figure, to one in the last digit that it is stated with."""
    return pytest.approx(float(figure), rel=1e-9, abs=1.001 * 10.0 ** -len(figure.partition(".")[2]))


def opened(design: TimedDesign, at: Position, house: House = WORKED_HOUSE) -> Opening:
    opening = design.open(at, 0.0, house)
    assert opening is not None
    return opening


def one_lot(design: TimedDesign, at: Position, house: House = WORKED_HOUSE) -> Lot:
    (lot,) = opened(design, at, house).lots
    return lot


def absorbed(design: TimedDesign, at: Position, house: House = WORKED_HOUSE) -> Absorption:
    absorption = opened(design, at, house).absorption
    assert absorption is not None
    return absorption


@st.composite
def accounts(draw: st.DrawFn) -> Position:
    """An unhealthy account of one threshold, with or without other collateral and other debt beside the pair."""
    threshold, health = draw(st.floats(0.3, 0.98)), draw(st.floats(0.3, 0.9999))
    units, price = draw(st.floats(1e-3, 1e5)), draw(st.floats(1e-2, 1e5))
    debt_price = draw(st.floats(1e-2, 1e4))
    worth = units * price * (1.0 + draw(st.sampled_from([0.0, 0.0, 0.3, 5.0])))
    owed = threshold / health * worth
    pair = owed / (1.0 + draw(st.sampled_from([0.0, 0.0, 0.3, 5.0])))
    return Position(health, units, price, pair / debt_price, debt_price, worth, owed, threshold)


houses = st.builds(
    House,
    outstanding_usd=st.floats(0.0, 3e7),
    stability_pool=st.floats(0.0, 1e8),
    reserves=st.floats(-1e6, 1e7),
    collateral_usd=st.floats(1.0, 3.0),
    debt_usd=st.just(1.0),
    stakes_units=st.floats(0.1, 1e6),
    mean_debt=st.floats(0.0, 1e5),
    borrow_rate_per_year=st.floats(0.0, 1.0),
    least_reference_price=st.floats(0.0, 1e5),
)
stores = st.builds(CompoundV3, liquidation_factor=st.floats(0.5, 1.0), store_front_price_factor=st.floats(0.0, 1.0))


def exactly(value: float, scale: float = 0.0) -> Any:
    return pytest.approx(value, rel=1e-9, abs=1e-9 * scale)
