"""Where results come from: the program, the command and the versions that made them."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("mesa", "networkx", "numba", "numpy", "pandas", "pyarrow", "pydantic")


def provenance(command_line: Sequence[str]) -> dict[str, Any]:
    """What a manifest says of where results come from: the command, the time, and the versions that matter."""
    return {
        "underwater": version_of("underwater"),
        "program": program().hex(),
        "command_line": list(command_line),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: version_of(name) for name in PACKAGES},
    }


def version_of(package: str) -> str | None:
    """A package's installed version; None when it runs from a source tree that was never installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@cache
def program() -> bytes:
    """A digest of the simulator: its version and the source of everything that a path runs."""
    import abm  # noqa: PLC0415  seconds, and whoever draws stored results has no need of it
    import models  # noqa: PLC0415

    content = blake2b(str(version_of("underwater")).encode(), digest_size=16)
    for package in (models, abm):
        home = Path(next(iter(package.__path__)))
        for file in sorted(home.rglob("*.py")):
            content.update(str(file.relative_to(home)).encode() + b"\0" + file.read_bytes())
    return content.digest()
