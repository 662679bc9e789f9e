"""The base of every set of parameters: frozen, strict, refused with a sentence when they cannot be used.

Strict is strict about types: what a scenario's arrays are read into is a `list`, of a fixed length by `Field`.
"""

from pydantic import BaseModel, ConfigDict


class Parameters(BaseModel):
    """Parameters of a mechanism or an agent; validated where they are made, never changed afterwards."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
