"""What the files of a directory were when a command wrote them: its manifest has a digest of each.

Models: whoever draws results may find that they make no sense; then the digests say whether a file is another by now,
damaged, edited or of other results, and which. Nothing is refused for that alone: edited tables may be drawn.
Leaves out: files that were written after the manifest, and those of `inputs/`.
"""

import json
from hashlib import blake2b, file_digest
from pathlib import Path

_KINDS = (".parquet", ".json", ".toml")
_NOT_SEALED = ("manifest.json", "cells.parquet")


def seals(directory: Path) -> dict[str, str]:
    """A digest of each file that is there."""
    files = sorted(file for file in directory.iterdir() if file.suffix in _KINDS and file.name not in _NOT_SEALED)
    return {file.name: _seal(file) for file in files}


def broken(directory: Path) -> list[str]:
    """The names of the files that are no longer what the manifest says they were; the manifest's own if it says none.

    None where it was written before manifests had digests of files.
    """
    try:
        manifest = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
        sealed = manifest.get("files", {}).items()
    except (OSError, ValueError, AttributeError):
        return ["manifest.json"]
    return [name for name, seal in sealed if not (directory / name).is_file() or _seal(directory / name) != seal]


def _seal(file: Path) -> str:
    with file.open("rb") as content:
        return file_digest(content, lambda: blake2b(digest_size=16)).hexdigest()
