"""A pool of bands in a scenario."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from models.market.band_shares import InvalidBands, check_span
from models.market.bands import CRVUSD_AMPLIFICATION, CRVUSD_FEE, Bands
from models.parameters import Parameters


class BandDeposit(Parameters):
    """Base that a pool starts with in the bands n1 to n2, counted down from the base price."""

    base: float = Field(gt=0)
    n1: int
    n2: int


class BandsTerms(Parameters):
    """A pool of bands in a scenario; it follows the oracle of its pair.

    The base price is the reference price at the start where none is given. The deposits belong to owners outside the
    scenario, who stay in the pool.
    """

    kind: Literal["bands"] = "bands"
    base_price: float | None = Field(default=None, gt=0)
    amplification: float = Field(default=CRVUSD_AMPLIFICATION, ge=2, le=10_000)
    fee: float = Field(default=CRVUSD_FEE, ge=0, lt=1)
    admin_fee: float = Field(default=0.0, ge=0, le=1)
    deposits: Annotated[list[BandDeposit], Field(min_length=1)]

    @model_validator(mode="after")
    def _bands_exist(self) -> Self:
        for deposit in self.deposits:
            try:
                check_span(deposit.n1, deposit.n2, self.amplification)
            except InvalidBands as refusal:
                raise ValueError(str(refusal)) from None
        return self

    def build(self, reference_price: float) -> Bands:
        """The pool with its deposits, at `reference_price`."""
        base_price = reference_price if self.base_price is None else self.base_price
        pool = Bands(base_price, self.amplification, self.fee, self.admin_fee)
        pool.set_oracle(reference_price, 0.0)
        for number, deposit in enumerate(self.deposits):
            pool.deposit(f"initial {number}", deposit.base, deposit.n1, deposit.n2)
        return pool
