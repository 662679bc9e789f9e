"""Marks: what a liquidator's call goes for, an account whose design is spot, or a lot whose design takes time.

Both offer terms, say what fits them and what a taking would give, and carry it out; who calls need not know which.
"""

from typing import TYPE_CHECKING, Protocol

from models.liquidation import Offer, SpotDesign, Taking

if TYPE_CHECKING:
    from abm.cascade import Cascade
    from abm.pools.lender import Found, Lender
    from abm.world import World


class Mark(Protocol):
    """One account or lot; amounts repaid are units of the debt, and all that the taker pays."""

    account: int
    collateral: int
    debt: int

    def offer(self) -> Offer | None:
        """The terms and the most that one call may pay; None where nothing is offered now."""

    def fit(self, repay: float) -> float:
        """The largest payment up to `repay` that the rule accepts; 0 when there is none."""

    def take(self, repay: float) -> Taking:
        """Exactly what paying `repay` would do; nothing is changed."""

    def generation(self, cascade: "Cascade") -> int:
        """Which sales made the account liquidatable: see `abm.cascade`. Ask before anything is taken."""

    def settle(self, world: "World", taker: int, taking: Taking) -> Taking:
        """Carry out a taking for a ledger account that holds what it pays; what became of it, for the record.

        There `repaid` is the debt that is gone and `protocol_fee` the protocol's part in units of collateral, be it
        kept or worth the money that the protocol got beside the debt.
        """


class AccountMark:
    """The largest collateral and debt of an account, for a design that settles at once."""

    __slots__ = ("_lender", "_position", "_terms", "account", "collateral", "debt")

    def __init__(self, lender: "Lender", design: SpotDesign, account: int, found: "Found") -> None:
        self._lender = lender
        self._position = found.position
        self._terms = design.opened(found.position)
        self.account = account
        self.collateral = found.collateral
        self.debt = found.debt

    def offer(self) -> Offer | None:
        """The terms and the most that one call may repay."""
        return self._terms.offer(self._position) if self._terms is not None else None

    def fit(self, repay: float) -> float:
        """The largest repayment up to `repay` that the design takes."""
        return self._terms.fit(self._position, repay) if self._terms is not None else 0.0

    def take(self, repay: float) -> Taking:
        """What repaying `repay` would do, where something is offered."""
        assert self._terms is not None
        return self._terms.take(self._position, repay)

    def generation(self, cascade: "Cascade") -> int:
        """Which sales made the account liquidatable."""
        return cascade.generation(self._lender, self.account, self._lender.design.line)

    def settle(self, world: "World", taker: int, taking: Taking) -> Taking:
        """Repay, seize, and give the taker and the protocol their parts."""
        lender, ledger = self._lender, world.ledger
        asset, debt = lender.assets[self.collateral], lender.assets[self.debt]
        ledger.transfer(taker, lender.account, debt, taking.repaid)
        lender.pool.repay(self.account, self.debt, taking.repaid)
        lender.pool.seize(self.account, self.collateral, taking.seized)
        ledger.transfer(lender.account, taker, asset, taking.received)
        ledger.transfer(lender.account, lender.fees, asset, taking.protocol_fee)
        return taking
