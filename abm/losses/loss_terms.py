"""What happens to the bad debt of a pool, as a scenario says it: layers in order, presets, recognition, recoveries."""

from collections.abc import Sequence
from typing import Annotated, Literal, cast

from pydantic import Field

from models.losses import Layer, PresetName, preset
from models.parameters import Parameters


class Recovery(Parameters):
    """Money that comes back: a `share` of all that was lost by then of an `asset`, of each by default."""

    at_seconds: float = Field(ge=0)
    share: float = Field(gt=0, le=1)
    asset: str | None = None


class Losses(Parameters):
    """What happens to bad debt: the layers that pay in order, and how the rest is recognised.

    A `preset` puts the layers of a protocol together. Beside it a layer of a kind that it has sets the terms there, as
    far as they are given; any other goes in before its last layer, which takes what is left. `depth_usd` is how much of
    a token stands against a layer's sale where no market of the scenario sells it, as in a constant product: without
    end by default.
    """

    recognition: Literal["immediate", "deferred"] = "immediate"
    preset: PresetName | None = None
    layers: list[Layer] = []
    depth_usd: dict[str, Annotated[float, Field(gt=0)]] = {}
    recoveries: list[Recovery] = []

    def stack(self) -> list[Layer]:
        """Return all layers in the order in which they are asked."""
        if self.preset is None:
            return list(self.layers)
        stack = cast("list[Layer]", preset(self.preset))
        kinds = [layer.kind for layer in stack]
        beside: list[Layer] = []
        for layer in self.layers:
            if layer.kind not in kinds:
                beside.append(layer)
                continue
            at = kinds.index(layer.kind)
            given = {name: getattr(layer, name) for name in layer.model_fields_set}
            stack[at] = stack[at].model_copy(update=given)
        return [*stack[:-1], *beside, stack[-1]]


def covered(layer: Layer, reserves: Sequence[str], reserve: int) -> bool:
    """Return whether a layer bears losses of a reserve; one with money covers the first where it names none."""
    if layer.covers is not None:
        return layer.covers == reserves[reserve]
    return reserve == 0 or not layer.has_means()


def claims_layers(stack: Sequence[Layer], reserves: Sequence[str]) -> list[tuple[Layer, int, float]]:
    """Return the layers that hold claims on the pool, with the reserve each covers and the units claimed at first."""
    return [
        (layer, reserves.index(layer.covers) if layer.covers is not None else 0, claims)
        for layer in stack
        if (claims := layer.claims()) is not None
    ]


def called_of(layers: Sequence[Layer]) -> list[str]:
    """Return what the layers that cover one reserve are called in the tables: the kind, numbered where it recurs."""
    kinds = [layer.kind for layer in layers]
    return [
        kind if kinds.count(kind) == 1 or kind in ("reserve", "insurance") else f"{kind}.{kinds[:at].count(kind)}"
        for at, kind in enumerate(kinds)
    ]


def insurer_name(number: int, count: int) -> str:
    """Return what one of so many insurers of a pool is called there."""
    return "insurance" if count == 1 else f"insurance.{number}"
