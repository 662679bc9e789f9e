"""Parameters of the spot designs: each moves the offer, and what makes no rule is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from builders.loans import position
from builders.spot_designs import BY_NAME, NAMES, read
from models.liquidation import (
    WRAPPERS,
    AaveV2,
    AaveV4,
    CompoundV2,
    EulerV1,
    EulerV2,
    Fluid,
    Gearbox,
    Kamino,
    MorphoBlue,
    Silo,
    ToxicHalt,
)
from models.liquidation.spot import SpotDesign


def test_every_design_is_usable_by_its_name_alone() -> None:
    assert [design.design for design in BY_NAME] == NAMES
    for design in BY_NAME:
        assert design.offer(position(1900.0, 0.83)) is not None
        assert design.source
        assert design.leaves_out


MOVES: list[tuple[type[SpotDesign], float, dict[str, Any]]] = [
    (AaveV2, 1900, {"close_factor": 0.4, "liquidation_bonus": 0.1}),
    (
        AaveV4,
        1800,
        {
            "target_health_factor": 1.1,
            "max_bonus": 0.06,
            "bonus_factor": 0.2,
            "hf_for_max_bonus": 0.5,
            "protocol_fee": 0.0,
            "dust_usd": 8000.0,
        },
    ),
    (CompoundV2, 1900, {"close_factor": 0.4, "liquidation_incentive": 1.1, "protocol_seize_share": 0.0}),
    (EulerV1, 1900, {"target_health": 1.2, "reserves_fee": 0.01, "booster": 1.5, "max_discount": 0.01}),
    (EulerV2, 1600, {"max_discount": 0.1}),
    (MorphoBlue, 1900, {"cursor": 0.2, "max_incentive": 0.01}),
    (Fluid, 1700, {"liquidation_penalty": 0.02}),
    (Fluid, 1660, {"max_limit": 0.97, "absorption": False}),
    (Gearbox, 1900, {"liquidation_premium": 0.05, "liquidation_fee": 0.01}),
    (Kamino, 1900, {"min_bonus": 0.03, "close_factor": 0.5, "max_bonus": 0.01, "insolvency_ltv": 0.8}),
    (Kamino, 1900, {"max_repay_usd": 100.0, "full_below_usd": 1e5, "protocol_fee": 0.5}),
    (Kamino, 1600, {"bad_debt_bonus": 0.0}),
    (Silo, 1900, {"liquidation_fee": 0.06, "target_ltv": 0.7, "full_close_share": 0.1}),
    (ToxicHalt, 1900, {"liquidation_bonus": 0.1, "protocol_fee": 0.1, "close_factor": 0.4, "halt_ltv": 0.8}),
]


@pytest.mark.parametrize(("kind", "price", "changes"), MOVES)
def test_every_parameter_moves_the_offer(kind: type[SpotDesign], price: float, changes: dict[str, Any]) -> None:
    at = position(float(price), 0.83)
    for name, other in changes.items():
        assert kind.model_validate({name: other}).offer(at) != kind().offer(at), name


def test_the_bound_on_the_booster_moves_the_offer() -> None:
    at = position(1800.0, 0.83)
    assert EulerV1(booster=2.0, max_booster_discount=0.05).offer(at) != EulerV1(booster=2.0).offer(at)


def test_no_parameter_is_without_a_test() -> None:
    tested: dict[type[SpotDesign], set[str]] = {EulerV1: {"max_booster_discount"}}
    for kind, _, changes in MOVES:
        tested.setdefault(kind, set()).update(changes)
    for kind, names in tested.items():
        assert names == set(kind.model_fields) - {"design", *WRAPPERS}, kind.__name__


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("aave_v2", {"close_factor": 0.0}),
        ("aave_v4", {"target_health_factor": 0.99}),
        ("aave_v4", {"hf_for_max_bonus": 1.0}),
        ("compound_v2", {"liquidation_incentive": 0.08}),
        ("euler_v1", {"booster": 0.5}),
        ("euler_v2", {"max_discount": 1.0}),
        ("morpho_blue", {"cursor": 1.0}),
        ("fluid", {"max_limit": 0.0}),
        ("gearbox", {"liquidation_premium": 1.0}),
        ("kamino", {"max_repay_usd": 0.0}),
        ("silo", {"target_ltv": 1.0}),
        ("toxic_halt", {"halt_ltv": 1.1}),
        ("silo", {"liquidation_bonus": 0.1}),
    ],
)
def test_parameters_that_make_no_rule_are_refused(name: str, wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        read({"design": name, **wrong})
