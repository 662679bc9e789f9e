"""Rows as tables: the types of columns by their names, so that an empty table has the same ones as a full one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = {
    "path", "step", "account", "generation", "trades", "member", "blocks", "opened_step", "bids", "resets", "open",
    "group", "members", "asked_members",
    "calls", "failed", "left_out", "liquidations", "active",
}  # fmt: skip
_WORDS = {
    "pool", "liquidator", "debt_asset", "collateral_asset", "layer", "market", "base", "quote", "source", "side",
    "taker", "maker", "cohort", "attacker", "strategy", "asset", "oracle",
    "opener", "node", "target", "kind",
}  # fmt: skip


def frame_of(rows: list[tuple[Any, ...]], columns: Sequence[str], path: int) -> "pd.DataFrame":
    """Return rows as a frame whose types do not depend on whether there are any."""
    import pandas as pd  # noqa: PLC0415

    by_column = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    data: dict[str, Any] = {"path": np.full(len(rows), path, dtype=np.int64)}
    for name, values in zip(columns, by_column, strict=True):
        if name in _WORDS:
            data[name] = pd.Series(list(values), dtype="str")
        else:
            data[name] = np.array(values, dtype=np.int64 if name in _WHOLE else np.float64)
    return pd.DataFrame(data)
