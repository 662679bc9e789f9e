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

import numpy as np

from models.types import BoolArray, FloatArray, IntArray

ETH_PER_GWEI = 1e-9


def order(bids_gwei: FloatArray, arrivals: IntArray) -> IntArray:
    """Indices of the intents in order of execution: the highest bid first, at equal bids the first to arrive.

    `bids_gwei` and `arrivals` have the shape (intents,); equal in both, the order in which they are listed decides.
    """
    return np.lexsort((arrivals, -bids_gwei))


def included(
    bids_gwei: FloatArray, gas_units: FloatArray, base_price_gwei: float, capacity_gas: float | None
) -> BoolArray:
    """Which intents, already in order of execution, enter the block; shape (intents,).

    `base_price_gwei` is the going price of gas, paid by others for the same room; `capacity_gas` is the room there is
    for these intents, None for as much as they want.
    """
    enters = bids_gwei >= base_price_gwei
    if not enters.size or capacity_gas is None or gas_units @ enters <= capacity_gas:
        return enters
    room = capacity_gas
    for index, (pays, gas) in enumerate(zip(enters.tolist(), gas_units.tolist(), strict=True)):
        if pays and gas <= room:
            room -= gas
        else:
            enters[index] = False
    return enters


def gas_cost_usd(gas_units: float, price_gwei: float, eth_usd: float) -> float:
    """Dollars that `gas_units` cost at `price_gwei`, with ether at `eth_usd`."""
    return gas_units * price_gwei * ETH_PER_GWEI * eth_usd
