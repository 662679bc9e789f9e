"""Where the bands of a lending pool stand: on the market of the pool's one collateral and one debt."""

from typing import TYPE_CHECKING

from abm.reading.inputs import ScenarioError
from abm.reading.sentences import shown
from models.liquidation import Llamma

if TYPE_CHECKING:
    from abm.scenario import Pool, Scenario


def band_market(scenario: "Scenario", number: int) -> int | None:
    """Return the number of the market on whose ladder a pool's bands stand; None for a pool of another design.

    Its base is the collateral and its quote the debt. Raises `ScenarioError` where the bands cannot stand anywhere.
    """
    pool = scenario.pools[number]
    if not isinstance(pool.liquidation, Llamma):
        return None
    key = f'pools.{number}.liquidation.design = "llamma"'
    collateral, debt = _pair(pool, key)
    oracle = scenario.assets[collateral].oracle
    if oracle.reads_venue:
        raise ScenarioError(
            f"{key} follows the oracle of {collateral}, whose kind {shown(oracle.kind)} reads the venue on which the "
            "bands trade; use an oracle that does not"
        )
    for market, terms in enumerate(scenario.markets):
        if (terms.base, terms.quote) == (collateral, debt):
            return market
    raise ScenarioError(
        f"{key} trades {collateral} for {debt}, and there is no market for that; add one with base = "
        f"{shown(collateral)} and quote = {shown(debt)}"
    )


def _pair(pool: "Pool", key: str) -> tuple[str, str]:
    backing = [name for name, reserve in pool.reserves.items() if reserve.liquidation_threshold > 0.0]
    others = [name for name in pool.reserves if name not in backing]
    if len(backing) == len(others) == 1:
        return backing[0], others[0]
    raise ScenarioError(
        f"{key} needs one reserve that backs debt and one that is lent, not {len(backing)} and {len(others)} as in "
        f"pool {pool.name}; give liquidation_threshold to one of two reserves"
    )
