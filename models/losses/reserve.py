"""The pool's own reserves pay: the treasury gives up its claim on the reserve that lost.

**Source**: Aave v3 reserve factor and treasury; ``eliminateReserveDeficit`` (v3.3) burns the payer's claim.

**Models**: first-loss reserves. The claim shrinks with the hole, so that no cash moves.

**Leaves out**: the vote by which a DAO would release them; treasury held in other assets.

**Units**: fractions, usd.

**Invariants**: pays at most the treasury's claim at that moment.
"""

from typing import Literal

from models.losses.layer import LayerTerms


class ReserveLayer(LayerTerms):
    """Pays from the treasury's claim on the reserve."""

    kind: Literal["reserve"] = "reserve"
