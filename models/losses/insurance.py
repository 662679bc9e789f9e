"""An insurer pays in cash, from capital of its own.

**Source**: the form of a cover (deductible, share, limit per event) as in mutual covers and Aave's Umbrella, whose
offset is the deductible.

**Models**: beyond `deductible_usd`, `share` of the loss, up to `limit_usd` and to the capital that is there.

**Leaves out**: assessment of claims and the time they take; the insurer's exits and premiums are the agent's.

**Units**: fractions, usd.

**Invariants**: pays at most the capital handed in.
"""

from typing import Literal

from models.losses.layer import LayerTerms


class InsuranceLayer(LayerTerms):
    """Pays from the capital of the insurers."""

    kind: Literal["insurance"] = "insurance"
