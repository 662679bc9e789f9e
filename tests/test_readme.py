"""What the README says can be done: its example of a design is one, and its commands are commands."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from experiments.cli import _parser
from models.liquidation import Position, SpotDesign

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The code blocks of the README in a language."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def example() -> type[SpotDesign]:
    """The design that the README adds."""
    (source,) = (block for block in blocks("python") if "SpotDesign" in block)
    made: dict[str, Any] = {}
    exec(compile(source, "README.md", "exec"), made)
    found: type[SpotDesign] = made["GrowingBonus"]
    return found


def test_the_example_of_a_design_is_one() -> None:
    """10 ETH at 1,900 against 16,000: health 0.985625, so a bonus of 1.4375 %; at 1,500 the cap."""
    design = example()()

    def at(price: float) -> Position:
        value = 10.0 * price
        return Position(value * 0.83 / 16_000.0, 10.0, price, 16_000.0, 1.0, value, 16_000.0, 0.83)

    taking = design.take(at(1900.0), 16_000.0)
    assert taking.seized == pytest.approx(16_000.0 * 1.014375 / 1900.0, rel=1e-12)
    capped = design.offer(at(1500.0))
    assert capped is not None
    assert capped.price == pytest.approx(1500.0 / 1.1, rel=1e-12)


COMMANDS = [
    line.split("#")[0].strip()
    for block in blocks("sh")
    for line in block.splitlines()
    if line.startswith("underwater ") and " | " not in line
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one(command: str) -> None:
    assert _parser().parse_args(shlex.split(command)[1:]).command is not None


def test_there_are_commands() -> None:
    assert len(COMMANDS) > 10
