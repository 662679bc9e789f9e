"""The tables of a run: their names, the types of their columns, and the digest that proves two runs equal."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

# As `abm.record.columns` has them: what is stored is read and drawn without the simulator, whose import takes seconds.
TABLES = (
    "steps", "liquidations", "write_offs", "depth", "landscape", "trades", "providers", "attacks", "auctions",
    "depositors", "nodes", "exposures", "liquidators", "balance_sheets",
)  # fmt: skip

# A table without rows does not show its types, and the first path often liquidates nobody.
TEXT = {
    "pool", "liquidator", "debt_asset", "collateral_asset", "layer", "market", "base", "quote", "source", "side",
    "taker", "maker", "cohort", "attacker", "strategy", "asset", "oracle",
    "opener", "node", "target", "kind",
}  # fmt: skip
INTEGER = {
    "path", "step", "account", "generation", "trades", "member", "blocks", "opened_step", "bids", "resets", "open",
    "group", "members", "asked_members",
    "calls", "failed", "left_out", "liquidations", "active",
}  # fmt: skip


class Digest:
    """blake2b over the tables: column names, types and values in the order of the rows, however they are cut up."""

    def __init__(self) -> None:
        self._columns: dict[tuple[str, str, str], Any] = {}

    def add(self, table: str, rows: pa.Table) -> None:
        """Take in the next rows of a table."""
        for name, values in zip(rows.column_names, rows.columns, strict=True):
            key = (table, name, str(values.type))
            digest = self._columns.setdefault(key, blake2b(digest_size=32))
            if pa.types.is_string(values.type):
                coded = pc.dictionary_encode(values.combine_chunks(), null_encoding="encode")
                texts = [b"" if text is None else text.encode() for text in coded.dictionary.to_pylist()]
                parts = [len(text).to_bytes(4, "little") + text for text in texts]
                digest.update(b"".join([parts[k] for k in coded.indices.to_pylist()]))
            else:
                digest.update(np.ascontiguousarray(values.to_numpy()).tobytes())

    def hexdigest(self) -> str:
        """The digest of everything added so far."""
        whole = blake2b(digest_size=32)
        for key in sorted(self._columns):
            whole.update("\0".join(key).encode() + b"\0" + self._columns[key].digest())
        return whole.hexdigest()


def digest(tables: Mapping[str, pd.DataFrame]) -> str:
    """The digest of whole tables, equal to the one in the manifest of the run that made them."""
    taken = Digest()
    for name, frame in tables.items():
        taken.add(name, pa.Table.from_pandas(frame, schema=schema_of(frame), preserve_index=False))
    return taken.hexdigest()


def schema_of(frame: pd.DataFrame) -> pa.Schema:
    """The stored types of a table's columns: text, whole numbers, truth values, and float64 for everything else."""

    def stored(name: str) -> pa.DataType:
        kind = frame[name].dtype.kind
        if name in TEXT or (kind == "O" and len(frame) > 0):
            return pa.string()
        if name in INTEGER or kind in "iu":
            return pa.int64()
        return pa.bool_() if kind == "b" else pa.float64()

    return pa.schema([(str(name), stored(str(name))) for name in frame.columns])
