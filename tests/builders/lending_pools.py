"""Lending pools with something in them."""

import numpy as np

from models.lending import LendingPool, ReserveTerms
from models.types import FloatArray

DAI, ETH = 0, 1
YEAR = 31_536_000
PRICES: FloatArray = np.array([1.0, 2000.0])
ALICE, BOB, CAROL = range(3)


def pool(rate: float = 0.0, reserve_factor: float = 0.1) -> LendingPool:
    """DAI to borrow at a constant rate, ETH as collateral; three empty accounts."""
    terms = [ReserveTerms(reserve_factor=reserve_factor), ReserveTerms(ltv=0.80, liquidation_threshold=0.83)]
    return LendingPool(terms, [lambda _: rate, lambda _: 0.0], 3, names=["DAI", "ETH"])


def lent_pool(rate: float = 0.0, reserve_factor: float = 0.1) -> LendingPool:
    """Alice has supplied 20 000 DAI, Bob borrowed 16 000 of it against 10 ETH."""
    made = pool(rate, reserve_factor)
    made.supply(ALICE, DAI, 20_000.0)
    made.post(BOB, ETH, 10.0)
    made.borrow(BOB, DAI, 16_000.0, PRICES)
    return made


def state(of: LendingPool) -> list[FloatArray]:
    """Everything a verb may change."""
    return [of._book.copy(), of.collateral.copy(), of.scaled_debt.copy(), of.shares.copy()]
