"""Whether the parts of a scenario fit one another: every name is known, and nothing is said twice."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from abm.sentences import nearest

if TYPE_CHECKING:
    from abm.scenario import Pool, Scenario


def check(scenario: "Scenario") -> None:
    """Raise `ValueError` with a sentence for the first thing that does not fit."""
    _correlations(scenario)
    _markets(scenario)
    _pools(scenario)
    _blockspace(scenario)
    _market_people(scenario)
    _pool_people(scenario)


def _known(name: str, where: str, what: str, known: Iterable[str]) -> None:
    names = list(known)
    if name in names:
        return
    if not names:
        raise ValueError(f"{where} = {name!r} names no {what}: the scenario has none; add one")
    guess = nearest(name, names)
    hint = f"did you mean {guess!r}?" if guess else f"known: {', '.join(names)}"
    what_to_do = f"give [assets.{name}] a price, or use one that has it; " if what == "asset with a price" else ""
    raise ValueError(f"{where} = {name!r} is no {what}; {what_to_do}{hint}")


def _correlations(scenario: "Scenario") -> None:
    for k, pair in enumerate(scenario.correlations):
        for asset in pair.assets:
            _known(asset, f"correlations.{k}.assets", "asset with a price", scenario.assets)
        if pair.assets[0] == pair.assets[1]:
            raise ValueError(f"correlations.{k}.assets names {pair.assets[0]} twice; name two different assets")


def _markets(scenario: "Scenario") -> None:
    seen: dict[frozenset[str], int] = {}
    for k, market in enumerate(scenario.markets):
        _known(market.base, f"markets.{k}.base", "asset with a price", scenario.assets)
        _known(market.quote, f"markets.{k}.quote", "asset with a price", scenario.assets)
        if market.base == market.quote:
            raise ValueError(f"markets.{k} trades {market.base} against itself; give two different assets")
        pair = frozenset((market.base, market.quote))
        if pair in seen:
            raise ValueError(
                f"markets.{k} is a second venue for {market.name}, which markets.{seen[pair]} trades already; "
                "put all sources of a pair on one venue"
            )
        seen[pair] = k
    bases = [market.base for market in scenario.markets]
    for k, base in enumerate(bases):
        if base in bases[:k]:
            raise ValueError(
                f"markets.{k}.base = {base!r} already has a venue against {scenario.markets[bases.index(base)].quote}; "
                "an asset is sold on one venue, so remove one of them"
            )
    for name, asset in scenario.assets.items():
        if asset.oracle.reads_venue and name not in bases:
            raise ValueError(
                f"assets.{name}.oracle.kind = {asset.oracle.kind!r} reads a venue, but no market has base = {name!r}; "
                "add one or use another oracle"
            )


def _pools(scenario: "Scenario") -> None:
    names: list[str] = []
    for k, pool in enumerate(scenario.pools):
        if pool.name in names:
            raise ValueError(f"pools.{k}.name = {pool.name!r} is used twice; give each pool a name of its own")
        names.append(pool.name)
        for asset in pool.reserves:
            _known(asset, f"pools.{k}.reserves.{asset}", "asset with a price", scenario.assets)


def _blockspace(scenario: "Scenario") -> None:
    if scenario.blockspace is not None:
        _known(scenario.blockspace.asset, "blockspace.asset", "asset with a price", scenario.assets)


def _market_people(scenario: "Scenario") -> None:
    names = [market.name for market in scenario.markets]
    for kind in ("arbitrageurs", "market_makers", "noise_traders"):
        for k, cohort in enumerate(getattr(scenario.agents, kind)):
            where = f"agents.{kind}.{k}"
            if not names:
                raise ValueError(f"{where} has no market to trade on; add [[markets]] or remove the cohort")
            if cohort.market is not None:
                _known(cohort.market, f"{where}.market", "market", names)
            elif len(names) > 1:
                raise ValueError(f"{where}.market is missing, and there are several: {', '.join(names)}; name one")
            market = scenario.markets[names.index(cohort.market or names[0])]
            if kind == "market_makers" and not any(source.kind == "order_book" for source in market.sources):
                raise ValueError(f"{where} quotes on {market.name}, which has no order_book among its sources; add one")


def _pool_people(scenario: "Scenario") -> None:
    names = [pool.name for pool in scenario.pools]
    for kind in ("borrowers", "liquidators", "depositors", "insurers"):
        for k, cohort in enumerate(getattr(scenario.agents, kind)):
            where = f"agents.{kind}.{k}"
            if not names:
                raise ValueError(f"{where} has no pool to act in; add [[pools]] or remove the cohort")
            if cohort.pool is not None:
                _known(cohort.pool, f"{where}.pool", "pool", names)
            elif len(names) > 1:
                raise ValueError(f"{where}.pool is missing, and there are several: {', '.join(names)}; name one")
            pool = scenario.pools[names.index(cohort.pool or names[0])]
            for key, asset in _assets_named(kind, cohort):
                _known(asset, f"{where}.{key}", f"reserve of pool {pool.name}", pool.reserves)
            if kind == "borrowers":
                _collateral_counts(where, cohort, pool)
    for k, cohort in enumerate(scenario.agents.liquidators):
        if cohort.capital_asset is not None:
            _known(cohort.capital_asset, f"agents.liquidators.{k}.capital_asset", "asset with a price", scenario.assets)
        if cohort.selling == "over_time" and not scenario.markets:
            raise ValueError(f"agents.liquidators.{k} sells collateral over time but there is no market; add [[markets]]")


def _assets_named(kind: str, cohort: object) -> list[tuple[str, str]]:
    """Return the reserves that a cohort names, each with its key."""
    if kind == "depositors":
        return [(f"deposits.{asset}", asset) for asset in cohort.deposits]  # type: ignore[attr-defined]
    if kind == "insurers":
        return [(f"capital.{asset}", asset) for asset in cohort.capital]  # type: ignore[attr-defined]
    if kind == "borrowers":
        named = [(key, getattr(cohort, key)) for key in ("collateral", "debt") if getattr(cohort, key) is not None]
        for k, position in enumerate(cohort.positions or []):  # type: ignore[attr-defined]
            named += [(f"positions.{k}.collateral.{asset}", asset) for asset in position.collateral]
            named += [(f"positions.{k}.debt.{asset}", asset) for asset in position.debt]
        return named
    return []


def _collateral_counts(where: str, cohort: object, pool: "Pool") -> None:
    collateral = cohort.collateral  # type: ignore[attr-defined]
    if collateral is not None and pool.reserves[collateral].liquidation_threshold <= 0.0:
        raise ValueError(
            f"{where}.collateral = {collateral!r} has no liquidation_threshold in pool {pool.name}, so it backs no debt; "
            "set one above 0"
        )
