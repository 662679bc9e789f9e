"""Black Thursday over fifty common seeds: scarce capacity is what makes the loss, in the model at least."""

import math
import statistics

import pytest

from experiments import load_scenario
from experiments.running.paths import run_paths

SEEDS = 50

# Keepers without limits of capital, gas or speed; the block has room for all of their calls.
PLENTIFUL = {
    "agents.liquidators.0.capital_usd": "inf",
    "agents.liquidators.0.max_gas_gwei": "inf",
    "agents.liquidators.0.delay_seconds": "0.0",
    "agents.liquidators.0.calls_per_block": "1000",
    "blockspace.capacity_gas": "1e9",
}
ARMS = {
    "more capital": {"agents.liquidators.0.capital_usd.median": "600000.0"},
    "a deeper market": {"markets.0.sources.0.value": "3e7"},
    "cheaper gas": {"blockspace.gas_price_gwei": '{ kind = "constant", price = 10.0 }'},
    "plentiful keepers": PLENTIFUL,
    "plentiful keepers without the oracle's delay": PLENTIFUL | {"assets.ETH.oracle": '{ kind = "reference" }'},
}


def bad_debts(changes: dict[str, str]) -> list[float]:
    """Bad debt of every seed, in order; a path that failed would be missing, and fails the test."""
    found: list[float] = []
    scenario = load_scenario("black-thursday", changes)
    run_paths(scenario, 1, SEEDS, 2, on_result=lambda outcome: found.append(outcome.summary["bad_debt_usd"]))
    return found


@pytest.mark.slow
def test_more_capacity_does_not_raise_the_bad_debt() -> None:
    """No arm has a mean above that of limited keepers by more than its standard error; plenty removes most of it."""
    limited = bad_debts({})
    assert statistics.mean(limited) > 0.0
    means = {}
    for name, changes in ARMS.items():
        arm = bad_debts(changes)
        differences = [after - before for after, before in zip(arm, limited, strict=True)]
        error = statistics.stdev(differences) / math.sqrt(SEEDS)
        assert statistics.mean(differences) <= error, name
        means[name] = statistics.mean(arm)
    assert means["plentiful keepers"] < 0.1 * statistics.mean(limited)
