"""Ceilings: what no call on an account can exceed, for many accounts at a glance.

**Source**: the rules of the designs, each bounded in its own module.

**Models**: who looks for a call that pays need not price accounts of which even the ceiling does not pay. A ceiling is
stated from what a health check knows of an account as a whole: its health, debt and collateral. Where a rule jumps, the
better side holds within `SLACK` of the jump; whoever compares with a ceiling allows for as much again.

**Leaves out**: all that only lowers what a call brings: minimum amounts, calls that must close in full.

**Units**: values in usd at the prices that the protocol believes; each (accounts,).

**Invariants**: no offer's rate or amount is above its ceiling by more than `SLACK` of it, nor of the debt.
"""

from typing import Final, NamedTuple

from models.types import FloatArray

SLACK: Final = 1.0 + 1e-9


class Accounts(NamedTuple):
    """Accounts that may be liquidated, each as a whole.

    `ltv` is inf, and health 0, where nothing is posted; a ceiling may then be no number, which bounds nothing.
    Thresholds of the pool's reserves, where above 0, are between two; no unit is worth more than `unit_usd`. Where
    accounts are all `single`, each has one collateral and one debt, and is its pair. The price of collateral in units
    of debt is now at least `least_moved` of what the protocol believes.
    """

    health: FloatArray
    debt_usd: FloatArray
    collateral_usd: FloatArray
    ltv: FloatArray
    least_threshold: float
    most_threshold: float
    unit_usd: float
    single: bool
    least_moved: float = 0.0


class Ceiling(NamedTuple):
    """Nobody gets collateral worth more than `rate` for a dollar repaid, nor repays more than `repaid_usd` a call.

    Nor is there a call that repays less than `least_usd`.
    """

    rate: FloatArray | float
    repaid_usd: FloatArray
    least_usd: FloatArray | float = 0.0


class OpeningCeiling(NamedTuple):
    """No call that opens is paid more than `reward_usd`, nor puts up for sale what is to raise more than `raised_usd`.

    What a bond surely loses makes that negative. Nor is less than `bond_usd` locked. Who buys at once gets collateral
    worth no more than `rate` for a dollar; 0 where nobody can. Where it is paid `from_reserves`, it is not paid more
    than the pool has.
    """

    reward_usd: FloatArray
    raised_usd: FloatArray
    rate: float
    bond_usd: FloatArray | float = 0.0
    from_reserves: bool = False
