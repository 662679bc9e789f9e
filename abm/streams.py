"""A named random stream for every use, all derived from one seed.

A stream's state depends on the seed and its own name only, so adding an agent kind or changing a design leaves every
other draw untouched: two designs on one seed meet the same prices and the same population (common random numbers).
"""

import zlib

import numpy as np

from abm.reading.inputs import ScenarioError
from abm.reading.sentences import shown

MOST_SEED = 2**63 - 1
"""The largest seed that tables hold."""


class Turns:
    """A random order of 0 … count - 1, again and again; drawn many at a time, since a draw of few costs as much."""

    _AHEAD = 64

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self._count = count
        self._rng = rng
        self._drawn: list[list[int]] = []

    def next(self) -> list[int]:
        """Return the next order."""
        if not self._drawn:
            many = np.tile(np.arange(self._count), (self._AHEAD, 1))
            self._drawn = self._rng.permuted(many, axis=1).tolist()
        return self._drawn.pop()


class Streams:
    """Named generators of one path. Asking twice for a name continues the same stream.

    Raises `ScenarioError` for a seed that is no whole number, negative, or more than tables hold.
    """

    def __init__(self, seed: int) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed <= MOST_SEED:
            raise ScenarioError(f"seed = {shown(seed)} cannot be used; give a whole number from 0 to {MOST_SEED}")
        self.seed = seed
        self._open: dict[tuple[str, ...], np.random.Generator] = {}

    def __call__(self, *name: str) -> np.random.Generator:
        """Return the generator of this name, e.g. ``streams("price", "ETH")``."""
        generator = self._open.get(name)
        if generator is None:
            # The length in front keeps ("ab", "c") and ("a", "bc") apart even where checksums agree.
            key = (len(name), *(zlib.crc32(part.encode()) for part in name))
            generator = np.random.default_rng(np.random.SeedSequence(entropy=self.seed, spawn_key=key))
            self._open[name] = generator
        return generator
