"""The graph of who depends on whom."""

import pytest

from abm import Scenario, simulate
from experiments import load_scenario
from models.clearing import clear
from models.exposure import (
    Exposure,
    InvalidExposure,
    concentration,
    exposure_graph,
    exposure_matrix,
    holdings,
    reached_by,
    wrapping_loops,
)

CHAIN = [
    Exposure("depositors", "pool", "supplies", 100.0),
    Exposure("pool", "borrowers", "lends to", 80.0),
    Exposure("borrowers", "asset ETH", "collateralises with", 120.0),
    Exposure("bystanders", "asset BTC", "collateralises with", 10.0),
]


@pytest.mark.parametrize("usd", [-1.0, float("nan"), float("inf")])
def test_an_exposure_that_is_no_amount_is_refused(usd: float) -> None:
    with pytest.raises(InvalidExposure, match="a supplies b"):
        exposure_graph([Exposure("a", "b", "supplies", usd)])


def test_an_exposure_of_a_kind_that_nobody_reads_is_refused() -> None:
    with pytest.raises(InvalidExposure, match="a likes b: not a kind of exposure; choose from supplies, lends to"):
        exposure_graph([Exposure("a", "b", "likes", 1.0)])


def test_a_matrix_says_what_the_row_loses_when_the_column_fails() -> None:
    """Kinds that are not asked for leave their names, and zeros."""
    names, usd = exposure_matrix(exposure_graph(CHAIN), ["supplies", "lends to"])
    row = {name: number for number, name in enumerate(names)}
    assert usd.sum() == 180.0
    assert usd[row["depositors"], row["pool"]] == 100.0
    assert usd[row["pool"], row["borrowers"]] == 80.0
    assert row["asset BTC"] < len(names)


def test_the_debts_of_a_graph_can_be_cleared() -> None:
    """Borrowers who own 40 dollars owe 80 to a pool with 30 in cash, which owes 100 to its depositors."""
    names, usd = exposure_matrix(exposure_graph(CHAIN), ["supplies", "lends to"])
    own = {"borrowers": 40.0, "pool": 30.0}
    cleared = clear(usd.T, [0.0] * len(names), [own.get(name, 0.0) for name in names])
    assert cleared.recovery[names.index("pool")] == pytest.approx(0.7, rel=1e-12)
    assert cleared.equity[names.index("depositors")] == pytest.approx(70.0, rel=1e-12)


def test_holdings_are_the_collateral_by_holder_and_asset() -> None:
    found = holdings(exposure_graph([*CHAIN, Exposure("bystanders", "asset ETH", "collateralises with", 5.0)]))
    assert found.holders == ["borrowers", "bystanders"]
    assert found.assets == ["asset ETH", "asset BTC"]
    assert found.usd.tolist() == [[120.0, 0.0], [5.0, 10.0]]


def test_only_those_who_wrap_one_another_in_a_circle_are_a_loop() -> None:
    wraps = [("x", "y"), ("y", "z"), ("z", "x"), ("vault", "x"), ("p", "q"), ("q", "p"), ("self", "self")]
    graph = exposure_graph([Exposure(a, b, "wraps", 1.0) for a, b in wraps] + [Exposure("z", "vault", "supplies", 1.0)])
    assert wrapping_loops(graph) == [{"x", "y", "z"}, {"p", "q"}, {"self"}]
    assert wrapping_loops(exposure_graph(CHAIN)) == []


def test_who_is_reached_follows_the_chain_and_nobody_else() -> None:
    reached = reached_by(exposure_graph(CHAIN), "asset ETH")
    assert reached == {"borrowers": 120.0, "depositors": 100.0, "pool": 80.0}


def test_somebody_nobody_depends_on_reaches_nobody() -> None:
    graph = exposure_graph(CHAIN)
    assert reached_by(graph, "depositors") == {}
    assert reached_by(graph, "a stranger") == {}


def test_exposures_of_one_kind_add_up_and_nothing_is_no_edge() -> None:
    graph = exposure_graph([*CHAIN, Exposure("pool", "borrowers", "lends to", 20.0), Exposure("x", "y", "wraps", 0.0)])
    assert graph["pool"]["borrowers"]["lends to"]["usd"] == 100.0
    assert "x" not in graph


@pytest.mark.parametrize(("shares", "expected"), [([1.0], 1.0), ([1.0, 1.0, 1.0, 1.0], 0.25), ([3.0, 1.0], 0.625)])
def test_concentration_is_the_herfindahl_index(shares: list[float], expected: float) -> None:
    graph = exposure_graph(Exposure(f"d{k}", "pool", "supplies", usd) for k, usd in enumerate(shares))
    assert concentration(graph, "pool") == pytest.approx(expected, rel=1e-12)
    assert concentration(graph, "elsewhere") == 0.0


def test_a_run_says_who_depended_on_whom_at_the_start() -> None:
    """In the worked example, 10 ETH back 16,000 DAI lent out of a million supplied."""
    scenario: Scenario = load_scenario("one-position")
    graph = exposure_graph(simulate(scenario).exposures)
    assert graph["depositors.0"]["pool core"]["supplies"]["usd"] == pytest.approx(1e6, rel=1e-12)
    assert graph["pool core"]["borrowers.0"]["lends to"]["usd"] == pytest.approx(16_000.0, rel=1e-12)
    assert graph["borrowers.0"]["asset ETH"]["collateralises with"]["usd"] == pytest.approx(20_000.0, rel=1e-12)
    assert set(reached_by(graph, "asset ETH")) == {"borrowers.0", "pool core", "depositors.0"}
