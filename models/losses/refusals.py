"""What a loss layer refuses."""

from models.refusals import Refusal


class BeyondCapacity(Refusal):
    """A layer is asked to pay what is no amount, or more than it can at that moment."""


class InvalidStake(Refusal):
    """What comes in is no amount, more than is there, or has nothing left to share in."""


class ExitRefused(Refusal):
    """A holder may not leave now: no cooldown begun, not over yet, its window missed, or exits are closed."""


class UnpricedAsset(Refusal):
    """A layer holds an asset that the market handed to it does not price."""


class UnknownPreset(Refusal):
    """No waterfall goes by that name."""
