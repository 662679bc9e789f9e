"""What a scenario says of itself: the parameters that are not the defaults, and what its author marked as assumed."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

MARK = "ASSUMED"
_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\"-]+)\s*=")

NO_DEFAULT = PydanticUndefined
CHOICES = ("kind", "design")
"""Fields that say which of several parts a scenario has; which one it is matters more than its default."""


def departures(model: BaseModel, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every parameter that is not at its default, as (dotted key, value, default), `NO_DEFAULT` where it has none."""
    for name, info in type(model).model_fields.items():
        value = getattr(model, name)
        default = info.get_default(call_default_factory=True, validated_data={})
        where = f"{key}.{name}" if key else name
        if key and name in CHOICES:
            yield where, value, NO_DEFAULT
        if value == default or name in CHOICES:
            continue
        parts = list(_parts(value, where))
        if parts:
            for place, part in parts:
                yield from departures(part, place)
        else:
            yield where, value, default


def _parts(value: Any, key: str) -> Iterator[tuple[str, BaseModel]]:
    """The models within a value, each with its dotted key; none for a plain value."""
    if isinstance(value, BaseModel):
        yield key, value
    elif isinstance(value, dict) and all(isinstance(part, BaseModel) for part in value.values()):
        yield from ((f"{key}.{name}", part) for name, part in value.items())
    elif isinstance(value, list) and all(isinstance(part, BaseModel) for part in value):
        yield from ((f"{key}.{number}", part) for number, part in enumerate(value))


def notes(source: str) -> list[str]:
    """The comments with which a scenario's file begins, before its first table; a paragraph each."""
    head = source.partition("\n[")[0].splitlines()
    lines = [line[1:].strip() if line.startswith("#") else "" for line in head]
    return [" ".join(block.split()) for block in "\n".join(lines).split("\n\n") if block.strip()]


def assumptions(source: str, stored: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What the comments of a scenario mark as assumed: (key, what is said, the value in this run).

    Where the source has another value than the run, an override has replaced the assumption, and the value says so.
    """
    told = tomllib.loads(source)
    table, counts = "", dict[str, int]()
    found = []
    for line in source.splitlines():
        if header := _HEADER.match(line):
            table = _enter(header[2], header[1] == "[[", counts)
        comment = _comment(line)
        if MARK not in comment:
            continue
        named = _KEY.match(line) if not header else None
        key = ".".join(filter(None, [table, named[1] if named else ""]))
        if not key or line.lstrip().startswith("#"):
            continue
        said = comment.partition(MARK)[2].lstrip(": ").strip()
        then, now = _look_up(told, key), _look_up(stored, key)
        value = "" if isinstance(now, dict | list) or now is None else str(now)
        found.append((key, said, value if then == now or not value else f"{value} in this run; {then} in the source"))
    return found


def _comment(line: str) -> str:
    """The comment at the end of a line, which no string of the line contains."""
    quoted = False
    for place, letter in enumerate(line):
        quoted ^= letter == '"'
        if letter == "#" and not quoted:
            return line[place:]
    return ""


def _enter(header: str, repeated: bool, counts: dict[str, int]) -> str:
    """The dotted key of a table that begins, with the number of each entry of a list of tables on the way."""
    key = ""
    parts = header.replace(" ", "").split(".")
    for depth, part in enumerate(parts):
        key = f"{key}.{part}" if key else part
        if repeated and depth == len(parts) - 1:
            counts[key] = counts.get(key, -1) + 1
        if key in counts:
            key = f"{key}.{counts[key]}"
    return key


def _look_up(tree: Any, key: str) -> Any:
    """What stands under a dotted key in nested data; None where nothing does."""
    for part in key.split("."):
        if isinstance(tree, dict):
            tree = tree.get(part)
        elif isinstance(tree, list) and part.isdigit() and int(part) < len(tree):
            tree = tree[int(part)]
        else:
            return None
    return tree


def source_of(name: str, command_line: list[str], shipped: dict[str, Path]) -> Path | None:
    """The file from which a stored scenario came, if it is still there: one that is shipped, or the one named then."""
    for word in command_line[2:3]:
        if word in shipped:
            return shipped[word]
        if word.endswith(".toml") and Path(word).is_file():
            return Path(word)
    return shipped.get(name)
