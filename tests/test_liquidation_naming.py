"""A design that does not say of itself what others rely on is told so by name, before anybody asks for it."""

from typing import Any, ClassVar, Literal

import pytest
from pydantic import Field

from models.liquidation import DESIGN_NAMES, DESIGNS, TIMED_DESIGNS, MisstatedDesign, Position, SpotDesign, by_name
from models.liquidation.spot import Terms


class Whole(SpotDesign):
    """All of the debt at par."""

    source: ClassVar[str] = "a test"
    leaves_out: ClassVar[str] = "everything else"

    design: Literal["whole"] = "whole"

    def terms(self, position: Position) -> Terms:
        return Terms(position.debt_units, position.debt_price / position.collateral_price)


class Nameless(Whole):
    design: Literal["nameless"]  # type: ignore[assignment]


class Homonymous(Whole):
    design: Literal["whole"] = "whole"


class Sourceless(Whole):
    source: ClassVar[str] = ""


class Demanding(Whole):
    bonus: float = Field(ge=0)


class Slipped(Whole):
    bounds: ClassVar[Any] = {"bonu": (0.0, 0.1)}
    bonus: float = 0.1


class Backwards(Whole):
    bounds: ClassVar[Any] = {"bonus": (0.1, 0.1)}
    bonus: float = 0.1


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        ([Nameless], 'Nameless does not say its name; add `design: Literal["nameless"] = "nameless"`'),
        ([Whole, Homonymous], "Homonymous and Whole are both called 'whole'; give one another `design`"),
        ([Sourceless], "Sourceless tells no source; add `source"),
        ([Demanding], "Demanding.bonus has no default, so no comparison can run the design by its name; give one"),
        ([Slipped], "Slipped.bounds names 'bonu', which is no parameter of it; name one of bonus"),
        ([Backwards], "Backwards.bounds of 'bonus' run from 0.1 to 0.1; give low, high"),
    ],
)
def test_what_a_design_leaves_unsaid_is_told(kinds: list[Any], told: str) -> None:
    with pytest.raises(MisstatedDesign) as refused:
        by_name(kinds)
    assert str(refused.value).startswith(told)


def test_a_design_that_says_everything_has_its_name() -> None:
    assert by_name([Whole]) == {"whole": Whole}


def test_every_design_of_the_slot_is_a_spot_design_takes_time_or_stands_in_bands() -> None:
    spot = {name for name, kind in DESIGNS.items() if issubclass(kind, SpotDesign)}
    timed = {name for name, kind in DESIGNS.items() if kind in TIMED_DESIGNS}
    assert sorted([*spot, *timed, "llamma"]) == sorted(DESIGN_NAMES)
