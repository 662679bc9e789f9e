"""Populations from a file: laws found again, drawn as they were fitted, rows drawn as they are, and what is refused."""

import math
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy import stats

from abm import Scenario, ScenarioError, simulate
from abm.agents.borrower import Borrowers
from abm.reading.distributions import Drawn, LogNormal, LogNormalPareto, Pareto, Uniform, pair
from experiments.cli import DONE, REFUSED, main
from experiments.fit.positions.figure import draw
from experiments.fit.positions.joint import counts, drawn, fit
from experiments.fit.positions.laws import healths, sizes
from experiments.fit.positions.reading import read
from models.types import FloatArray

mpl.use("Agg")

COUNT = 4000
BODY = LogNormal(kind="lognormal", median=8000.0, sigma=1.2)
POWER = Pareto(kind="pareto", minimum=500.0, shape=1.3)
BOTH = LogNormalPareto(
    kind="lognormal_pareto", median=8000.0, sigma=1.2, tail_from=40_000.0, tail_share=0.1, tail_shape=1.1
)
HEALTHS: dict[str, Drawn] = {
    "lognormal": LogNormal(kind="lognormal", median=0.4, sigma=0.8, shift=1.0),
    "pareto": Pareto(kind="pareto", minimum=1.0, shape=2.5),
    "uniform": Uniform(kind="uniform", low=1.05, high=2.0),
}
RHO = -0.4


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def frame(count: int = COUNT, seed: int = 1) -> pd.DataFrame:
    """Positions in two collaterals that say what they owe and how healthy they are."""
    draws = rng(seed)
    owed = BOTH.draw(count, draws)
    health = pair(owed, HEALTHS["lognormal"].draw(count, draws), RHO, draws)
    collateral = np.where(np.arange(count) % 4 == 0, "WBTC", "ETH")
    return pd.DataFrame({"debt_usd": owed, "health": health, "collateral": collateral, "debt": "DAI"})


@pytest.fixture
def world(small_world: Any) -> Any:
    """A world with two collaterals and nobody who borrows."""
    return small_world(
        assets__WBTC={"price": {"kind": "constant", "price": 30_000.0}},
        assets__ETH__price={"kind": "gbm", "start": 2000.0, "volatility_per_year": 3.0},
        pools__0__reserves__WBTC={"ltv": 0.7, "liquidation_threshold": 0.8},
        markets=[{"base": base, "quote": "DAI", "sources": [{"kind": "infinite"}]} for base in ("ETH", "WBTC")],
        agents__borrowers=[],
        agents__depositors=[],
    )


def _wide(said: pd.DataFrame) -> pd.DataFrame:
    """Debts over 36 powers of ten, as a slip of decimals makes them."""
    return said.assign(debt_usd=np.geomspace(1e-18, 1e18, len(said)))


def in_units(said: pd.DataFrame) -> pd.DataFrame:
    """The same positions as they are in the world, in units of their assets."""
    limits = said["debt_usd"] * said["health"]
    eth = said["collateral"] == "ETH"
    return pd.DataFrame(
        {
            "collateral_ETH": np.where(eth, limits / 0.83 / 2000.0, 0.0),
            "collateral_WBTC": np.where(eth, 0.0, limits / 0.8 / 30_000.0),
            "debt_DAI": said["debt_usd"],
        }
    )


# Laws that are found again


def test_a_lognormal_is_found_again() -> None:
    """Within four standard errors; a tail that is not there is not worth its parameters."""
    best = sizes(BODY.draw(COUNT, rng()))[0].law
    assert isinstance(best, LogNormal)
    assert math.log(best.median / 8000.0) == pytest.approx(0.0, abs=4 * 1.2 / math.sqrt(COUNT))
    assert best.sigma == pytest.approx(1.2, abs=4 * 1.2 / math.sqrt(2 * COUNT))


def test_a_power_law_is_found_again() -> None:
    best = sizes(POWER.draw(COUNT, rng()))[0].law
    assert isinstance(best, Pareto)
    assert best.shape == pytest.approx(1.3, abs=4 * 1.3 / math.sqrt(COUNT))
    assert best.minimum == pytest.approx(500.0, rel=10.0 / COUNT)


def test_a_lognormal_with_a_fat_tail_is_found_again() -> None:
    """Its tail to four standard errors of Hill's estimator."""
    best = sizes(BOTH.draw(5 * COUNT, rng()))[0].law
    assert isinstance(best, LogNormalPareto)
    assert best.tail_shape == pytest.approx(1.1, abs=4 * 1.1 / math.sqrt(0.1 * 5 * COUNT))
    assert best.tail_from == pytest.approx(40_000.0, rel=0.05)
    assert best.tail_share == pytest.approx(0.1, abs=0.01)
    assert best.median == pytest.approx(8000.0, rel=0.1)
    assert best.sigma == pytest.approx(1.2, rel=0.1)


@pytest.mark.parametrize("kind", HEALTHS)
def test_every_law_of_healths_is_found_again(kind: str) -> None:
    truth = HEALTHS[kind]
    best = healths(truth.draw(COUNT, rng()))[0].law
    assert best.kind == kind
    for name, value in truth.model_dump(exclude_none=True).items():
        if isinstance(value, float):
            assert getattr(best, name) == pytest.approx(value, rel=4 * 1.5 / math.sqrt(COUNT)), name


@pytest.mark.parametrize("law", [BODY, POWER, BOTH], ids=lambda law: law.kind)
def test_the_likelihood_is_that_of_the_density(law: Drawn) -> None:
    """Every law tried, against scipy's densities at the parameters that were found."""
    values = law.draw(2000, rng(3))
    for found in sizes(values):
        assert found.log_likelihood == pytest.approx(_log_density(found.law, values).sum(), rel=1e-5)


def _log_density(law: Drawn, values: FloatArray) -> FloatArray:
    if isinstance(law, LogNormal):
        return np.asarray(stats.lognorm.logpdf(values, law.sigma, scale=law.median))
    if isinstance(law, Pareto):
        return np.asarray(stats.pareto.logpdf(np.maximum(values, law.minimum), law.shape, scale=law.minimum))
    assert isinstance(law, LogNormalPareto)
    whole = stats.lognorm.cdf(law.tail_from, law.sigma, scale=law.median)
    body = np.log((1.0 - law.tail_share) / whole) + stats.lognorm.logpdf(values, law.sigma, scale=law.median)
    over = np.maximum(values, law.tail_from)
    tail = math.log(law.tail_share) + stats.pareto.logpdf(over, law.tail_shape, scale=law.tail_from)
    return np.where(values < law.tail_from * (1 - 1e-6), body, tail)


# The joint law


def test_the_correlation_and_the_mix_are_found_again(tmp_path: Path) -> None:
    frame().to_parquet(tmp_path / "p.parquet")
    cohorts = fit(read(tmp_path / "p.parquet", None, None))
    assert [(one.collateral, one.debt, one.positions) for one in cohorts] == [
        ("ETH", "DAI", 3000),
        ("WBTC", "DAI", 1000),
    ]
    for one in cohorts:
        assert one.rank_correlation == pytest.approx(RHO, abs=4 * one.error)
        assert 0.01 < one.error < 0.04
        assert not one.shared
    assert sum(one.total_debt_usd for one in cohorts) == pytest.approx(frame()["debt_usd"].sum())


def test_what_is_drawn_from_the_blocks_is_distributed_as_the_file(tmp_path: Path) -> None:
    """Debts and healths by Kolmogorov's test, and their ranks."""
    frame().to_csv(tmp_path / "p.csv", index=False)
    positions = read(tmp_path / "p.csv", None, None)
    blocks = [one.borrowers(one.positions) for one in fit(positions)]
    owed, health = drawn(blocks, seed=2)
    assert stats.ks_2samp(owed, positions.debt_usd).pvalue > 0.01
    assert stats.ks_2samp(health, positions.health).pvalue > 0.01
    assert stats.spearmanr(owed, health).statistic == pytest.approx(RHO, abs=0.05)


def test_assets_of_few_positions_share_the_laws_of_all(tmp_path: Path) -> None:
    few = frame()
    few.loc[few.index[-5:], "collateral"] = "LINK"
    few.to_csv(tmp_path / "p.csv", index=False)
    link = fit(read(tmp_path / "p.csv", None, None))[-1]
    assert (link.collateral, link.positions, link.shared) == ("LINK", 5, True)
    assert link.sizes[0].law == sizes(few["debt_usd"].to_numpy())[0].law


@pytest.mark.parametrize(("total", "shares"), [(4000, [3000, 1000]), (10, [8, 2]), (3, [2, 1]), (1, [1, 0])])
def test_counts_are_the_shares_and_add_up(tmp_path: Path, total: int, shares: list[int]) -> None:
    frame().to_csv(tmp_path / "p.csv", index=False)
    found = counts(fit(read(tmp_path / "p.csv", None, None)), total)
    assert sum(found) == total
    assert found == pytest.approx(shares, abs=0.5)


def test_units_and_a_scenario_come_to_the_same_as_what_is_said(tmp_path: Path, world: Any) -> None:
    said = frame()
    said.to_csv(tmp_path / "said.csv", index=False)
    in_units(said).to_csv(tmp_path / "units.csv", index=False)
    one = read(tmp_path / "said.csv", None, None)
    other = read(tmp_path / "units.csv", Scenario.from_dict(world), "core")
    np.testing.assert_allclose(other.debt_usd, one.debt_usd, rtol=1e-9)
    np.testing.assert_allclose(other.health, one.health, rtol=1e-9)
    assert other.pairs == one.pairs


def test_what_is_left_out_is_counted(tmp_path: Path, world: Any) -> None:
    units = in_units(frame(100))
    units.loc[0, "collateral_WBTC"] *= 0.01  # under water
    units.loc[1, "debt_DAI"] = 0.0
    units.loc[2, "collateral_WBTC"] = 1e-3
    units.to_csv(tmp_path / "p.csv", index=False)
    positions = read(tmp_path / "p.csv", Scenario.from_dict(world), None)
    assert (positions.below, positions.without_debt, positions.mixed) == (1, 1, 1)
    assert len(positions.debt_usd) == len(positions.pairs) == 98
    assert positions.pairs[0] == ("ETH", "DAI")


# In a scenario


def test_a_correlation_of_none_changes_nothing_and_one_changes_the_pairs_alone(model_of: Any, small_world: Any) -> None:
    cohort = {
        "count": 500,
        "collateral": "ETH",
        "debt": "DAI",
        "debt_usd": BODY.model_dump(exclude_none=True),
        "health": HEALTHS["lognormal"].model_dump(exclude_none=True),
    }

    def book(**more: Any) -> tuple[FloatArray, FloatArray]:
        lender = model_of(small_world(agents__borrowers=[cohort | more])).world.lenders[0]
        health, _, owed = lender.pool.valuation(lender.prices, np.arange(500))
        return owed, health

    free, paired = book(), book(rank_correlation=0.7)
    np.testing.assert_array_equal(paired[0], free[0])
    np.testing.assert_allclose(np.sort(paired[1]), np.sort(free[1]), rtol=1e-12)
    assert stats.spearmanr(*free).statistic == pytest.approx(0.0, abs=0.15)
    assert stats.spearmanr(*paired).statistic == pytest.approx(0.7, abs=0.1)


def test_rows_are_drawn_as_they_are_or_blurred(tmp_path: Path, world: Any, model_of: Any) -> None:
    """Without a blur every position is a row; with one, sizes and healths spread around theirs and stay above 1."""
    said = pd.DataFrame({"debt_usd": [1e3, 1e5], "health": [1.1, 2.0], "collateral": ["ETH", "WBTC"], "debt": "DAI"})
    in_units(said).to_csv(tmp_path / "p.csv", index=False)

    def book(jitter: float) -> tuple[FloatArray, FloatArray]:
        world["agents"]["borrowers"] = [{"file": str(tmp_path / "p.csv"), "resample": 2000, "jitter": jitter}]
        lender = model_of(world).world.lenders[0]
        health, _, owed = lender.pool.valuation(lender.prices, np.arange(2000))
        return owed, health

    owed, health = book(0.0)
    assert set(np.round(owed, 6)) == {1e3, 1e5}
    np.testing.assert_allclose(health, np.where(owed > 1e4, 2.0, 1.1), rtol=1e-9)
    assert np.mean(owed > 1e4) == pytest.approx(0.5, abs=0.05)
    blurred, blurred_health = book(0.2)
    assert len(set(blurred)) == 2000
    assert (blurred_health > 1.0).all()
    for centre, excess in ((1e3, 0.1), (1e5, 1.0)):
        mine = np.abs(np.log(blurred / centre)) < 2.0
        assert np.std(np.log(blurred[mine] / centre)) == pytest.approx(0.2, rel=0.1)
        assert np.std(np.log((blurred_health[mine] - 1.0) / excess)) == pytest.approx(0.2, rel=0.1)
        assert np.median(blurred_health[mine]) == pytest.approx(1.0 + excess, rel=0.02)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rank_correlation": 1.5}, "less than or equal to 1"),
        ({"rank_correlation": 0.5, "health": 1.5}, "give health a distribution"),
        ({"rank_correlation": 0.5, "debt_usd": None, "health": None, "equity_usd": 1e3}, "give debt_usd a distr"),
        ({"resample": 10}, "draws rows of a file, not count; give a file"),
        ({"jitter": 0.1}, "jitter = 0.1 blurs positions that are drawn from a file; add resample"),
    ],
)
def test_keys_that_do_not_fit_together_are_refused(changes: dict[str, Any], words: str) -> None:
    terms = {
        "count": 10,
        "collateral": "ETH",
        "debt": "DAI",
        "debt_usd": BODY.model_dump(exclude_none=True),
        "health": HEALTHS["lognormal"].model_dump(exclude_none=True),
    }
    with pytest.raises(ValueError, match=words):
        Borrowers.model_validate(terms | changes)
    with pytest.raises(ValueError, match="rank_correlation goes with count, not with file"):
        Borrowers(file="p.csv", rank_correlation=0.5)


# The command


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("experiments.figures.style.DPI", 40)
    frame(400).to_csv("positions.csv", index=False)
    return tmp_path


def test_the_command_writes_blocks_that_a_scenario_runs(
    home: Path, capsys: pytest.CaptureFixture[str], world: Any
) -> None:
    assert main(["fit", "positions.csv", "--count", "60", "--out", "fitted"]) == DONE
    said = capsys.readouterr().out
    assert "positions.csv: 400 positions that owe" in said
    assert "ETH against DAI: 300 positions (75 %)" in said
    assert "rank correlation" in said
    pasted = (home / "fitted" / "positions.toml").read_text()
    assert pasted in said
    assert (home / "fitted" / "positions.png").stat().st_size > 10_000
    blocks = tomllib.loads(pasted)["agents"]["borrowers"]
    assert [block["count"] for block in blocks] == [45, 15]
    assert [block["collateral"] for block in blocks] == ["ETH", "WBTC"]
    world["agents"]["borrowers"] = blocks
    assert simulate(Scenario.from_dict(world), seed=1).summary["initial_debt_usd"] > 0.0
    scaled = tomllib.loads(pasted.replace("# total_debt_usd", "total_debt_usd"))["agents"]["borrowers"]
    world["agents"]["borrowers"] = scaled
    total = sum(block["total_debt_usd"] for block in scaled)
    assert total == pytest.approx(frame(400)["debt_usd"].sum() * 60 / 400, rel=1e-5)
    assert simulate(Scenario.from_dict(world), seed=1).summary["initial_debt_usd"] == pytest.approx(total, rel=1e-9)


def test_the_figure_shows_as_many_as_the_file_has_however_few_are_asked_for(home: Path) -> None:
    assert main(["fit", "positions.csv", "--count", "1", "--out", "fitted"]) == DONE
    (block,) = tomllib.loads((home / "fitted" / "positions.toml").read_text())["agents"]["borrowers"]
    assert block["count"] == 1


def test_the_smallest_of_numbers_does_no_harm_to_a_power_law() -> None:
    assert sizes(np.array([1e-320, *np.geomspace(1.0, 1e4, 40)]))


def test_a_file_in_units_may_be_drawn_from_as_it_is(home: Path, capsys: pytest.CaptureFixture[str], world: Any) -> None:
    import tomli_w  # noqa: PLC0415

    (home / "world.toml").write_text(tomli_w.dumps(world))
    in_units(frame(400)).to_parquet("units.parquet")
    assert main(["fit", "units.parquet", "--scenario", "world.toml"]) == DONE
    said = capsys.readouterr().out
    (block,) = tomllib.loads(said.partition("blurred:")[2])["agents"]["borrowers"]
    assert block["resample"] == 400
    assert 0.05 < block["jitter"] < 1.0
    scenario = Scenario.from_dict(world | {"agents": world["agents"] | {"borrowers": [block]}}, base_dir=home)
    assert simulate(scenario, seed=1).summary["initial_debt_usd"] > 0.0


def test_the_figure_can_be_read(home: Path, faults: Callable[[Figure], list[str]]) -> None:
    positions = read(home / "positions.csv", None, None)
    blocks = [one.borrowers(one.positions) for one in fit(positions)]
    assert faults(draw(positions, *drawn(blocks, 1))) == []


@pytest.mark.parametrize(
    ("table", "options", "says"),
    [
        (frame(0), [], "positions.csv has no rows; give at least one"),
        (frame(1), [], "positions.csv has 1 position with a debt and a health above 1, too few .* give 30 or more"),
        (frame(40).assign(health=0.9), [], "positions.csv has 0 positions with a debt and a health above 1"),
        (frame(40).assign(debt_usd=-5.0), [], "column 'debt_usd' of positions.csv holds -5 in data row 1; give 0"),
        (frame(40).assign(debt_usd="x"), [], "column 'debt_usd' of positions.csv holds 'x' in data row 1"),
        (frame(40).assign(debt_usd=7.0), [], "all debts in ETH against DAI are 7, .* resample"),
        (frame(40).assign(collateral=None), [], "column 'collateral' .* holds nothing in data row 1; name an asset"),
        (frame(40).drop(columns="health"), [], "positions.csv has no column 'health'; add it"),
        (frame(40).drop(columns="debt"), [], "positions.csv has no column 'debt'; add it"),
        (in_units(frame(40)), [], "holds positions in units; name the scenario .* --scenario NAME|FILE"),
        (in_units(frame(40)), ["--scenario", "calm"], "'collateral_WBTC', which is no collateral_<asset>"),
        (in_units(frame(40)), ["--scenario", "clam"], "did you mean 'calm'"),
        (in_units(frame(40)), ["--scenario", "calm", "--pool", "side"], "--pool side is no pool of calm"),
        (frame(40), ["--model", "gbm"], "--model goes with a file of prices, but positions.csv holds positions"),
        (
            frame(40),
            ["--scenario", "calm"],
            "--scenario values units of assets, but positions.csv says .* leave it out",
        ),
        (frame(40), ["--pool", "core"], "--pool values units of assets, but positions.csv says .* leave it out"),
        (_wide(frame(40)), [], "debts in ETH against DAI reach from .* wider than any law that a scenario draws"),
        (frame(40), ["--out", "full"], "full is not empty; give another directory with --out"),
    ],
)
def test_what_cannot_be_fitted_gets_one_sentence_and_nothing_is_written(
    home: Path, capsys: pytest.CaptureFixture[str], table: pd.DataFrame, options: list[str], says: str
) -> None:
    (home / "full").mkdir()
    (home / "full" / "kept.txt").write_text("precious")
    table.to_csv("positions.csv", index=False)
    assert main(["fit", "positions.csv", "--out", "fitted", *options]) == REFUSED
    said = capsys.readouterr()
    assert re.search(says, said.err), said.err
    assert len(said.err.splitlines()) == 1
    assert said.out == ""
    assert not (home / "fitted").exists()


def test_options_of_positions_do_not_go_with_prices(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pd.DataFrame({"time": [0.0, 60.0], "price": [1.0, 2.0]}).to_csv("prices.csv", index=False)
    assert main(["fit", "prices.csv", "--count", "5"]) == REFUSED
    assert "--count goes with a file of positions, but prices.csv holds prices" in capsys.readouterr().err


def test_a_file_that_a_cohort_reads_is_checked_before_the_run(tmp_path: Path, world: Any) -> None:
    (tmp_path / "p.csv").write_text("collateral_ETH,debt_DAI\n1,-5\n")
    world["agents"]["borrowers"] = [{"file": str(tmp_path / "p.csv"), "resample": 10}]
    with pytest.raises(ScenarioError, match=r"column 'debt_DAI' .* holds -5"):
        Scenario.from_dict(world).check_inputs()
