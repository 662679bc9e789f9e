"""Choices of one random number generator: independent and even, so that rare meetings are as likely as they can be."""

from random import Random
from typing import Any


def choose(draw: Random, *options: Any) -> Any:
    return draw.choice(options)


def maybe(draw: Random, key: str, *options: Any) -> dict[str, Any]:
    """A key with one of its values, or left to its default."""
    value = draw.choice((None, *options))
    return {} if value is None else {key: value}
