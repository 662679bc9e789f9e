"""What became of one path, on its way from whoever simulated it to the files."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class PathOutcome:
    """What became of one path: its tables and its summary, or the reason why it has none. The label is the task's."""

    path: int
    seed: int
    tables: "dict[str, pd.DataFrame]" = field(default_factory=dict)
    summary: dict[str, float] = field(default_factory=dict)
    error: str | None = None
    trace: str | None = None
    label: str = ""
    weight: float = 1.0
