"""The tables of a path, each made when somebody first asks for it: most of a comparison's paths are asked for none."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


class Tables(Mapping[str, "pd.DataFrame"]):
    """Tables by name, in the order of `makers`, which say how each is made."""

    __slots__ = ("_made", "_makers")

    def __init__(self, makers: Mapping[str, "Callable[[], pd.DataFrame]"]) -> None:
        self._makers = dict(makers)
        self._made: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> "pd.DataFrame":
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles are plain dictionaries of all tables: what makes them stays here."""
        return dict, (dict(self),)
