"""Imports run one way, `models <- abm <- experiments`, and the slots of `models` do not know one another."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import abm
import experiments
import models

ROOMS = ("models", "abm", "experiments")
"""From the inside out: a room may import itself and the rooms before it."""

SHARED = {"types", "parameters", "refusals", "compiled"}
KEPT_OUT_OF_MODELS = {"mesa", "pandas", "pyarrow", "matplotlib", "tqdm", "tomllib", "tomli_w", "time", "datetime"}

HOMES = {
    name: Path(next(iter(package.__path__))) for name, package in zip(ROOMS, (models, abm, experiments), strict=True)
}
MODULES = sorted(
    ".".join((room, *file.relative_to(HOMES[room]).with_suffix("").parts))
    for room in ROOMS
    for file in HOMES[room].rglob("*.py")
)


def source_of(module: str) -> str:
    room, *rest = module.split(".")
    return HOMES[room].joinpath(*rest).with_suffix(".py").read_text(encoding="utf-8")


def imported_by(source: str, module: str) -> Iterator[str]:
    """Every dotted name that a module's source imports, at its top or within functions; relative ones resolved."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")[: -node.level] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def wrong_imports(source: str, module: str) -> list[str]:
    """The imports of a module that go against the rules of the house, each with the rule."""
    room, *inside = module.split(".")
    wrong = []
    for name in imported_by(source, module):
        target, *within = name.split(".")
        if target in ROOMS and ROOMS.index(target) > ROOMS.index(room):
            wrong.append(f"{module} imports {name}, against {' <- '.join(ROOMS)}")
        if room == "models" and target in KEPT_OUT_OF_MODELS:
            wrong.append(f"{module} imports {name}, which models/ must not know")
        if room == target == "models" and len(inside) > 1 and within and within[0] not in {inside[0], *SHARED}:
            wrong.append(f"{module} imports {name}, another slot or a module outside its own")
    return wrong


@pytest.mark.parametrize("module", MODULES)
def test_imports_follow_the_rules_of_the_house(module: str) -> None:
    assert wrong_imports(source_of(module), module) == []


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("experiments.figures.")])
def test_figures_know_stored_results_and_not_the_simulator(module: str) -> None:
    assert [name for name in imported_by(source_of(module), module) if name.split(".")[0] == "abm"] == []


def test_the_figures_of_a_run_are_drawn_without_the_simulator() -> None:
    """Not even what they import imports it: a stored run can be drawn and filmed where no world can be built."""
    ask = "import sys, experiments.figures.film; print({name.split('.')[0] for name in sys.modules} & {'abm', 'mesa'})"
    home = HOMES["abm"].parent
    said = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True, cwd=home)
    assert said.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("models.rates.kinked", "from abm.world import World"),
        ("models.ledger", "import experiments"),
        ("abm.world", "def f():\n    from experiments.run import run_paths"),
        ("models.rates.kinked", "from models.market import Venue"),
        ("models.rates.kinked", "from models import market"),
        ("models.rates.kinked", "from ..market import Venue"),
        ("models.ledger", "import pandas as pd"),
        ("models.market.venue", "from mesa.agent import Agent"),
    ],
)
def test_the_check_sees_an_arrow_the_wrong_way(module: str, source: str) -> None:
    assert len(wrong_imports(source, module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("models.rates.kinked", "from models.parameters import Parameters"),
        ("models.rates.kinked", "from models.rates.compounding import compound"),
        ("models.ledger", "from models.market import Venue"),
        ("abm.world", "from models.ledger import Ledger\nimport pandas, mesa"),
        ("experiments.run", "from abm import simulate\nfrom models.liquidation import Design"),
    ],
)
def test_the_check_lets_the_right_arrows_pass(module: str, source: str) -> None:
    assert wrong_imports(source, module) == []
