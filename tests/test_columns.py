"""The dictionary of the tables says something of every column there is, and of no other."""

import re

import pytest

from abm import Scenario, simulate
from abm.reading.inputs import ScenarioError
from abm.record.columns import PRICES, STEPS, TABLES, WHOLE, WORDS
from experiments import load_results, load_scenario
from experiments.cli import main
from experiments.columns import glossary
from experiments.run import run_scenario
from experiments.stored import tables

SHORT = {"time.steps": "4"}


def _known(table: str, column: str) -> str:
    """Return a column as the dictionary has it: without the asset, or the number of the cohort, in it."""
    if table == "steps":
        return re.sub(rf"^({'|'.join(PRICES)})_.*", r"\1_<asset>", column)
    return re.sub(r"^depositors_\d+_", "depositors_<n>_", column)


@pytest.mark.parametrize("name", ["calm", "insured-pool"])
def test_every_column_is_told_in_the_order_of_its_table(name):
    run = simulate(load_scenario(name, SHORT))
    assert set(run.tables) == set(TABLES) - {"paths"}
    for table, frame in run.tables.items():
        first, *columns = frame.columns
        assert first == "path"
        assert list(dict.fromkeys(_known(table, column) for column in columns)) == list(TABLES[table][1])


def test_what_is_stored_has_the_same_tables_and_types():
    assert set(tables.TABLES) == set(TABLES) - {"paths"}, "a new table is named in both, or it would be left behind"
    assert (tables.TEXT, tables.INTEGER) == (WORDS, WHOLE)
    columns = {"path"} | {column for _, of_table in TABLES.values() for column in of_table}
    assert columns >= (WORDS | WHOLE)


def test_every_figure_of_the_summary_is_told(tmp_path):
    weighted = {"sampling": {"kind": "importance", "asset": "ALT", "shift": -1.0}}
    described = load_scenario("insured-pool", SHORT).to_dict() | weighted
    del described["beside"]  # runs that count alike
    run_scenario(Scenario.from_dict(described), seed=1, paths=2, out=tmp_path / "run")
    first, *columns = load_results(tmp_path / "run").paths.columns
    assert first == "path"
    assert {_known("paths", column) for column in columns} == set(TABLES["paths"][1])


def test_a_word_finds_tables_and_columns(capsys):
    assert main(["columns", "steps"]) == 0
    told = capsys.readouterr().out
    assert "steps: a row a block" in told
    assert all(column in told for column in STEPS)
    assert "liquidations:" not in told
    assert {table for table in TABLES if f"{table}: " in glossary("haircut")} == {"depositors", "paths"}
    assert "slippage" in glossary("Average price")
    assert "paths: " in glossary()


def test_a_word_that_nothing_is_called_gets_the_nearest(capsys):
    with pytest.raises(ScenarioError, match=r"no table is called 'hairct', .* did you mean 'haircut'"):
        glossary("hairct")
    with pytest.raises(ScenarioError, match="without a word all of them are told"):
        glossary("zz")
    assert main(["columns", "hairct"]) == 2
    assert capsys.readouterr().out == ""
