"""A block's room: who goes first, who fits, what it costs.

**Source**: the first-price auction for a place in a block, as Ethereum had it in March 2020: miners order by gas price.
**Models**: intents ordered by bid, then by arrival; those below the going price are left out; the others enter in order
as long as they fit the capacity. One that does not fit is left out, and a smaller one behind it may still enter.
**Leaves out**: the base fee that is burnt and adapts (EIP-1559). What rivals bid against one another, by replacing
pending transactions or in private, is `models.priority`.
**Units**: gas in units of gas, its price in gwei (1e-9 ether), ether in dollars.
**Invariants**: the gas of the included never exceeds the capacity; nobody is left out who pays the going price and
would have fitted when the turn came.
"""

from collections.abc import Sequence
from math import fsum

ETH_PER_GWEI = 1e-9


def order(bids_gwei: Sequence[float], arrivals: Sequence[int]) -> list[int]:
    """Numbers of the intents in order of execution: the highest bid first, at equal bids the first to arrive.

    `bids_gwei` and `arrivals` are as long as there are intents; equal in both, the order in which they are listed
    decides. Lists, since a block has a few intents: an array costs more than sorting them.
    """
    return sorted(range(len(bids_gwei)), key=lambda k: (-bids_gwei[k], arrivals[k]))


def included(
    bids_gwei: Sequence[float], gas_units: Sequence[float], base_price_gwei: float, capacity_gas: float | None
) -> list[bool]:
    """Which intents, already in order of execution, enter the block.

    `base_price_gwei` is the going price of gas, paid by others for the same room; `capacity_gas` is the room there is
    for these intents, None for as much as they want.
    """
    pays = [bid >= base_price_gwei for bid in bids_gwei]
    if capacity_gas is None or fsum([gas for gas, able in zip(gas_units, pays, strict=True) if able]) <= capacity_gas:
        return pays
    room, enters = capacity_gas, []
    for able, gas in zip(pays, gas_units, strict=True):
        enters.append(able and gas <= room)
        if enters[-1]:
            room -= gas
    return enters


def gas_cost_usd(gas_units: float, price_gwei: float, eth_usd: float) -> float:
    """Dollars that `gas_units` cost at `price_gwei`, with ether at `eth_usd`."""
    return gas_units * price_gwei * ETH_PER_GWEI * eth_usd
