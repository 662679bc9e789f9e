"""LLAMMA: collateral in bands that sells itself as the price falls; a loan is closed when even that would not repay it.

**Source**: curvefi/curve-stablecoin, ``Controller.vy`` (2023 and 2024): ``_calculate_debt_n1``, ``get_y_effective``,
``_health``, ``_get_f_remove``, ``_liquidate``. The bands are `models.market.bands`.

**Models**: a loan's collateral goes in equal parts into `bands` bands, the first of them so low that the loan's debt is
covered by what the bands bring on the way down, less `loan_discount`. There they are soft-liquidated by whoever trades
with them. Health is what they would bring from now on (`worth`) less `liquidation_discount`, and what lies above the
first band, over the debt. Below 1 anybody may repay a part of the debt and get nearly that part of what is in the
bands: the quote in them repays first, the taker pays the rest and gets the base. There is no bonus: the taker earns
what the base is worth beyond the rest. Where the quote alone repays the debt, nobody pays, and the caller gets what is
left. A loan that owes more than the rule allows is opened in the highest bands there are below the oracle price: it may
then be below health 1 from the start, as a position of any design.

**Leaves out**: the owner's own better terms in a liquidation, approved callers, the administrator's fee, at least four
bands a loan, rounding. New loans and withdrawals of collateral. While there is quote in a loan's bands its owner can
repay, but neither add collateral nor sell any: the contract moves no collateral then. Who repays or adds collateral
before gets new bands by the rule; what owes nothing leaves the bands.

**Units**: debt is in quote, `base` is the collateral, prices are quote per base. Health is 1 + that of the contract.

**Invariants**: the debt repaid is what was paid and the quote that left the bands; nothing else leaves them but the
base, all of it to the taker.
"""

from dataclasses import dataclass
from math import ceil, expm1, floor, inf, log, log1p, sqrt
from typing import ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from models.compiled import compiled
from models.liquidation.design import DesignParameters
from models.liquidation.offer import (
    ROUNDING,
    Bounds,
    InvalidRepayment,
    NotLiquidatable,
    Offer,
    Position,
    Taking,
)
from models.liquidation.opening import House, Opening, Reward

FARTHEST_BAND: Final = 1024
"""Controller.vy: how many bands from the active one a loan's last band may be."""


@dataclass(slots=True)
class Loan:
    """What a loan has in its bands and owes, in units, and its health."""

    quote: float
    base: float
    debt: float
    health: float


class Llamma(DesignParameters):
    """Loans against collateral in bands: where they are opened, how healthy they are, and how they are closed."""

    source: ClassVar[str] = "curvefi/curve-stablecoin, Controller.vy and AMM.vy"
    leaves_out: ClassVar[str] = (
        "new loans and withdrawals of collateral during a run; moving collateral once soft liquidation has begun "
        "(its owner can only repay); better terms for the owner, the administrator's fee, rounding"
    )
    bounds: ClassVar[Bounds] = {
        "amplification": (20.0, 400.0),
        "bands": (4, 50),
        "loan_discount": (0.07, 0.2),
        "liquidation_discount": (0.01, 0.065),
    }

    design: Literal["llamma"] = "llamma"
    amplification: float = Field(100.0, ge=2, le=10_000, description="a band is one part in so many wide")
    bands: int = Field(10, ge=1, le=50, description="how many bands a loan's collateral is in")
    loan_discount: float = Field(0.09, ge=0, lt=1, description="part of the collateral's worth that cannot be borrowed")
    liquidation_discount: float = Field(0.06, ge=0, lt=1, description="part of what the bands bring that health omits")
    fee: float = Field(0.006, ge=0, lt=1, description="the least fee of a trade with the bands; it is the borrowers'")

    @model_validator(mode="after")
    def _loans_open_healthy(self) -> Self:
        if self.loan_discount < self.liquidation_discount:
            raise ValueError(
                f"loan_discount {self.loan_discount} is below liquidation_discount {self.liquidation_discount}: who "
                "borrows to the limit could be liquidated at once; set loan_discount to that or more"
            )
        return self

    @property
    def _step(self) -> float:
        """The logarithm of the ratio of two neighbouring bands' prices."""
        return -log1p(-1.0 / self.amplification)

    # Where a loan is opened

    def counted(self, base: float) -> float:
        """What so much base counts for at the upper price of its first band, each band at the mean of its ends."""
        bands_worth = -self.amplification * expm1(-self.bands * self._step)
        return base * (1.0 - self.loan_discount) * sqrt(1.0 - 1.0 / self.amplification) * bands_worth / self.bands

    def most_debt(self, base: float, upper: float) -> float:
        """The most that can be borrowed against base whose first band begins at the price `upper`."""
        return self.counted(base) * upper

    def first_band(self, base: float, debt: float, base_price: float, oracle_price: float, active_band: int) -> int:
        """The first band of a loan, where band 0 begins at `base_price`.

        It is the lowest one that still carries the debt; but none that begins above the oracle price, and none that
        would leave the last one farther than the contract allows from the active band.
        """
        carrying = floor(log(self.counted(base) * base_price / debt) / self._step)
        highest = ceil(log(base_price / oracle_price) / self._step - ROUNDING)
        return max(min(carrying, active_band + FARTHEST_BAND - self.bands), highest)

    def health(self, worth: float, over: float, base: float, debt: float) -> float:
        """Health of a loan that owes something.

        Args:
            worth: the quote that its bands would bring from now on.
            over: how far the oracle price is above the first band, 0 unless that is above the active one in number.
            base, debt: units.
        """
        return health_of(1.0 - self.liquidation_discount, worth, over, base, debt)

    @property
    def gap(self) -> float:
        """By how much the health of a new loan is below the value of its collateral over its debt.

        With its first band where the rule puts it, but for the rounding to a whole band, health is
        ``(1 - liquidation_discount) / (1 - loan_discount) + (price - debt / counted(base)) base / debt``.
        """
        return 1.0 / self.counted(1.0) - (1.0 - self.liquidation_discount) / (1.0 - self.loan_discount)

    # How a loan is closed

    def withdrawn(self, part: float) -> float:
        """The part of a loan's bands that leaves them when that part of its debt is repaid."""
        return part * (self._lean * (1.0 - part) + part)

    @property
    def _lean(self) -> float:
        """What leaves the bands for each part repaid, of a very small part."""
        return (1.0 + 0.5 * self.liquidation_discount) / (1.0 + self.liquidation_discount)

    def offer(self, loan: Loan) -> Offer | None:
        """What a taker pays for all of the base; None where there is none, or the quote in the bands pays for all."""
        price = loan.debt - loan.quote
        if not loan.health < 1.0 or loan.base <= 0.0 or price <= loan.debt * ROUNDING:
            return None
        return Offer(price, loan.base / price, 1.0)

    def fit(self, loan: Loan, repay: float) -> float:
        """The largest payment up to `repay` that is accepted: anything up to the whole price."""
        offer = self.offer(loan)
        return min(max(repay, 0.0), offer.max_repay) if offer is not None else 0.0

    def take(self, loan: Loan, repay: float) -> Taking:
        """What paying `repay` does, cut to the whole price; `repaid` is what the taker pays.

        Raises `NotLiquidatable`, `InvalidRepayment`.
        """
        offer = self.offer(loan)
        if offer is None:
            raise NotLiquidatable(f"nothing is offered at health {loan.health:.6g}; leave it")
        if not repay > 0.0:
            raise InvalidRepayment(f"{repay} units cannot be paid; give a positive amount")
        paid = min(repay, offer.max_repay)
        return Taking(paid, self.withdrawn(self.part(loan, paid)) * loan.base, 0.0)

    def part(self, loan: Loan, paid: float) -> float:
        """The part of the debt that is repaid when a taker pays so much and the quote in the bands the rest of it.

        With the part f, lean a and what leaves the bands f (a + (1 - a) f) of the quote x, the taker pays
        ``f (debt - a x) - (1 - a) x f²``; f is the smaller root, and the larger one lies beyond the whole.
        """
        if paid >= (loan.debt - loan.quote) * (1.0 - ROUNDING):
            return 1.0
        linear, square = loan.debt - self._lean * loan.quote, (1.0 - self._lean) * loan.quote
        return min(2.0 * paid / (linear + sqrt(max(linear * linear - 4.0 * square * paid, 0.0))), 1.0)

    def open(self, position: Position, now_seconds: float, house: House) -> Opening | None:
        """Close a loan whose own quote repays it; None where it is healthy, or where a taker has to pay."""
        left = house.in_bands - position.debt_units
        if not position.health < 1.0 or not 0.0 < position.debt_units < inf or left < -position.debt_units * ROUNDING:
            return None
        return Opening(rewards=(Reward("position", debt=max(left, 0.0), units=position.collateral_units),))


@compiled()
def health_of(counted: float, worth: float, over: float, base: float, debt: float) -> float:
    """`Llamma.health`, where so much of what the bands bring is counted."""
    return (counted * worth + over * base) / debt
