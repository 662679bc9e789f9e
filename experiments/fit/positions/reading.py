"""A file of positions as laws are fitted to it: what each owes, how healthy it is, and in which assets.

Two kinds of columns are known. `collateral_<asset>` and `debt_<asset>` in units are what `[[agents.borrowers]]` reads
itself; what they are worth, and how healthy that is, is said by a scenario: its first oracle prices, and the
liquidation thresholds of its pool. `debt_usd`, `health`, `collateral` and `debt` (names of assets) say it themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from abm import Scenario, ScenarioError
from abm.model import UnderwaterModel
from abm.reading.inputs import read_columns, read_frame, read_positions
from abm.reading.sentences import suggestion
from models.types import BoolArray, FloatArray

SAID = ("debt_usd", "health", "collateral", "debt")
LEAST_POSITIONS = 30
"""Of fewer the ranks say hardly anything: a correlation of 0.3 is within two standard errors of none."""


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """Debts in dollars and healths above 1, both of shape (positions,), and the assets of each.

    Attributes:
        below: how many have a health of 1 or less, which no scenario starts with, and are left out.
        without_debt: how many owe nothing, and are left out.
        mixed: how many have several collaterals or debts, and count as of the largest of each.
    """

    source: str
    debt_usd: FloatArray
    health: FloatArray
    pairs: list[tuple[str, str]]
    in_units: bool
    below: int
    without_debt: int
    mixed: int

    @property
    def by_pair(self) -> dict[tuple[str, str], BoolArray]:
        """Which positions are of each collateral and debt, the most frequent ones first."""
        names = sorted(set(self.pairs), key=lambda pair: (-self.pairs.count(pair), pair))
        return {name: np.array([pair == name for pair in self.pairs], dtype=np.bool_) for name in names}


def holds_positions(file: Path) -> bool:
    """Whether a file has columns of positions. Raises `ScenarioError` where it cannot be read."""
    names = _names(file)
    return _in_units(names) or bool(set(SAID) & set(names))


def read(file: Path, scenario: Scenario | None, pool: str | None) -> Positions:
    """Read a file of positions of either kind.

    Raises `ScenarioError`, one sentence with the remedy, for a file that cannot be read, lacks a column, has a debt or
    a health that is negative or no number, or too few positions that owe something and are healthy.
    """
    names = _names(file)
    in_units = _in_units(names)
    if not in_units and (scenario is not None or pool is not None):
        option = "scenario" if scenario is not None else "pool"
        raise ScenarioError(
            f"--{option} values units of assets, but {file} says debts and healths itself; leave it out"
        )
    debt_usd, health, pairs, mixed = _by_scenario(file, scenario, pool) if in_units else _as_said(file, names)
    owing = debt_usd > 0.0
    healthy = owing & (health > 1.0)
    found = Positions(
        source=str(file),
        debt_usd=debt_usd[healthy],
        health=health[healthy],
        pairs=[pair for pair, kept in zip(pairs, healthy.tolist(), strict=True) if kept],
        in_units=in_units,
        below=int(np.count_nonzero(owing & ~healthy)),
        without_debt=int(np.count_nonzero(~owing)),
        mixed=int(np.count_nonzero(mixed & healthy)),
    )
    count = len(found.debt_usd)
    if count < LEAST_POSITIONS:
        some = f"{count:,} position{'' if count == 1 else 's'}"
        raise ScenarioError(
            f"{file} has {some} with a debt and a health above 1, too few to fit anything to; give {LEAST_POSITIONS} "
            "or more"
        )
    return found


def _names(file: Path) -> list[str]:
    if not file.exists():
        raise ScenarioError(f"{file} does not exist; give a CSV or Parquet file of prices or of positions")
    return [str(name) for name in read_frame("fit", str(file)).columns]


def _in_units(names: Sequence[str]) -> bool:
    return "health" not in names and any(name.startswith("collateral_") for name in names)


def _by_scenario(
    file: Path, scenario: Scenario | None, pool: str | None
) -> tuple[FloatArray, FloatArray, list[tuple[str, str]], BoolArray]:
    """Value units at the first oracle prices of a scenario, and its pool's liquidation thresholds."""
    if scenario is None:
        raise ScenarioError(
            f"{file} holds positions in units; name the scenario whose prices and liquidation thresholds say what they "
            "are worth with --scenario NAME|FILE"
        )
    pools = {one.name: one for one in scenario.pools}
    if not pools:
        raise ScenarioError(f"{scenario.name} has no pools, so that no position has a health; name another --scenario")
    if pool is not None and pool not in pools:
        raise ScenarioError(f"--pool {pool} is no pool of {scenario.name}; {suggestion(pool, pools)}")
    terms = pools[pool] if pool is not None else scenario.pools[0]
    reserves = list(terms.reserves)
    collateral, debt = read_positions("fit", str(file), reserves)
    nobody = scenario.model_copy(update={"agents": type(scenario.agents)(), "beside": None})
    world = UnderwaterModel(nobody, 1).world
    prices = np.array([world.oracle[world.index[name]] for name in reserves])
    thresholds = np.array([reserve.liquidation_threshold for reserve in terms.reserves.values()])
    debt_usd, limits = debt * prices, collateral * (prices * thresholds)
    owed, limit = debt_usd.sum(axis=1), limits.sum(axis=1)
    health = np.divide(limit, owed, out=np.full(len(owed), np.inf), where=owed > 0.0)
    largest = zip(limits.argmax(axis=1).tolist(), debt_usd.argmax(axis=1).tolist(), strict=True)
    mixed = (np.count_nonzero(limits, axis=1) > 1) | (np.count_nonzero(debt_usd, axis=1) > 1)
    return owed, health, [(reserves[c], reserves[d]) for c, d in largest], mixed


def _as_said(file: Path, names: Sequence[str]) -> tuple[FloatArray, FloatArray, list[tuple[str, str]], BoolArray]:
    """Take debts, healths and the names of assets as the file has them."""
    for name in SAID:
        if name not in names:
            raise ScenarioError(f"{file} has no column {name!r}; add it: positions have {', '.join(SAID)}")
    columns = read_columns("fit", str(file), ("debt_usd", "health"), None)
    for name, values in columns.items():
        negative = np.flatnonzero(values < 0.0)
        if negative.size:
            row = int(negative[0])
            raise ScenarioError(
                f"column {name!r} of {file} holds {values[row]:g} in data row {row + 1}; give 0 or more"
            )
    frame = read_frame("fit", str(file))
    for name in ("collateral", "debt"):
        empty = np.flatnonzero(frame[name].isna().to_numpy())
        if empty.size:
            raise ScenarioError(f"column {name!r} of {file} holds nothing in data row {empty[0] + 1}; name an asset")
    pairs = list(zip(frame["collateral"].astype(str).tolist(), frame["debt"].astype(str).tolist(), strict=True))
    return columns["debt_usd"], columns["health"], pairs, np.zeros(len(frame), dtype=np.bool_)
