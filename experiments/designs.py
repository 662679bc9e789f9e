"""The liquidation designs there are, told from their own parameters."""

import textwrap
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from models.liquidation import DESIGNS, WRAPPERS, Backstop, Oev

DISCRIMINATOR = "design"


def designs() -> dict[str, type[BaseModel]]:
    """The parameters of every liquidation design, by the name a scenario asks for it."""
    return {**DESIGNS}


def catalogue() -> str:
    """Every design with its source, its parameters and what it leaves out, and the wrappers that go around any of them.

    Text for a terminal.
    """
    wrappers: dict[str, type[BaseModel]] = {"oev": Oev, "backstop": Backstop}
    around = [_entry(f"{name} = {{ … }}, around any design", kind) for name, kind in wrappers.items()]
    return "\n\n".join([*(_entry(name, kind) for name, kind in designs().items()), *around])


def _entry(name: str, kind: Any) -> str:
    fields = {key: field for key, field in kind.model_fields.items() if key not in (DISCRIMINATOR, *WRAPPERS)}
    width = max(map(len, fields), default=0)
    lines = [name, _paragraph("Source: ", kind.source)]
    lines += [_paragraph(f"{key:<{width}}  ", _told(field) + _tuned(kind, key)) for key, field in fields.items()]
    lines.append(_paragraph("Leaves out: ", kind.leaves_out))
    return "\n".join(lines)


def _told(field: FieldInfo) -> str:
    """A parameter's default and, where it has one, its description."""
    default = "required" if field.is_required() else f"default {field.get_default(call_default_factory=True)}"
    return f"{default}; {field.description}" if field.description else default


def _tuned(kind: Any, key: str) -> str:
    """Between which values a tuning looks for the best one, where the design says."""
    bounds = kind.bounds.get(key)
    return "; tuned from {:g} to {:g}".format(*bounds) if bounds else ""


def _paragraph(head: str, text: str) -> str:
    return textwrap.fill(
        " ".join(text.split()), width=100, initial_indent=f"  {head}", subsequent_indent=" " * (len(head) + 2)
    )
