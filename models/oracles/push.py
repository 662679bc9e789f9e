"""A feed that is pushed when the price has moved enough, or when it has been silent for too long.

**Source**: Chainlink data feeds, deviation threshold and heartbeat; ETH/USD on Ethereum: 0.5 % and 3600 s.
**Models**: a value is sent when |reference / last sent - 1| >= deviation, or when the last was sent a heartbeat ago;
it is believed from the first block on that is `delay_seconds` later.
**Leaves out**: the many reporters and their median, the price of gas to the reporters, outages.
**Units**: `deviation` is a fraction; seconds.
**Invariants**: with a deviation of zero and no delay the report is the reference price. Without delay the report is
within the deviation of it. Values are believed in the order in which they were sent.
"""

from collections import deque
from typing import ClassVar, Literal

from pydantic import Field

from models.parameters import Parameters


class PushOracle:
    """Reports the newest value that has arrived."""

    __slots__ = (
        "_believed",
        "_delay_seconds",
        "_deviation",
        "_heartbeat_seconds",
        "_sent",
        "_sent_seconds",
        "_under_way",
        "updated_seconds",
    )

    def __init__(self, price: float, deviation: float, heartbeat_seconds: float, delay_seconds: float) -> None:
        self._deviation = deviation
        self._heartbeat_seconds = heartbeat_seconds
        self._delay_seconds = delay_seconds
        self._believed = price
        self._sent = price
        self._sent_seconds = 0.0
        self._under_way: deque[tuple[float, float]] = deque()  # (arrives at, price), oldest first
        self.updated_seconds = 0.0

    def report(self, time_seconds: float, reference: float, venue: float) -> float:
        """The newest value that has arrived by now; this block's price is sent first if it is due."""
        moved = abs(reference - self._sent) >= self._deviation * self._sent
        if moved or time_seconds - self._sent_seconds >= self._heartbeat_seconds:
            self._sent = reference
            self._sent_seconds = time_seconds
            self._under_way.append((time_seconds + self._delay_seconds, reference))
        while self._under_way and self._under_way[0][0] <= time_seconds:
            self._believed = self._under_way.popleft()[1]
            self.updated_seconds = time_seconds
        return self._believed


class PushTerms(Parameters):
    """A pushed feed of the reference price."""

    reads_venue: ClassVar[bool] = False

    kind: Literal["push"] = "push"
    deviation: float = Field(ge=0, lt=1)
    heartbeat_seconds: float = Field(gt=0)
    delay_seconds: float = Field(default=0.0, ge=0)

    def start(self, price: float) -> PushOracle:
        """The oracle at time 0, at which `price` was sent and arrived."""
        return PushOracle(price, self.deviation, self.heartbeat_seconds, self.delay_seconds)
