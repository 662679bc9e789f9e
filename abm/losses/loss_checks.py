"""Whether the loss layers, insurers and stakers of a scenario fit its pools, assets and one another."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from abm.losses.loss_terms import called_of, covered, insurer_name
from abm.reading.inputs import ScenarioError
from abm.reading.sentences import shown, suggestion
from models.losses import Layer, StakeTerms
from models.losses.insurance import InsuranceLayer
from models.prices import ClaimPrice

if TYPE_CHECKING:
    from abm.scenario import Pool, Scenario


def check_losses(scenario: "Scenario") -> None:
    """Raise `ScenarioError` for the first thing about losses that does not fit."""
    for k, pool in enumerate(scenario.pools):
        key = f"pools.{k}.losses"
        for number, layer in enumerate(pool.losses.layers):
            _layer(scenario, pool, layer, f"{key}.layers.{number}")
        for layer in pool.losses.stack():
            _layer(scenario, pool, layer, f"{key}.preset = {shown(pool.losses.preset)}: {layer.kind}")
        for name in pool.losses.depth_usd:
            _asset(name, f"{key}.depth_usd.{name}", scenario.assets)
        for number, recovery in enumerate(pool.losses.recoveries):
            if recovery.asset is not None:
                _reserve(recovery.asset, f"{key}.recoveries.{number}.asset", pool)
    for k, insurer in enumerate(scenario.agents.insurers):
        for name in insurer.tokens:
            _asset(name, f"agents.insurers.{k}.tokens.{name}", scenario.assets)
            _sells(scenario, name, f"agents.insurers.{k}.tokens.{name}")
    for k, stakers in enumerate(scenario.agents.stakers):
        pool = scenario.pools[0] if stakers.pool is None else _pool(scenario, stakers.pool)
        known = list(_places(scenario, pool))
        if stakers.layer not in known:
            remedy = suggestion(stakers.layer, known) if known else "it has none, so add one or remove the cohort"
            key = f"agents.stakers.{k}.layer = {shown(stakers.layer)}"
            raise ScenarioError(f"{key} is no layer of pool {pool.name} to stake on; {remedy}")


def _layer(scenario: "Scenario", pool: "Pool", layer: Layer, key: str) -> None:
    if layer.covers is not None:
        _reserve(layer.covers, f"{key}.covers", pool)
    asset = getattr(layer, "asset", None)
    if asset is None:
        return
    if layer.claims() is not None:
        raise ScenarioError(
            f"{key}.asset = {shown(asset)} cannot be staked as the same asset: what is staked there are claims on the "
            "pool; leave asset out, or use kind staked_own_token or backstop_vault"
        )
    _asset(asset, f"{key}.asset", scenario.assets)
    if layer.mints and isinstance(scenario.assets[asset].price, ClaimPrice):
        raise ScenarioError(
            f"{key}.asset = {shown(asset)} is a claim on a pool, and no protocol can make new ones with no deposit "
            "behind them; name the protocol's own token, with a price of its own"
        )
    if asset != (layer.covers or next(iter(pool.reserves))):
        _sells(scenario, asset, f"{key}.asset = {shown(asset)}")


def _sells(scenario: "Scenario", name: str, key: str) -> None:
    """A claim that a layer would sell needs a market: those that no deposit stands behind cannot be redeemed."""
    price = scenario.assets[name].price
    if isinstance(price, ClaimPrice) and not any(market.base == name for market in scenario.markets):
        raise ScenarioError(
            f"{key} is a claim that no market buys, so it cannot be sold for what is lost; add a market that has "
            f"{name} for its base, or use {shown(price.reserve)}"
        )


def _asset(name: str, key: str, assets: Iterable[str]) -> None:
    if name not in assets:
        given = key if key.endswith(f".{name}") else f"{key} = {shown(name)}"
        raise ScenarioError(
            f"{given} is no asset with a price; add [assets.{name}] with a price, or use another; "
            + suggestion(name, assets)
        )


def _reserve(name: str, key: str, pool: "Pool") -> None:
    if name not in pool.reserves:
        raise ScenarioError(
            f"{key} = {shown(name)} is no reserve of pool {pool.name}; {suggestion(name, pool.reserves)}"
        )


def _pool(scenario: "Scenario", name: str) -> "Pool":
    return next(pool for pool in scenario.pools if pool.name == name)


def _places(scenario: "Scenario", pool: "Pool") -> Iterable[str]:
    """Return what layers of a pool that one may stake on are called."""
    names, stack = list(pool.reserves), pool.losses.stack()
    seen: dict[str, None] = {}
    for reserve in range(len(names)):
        layers = [layer for layer in stack if covered(layer, names, reserve)]
        called = zip(layers, called_of(layers), strict=True)
        seen |= {name: None for layer, name in called if isinstance(layer, StakeTerms)}
    if any(isinstance(layer, InsuranceLayer) for layer in stack):
        count = sum(insurer.pool in (None, pool.name) for insurer in scenario.agents.insurers)
        seen |= {insurer_name(k, count): None for k in range(count)}
    return seen
