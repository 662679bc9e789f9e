"""The rows of the blocks: what is written down at the end of every one of them, and the two tables made of it.

A block leaves raw figures behind: the prices, the reserves' books, and what cannot be told from these. What can (the
debts and deposits in dollars, the utilisation, the rate) is worked out for all blocks together when somebody asks for
the table, each figure by the same operations in the same order as block by block, so to the same bits.
"""

from array import array
from collections.abc import Sequence
from math import fsum
from typing import TYPE_CHECKING

import numpy as np

from abm.record.columns import BALANCE_SHEETS, BLOCK
from abm.record.frames import Columns, frame_of
from models.types import FloatArray

if TYPE_CHECKING:
    import pandas as pd

    from abm.losses.pool_losses import PoolLosses
    from abm.model import UnderwaterModel
    from abm.pools.lender import Lender
    from abm.population import Population
    from abm.record.capital import Capital
    from abm.world import World
    from models.lending import Below

NOTED_COLUMNS = (
    "liquidatable_usd", "underwater_usd", "shortfall_usd", "bad_debt_usd", "gas_gwei", "liquidations", "waiting",
    "refused", "queued_withdrawals_usd", "queue_length", "withdrawn_usd", "active_liquidators", "layers_capital_usd",
    "absorbed_usd", "written_off_usd", "pending_usd", "uncovered_usd", "recovered_usd",
)  # fmt: skip
"""Noted block by block; `liquidations` and `refused` as counts so far, and only those active who come and go."""
_COUNTS = {"liquidations", "waiting", "refused", "queue_length", "active_liquidators"}
Owed = tuple[list[float], list[float]]
"""What layers owe of the hole of each reserve, and what nobody has taken of it."""


class BlockRows:
    """What every block so far has left behind; `written` counts them."""

    def __init__(self, world: "World", capital: "Capital", people: "Population") -> None:
        self._world = world
        self._capital = capital
        steps = world.scenario.time.steps
        self.steps = steps
        self.written = 0
        # Flat, a row behind the other: the cheapest way to write a few numbers down.
        self._prices = array("d")
        self._noted = array("d")
        self._staying = [cohort for cohort in people.liquidators if cohort.terms.entry is None]
        self._moving = [cohort for cohort in people.liquidators if cohort.terms.entry is not None]
        self._books = [array("d") for _ in world.scenario.pools]
        # The reserves of each pool whose rates move with time: these cannot be told from the books.
        self._remembering = [
            [r for r, over in enumerate(lender.pool.rate_over) if over is not None] for lender in world.lenders
        ]
        self._rates = [array("d") for _ in world.scenario.pools]
        self._news = [0] * len(world.scenario.pools)
        self._owed: list[list[tuple[int, Owed]]] = [[] for _ in world.scenario.pools]
        self._became = [0.0] * 5

    def note(self, model: "UnderwaterModel", bad_debt_usd: float, liquidations: int, refusals: int) -> None:
        """Write down the state at the end of a block, and the recorder's own sums and counts so far."""
        world = self._world
        self._prices.extend(world.reference)
        self._prices.extend(world.venue_prices())
        self._prices.extend(world.oracle)
        self._capital.note()
        liquidatable = underwater = shortfall = queued = withdrawn = 0.0
        waiting = queue = 0
        for number, (books, lender) in enumerate(zip(self._books, world.lenders, strict=True)):
            books.frombytes(lender.pool.book.tobytes())
            if self._remembering[number]:
                self._rates[number].extend(map(lender.pool.borrow_rate, self._remembering[number]))
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
        coming = sum([cohort.acting(world.now) for cohort in self._moving]) if self._moving else 0
        layers = self._note_losses(model.losses)
        self._noted.extend(
            (
                liquidatable, underwater, shortfall, bad_debt_usd, world.gas_gwei, liquidations, waiting, refusals,
                queued, queue, withdrawn, coming, layers, *self._became,
            )
        )  # fmt: skip
        self.written += 1

    def _note_losses(self, pools: "Sequence[PoolLosses]") -> float:
        """Write down where there is news what is owed, and what became of all bad debt; return what layers have."""
        capital, news = 0.0, False
        for number, losses in enumerate(pools):
            capital += losses.capital_usd()
            if losses.news != self._news[number]:
                news, self._news[number] = True, losses.news
                self._owed[number].append((self.written, losses.open_units()))
        if news:
            figures = [losses.totals.figures() for losses in pools]
            self._became = [fsum(of_pools) for of_pools in zip(*figures, strict=True)]
        return capital

    def table(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of the blocks so far."""
        import pandas as pd  # noqa: PLC0415  a slow import that a path itself does not need

        return pd.DataFrame({"path": np.full(self.written, path, dtype=np.int64), **self.columns()})

    def columns(self) -> Columns:
        """Return the columns of the table of the blocks so far, but for the path."""
        step = np.arange(self.written)
        names = [f"{kind}_{asset}" for kind in ("reference", "venue", "oracle") for asset in self._world.assets]
        figures = self._figures()
        return {
            "step": step,
            "time_seconds": step * self._world.step_seconds,
            **dict(zip(names, self._written_prices().T, strict=True)),
            **{name: figures[name].astype(np.int64) if name in _COUNTS else figures[name] for name in BLOCK},
        }

    def _written_prices(self) -> FloatArray:
        """Return reference, venue and oracle prices, (blocks, 3 assets)."""
        return np.array(self._prices).reshape(self.written, 3 * len(self._world.assets))

    def _written_books(self) -> list[FloatArray]:
        """Return the books of each pool, (blocks, 8, reserves)."""
        return [
            np.array(books).reshape(self.written, 8, lender.pool.reserves)
            for books, lender in zip(self._books, self._world.lenders, strict=True)
        ]

    def _written_owed(self, number: int) -> FloatArray:
        """Return what is owed of a pool's holes, and what nobody has taken, (blocks, 2, reserves)."""
        since, owed = zip(*self._owed[number], strict=True)
        blocks = np.diff([*since, self.written])
        return np.repeat(np.array(owed), blocks, axis=0)

    def _figures(self) -> dict[str, FloatArray]:
        """Return every one of `BLOCK` by its name, (blocks,) each."""
        noted = np.array(self._noted).reshape(self.written, len(NOTED_COLUMNS)).T
        columns: dict[str, FloatArray] = dict(zip(NOTED_COLUMNS, noted, strict=True))
        columns |= self._capital.columns()
        for name in ("liquidations", "refused"):
            columns[name] = np.diff(columns[name], prepend=0.0)
        times = np.arange(self.written) * self._world.step_seconds
        for cohort in self._staying:
            columns["active_liquidators"] += np.searchsorted(sorted(cohort.active_from_seconds), times, side="right")
        debt, collateral, deposits, cash, deficit, treasury, rate = sums = np.zeros((7, self.written))
        oracle = self._written_prices()[:, 2 * len(self._world.assets) :]
        for number, (lender, books) in enumerate(zip(self._world.lenders, self._written_books(), strict=True)):
            sums[:6] += _worth(books, oracle[:, lender.assets])
            np.maximum(rate, _highest_rate(lender, books, self._remembering[number]), out=rate)
            noted = np.array(self._rates[number]).reshape(self.written, len(self._remembering[number]))
            np.maximum(rate, noted.max(axis=1, initial=0.0), out=rate)
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
        for number, (lender, books) in enumerate(zip(self._world.lenders, self._written_books(), strict=True)):
            steps, rows, reserves = books.shape
            book = books.transpose(1, 0, 2).reshape(rows, -1)
            cash, borrow_index, supply_index, scaled_debt, shares, _, treasury, deficit = book
            pending, uncovered = self._written_owed(number).transpose(1, 0, 2).reshape(2, -1)
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
        return pd.concat(frames, ignore_index=True) if frames else frame_of([], BALANCE_SHEETS, path)


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


def _highest_rate(lender: "Lender", books: FloatArray, but: Sequence[int]) -> FloatArray:
    """Return the highest borrow rate of a pool's reserves `but` some in every block, (blocks,)."""
    highest = np.zeros(len(books))
    for r, rate_of in enumerate(lender.pool.rate_of):
        if r in but:
            continue
        cash, borrow_index, _, scaled_debt = books[:, :4, r].T
        debt = scaled_debt * borrow_index
        utilisation = np.divide(debt, cash + debt, out=np.zeros(len(books)), where=debt > 0.0)
        np.maximum(highest, [rate_of(one) for one in utilisation.tolist()], out=highest)
    return highest


__all__ = ["NOTED_COLUMNS", "BlockRows"]
