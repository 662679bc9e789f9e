"""A pool of concentrated liquidity in a scenario."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from models.market.concentrated import UNISWAP_V3_FEE, Concentrated
from models.parameters import Parameters


class ConcentratedRange(Parameters):
    """A position by its worth: `value` in quote, both sides together, from `lower` to `upper` times the price."""

    lower: float = Field(gt=0)
    upper: float = Field(gt=0)
    value: float = Field(gt=0)

    def position(self, price: float) -> tuple[float, float, float]:
        """(lower price, upper price, liquidity) at a price."""
        lower, upper = self.lower * price, self.upper * price
        base, quote = Concentrated(price, [(lower, upper, 1.0)]).amounts(0)
        return lower, upper, self.value / (base * price + quote)


class ConcentratedTerms(Parameters):
    """A concentrated pool in a scenario.

    Positions are given as they are, [lower price, upper price, liquidity], or by their worth as `ranges`, or both. The
    price is the reference price at the start where none is given.
    """

    kind: Literal["concentrated"] = "concentrated"
    price: float | None = Field(default=None, gt=0)
    positions: list[Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=3, max_length=3)]] = []
    ranges: list[ConcentratedRange] = []
    fee: float = Field(default=UNISWAP_V3_FEE, ge=0, lt=1)

    @model_validator(mode="after")
    def _some_positions(self) -> Self:
        if not self.positions and not self.ranges:
            raise ValueError("give `positions` as [lower price, upper price, liquidity], or `ranges` with a value each")
        bounds = [position[:2] for position in self.positions] + [[span.lower, span.upper] for span in self.ranges]
        for lower, upper in bounds:
            if lower >= upper:
                raise ValueError(
                    f"a position goes from {lower!r} to {upper!r}; give an upper bound above the lower one"
                )
        return self

    def build(self, reference_price: float) -> Concentrated:
        """The pool; its price is `reference_price` where none was given."""
        price = reference_price if self.price is None else self.price
        listed = [(lower, upper, liquidity) for lower, upper, liquidity in self.positions]
        return Concentrated(price, listed + [span.position(price) for span in self.ranges], self.fee)
