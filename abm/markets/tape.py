"""The tape: who traded with whom on the venues, as running sums over short stretches of time.

Models: takers and makers by kind of agent (`liquidators`, `market_makers` …); a pool, which is nobody's in particular,
by the name of its source. The quote is what the maker exchanged; a book's fee on takers is not in it.
Leaves out: single trades and single members.
"""

from collections.abc import Iterator

from models.ledger import Ledger
from models.types import Side

SAMPLES = 96
"""Into how many stretches a path is cut, at least, if it has as many blocks; the depth is sampled as often."""

Flow = tuple[int, str, str, str, Side]
"""(first block of the stretch, market, taker, maker, what the taker does with the base)."""


class Tape:
    """Sums of trades, one for each `Flow`.

    Attributes:
        every: blocks in a stretch.
    """

    __slots__ = ("_kinds", "_ledger", "_sums", "every")

    def __init__(self, ledger: Ledger, steps: int) -> None:
        self.every = max(1, steps // SAMPLES)
        self._ledger = ledger
        self._kinds: dict[int, str] = {}
        self._sums: dict[Flow, list[float]] = {}

    def kind(self, account: int) -> str:
        """Return the kind of agent that a ledger account belongs to; of a pool's accounts it is borrowers who trade."""
        kind = self._kinds.get(account)
        if kind is None:
            name = self._ledger.name(account)
            kind = self._kinds[account] = "borrowers" if name.startswith("accounts of ") else name.partition(".")[0]
        return kind

    def note(
        self, step: int, market: str, taker: str, maker: str, side: Side, base: float, quote: float, price_usd: float
    ) -> None:
        """Add one trade: units of base and quote that changed hands, and the price of the quote in dollars."""
        flow = (step - step % self.every, market, taker, maker, side)
        sums = self._sums.get(flow)
        if sums is None:
            sums = self._sums[flow] = [0.0, 0.0, 0.0, 0.0]
        sums[0] += 1.0
        sums[1] += base
        sums[2] += quote
        sums[3] += quote * price_usd

    def flows(self) -> Iterator[tuple[Flow, list[float]]]:
        """Yield every flow, in the order of first trades, with [number of trades, base units, quote units, dollars]."""
        yield from self._sums.items()
