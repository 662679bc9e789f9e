"""Files that a scenario reads: what is taken, and the sentence for what is not."""

import math
import os

import numpy as np
import pandas as pd
import pytest

from abm import Scenario, ScenarioError, simulate
from abm.reading.inputs import anchor_files, named_files, read_columns, read_positions


def refused(call, *arguments):
    """The message of a refusal."""
    with pytest.raises(ScenarioError) as error:
        call(*arguments)
    return str(error.value)


@pytest.fixture
def write(tmp_path):
    """Write a file and return its name."""

    def to(content, name="table.csv"):
        file = tmp_path / name
        if isinstance(content, pd.DataFrame):
            content.to_parquet(file)
        else:
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(file)

    return to


# Columns


def test_columns_of_seconds_and_numbers_are_taken_as_they_are(write):
    file = write("t,price,volume\n0,1.5,x\n60,2,y\n")
    columns = read_columns("k", file, ("t", "price"), "t")
    np.testing.assert_array_equal(columns["t"], [0.0, 60.0])
    np.testing.assert_array_equal(columns["price"], [1.5, 2.0])
    assert all(column.dtype == np.float64 for column in columns.values())


@pytest.mark.parametrize(
    "first", ["2020-03-12T00:00:00Z", "2020-03-12 00:00", "2020-03-12", "2020-03-12T01:00:00+01:00"]
)
def test_dates_count_in_seconds_from_the_first(write, first):
    file = write(f"t,price\n{first},1\n2020-03-12T01:00:00Z,2\n")
    np.testing.assert_array_equal(read_columns("k", file, ("t",), "t")["t"], [0.0, 3600.0])


def test_a_byte_order_mark_and_blank_lines_are_overlooked(write):
    file = write("\ufefft,price\n0,1\n\n60,2\n")
    np.testing.assert_array_equal(read_columns("k", file, ("t", "price"), "t")["price"], [1.0, 2.0])


def test_parquet_says_the_same_as_csv(write):
    """Dates with and without a zone, days, and seconds in any kind of number."""
    dates = pd.to_datetime(["2020-03-12T00:00:00Z", "2020-03-13T00:00:00Z"])
    for column in (dates, dates.tz_localize(None), dates.date, [0, 86400], np.array([0, 86400], np.int32)):
        file = write(pd.DataFrame({"t": column, "price": [1.5, 2.0]}), "table.parquet")
        columns = read_columns("k", file, ("t", "price"), "t")
        np.testing.assert_array_equal(columns["t"], [0.0, 86400.0])
        np.testing.assert_array_equal(columns["price"], [1.5, 2.0])


def test_a_file_is_read_again_when_it_has_changed(write):
    file = write("p\n1\n")
    assert read_columns("k", file, ("p",), None)["p"] == [1.0]
    assert read_columns("k", write("p\n22\n"), ("p",), None)["p"] == [22.0]
    assert read_columns("k", file, ("p",), None)["p"] == [22.0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "k = FILE is empty; give a line of column names and at least one row"),
        ("t,price\n", "k = FILE has no rows; give at least one"),
        ("t,price\n0,1\n60\n", "k: line 3 of FILE has 1 cells where the header has 2; mend that line"),
        ("t,price\n0,1,2\n", "k: line 2 of FILE has 3 cells where the header has 2; mend that line"),
        ("t,t,price\n0,1,2\n", "k = FILE has two columns 't'; rename one of them"),
        ("t,prize\n0,1\n", "k: FILE has no column 'price'; did you mean 'prize'?"),
        ("t;price\n0;1\n", "k: FILE has no column 't'; known here: t;price"),
        ("t,price\n0,1\n60,\n", "k: column 'price' of FILE holds nothing in data row 2; give a finite number"),
        ("t,price\n0,1\n60,high\n", "k: column 'price' of FILE holds 'high' in data row 2; give a finite number"),
        ("t,price\n0,inf\n", "k: column 'price' of FILE holds inf in data row 1; give a finite number"),
        ("t,price\nnoon,1\n", "k: column 't' of FILE holds 'noon' in data row 1; give seconds or a date like 2020-03"),
        ("t,price\n12/03/2020,1\n", "k: column 't' of FILE holds '12/03/2020' in data row 1; give seconds or a date"),
        (
            "t,price\n0,1\n60,1e300\n",
            "k: column 'price' of FILE holds 1e+300 in data row 2; give 0 or a number between",
        ),
        ("t,price\n0,True\n", "k: column 'price' of FILE holds true in data row 1; give numbers"),
        ("t,price\n1583971200000,1\n", "k: column 't' of FILE holds 1583971200000 in data row 1; give seconds, not mi"),
        (b"t,price\n\xff\xfe,1\n", "k = FILE cannot be read ("),
        (b't,price\n"0,1\n', "k: line 2 of FILE has 1 cells where the header has 2; mend that line"),
    ],
)
def test_tables_that_cannot_be_used_are_refused_by_row(write, content, message):
    file = write(content)
    said = refused(read_columns, "k", file, ("t", "price"), "t")
    assert said.startswith(message.replace("FILE", file))
    assert "\n" not in said


def test_files_that_cannot_be_opened_are_refused(write, tmp_path):
    """Missing, a directory, a name that no file can have, and Parquet that is none."""
    assert refused(read_columns, "k", str(tmp_path / "none.csv"), ("t",), "t") == (
        f"k = {tmp_path}/none.csv does not exist; give a CSV or Parquet file relative to the scenario"
    )
    assert "is a directory; give a CSV or Parquet file" in refused(read_columns, "k", str(tmp_path), ("t",), "t")
    assert refused(read_columns, "k", "x" * 5000, ("t",), "t").startswith("k = xxx")
    assert refused(read_columns, "k", "a\0b", ("t",), "t").startswith("k = a\0b")
    said = refused(read_columns, "k", write("t\n1\n", "table.parquet"), ("t",), "t")
    assert said.startswith(f"k = {tmp_path}/table.parquet cannot be read (")
    assert said.endswith("; give a valid CSV or Parquet file")


def test_a_pipe_is_refused_as_it_can_be_read_but_once(tmp_path):
    """Such as a shell puts in the place of `<(zcat prices.csv.gz)`; waiting for a writer might take for ever."""
    os.mkfifo(tmp_path / "pipe.csv")
    said = refused(read_columns, "k", str(tmp_path / "pipe.csv"), ("t",), "t")
    assert said == f"k = {tmp_path}/pipe.csv is a pipe or a device; save what it gives, and name the file"


def test_dates_are_no_prices(write):
    file = write(pd.DataFrame({"t": [0], "price": pd.to_datetime(["2020-03-12"])}), "table.parquet")
    assert refused(read_columns, "k", file, ("price",), "t").endswith("holds dates; name a column of numbers")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(write):
    file = write("t\n1\n")
    os.chmod(file, 0)
    assert "cannot be read (" in refused(read_columns, "k", file, ("t",), "t")


# Positions


def test_positions_are_units_by_reserve_whatever_the_order_of_columns(write):
    file = write("debt_DAI,collateral_ETH\n16000,10\n0,2.5\n")
    collateral, debt = read_positions("k", file, ["DAI", "ETH"])
    np.testing.assert_array_equal(collateral, [[0.0, 10.0], [0.0, 2.5]])
    np.testing.assert_array_equal(debt, [[16000.0, 0.0], [0.0, 0.0]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "collateral_ETH,debt_DIA\n1,2\n",
            "k: FILE has a column 'debt_DIA', which is no collateral_<asset> or debt_<ass",
        ),
        (
            "collateral_ETH,debt_DAI\n1,-2\n",
            "k: column 'debt_DAI' of FILE holds -2 in data row 1; give 0 or more units",
        ),
        (
            "collateral_ETH,debt_DAI\n1,\n",
            "k: column 'debt_DAI' of FILE holds nothing in data row 1; give a finite number",
        ),
        (
            "collateral_ETH,debt_DAI\n1,1e-300\n",
            "k: column 'debt_DAI' of FILE holds 1e-300 in data row 1; give 0 or a number between 1e-18 and 1e+18",
        ),
    ],
)
def test_positions_that_cannot_be_used_are_refused_by_row(write, content, message):
    file = write(content)
    assert refused(read_positions, "k", file, ["DAI", "ETH"]).startswith(message.replace("FILE", file))


# Files in a scenario


def test_files_are_anchored_and_named_wherever_they_are(tmp_path):
    """Relative names move to the folder, absolute ones stay, what is no name stays for the validation to refuse."""
    tree = {"a": {"file": "x.csv"}, "list": [{"file": "/abs/y.csv"}, {"file": ""}, {"file": 5}]}
    anchor_files(tree, tmp_path)
    assert tree == {"a": {"file": f"{tmp_path}/x.csv"}, "list": [{"file": "/abs/y.csv"}, {"file": ""}, {"file": 5}]}
    assert dict(named_files(tree)) == {"a.file": f"{tmp_path}/x.csv", "list.0.file": "/abs/y.csv", "list.1.file": ""}


@pytest.mark.parametrize(
    ("key", "value", "content", "message"),
    [
        ("assets.ETH.price", {"kind": "file"}, "time,price\n0,1\n0,2\n", "assets.ETH.price: FILE goes back in time"),
        (
            "assets.ETH.price",
            {"kind": "file"},
            "time,price\n0,-1\n",
            "assets.ETH.price: FILE has price = -1.0 in row 1",
        ),
        (
            "assets.ETH.price",
            {"kind": "bars"},
            "time,open,high,low,close\n0,1,1,1,1\n90,1,1,1,1\n",
            "assets.ETH.price: bars of 90 s in FILE do not fit steps of 60 s",
        ),
        (
            "agents.borrowers.0",
            {},
            "collateral_ETH,debt_USD\n1,2\n",
            "agents.borrowers.0.file: FILE has a column 'debt_USD'",
        ),
        (
            "blockspace",
            {"asset": "ETH", "gas_price_gwei": {"kind": "file", "file": "table.csv"}},
            "time,price\n0,0\n",
            "blockspace.gas_price_gwei: FILE has price = 0.0 in row 1",
        ),
    ],
)
def test_what_files_hold_is_found_by_a_check_and_by_a_run(write, small_world, tmp_path, key, value, content, message):
    """Loading leaves files alone; whoever checks first hears the same sentence as who simulates at once."""
    file = write(content)
    world = small_world(**{key.replace(".", "__"): value if key == "blockspace" else {**value, "file": "table.csv"}})
    scenario = Scenario.from_dict(world, base_dir=tmp_path)
    said = refused(scenario.check_inputs)
    assert said.startswith(message.replace("FILE", file))
    assert refused(simulate, scenario) == said


def test_sources_that_do_not_fit_the_first_price_in_a_file_are_refused(write, small_world, tmp_path):
    """A range so narrow that at the price in the file its ends are the same number."""
    write("time,price\n0,1.35\n")
    world = small_world(
        assets__ETH__price={"kind": "file", "file": "table.csv"},
        markets__0__sources=[
            {"kind": "concentrated", "ranges": [{"lower": 1.5, "upper": math.nextafter(1.5, 2.0), "value": 1e6}]}
        ],
    )
    scenario = Scenario.from_dict(world, base_dir=tmp_path)
    assert refused(scenario.check_inputs).startswith("markets.0.sources: ")
