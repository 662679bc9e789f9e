"""What is kept under version control: the places that README tells of, and nothing that was downloaded or computed."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOP = {".ci", ".gitignore", "LICENSE", "README.md", "abm", "experiments", "models", "pyproject.toml", "tests"}
LARGEST_BYTES = 1_500_000


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("no clone of the repository")
    listed = subprocess.run([git, "-C", str(ROOT), "ls-files", "-z"], capture_output=True, check=True)
    return [Path(name) for name in listed.stdout.decode().split("\0") if name]


def test_top_level_holds_what_it_is_meant_to_and_nothing_else(tracked: list[Path]) -> None:
    assert {path.parts[0] for path in tracked} == TOP


def test_no_file_is_larger_than_a_picture(tracked: list[Path]) -> None:
    sizes = {str(path): (ROOT / path).stat().st_size for path in tracked if (ROOT / path).exists()}
    assert {name: size for name, size in sizes.items() if size > LARGEST_BYTES} == {}
