"""All designs that take time or have a pool behind them: refusals, and parameters that each move something."""

import copy
import math
from dataclasses import replace
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from builders.loans import HOUR, INF, MAT, WORKED_HOUSE, absorbed, one_lot, opened, position
from models.liquidation import (
    TIMED_DESIGNS,
    WRAPPERS,
    Ajna,
    AuctionRunning,
    Bid,
    CompoundV3,
    House,
    InvalidRepayment,
    LiquityV1,
    LiquityV2,
    MakerClip,
    MakerFlip,
    SaleDesign,
    TimedDesign,
)

DESIGNS: list[Any] = [kind() for kind in TIMED_DESIGNS]
SALES = [design for design in DESIGNS if isinstance(design, SaleDesign)]


def named(design: Any) -> str:
    return str(design.design)


@pytest.mark.parametrize("design", DESIGNS, ids=named)
def test_every_timed_design_is_usable_by_its_name_alone(design: Any) -> None:
    assert type(design).model_validate({"design": named(design)}) == design
    assert get_args(type(design).model_fields["design"].annotation) == (named(design),)
    assert design.source
    assert design.leaves_out
    opened(design, position(1500.0, 0.83))


@pytest.mark.parametrize("design", DESIGNS, ids=named)
def test_what_is_healthy_or_has_nothing_is_not_opened(design: TimedDesign) -> None:
    healthy, free, empty, worthless, unknown = (position(1500.0, 0.83) for _ in range(5))
    healthy.health = 1.0
    free.debt_units = free.debt_usd = 0.0
    empty.collateral_units = empty.collateral_usd = empty.health = 0.0
    worthless.collateral_price = worthless.collateral_usd = worthless.health = 0.0
    unknown.health = math.nan
    for at in (healthy, free, empty, worthless, unknown):
        assert design.open(at, 0.0, WORKED_HOUSE) is None


@pytest.mark.parametrize("design", SALES, ids=named)
def test_a_senseless_amount_cannot_be_paid(design: SaleDesign) -> None:
    lot = one_lot(design, position(1500.0, 0.83))
    before = copy.copy(lot)
    for repay in (0.0, -1.0, math.nan):
        with pytest.raises(InvalidRepayment, match="cannot be paid; give a positive amount"):
            design.take(lot, repay, 60.0, 1500.0, House())
    assert lot == before


@pytest.mark.parametrize("design", SALES, ids=named)
def test_a_closed_lot_offers_nothing(design: SaleDesign) -> None:
    lot = one_lot(design, position(1500.0, 0.83))
    lot.closed = True
    assert design.offer(lot, 60.0, 1500.0, House()) is None
    assert not design.needs_reset(lot, 1e9, 1500.0)
    assert design.fit(lot, INF, 60.0, 1500.0, House()) == 0.0


def test_a_closed_english_auction_takes_no_bid_and_no_second_winner() -> None:
    flip, lot = MakerFlip(), one_lot(MakerFlip(), position(1500.0, MAT))
    flip.bid(lot, 1, Bid(1.0, 10.0), 0.0)
    flip.finish(lot, 21_600.0)
    assert flip.least_bid(lot, 0.0) is None
    assert not flip.finished(lot, 30_000.0)
    with pytest.raises(AuctionRunning):
        flip.finish(lot, 30_000.0)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (MakerClip, {"cut": 1.01}),
        (MakerClip, {"cut": 0.0}),
        (MakerClip, {"cusp": 1.0}),
        (MakerClip, {"step_seconds": 0.0}),
        (MakerFlip, {"min_bid_increase": 0.0}),
        (MakerFlip, {"lot_units": 0.0}),
        (CompoundV3, {"liquidation_factor": 1.1}),
        (LiquityV1, {"stability_pool": -1.0}),
        (LiquityV2, {"redistribution_penalty": -0.1}),
        (Ajna, {"collateralization_factor": 0.9}),
        (Ajna, {"max_bond_factor": 0.7}),
        (MakerClip, {"buf": 1.3}),
    ],
)
def test_parameters_that_make_no_rule_are_refused(kind: Any, wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate(wrong)


def story(design: Any, house: House) -> list[Any]:
    """All that a design says of the worked position at 1500: the opening, and the life of its first lot."""
    given = getattr(design, "stability_pool", None)
    house = house if given is None else replace(house, stability_pool=min(house.stability_pool, given))
    opening = design.open(position(1500.0, 0.83), 0.0, house)
    told: list[Any] = [repr(opening)]
    if not opening.lots:
        return told
    lot = opening.lots[0]
    if isinstance(design, MakerFlip):
        told += [design.bid(lot, 1, Bid(10.0, lot.units), 0.0), design.least_bid(lot, 60.0)]
        return [*told, lot.bid_until_seconds, lot.ends_seconds]
    for now in (60.0, 3600.0, 5400.0, 8300.0, 8450.0):
        told += [design.offer(lot, now, 1500.0, house), design.needs_reset(lot, now, 1500.0)]
    untaken = copy.copy(lot)
    if design.offer(lot, 60.0, 1500.0, house) is not None:
        told.append(design.take(lot, 12_000.0, 60.0, 1500.0, house))
    if isinstance(design, Ajna):
        told += [design.settleable(lot, hours * HOUR) for hours in (1.0, 80.0)]
        told.append(design.settle(untaken, 100.0 * HOUR, replace(house, reserves=100.0)))
    return told


MOVES: list[tuple[Any, dict[str, float], House]] = [
    (
        MakerClip,
        {
            "buffer": 1.2,
            "cut": 0.98,
            "step_seconds": 60.0,
            "tip_usd": 0.0,
            "chip": 0.0,
            "penalty": 0.1,
            "hole_usd": 12_000.0,
            "dust_usd": 7000.0,
            "cusp": 0.6,
            "tail_seconds": 5000.0,
        },
        WORKED_HOUSE,
    ),
    (
        MakerFlip,
        {"lot_units": 5.0, "penalty": 0.1, "min_bid_increase": 0.05, "bid_seconds": 600.0, "auction_seconds": 600.0},
        WORKED_HOUSE,
    ),
    (
        CompoundV3,
        {"liquidation_factor": 0.93, "store_front_price_factor": 0.6, "target_reserves_usd": 100.0},
        replace(WORKED_HOUSE, reserves=100.0),
    ),
    (
        LiquityV1,
        {
            "stability_pool": 100.0,
            "critical_collateral_ratio": 1.2,
            "gas_compensation_share": 0.0,
            "gas_compensation": 0.0,
        },
        WORKED_HOUSE,
    ),
    (
        LiquityV2,
        {
            "stability_pool": 100.0,
            "pool_floor": 5000.0,
            "gas_compensation_share": 0.0,
            "max_gas_compensation_units": 0.01,
            "gas_deposit_units": 0.0,
        },
        replace(WORKED_HOUSE, stability_pool=6000.0),
    ),
    (
        Ajna,
        {
            "collateralization_factor": 1.1,
            "min_bond_factor": 0.02,
            "max_bond_factor": 0.008,
            "settle_seconds": 90.0 * HOUR,
            "reserves_cap_seconds": 90.0 * HOUR,
        },
        WORKED_HOUSE,
    ),
]


@pytest.mark.parametrize(("kind", "changes", "house"), MOVES)
def test_every_parameter_moves_what_a_design_does(kind: Any, changes: dict[str, float], house: House) -> None:
    if kind is LiquityV1:
        house = replace(house, collateral_usd=1.4, debt_usd=1.0)
    for name, other in changes.items():
        base = {"critical_collateral_ratio": 0.0} if name == "stability_pool" and kind is LiquityV1 else {}
        assert story(kind(**base, **{name: other}), house) != story(kind(**base), house), name


@pytest.mark.parametrize("name", ["stability_pool_penalty", "redistribution_penalty"])
def test_the_penalties_of_liquity_v2_move_what_the_borrower_keeps(name: str) -> None:
    at, house = position(1750.0, 1.0 / 1.1), replace(WORKED_HOUSE, stability_pool=6001.0)
    assert absorbed(LiquityV2(**{name: 0.01}), at, house) != absorbed(LiquityV2(), at, house)


def test_no_parameter_is_without_a_test() -> None:
    elsewhere = {"stability_pool_penalty", "redistribution_penalty"}
    for kind, changes, _ in MOVES:
        own = set(kind.model_fields) - {"design", *WRAPPERS}
        assert set(changes) | (elsewhere if kind is LiquityV2 else set()) == own
    told = "a new design is added to MOVES, with a change of each parameter that moves its story"
    assert {kind for kind, _, _ in MOVES} == set(TIMED_DESIGNS), told
