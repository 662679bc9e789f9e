"""Whether the parts of a scenario fit one another, and whether what they name is there."""

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from abm.losses.loss_checks import check_losses
from abm.markets.derived import PricesInACircle, derived_in_order
from abm.markets.feeds import quotes_in_order
from abm.markets.price_paths import first_prices
from abm.pools.band_places import band_market
from abm.reading.inputs import ScenarioError, read_positions
from abm.reading.sentences import shown, suggestion
from models.liquidation import DESIGN_NAMES
from models.market import Venue
from models.market.stakes import STAKED
from models.prices import ClaimPrice, RelativePrice, correlate
from models.refusals import Refusal

if TYPE_CHECKING:
    from abm.agents.borrower import Borrowers
    from abm.scenario import Agents, Market, Pool, Scenario

ASSET = "asset with a price"


def check(scenario: "Scenario") -> None:
    """Raise `ScenarioError` for the first thing that does not fit, files unread."""
    _asset_names(scenario)
    _correlations(scenario)
    _common_draws(scenario)
    _sampling(scenario)
    _markets(scenario)
    _pools(scenario)
    _derived_prices(scenario)
    if scenario.blockspace is not None:
        _known(scenario.blockspace.asset, "blockspace.asset", ASSET, scenario.assets)
    _whereabouts(scenario)
    _market_people(scenario)
    _pool_people(scenario)
    _attackers(scenario)
    check_losses(scenario)
    first_prices(scenario, read_files=False)


def check_files(scenario: "Scenario") -> None:
    """Raise `ScenarioError` for the first file that cannot be used, or for what does not fit the prices in it."""
    prices = first_prices(scenario, read_files=True)
    for k, market in enumerate(scenario.markets):
        try:
            Venue([source.build(prices[market.base] / prices[market.quote]) for source in market.sources])
        except Refusal as refusal:
            raise ScenarioError(f"markets.{k}.sources: {refusal}") from None
    for k, cohort in enumerate(scenario.agents.borrowers):
        if cohort.file is not None:
            pool = next(pool for pool in scenario.pools if cohort.pool in (None, pool.name))
            read_positions(f"agents.borrowers.{k}.file", cohort.file, list(pool.reserves))


def _known(name: str, key: str, what: str, known: Iterable[str]) -> None:
    names = list(known)
    if name in names:
        return
    given = key if key.endswith(f".{name}") else f"{key} = {shown(name)}"
    if not names:
        raise ScenarioError(f"{given} names no {what}: the scenario has none; add one")
    remedy = f"add [assets.{name}] with a price, or use another; " if what == ASSET else ""
    raise ScenarioError(f"{given} is no {what}; {remedy}{suggestion(name, names)}")


def _asset_names(scenario: "Scenario") -> None:
    for name in scenario.assets:
        # A slash separates the assets of a pair, and results have a column for each asset.
        if not re.fullmatch(r"[^\s/]+", name):
            raise ScenarioError(f"assets.{shown(name)} is no name for an asset; use no space and no /")


def _sampling(scenario: "Scenario") -> None:
    """Refuse to weigh paths by draws that do not move their price."""
    if scenario.sampling is None:
        return
    asset = scenario.sampling.asset
    _known(asset, "sampling.asset", ASSET, scenario.assets)
    price = scenario.assets[asset].price
    if not price.diffuses:
        raise ScenarioError(
            f"sampling.asset = {shown(asset)} has a price of kind {price.kind}, whose end is not for its normal "
            "draws to choose; name an asset with a diffusion, such as gbm, or remove [sampling]"
        )
    if scenario.copula is not None:
        raise ScenarioError("[sampling] weighs normal draws, which [copula] makes into others; remove one of them")
    if scenario.beside is not None:
        raise ScenarioError("[sampling] weighs paths, which the runs of [beside] count alike; remove one of them")


def _correlations(scenario: "Scenario") -> None:
    seen: dict[frozenset[str], int] = {}
    for k, pair in enumerate(scenario.correlations):
        for position, asset in enumerate(pair.assets):
            _known(asset, f"correlations.{k}.assets.{position}", ASSET, scenario.assets)
        both = frozenset(pair.assets)
        if len(both) == 1:
            raise ScenarioError(f"correlations.{k}.assets names {pair.assets[0]} twice; name two different assets")
        if both in seen:
            raise ScenarioError(
                f"correlations.{k}.assets = {pair.assets} has its rho in correlations.{seen[both]} already; "
                "remove one of them"
            )
        seen[both] = k
    if scenario.correlations:
        try:
            correlate(np.zeros((1, len(scenario.assets))), scenario.correlation_matrix())
        except Refusal as refusal:
            raise ScenarioError(f"correlations: {refusal}") from None


def _common_draws(scenario: "Scenario") -> None:
    seen: dict[str, int] = {}
    for k, group in enumerate(scenario.common_draws):
        for position, asset in enumerate(group.assets):
            _known(asset, f"common_draws.{k}.assets.{position}", ASSET, scenario.assets)
            if asset in seen:
                raise ScenarioError(
                    f"common_draws.{k}.assets names {asset}, which common_draws.{seen[asset]} names already; name each"
                    " asset once"
                )
            seen[asset] = k


def _markets(scenario: "Scenario") -> None:
    named: dict[str, int] = {}
    for k, market in enumerate(scenario.markets):
        _known(market.base, f"markets.{k}.base", ASSET, scenario.assets)
        _known(market.quote, f"markets.{k}.quote", ASSET, scenario.assets)
        if market.base == market.quote:
            raise ScenarioError(f"markets.{k}.quote = {shown(market.quote)} is its base too; give another asset")
        if market.name in named:
            raise ScenarioError(
                f"markets.{k}.name = {shown(market.name)} is the name of markets.{named[market.name]} already; give it "
                "a name of its own"
            )
        named[market.name] = k
        books = [position for position, source in enumerate(market.sources) if source.kind == "order_book"]
        if len(books) > 1:
            raise ScenarioError(
                f"markets.{k}.sources.{books[1]} is a second order_book of {market.name}; all its orders rest on one, "
                "so remove the other"
            )
        bands = [position for position, source in enumerate(market.sources) if source.kind == "bands"]
        if bands and scenario.assets[market.base].oracle.reads_venue:
            raise ScenarioError(
                f"markets.{k}.sources.{bands[0]}.kind = 'bands' follows the oracle of {market.base}, whose kind "
                f"{shown(scenario.assets[market.base].oracle.kind)} reads this venue; use an oracle that does not"
            )
    bases = {market.base for market in scenario.markets}
    for name, asset in scenario.assets.items():
        if asset.oracle.reads_venue and name not in bases:
            raise ScenarioError(
                f"assets.{name}.oracle.kind = {shown(asset.oracle.kind)} reads a venue, but no market has base = "
                f"{shown(name)}; add one or use another oracle"
            )


def _pools(scenario: "Scenario") -> None:
    names: list[str] = []
    for k, pool in enumerate(scenario.pools):
        if pool.name in names:
            raise ScenarioError(f"pools.{k}.name = {shown(pool.name)} is used twice; give each pool a name of its own")
        names.append(pool.name)
        for asset in pool.reserves:
            _known(asset, f"pools.{k}.reserves.{asset}", ASSET, scenario.assets)
        band_market(scenario, k)


def _derived_prices(scenario: "Scenario") -> None:
    """What a price follows from is there, and rests on something with a price of its own in the end."""
    pools = {pool.name: pool for pool in scenario.pools}
    for name, asset in scenario.assets.items():
        key = f"assets.{name}.price"
        if isinstance(asset.price, ClaimPrice):
            _known(asset.price.pool, f"{key}.pool", "pool", pools)
            pool = pools[asset.price.pool]
            _known(asset.price.reserve, f"{key}.reserve", f"reserve of pool {pool.name}", pool.reserves)
        elif isinstance(asset.price, RelativePrice):
            _known(asset.price.to, f"{key}.to", ASSET, scenario.assets)
        if asset.oracle_quote is not None:
            _known(asset.oracle_quote, f"assets.{name}.oracle_quote", ASSET, scenario.assets)
    for part, in_order in (("price", derived_in_order), ("oracle_quote", quotes_in_order)):
        try:
            in_order(scenario)
        except PricesInACircle as circle:
            names = circle.args[0]
            raise ScenarioError(
                f"assets.{names[0]}.{part} follows from itself ({' from '.join(names)}), so no price solves it; "
                + ("give one of them a price of its own" if part == "price" else "let one of them report dollars")
            ) from None


def _whereabouts(scenario: "Scenario") -> None:
    """Every cohort whose terms have a market or a pool means one that is there."""
    for kind, cohorts in scenario.agents:
        for k, cohort in enumerate(cohorts):
            key, named = f"agents.{kind}.{k}", dict(cohort)
            if "market" in named:
                _market_of(scenario, named["market"], key)
            if "pool" in named:
                _pool_of(scenario, named["pool"], key)


def _market_people(scenario: "Scenario") -> None:
    agents = scenario.agents
    for k, maker in enumerate(agents.market_makers):
        key = f"agents.market_makers.{k}"
        market = _market_of(scenario, maker.market, key)
        if not any(source.kind == "order_book" for source in market.sources):
            raise ScenarioError(f"{key} quotes on {market.name}, which has no order_book among its sources; add one")
    for k, provider in enumerate(agents.liquidity_providers):
        key = f"agents.liquidity_providers.{k}"
        market = _market_of(scenario, provider.market, key)
        kinds = [source.kind for source in market.sources]
        if provider.source is not None and provider.source >= len(kinds):
            raise ScenarioError(
                f"{key}.source = {provider.source} is beyond the sources of {market.name}; give a position from 0 to "
                f"{len(kinds) - 1}"
            )
        if provider.source_among(kinds) is None:
            where = market.name if provider.source is None else f"the {kinds[provider.source]} of {market.name}"
            raise ScenarioError(f"{key} cannot provide to {where}; it takes a source of kind {', '.join(STAKED)}")
    for k, travellers in enumerate(agents.triangle_arbitrageurs):
        _triangle(scenario, travellers.assets, f"agents.triangle_arbitrageurs.{k}.assets")


def _triangle(scenario: "Scenario", names: list[str], key: str) -> None:
    """Refuse a triangle of which a side has no market."""
    for position, name in enumerate(names):
        _known(name, f"{key}.{position}", ASSET, scenario.assets)
    traded = {frozenset((market.base, market.quote)) for market in scenario.markets}
    for name, other in zip(names, (*names[1:], names[0]), strict=True):
        if frozenset((name, other)) not in traded:
            raise ScenarioError(
                f"{key} = {names} needs a market of {name} and {other}, and there is none; add one or name three "
                "different assets that have one each"
            )


def _market_of(scenario: "Scenario", name: str | None, key: str) -> "Market":
    """Return the market a cohort means: the only one, where it names none."""
    names = [market.name for market in scenario.markets]
    return scenario.markets[_number_of(name, f"{key}.market", names, "market to trade on", "[[markets]]")]


def _pool_of(scenario: "Scenario", name: str | None, key: str) -> "Pool":
    """Return the pool a cohort means: the only one, where it names none."""
    names = [pool.name for pool in scenario.pools]
    return scenario.pools[_number_of(name, f"{key}.pool", names, "pool to act in", "[[pools]]")]


def _number_of(name: str | None, key: str, names: list[str], what: str, table: str) -> int:
    if not names:
        raise ScenarioError(f"{key.rpartition('.')[0]} has no {what}; add {table} or remove the cohort")
    if name is None and len(names) > 1:
        raise ScenarioError(f"{key} is missing, and there are several: {', '.join(names)}; name one")
    if name is None:
        return 0
    _known(name, key, what.partition(" ")[0], names)
    return names.index(name)


def _pool_people(scenario: "Scenario") -> None:
    agents = scenario.agents
    for key, pool_name, named in _asset_users(agents):
        pool = _pool_of(scenario, pool_name, key)
        for part, asset in named:
            _known(asset, f"{key}.{part}", f"reserve of pool {pool.name}", pool.reserves)
    for k, borrowers in enumerate(agents.borrowers):
        key, pool = f"agents.borrowers.{k}", _pool_of(scenario, borrowers.pool, f"agents.borrowers.{k}")
        name = borrowers.collateral
        if name is not None and pool.reserves[name].liquidation_threshold <= 0.0:
            raise ScenarioError(
                f"{key}.collateral = {shown(name)} has no liquidation_threshold in pool {pool.name}, so it backs no "
                "debt; set one above 0"
            )
        if name is not None:
            _ltv_to_borrow_by(key, borrowers, pool, name)
    for k, liquidators in enumerate(agents.liquidators):
        key = f"agents.liquidators.{k}"
        if liquidators.capital_asset is not None:
            _known(liquidators.capital_asset, f"{key}.capital_asset", ASSET, scenario.assets)
        for position, name in enumerate(liquidators.understands or ()):
            _known(name, f"{key}.understands.{position}", "liquidation design", DESIGN_NAMES)
        if liquidators.selling == "over_time" and not scenario.markets:
            raise ScenarioError(
                f'{key}.selling = "over_time" needs a market to sell on; add [[markets]] or remove the key'
            )


def _ltv_to_borrow_by(key: str, cohort: "Borrowers", pool: "Pool", name: str) -> None:
    """Where the size of debts follows from the ltv there must be one, and a loop's must end."""
    ltv, loops = pool.reserves[name].ltv, cohort.equity_usd is not None and cohort.loop_ltv is None
    if (cohort.collateral_usd is not None or loops) and ltv <= 0.0:
        raise ScenarioError(
            f"{key}.collateral = {shown(name)} has no ltv in pool {pool.name}, so nothing is borrowed against it; set "
            "one above 0"
        )
    if loops and ltv >= 1.0:
        raise ScenarioError(f"{key}: a loop at the ltv of {name}, which is 1, never ends; give a loop_ltv below 1")


def _attackers(scenario: "Scenario") -> None:
    """An attacker's market trades what the pool takes for collateral, against what it lends if that is to be had."""
    for k, attacker in enumerate(scenario.agents.attackers):
        key = f"agents.attackers.{k}"
        market, pool = _market_of(scenario, attacker.market, key), _pool_of(scenario, attacker.pool, key)
        read = next(one for one in scenario.markets if one.base == market.base)
        if market is not read:
            raise ScenarioError(
                f"{key}.market = {shown(market.name)} is not read by oracles of {market.base}, which read the first of "
                f"its markets; use {read.name}"
            )
        _known(market.base, f"{key}.market: {market.base}", f"reserve of pool {pool.name}", pool.reserves)
        reserve = pool.reserves[market.base]
        if attacker.strategy == "trigger_liquidations":
            continue
        _known(market.quote, f"{key}.market: {market.quote}", f"reserve of pool {pool.name}", pool.reserves)
        if reserve.ltv <= 0.0:
            raise ScenarioError(
                f"{key} cannot borrow against {market.base}, whose ltv in pool {pool.name} is 0; set one above 0 or "
                "use another market"
            )


def _asset_users(agents: "Agents") -> Iterator[tuple[str, str | None, list[tuple[str, str]]]]:
    """Yield for every cohort that acts in a pool its key, the pool it names, and the reserves it names by key."""
    for k, borrowers in enumerate(agents.borrowers):
        yield f"agents.borrowers.{k}", borrowers.pool, _borrowed(borrowers)
    for k, liquidators in enumerate(agents.liquidators):
        yield f"agents.liquidators.{k}", liquidators.pool, []
    for k, depositors in enumerate(agents.depositors):
        named = [(f"deposits.{name}", name) for name in depositors.deposits]
        if depositors.loan is not None:
            named += [(f"loan.collateral.{name}", name) for name in depositors.loan.collateral]
            named += [(f"loan.debt.{name}", name) for name in depositors.loan.debt]
        yield f"agents.depositors.{k}", depositors.pool, named
    for k, insurers in enumerate(agents.insurers):
        named = [(f"capital.{name}", name) for name in insurers.capital]
        named += [(f"pool_claims.{name}", name) for name in insurers.pool_claims]
        yield f"agents.insurers.{k}", insurers.pool, named
    for k, stakers in enumerate(agents.stakers):
        yield f"agents.stakers.{k}", stakers.pool, []


def _borrowed(cohort: "Borrowers") -> list[tuple[str, str]]:
    """Return the reserves that borrowers name, each with its key."""
    named = [(key, name) for key in ("collateral", "debt") if (name := getattr(cohort, key)) is not None]
    for k, position in enumerate(cohort.positions or []):
        named += [(f"positions.{k}.collateral.{name}", name) for name in position.collateral]
        named += [(f"positions.{k}.debt.{name}", name) for name in position.debt]
    return named
