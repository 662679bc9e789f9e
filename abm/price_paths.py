"""The exogenous price paths of a scenario: correlated draws handed to the price parts, with their tables read."""

import numpy as np

from abm.inputs import ScenarioError, read_columns
from abm.scenario import Scenario, Time
from abm.streams import Streams
from models.prices import PriceTerms, correlate
from models.refusals import Refusal
from models.types import FloatArray


def exogenous_prices(scenario: Scenario, streams: Streams) -> FloatArray:
    """Return the prices in dollars of every asset at every step, shape (steps, assets)."""
    steps = scenario.time.steps
    normals = np.column_stack([streams("price", name, "normals").standard_normal(steps) for name in scenario.assets])
    if scenario.correlations:
        try:
            normals = correlate(normals, scenario.correlation_matrix())
        except Refusal as refusal:
            raise ScenarioError(f"correlations: {refusal}") from None
    return np.column_stack(
        [
            path_of(f"assets.{name}.price", asset.price, scenario.time, streams("price", name), normals[:, k])
            for k, (name, asset) in enumerate(scenario.assets.items())
        ]
    )


def path_of(
    key: str,
    terms: PriceTerms,
    time: Time,
    rng: np.random.Generator,
    normals: FloatArray | None = None,
) -> FloatArray:
    """Return one path, shape (steps,), reading the table that the terms name.

    `key` is the scenario's key, for messages. Raises `ScenarioError` where the table or the steps do not fit.
    """
    draws = rng.standard_normal(time.steps) if normals is None else normals
    try:
        columns = read_columns(key, terms.file, terms.columns, terms.time) if terms.needs_table else {}
        return terms.with_table(columns).path(time.steps, time.step_seconds, draws, rng)
    except Refusal as refusal:
        raise ScenarioError(f"{key}: {refusal}") from None
