"""The rows of the blocks: what is written down at the end of every one of them, and the two tables made of it.

A block leaves raw figures behind: the prices, the reserves' books, and what cannot be told from these. What can (the
debts and deposits in dollars, the utilisation, the rate) is worked out for all blocks together when somebody asks for
the table, each figure by the same operations in the same order as block by block, so to the same bits.
"""

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from abm.frames import frame_of
from models.types import FloatArray

if TYPE_CHECKING:
    import pandas as pd

    from abm.model import UnderwaterModel
    from abm.world import Lender, World
    from models.lending import Below

STEP_COLUMNS = (
    "debt_usd", "collateral_usd", "liquidatable_usd", "underwater_usd", "shortfall_usd", "bad_debt_usd", "deposits_usd",
    "cash_usd", "utilisation", "gas_gwei", "liquidations", "waiting", "refused", "liquidator_capital_usd",
    "liquidator_capital_in_use_usd", "deficit_usd", "treasury_usd", "insurer_capital_usd", "queued_withdrawals_usd",
    "arbitrage_capital_usd", "queue_length", "withdrawn_usd", "borrow_rate_per_year", "backstop_usd",
    "active_liquidators", "absorbed_usd", "written_off_usd", "pending_usd", "uncovered_usd", "recovered_usd",
    "layers_capital_usd",
)  # fmt: skip
NOTED_COLUMNS = (
    "liquidatable_usd", "underwater_usd", "shortfall_usd", "bad_debt_usd", "gas_gwei", "liquidations", "waiting",
    "refused", "liquidator_capital_usd", "liquidator_capital_in_use_usd", "insurer_capital_usd",
    "queued_withdrawals_usd", "arbitrage_capital_usd", "queue_length", "withdrawn_usd", "backstop_usd",
    "active_liquidators", "absorbed_usd", "written_off_usd", "pending_usd", "uncovered_usd", "recovered_usd",
    "layers_capital_usd",
)  # fmt: skip
"""Noted block by block; `liquidations` and `refused` as counts so far."""
SHEET_COLUMNS = (
    "step", "pool", "asset", "cash", "debt", "deficit", "claims", "treasury", "assets", "equity", "pending",
    "uncovered",
)  # fmt: skip
_NOTHING_LOST = [0.0] * 5


class BlockRows:
    """What every block so far has left behind; `written` counts them."""

    def __init__(self, world: "World") -> None:
        self._world = world
        steps = world.scenario.time.steps
        self.steps = steps
        self.written = 0
        # Flat, a row behind the other: the cheapest way to write a few numbers down.
        self._prices = array("d")
        self._noted = array("d")
        self._starts: list[list[float]] = []
        self._books = [array("d") for _ in world.scenario.pools]
        self._owed = [np.zeros((steps, 2, len(pool.reserves))) for pool in world.scenario.pools]

    def note(self, model: "UnderwaterModel", bad_debt_usd: float, liquidations: int, refusals: int) -> None:
        """Write down the state at the end of a block, and the recorder's own sums and counts so far."""
        world = self._world
        self._prices.extend(world.reference)
        self._prices.extend(world.venue_prices())
        self._prices.extend(world.oracle)
        liquidatable = underwater = shortfall = queued = withdrawn = 0.0
        waiting = queue = 0
        for lender in world.lenders:
            below = lender.liquidatable()
            if below.accounts.size:
                waiting += below.accounts.size
                owed, under, short = _sums(below)
                liquidatable += owed
                underwater += under
                shortfall += short
            exits = lender.exits
            if exits.anybody_asked:
                queue += exits.length
                for reserve, price in enumerate(lender.price_list):
                    withdrawn += (exits.withdrawn[reserve] - exits.returned[reserve]) * price
                    queued += exits.waiting(reserve) * price
        self._noted.extend(
            (
                liquidatable, underwater, shortfall, bad_debt_usd, world.gas_gwei, liquidations, waiting, refusals,
                *model.liquidator_capital_usd(), model.insurer_capital_usd(), queued, model.arbitrage_capital_usd(),
                queue, withdrawn, model.backstop_usd(), self._acting(model), *self._note_books(model),
            )
        )  # fmt: skip
        self.written += 1

    def _note_books(self, model: "UnderwaterModel") -> list[float]:
        """Write down the reserves' books; return what became of all bad debt so far, and what layers have."""
        step = self.written
        became, capital = _NOTHING_LOST, 0.0
        for number, losses in enumerate(model.losses):
            self._books[number].frombytes(self._world.lenders[number].pool.book.tobytes())
            capital += losses.capital_usd()
            if losses.lost:
                self._owed[number][step] = losses.open_units()
                became = [so_far + one for so_far, one in zip(became, losses.totals.figures(), strict=True)]
        return [*became, capital]

    def _acting(self, model: "UnderwaterModel") -> int:
        """Return how many liquidators act; where none are in reserve, one search in the times from which they do."""
        now, acting = self._world.now, 0
        for number, cohort in enumerate(model.people.liquidators):
            if number == len(self._starts):
                self._starts.append(sorted(cohort.active_from_seconds))
            starts = self._starts[number]
            acting += bisect_right(starts, now) if cohort.active == len(starts) else cohort.acting(now)
        return acting

    def table(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of the blocks so far."""
        import pandas as pd  # noqa: PLC0415  a slow import that a path itself does not need

        frame = pd.DataFrame({"path": path, "step": np.arange(self.written)})
        frame["time_seconds"] = frame["step"] * self._world.step_seconds
        names = [f"{kind}_{asset}" for kind in ("reference", "venue", "oracle") for asset in self._world.assets]
        columns = self._columns()
        rows = pd.DataFrame(np.column_stack([columns[name] for name in STEP_COLUMNS]), columns=list(STEP_COLUMNS))
        for name in ("liquidations", "waiting", "refused", "queue_length", "active_liquidators"):
            rows[name] = rows[name].astype(np.int64)
        return pd.concat([frame, pd.DataFrame(self._written_prices(), columns=names), rows], axis=1)

    def _written_prices(self) -> FloatArray:
        """Return reference, venue and oracle prices, (blocks, 3 assets)."""
        return np.array(self._prices).reshape(self.written, 3 * len(self._world.assets))

    def _written_books(self) -> list[FloatArray]:
        """Return the books of each pool, (blocks, 8, reserves)."""
        return [
            np.array(books).reshape(self.written, 8, lender.pool.reserves)
            for books, lender in zip(self._books, self._world.lenders, strict=True)
        ]

    def _columns(self) -> dict[str, FloatArray]:
        """Return every column by its name, (blocks,) each."""
        noted = np.array(self._noted).reshape(self.written, len(NOTED_COLUMNS)).T
        columns: dict[str, FloatArray] = dict(zip(NOTED_COLUMNS, noted, strict=True))
        for name in ("liquidations", "refused"):
            columns[name] = np.diff(columns[name], prepend=0.0)
        debt, collateral, deposits, cash, deficit, treasury, rate = sums = np.zeros((7, self.written))
        oracle = self._written_prices()[:, 2 * len(self._world.assets) :]
        for lender, books in zip(self._world.lenders, self._written_books(), strict=True):
            sums[:6] += _worth(books, oracle[:, lender.assets])
            np.maximum(rate, _highest_rate(lender, books), out=rate)
        columns |= {
            "debt_usd": debt, "collateral_usd": collateral, "deposits_usd": deposits, "cash_usd": cash,
            "deficit_usd": deficit, "treasury_usd": treasury, "borrow_rate_per_year": rate,
            "utilisation": np.divide(debt, debt + cash, out=np.zeros(self.written), where=debt > 0.0),
        }  # fmt: skip
        return columns

    def balance_sheets(self, path: int = 0) -> "pd.DataFrame":
        """Return the books of every reserve at the end of every block, in units: cash + debt = claims + equity.

        Equity is the treasury's claim less the deficit; of that, `pending` is owed by some loss layer, and `uncovered`
        by nobody.
        """
        import pandas as pd  # noqa: PLC0415

        frames = []
        for lender, books, owed in zip(self._world.lenders, self._written_books(), self._owed, strict=True):
            steps, rows, reserves = books.shape
            book = books.transpose(1, 0, 2).reshape(rows, -1)
            cash, borrow_index, supply_index, scaled_debt, shares, _, treasury, deficit = book
            pending, uncovered = owed[:steps].transpose(1, 0, 2).reshape(2, -1)
            debt, claims = scaled_debt * borrow_index, shares * supply_index
            frames.append(
                pd.DataFrame(
                    {
                        "path": np.full(steps * reserves, path, dtype=np.int64),
                        "step": np.repeat(np.arange(steps), reserves),
                        "pool": pd.Series([lender.name] * (steps * reserves), dtype="str"),
                        "asset": pd.Series(list(lender.pool.names) * steps, dtype="str"),
                        "cash": cash,
                        "debt": debt,
                        "deficit": deficit,
                        "claims": claims,
                        "treasury": treasury,
                        "assets": cash + debt,
                        "equity": treasury - deficit,
                        "pending": pending,
                        "uncovered": uncovered,
                    }
                )
            )
        return pd.concat(frames, ignore_index=True) if frames else frame_of([], SHEET_COLUMNS, path)


def _sums(below: "Below") -> tuple[float, float, float]:
    """Return what accounts owe, what those of them owe that lack collateral, and what they lack."""
    owed, backing = below.debt_value, below.collateral_value
    short = owed > backing
    if not np.count_nonzero(short):
        return float(np.add.reduce(owed)), 0.0, 0.0
    under = owed[short]
    return float(np.add.reduce(owed)), float(np.add.reduce(under)), float(np.add.reduce(under - backing[short]))


def _worth(books: FloatArray, prices: FloatArray) -> FloatArray:
    """Return `LendingPool.worth` of every block in the recorder's order, (6, blocks), reserve after reserve as there.

    Debt, collateral, claims, cash, deficit and treasury; `books` is (blocks, 8, reserves), `prices` (blocks, reserves).
    """
    worth = np.zeros((6, len(books)))
    for r in range(prices.shape[1]):
        cash, borrow_index, supply_index, scaled_debt, shares, collateral, treasury, deficit = books[:, :, r].T
        units = scaled_debt * borrow_index, collateral, shares * supply_index, cash, deficit, treasury
        for row, one in enumerate(units):
            worth[row] += one * prices[:, r]
    return worth


def _highest_rate(lender: "Lender", books: FloatArray) -> FloatArray:
    """Return the highest borrow rate of a pool's reserves in every block, (blocks,)."""
    highest = np.zeros(len(books))
    for r, rate_of in enumerate(lender.pool.rate_of):
        cash, borrow_index, _, scaled_debt = books[:, :4, r].T
        debt = scaled_debt * borrow_index
        utilisation = np.divide(debt, cash + debt, out=np.zeros(len(books)), where=debt > 0.0)
        np.maximum(highest, [rate_of(one) for one in utilisation.tolist()], out=highest)
    return highest


__all__ = ["NOTED_COLUMNS", "SHEET_COLUMNS", "STEP_COLUMNS", "BlockRows"]
