"""One sentence for whatever a scenario got wrong: the key, what was given, and what would do."""

import difflib
import types
import typing
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails


def sentence(error: ValidationError, model: type[BaseModel]) -> str:
    """Return the first problem as one sentence, and how many more there are."""
    problems = error.errors(include_url=False)
    # A wrong member of a union is reported once for each alternative; the deepest report is the one that fits best.
    first = max(problems, key=lambda p: (p["type"] == "extra_forbidden", 0)) if len(problems) > 1 else problems[0]
    text = _describe(first, model)
    others = len({_key(p, model) for p in problems} - {_key(first, model)})
    return f"{text} (and {others} more)" if others else text


def nearest(name: str, known: list[str]) -> str | None:
    """Return the known name that looks most like `name`, or None."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return close[0] if close else None


def _describe(problem: ErrorDetails, model: type[BaseModel]) -> str:
    key = _key(problem, model)
    given = problem["input"]
    if problem["type"] == "extra_forbidden":
        return _unknown_key(problem, model, key)
    if problem["type"] == "missing":
        return f"{key} is missing; add it"
    if problem["type"] == "value_error":
        reason = str(problem.get("ctx", {}).get("error", problem["msg"]))
        return f"{key}: {reason}" if key else reason
    if problem["type"] == "union_tag_invalid":
        context = problem["ctx"]
        tags = [tag.strip().strip("'") for tag in str(context["expected_tags"]).split(",")]
        guess = nearest(str(context["tag"]), tags)
        hint = f"did you mean {guess!r}? It" if guess else "it"
        field = str(context["discriminator"]).strip("'")
        return f"{key}.{field} = {context['tag']!r} is not known; {hint} can be {', '.join(tags)}"
    if problem["type"] == "union_tag_not_found":
        field = str(problem["ctx"]["discriminator"]).strip("'")
        return f"{key}.{field} is missing; add it to say which kind is meant"
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return f"{key} = {_short(given)} cannot be used: {message.replace('input ', 'it ', 1)}"


def _unknown_key(problem: ErrorDetails, model: type[BaseModel], key: str) -> str:
    parent = _walk(model, problem["loc"][:-1])[1]
    name = str(problem["loc"][-1])
    known = sorted(parent.model_fields) if parent is not None else []
    guess = nearest(name, known)
    if guess:
        return f"{key} = {_short(problem['input'])} is not a known key; did you mean {guess!r}?"
    return f"{key} = {_short(problem['input'])} is not a known key; known here: {', '.join(known)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _key(problem: ErrorDetails, model: type[BaseModel]) -> str:
    """Return the dotted key of a problem as the scenario file spells it, without the names of union members."""
    return ".".join(_walk(model, problem["loc"])[0])


def _walk(model: type[BaseModel], loc: tuple[int | str, ...]) -> tuple[list[str], type[BaseModel] | None]:
    """Follow a location through the model; return the keys that the file has, and the model at the end."""
    keys: list[str] = []
    here: list[Any] = [model]
    for part in loc:
        following: list[Any] = []
        for kind in here:
            following.extend(_step(kind, part))
        if following or isinstance(part, int):
            keys.append(str(part))
            here = following
        elif any(_has_fields(kind) or typing.get_origin(kind) is dict for kind in here) and not _is_tag(here, part):
            keys.append(str(part))
            here = []
        else:
            here = [kind for kind in here if _tagged(kind, part)] or here
    models = [kind for kind in here if _has_fields(kind)]
    return keys, models[0] if models else None


def _step(kind: Any, part: int | str) -> list[Any]:
    origin = typing.get_origin(kind)
    if origin is list and isinstance(part, int):
        return _members(typing.get_args(kind)[0])
    if origin is dict and isinstance(part, str):
        return _members(typing.get_args(kind)[1])
    if _has_fields(kind) and part in kind.model_fields:
        return _members(kind.model_fields[part].annotation)
    return []


def _members(annotation: Any) -> list[Any]:
    """Return the alternatives of an annotation, unions and annotations unwrapped."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _members(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [member for arg in typing.get_args(annotation) for member in _members(arg)]
    return [annotation]


def _has_fields(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _is_tag(kinds: list[Any], part: int | str) -> bool:
    return any(_tagged(kind, part) or getattr(kind, "__name__", None) == part for kind in kinds) or part in (
        "float",
        "constrained-float",
        "list",
    )


def _tagged(kind: Any, part: int | str) -> bool:
    """Return whether `part` is the value of the discriminator of this member of a union."""
    if not _has_fields(kind):
        return False
    for name in ("kind", "design"):
        field = kind.model_fields.get(name)
        if field is not None and part in typing.get_args(field.annotation):
            return True
    return False
