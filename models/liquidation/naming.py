"""Designs by name, each seen to say of itself what others rely on.

**Source**: none, it is bookkeeping.

**Models**: a scenario, `underwater designs`, a comparison and a tuning know a design by its `design`, run it with its
defaults, and read its `source`, `leaves_out` and `bounds`. What is missing there is told when the designs are listed,
not when somebody first asks for it.

**Leaves out**: whether its rule is right.

**Units**: none.

**Invariants**: every name stands for one design.
"""

from collections.abc import Iterable
from typing import get_args

from models.liquidation.design import WRAPPERS, DesignParameters


class MisstatedDesign(TypeError):
    """A design does not say of itself what it has to."""


def by_name(kinds: Iterable[type[DesignParameters]]) -> dict[str, type[DesignParameters]]:
    """The designs by their names, in order. Raises `MisstatedDesign`, with what is missing and where."""
    named: dict[str, type[DesignParameters]] = {}
    for kind in kinds:
        name = _name(kind)
        if name in named:
            raise MisstatedDesign(
                f"{kind.__name__} and {named[name].__name__} are both called {name!r}; give one another `design`"
            )
        _check(kind)
        named[name] = kind
    return named


def _name(kind: type[DesignParameters]) -> str:
    field = kind.model_fields.get("design")
    names = get_args(field.annotation) if field is not None else ()
    if field is None or len(names) != 1 or field.default != names[0]:
        name = names[0] if names else "its_name"
        raise MisstatedDesign(f'{kind.__name__} does not say its name; add `design: Literal["{name}"] = "{name}"`')
    return str(names[0])


def _check(kind: type[DesignParameters]) -> None:
    for told in ("source", "leaves_out"):
        if not getattr(kind, told, ""):
            raise MisstatedDesign(f'{kind.__name__} tells no {told}; add `{told}: ClassVar[str] = "…"`')
    needed = [key for key, field in kind.model_fields.items() if field.is_required()]
    if needed:
        raise MisstatedDesign(
            f"{kind.__name__}.{needed[0]} has no default, so no comparison can run the design by its name; give one"
        )
    for key, (low, high) in getattr(kind, "bounds", {}).items():
        if key not in kind.model_fields:
            raise MisstatedDesign(
                f"{kind.__name__}.bounds names {key!r}, which is no parameter of it; name one of "
                + ", ".join(own for own in kind.model_fields if own not in ("design", *WRAPPERS))
            )
        if not low < high:
            raise MisstatedDesign(f"{kind.__name__}.bounds of {key!r} run from {low:g} to {high:g}; give low, high")
