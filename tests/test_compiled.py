"""Stored code of kernels: used again by the next process, and never for what has changed in another file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CALLER = """
from models.compiled import compiled
import shelf
from callee import FACTOR, twice

@compiled()
def outer(x):
    return _inner(x) + shelf.one()

@compiled()
def _inner(x):
    return FACTOR * twice(x)
"""

SHELF = """
from models.compiled import compiled

@compiled()
def one():
    return 1.0
"""

CALLEE = """
from models.compiled import compiled
FACTOR = 10.0

@compiled()
def twice(x):
    return 2.0 * x
"""

PROGRAM = "from caller import outer; print(outer(3.0), sum(outer.stats.cache_hits.values()))"


@pytest.fixture
def call(tmp_path):
    for name, text in (("caller", CALLER), ("callee", CALLEE), ("shelf", SHELF)):
        (tmp_path / f"{name}.py").write_text(text)

    def call(stored: Path = tmp_path / "stored") -> tuple[list[str], str]:
        here = {"NUMBA_CACHE_DIR": str(stored), "PYTHONPATH": os.pathsep.join((str(tmp_path), str(Path.cwd())))}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=os.environ | here,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        return done.stdout.split(), done.stderr

    return call


def test_the_next_process_does_not_compile_again(call):
    assert call()[0] == ["61.0", "0"]
    assert call()[0] == ["61.0", "1"]


@pytest.mark.parametrize(
    ("name", "before", "after", "result"),
    [
        ("callee", "2.0 * x", "5.0 * x", "151.0"),  # a kernel that is called by one further down
        ("callee", "FACTOR = 10.0", "FACTOR = 100.0", "601.0"),  # a constant
        ("shelf", "1.0", "7.0", "67.0"),  # a kernel that is called by way of its module
        ("caller", "FACTOR * ", "", "7.0"),
    ],
)
def test_what_changes_in_any_file_is_heard_of(call, tmp_path, name, before, after, result):
    call()
    file = tmp_path / f"{name}.py"
    file.write_text(file.read_text().replace(before, after))
    assert call()[0] == [result, "0"]


def test_where_nothing_can_be_stored_it_warns_and_works(call, tmp_path):
    results, complaint = call(stored=tmp_path / "callee.py" / "below-a-file")
    assert results == ["61.0", "0"]
    assert complaint.count("set NUMBA_CACHE_DIR to a folder that can be written to") == 1
