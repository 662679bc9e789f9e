"""The exogenous price paths of a scenario: draws that its assets have in common, handed to the price parts.

Assets are tied in three ways, none of which a price part knows of. Their diffusions' normal draws are correlated
(`correlations`); a copula ties their extremes (`copula`); and assets of one entry of `common_draws` have all other
draws alike: they jump at the same moments, change regimes together, and resample the same rows of their histories.
"""

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.markets.derived import derived_in_order
from abm.reading.inputs import ScenarioError, read_columns
from models.prices import ClaimPrice, PriceTerms, RelativePrice, check_range, correlate
from models.refusals import Refusal
from models.sampling import move_terminal, terminal_value
from models.types import FloatArray

if TYPE_CHECKING:
    from abm.scenario import Scenario, Time
    from abm.streams import Streams


def exogenous_prices(scenario: "Scenario", streams: "Streams") -> FloatArray:
    """Return the prices in dollars of every asset at every step, shape (steps, assets)."""
    normals, _ = _draws(scenario, streams)
    leaders = {name: group.assets[0] for group in scenario.common_draws for name in group.assets}
    paths = {
        # A copy of the stream for each: all assets of a group draw the same from the stream of its first.
        name: path_of(key, terms, scenario.time, deepcopy(streams("price", leaders.get(name, name))), normals[:, k])
        for k, name in enumerate(scenario.assets)
        for key, terms in _own(scenario, name)
    }
    for name, terms in derived_in_order(scenario):
        # A claim is worth its underlying, one for one as at the start: the pool's books do the rest.
        paths[name] = _times(name, paths[terms.underlying], paths.get(name))
    return np.column_stack([paths[name] for name in scenario.assets])


def path_weight(scenario: "Scenario", streams: "Streams") -> float:
    """Return the weight of a path in estimates over paths: 1 unless `[sampling]` makes it more likely than it is.

    `streams` are fresh ones, of the path's seed.
    """
    return 1.0 if scenario.sampling is None else _draws(scenario, streams)[1]


def _draws(scenario: "Scenario", streams: "Streams") -> tuple[FloatArray, float]:
    """Return standard normal draws, shape (steps, assets), tied and sampled as asked, and the path's weight."""
    steps = scenario.time.steps
    normals = np.column_stack([streams("price", name, "normals").standard_normal(steps) for name in scenario.assets])
    if scenario.correlations:
        normals = correlate(normals, scenario.correlation_matrix())
    if scenario.copula is not None:
        normals = scenario.copula.tie(normals, streams("copula"))
    if scenario.sampling is None or steps == 1:
        return normals, 1.0
    asset = list(scenario.assets).index(scenario.sampling.asset)
    plain = terminal_value(normals[:, asset])
    end, weight = scenario.sampling.terminal(plain, streams.seed, streams("sampling"))
    return move_terminal(normals, scenario.correlation_matrix(), asset, end - plain), weight


def first_prices(scenario: "Scenario", read_files: bool) -> dict[str, float]:
    """Return the first price of every asset, leaving out those in files unless these are to be read.

    Raises `ScenarioError` where a table or the steps do not fit, also for gas; only what a draw may bring is left to
    be found when the path is made.
    """
    start = scenario.time.model_copy(update={"steps": 1})

    def first(key: str, terms: PriceTerms) -> FloatArray:
        return path_of(key, terms, start, np.random.default_rng(0))

    space = scenario.blockspace
    if space is not None and (read_files or not space.gas_price_gwei.needs_table):
        first("blockspace.gas_price_gwei", space.gas_price_gwei)
    own = {name: _own(scenario, name) for name in scenario.assets}
    prices = {
        name: first(key, terms)
        for name, paths in own.items()
        for key, terms in paths
        if read_files or not terms.needs_table
    }
    for name, terms in derived_in_order(scenario):
        ratio, underlying = prices.pop(name, None), prices.get(terms.underlying)
        if underlying is not None and (ratio is not None or not own[name]):
            prices[name] = _times(name, underlying, ratio)
    return {name: float(price[0]) for name, price in prices.items()}


def _own(scenario: "Scenario", name: str) -> list[tuple[str, PriceTerms]]:
    """Return the path that an asset's price has of its own, with its key; a claim has none."""
    key, price = f"assets.{name}.price", scenario.assets[name].price
    if isinstance(price, ClaimPrice):
        return []
    return [(f"{key}.ratio", price.ratio)] if isinstance(price, RelativePrice) else [(key, price)]


def _times(name: str, underlying: FloatArray, ratio: FloatArray | None) -> FloatArray:
    """Return the prices of an asset that is worth a ratio of another one, or one for one."""
    if ratio is None:
        return underlying
    path = underlying * ratio
    try:
        check_range(path)
    except Refusal as refusal:
        raise ScenarioError(f"assets.{name}.price: {refusal}") from None
    return path


def path_of(
    key: str,
    terms: PriceTerms,
    time: "Time",
    rng: np.random.Generator,
    normals: FloatArray | None = None,
) -> FloatArray:
    """Return one path, shape (steps,), reading the table that the terms name.

    `key` is the scenario's key, for messages. Raises `ScenarioError` where the table or the steps do not fit.
    """
    tabled: Any = terms  # has a file, columns and a time where it needs a table
    draws = rng.standard_normal(time.steps) if normals is None else normals
    try:
        columns: dict[str, FloatArray] = {}
        if terms.needs_table:
            columns = read_columns(f"{key}.file", tabled.file, tabled.columns, tabled.time)
        return terms.with_table(columns).path(time.steps, time.step_seconds, draws, rng)
    except Refusal as refusal:
        raise ScenarioError(f"{key}: {refusal}") from None
