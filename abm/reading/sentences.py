"""One sentence for whatever a scenario got wrong: the key, what was given, and what would do."""

import datetime
import difflib
import types
import typing
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_REMEDIES = {
    "float_type": "give a number",
    "finite_number": "give a finite number",
    "int_type": "give a whole number",
    "bool_type": "give true or false",
    "string_type": "give a text in quotes",
    "greater_than": "give a number above {gt:.15g}",
    "greater_than_equal": "give {ge:.15g} or more",
    "less_than": "give a number below {lt:.15g}",
    "less_than_equal": "give {le:.15g} or less",
    "too_short": "give {min_length} or more entries",
    "too_long": "give {max_length} or fewer entries",
    "recursion_loop": "nest it less deeply",
    "recursion_depth_exceeded": "nest it less deeply",
    "string_too_short": "give at least {min_length} character",
    "string_pattern_mismatch": "use letters, digits and . _ - only, with a letter or a digit first",
}
_TAGS = ("kind", "design")  # the keys that say which alternative of a union is meant


def sentence(error: ValidationError, model: type[BaseModel], data: dict[str, Any]) -> str:
    """Return what is most to the point as one sentence, and how many keys more have a problem.

    `data` is what was validated: it tells the keys of a problem's location from the names of union members, which
    pydantic mixes in.
    """
    problems = error.errors(include_url=False)
    # A misspelt key is reported as missing too; that it is unknown says more.
    problems.sort(key=lambda problem: problem["type"] != "extra_forbidden")
    keys = [".".join(_follow(problem, model, data)[0]) for problem in problems]
    others = len(set(keys)) - 1
    more = f" (and {others} more key{'s' if others > 1 else ''} cannot be used)" if others else ""
    return _describe(problems[0], keys[0], model, data) + more


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that looks most like `name`, whatever its case, or None."""
    names = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), names, n=1, cutoff=0.6)
    return names[close[0]] if close else None


def shown(value: Any) -> str:
    """Return a value as a message shows it, on one line: as TOML spells it where that is short."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, int) and abs(value) >= 10**30:
        return "a number of more than 30 digits"
    text = " ".join(repr(value).split("\n"))
    return text if len(text) <= 60 else text[:57] + "..."


def _describe(problem: ErrorDetails, key: str, model: type[BaseModel], data: dict[str, Any]) -> str:
    given, context = problem["input"], problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            kind = _follow(problem, model, data)[1]
            known = list(kind.model_fields) if _has_fields(kind) else []
            return f"{key} = {shown(given)} is not a known key; {suggestion(key.rpartition('.')[2], known)}"
        case "missing":
            return f"{key} is missing; add it"
        case "value_error":
            return f"{key}: {context['error']}" if key else str(context["error"])
        case "union_tag_invalid" | "literal_error":
            tag = str(context.get("discriminator", "")).strip("'")
            key, given = (f"{key}.{tag}", given[tag]) if tag else (key, given)
            options = str(context["expected_tags" if tag else "expected"]).replace(" or ", ", ").replace("'", "")
            return f"{key} = {shown(given)} cannot be used; {suggestion(str(given), options.split(', '))}"
        case "union_tag_not_found":
            return f"{key} = {shown(given)} does not say what it is; add its {_choice(problem, model, data)}"
        case "model_type" | "dict_type":
            remedy = f"give one table, written [{_table(key)}]" if isinstance(given, list) else "give a table"
        case "model_attributes_type":
            remedy = f"give a table with its {_choice(problem, model, data)}"
        case "float_type" if problem["loc"][-1] == "number":
            remedy = 'give a number, or a distribution like { kind = "uniform", low = 1.0, high = 2.0 }'
        case "list_type":
            one = f"; a table in it is written [[{_table(key)}]]" if isinstance(given, dict) else ""
            remedy = f"give a list{one}"
        case kind if kind in _REMEDIES:
            remedy = _REMEDIES[kind].format(**context)
        case _:
            remedy = problem["msg"].replace("Input should be", "it should be")
    return f"{key} = {shown(given)} cannot be used; {remedy}"


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the remedy for an unknown name: the nearest one, or all that are known."""
    names = list(known)
    guess = nearest(name, names)
    return f"did you mean {guess!r}?" if guess else f"known here: {', '.join(names) or 'nothing'}"


def _choice(problem: ErrorDetails, model: type[BaseModel], data: dict[str, Any]) -> str:
    """Return the key that says which alternative of a union is meant, with the values it can have."""
    tags = [tag for kind in _follow(problem, model, data)[1] for tag in _tags(kind)]
    return f"{tags[0][0]}: {', '.join(value for _, values in tags for value in values)}"


def _table(key: str) -> str:
    """Return a key as the header of a table has it, without positions in lists."""
    return ".".join(part for part in key.split(".") if not part.isdigit())


def _follow(problem: ErrorDetails, model: type[BaseModel], data: dict[str, Any]) -> tuple[list[str], Any]:
    """Follow a problem's location through the data; return the keys that the file has, and the type they lead into.

    For an unknown key that is the type in which it is unknown.
    """
    keys: list[str] = []
    here: Any = data
    kind: Any = model
    named = False  # whether the alternative of a union has been named since the last key
    *_, last = problem["loc"] or (None,)
    for part in problem["loc"]:
        tag = isinstance(here, dict) and not named and part in [here.get(name) for name in _TAGS]
        if tag or not _has(here, part):
            named = True  # not a key of the file: the name of a union's member, or a key that is missing
            continue
        keys.append(str(part))
        kind = _child(kind, part, here[part])
        here, named = here[part], False
    if problem["type"] == "missing":
        keys.append(str(last))
    return keys, kind


def _has(here: Any, part: int | str) -> bool:
    if isinstance(here, dict):
        return part in here
    return isinstance(here, list) and isinstance(part, int) and part < len(here)


def _child(kind: Any, part: int | str, value: Any) -> Any:
    """Return the type of an entry: of unions the alternative that fits `value`; the type itself for an unknown key."""
    if typing.get_origin(kind) in (list, dict):
        return _fitting(typing.get_args(kind)[-1], value)
    if _has_fields(kind) and part in kind.model_fields:
        return _fitting(kind.model_fields[str(part)].annotation, value)
    return kind


def _fitting(annotation: Any, value: Any) -> Any:
    """Return the alternative of an annotation that a value is meant to be; all of them where it does not say."""
    members = _members(annotation)
    for member in members:
        if typing.get_origin(member) in (list, dict):
            return member
        if _has_fields(member) and isinstance(value, dict):
            tags = _tags(member)
            if not tags or any(value.get(name) in values for name, values in tags):
                return member
    return members


def _tags(kind: Any) -> list[tuple[str, tuple[Any, ...]]]:
    """Return the key that tells an alternative of a union from the others, with its values; nothing for others."""
    if not _has_fields(kind):
        return []
    fields = ((name, kind.model_fields[name]) for name in _TAGS if name in kind.model_fields)
    return [(name, typing.get_args(field.annotation)) for name, field in fields]


def _members(annotation: Any) -> list[Any]:
    """Return the alternatives of an annotation, with unions and metadata unwrapped."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _members(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [member for arg in typing.get_args(annotation) for member in _members(arg)]
    return [annotation]


def _has_fields(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
