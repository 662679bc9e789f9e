"""Weighted and stratified paths: what they estimate is what plain paths estimate, and intervals keep their promise."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from abm import Scenario, ScenarioError, simulate
from abm.markets.price_paths import exogenous_prices, path_weight
from abm.streams import Streams
from experiments.asking.estimands import parse_estimands
from experiments.asking.inquiry import Inquiry
from experiments.asking.question import Experiment
from experiments.cli import DONE, REFUSED, main
from experiments.experiment import ask
from experiments.inference.sample import Sample
from experiments.inference.statistics import wilson
from experiments.inference.weighted import Kind, estimate, gain, interval_of, paired, standard_error
from experiments.stored.storage import Results
from models.sampling import Importance, Stratified, move_terminal, terminal_value
from models.types import FloatArray

LEVEL = 0.95
KINDS: tuple[Kind, ...] = ("mean", "share", "quantile", "shortfall")


def level(kind: Kind) -> float:
    return LEVEL if kind in ("quantile", "shortfall") else math.nan


# Estimates


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60), st.floats(0.1, 9.0))
@settings(max_examples=60)
def test_equal_weights_are_as_none_and_shares_add_up_to_one(values: list[float], scale: float) -> None:
    sample = np.array(values)
    plain, weighted = Sample(sample), Sample(sample, np.full(sample.size, scale))
    assert estimate(weighted, "mean") == pytest.approx(estimate(plain, "mean"), rel=1e-9, abs=1e-6)
    assert weighted.effective == pytest.approx(sample.size)
    uneven = Sample(sample, scale * np.arange(1.0, sample.size + 1))
    assert uneven.shares.sum() == pytest.approx(1.0)
    assert (uneven.shares >= 0.0).all()


def test_a_weight_of_two_is_the_path_twice() -> None:
    once = Sample(np.array([1.0, 2.0, 3.0, 10.0]), np.array([1.0, 2.0, 2.0, 1.0]), whole=False)
    twice = Sample(np.array([1.0, 2.0, 2.0, 3.0, 3.0, 10.0]), np.ones(6))
    for kind in KINDS:
        assert estimate(once, kind, 0.6) == pytest.approx(estimate(twice, kind, 0.6))
    assert once.effective == pytest.approx(6.0**2 / 10.0)


def test_the_mean_weight_is_a_control() -> None:
    """The regression of w x on w at the known mean of w, by least squares."""
    rng = np.random.default_rng(2)
    weights = rng.lognormal(-0.125, 0.5, 50)
    values = rng.standard_normal(50) + weights
    design = np.stack([np.ones(50), weights - 1.0], axis=1)
    fitted = np.linalg.lstsq(design, weights * values, rcond=None)[0]
    assert estimate(Sample(values, weights), "mean") == pytest.approx(fitted[0])


def test_the_weighted_quantile_is_where_the_weights_reach_it() -> None:
    sample = Sample(np.array([3.0, 1.0, 2.0]), np.array([0.2, 0.5, 0.3]), whole=False)
    assert [estimate(sample, "quantile", p) for p in (0.4, 0.5, 0.6, 0.8, 0.9)] == [1.0, 1.0, 2.0, 2.0, 3.0]
    assert estimate(sample, "shortfall", 0.8) == pytest.approx(3.0)
    assert estimate(sample, "shortfall", 0.6) == pytest.approx((0.2 * 2.0 + 0.2 * 3.0) / 0.4)


def test_nothing_is_made_up_where_nothing_can_be_said() -> None:
    assert math.isnan(estimate(Sample(np.array([])), "mean"))
    assert interval_of(Sample(np.array([]), np.array([])), "mean").method == "no path"
    assert interval_of(Sample(np.array([1.0]), np.array([2.0])), "mean").method == "one path"
    few = Sample(np.arange(8.0), strata=4)
    assert interval_of(few, "mean").method == "too few blocks of strata"
    assert math.isnan(interval_of(Sample(np.arange(30.0), np.ones(30)), "quantile", 0.99).high)
    left = Sample.of(np.array([1.0, math.nan]), np.array([1.0, 5.0]), 2)
    assert (left.values.tolist(), left.strata, left.whole) == ([1.0], 1, False)


def test_a_share_of_nothing_still_has_an_upper_end() -> None:
    """Without weights and with them, by as many paths as they are worth."""
    assert interval_of(Sample(np.zeros(100)), "share").high == pytest.approx(wilson(0.0, 100.0)[1])
    weights = np.repeat([1.0, 3.0], 50)
    found = interval_of(Sample(np.zeros(100), weights), "share")
    assert found.high == pytest.approx(wilson(0.0, 200.0**2 / 500.0)[1])


def test_differences_are_taken_path_by_path() -> None:
    rng = np.random.default_rng(1)
    base, weights = rng.lognormal(0.0, 1.0, 400), rng.uniform(0.5, 1.5, 400)
    for kind in ("mean", "quantile", "shortfall"):
        found = paired(Sample(base + 1.0, weights), Sample(base, weights), kind, level(kind))  # type: ignore[arg-type]
        assert found.value == pytest.approx(1.0)
        assert (found.interval.low, found.interval.high) == pytest.approx((1.0, 1.0), abs=1e-6)
    none = paired(Sample(np.zeros(50)), Sample(np.zeros(50)), "share")
    assert none.p_value == 1.0
    assert none.interval.high == -none.interval.low == pytest.approx(wilson(0.0, 50.0)[1])


# Estimands


def test_what_is_written_is_what_is_estimated() -> None:
    names = ["bad_debt_usd", "initial_debt_usd", "x_p95"]
    texts = ["bad_debt_usd_p999", "bad_debt_usd_es99", "bad_debt_usd/initial_debt_usd>0.01", "x_p95", "x_p95 < 2"]
    found = parse_estimands(texts, names)
    assert [(one.kind, one.level) for one in found[:2]] == [("quantile", 0.999), ("shortfall", 0.99)]
    ratio = found[2].values({"bad_debt_usd": np.array([0.0, 2.0, 1.0]), "initial_debt_usd": np.array([9.0, 9.0, 0.0])})
    np.testing.assert_array_equal(ratio, [0.0, 1.0, math.nan])
    assert (found[3].kind, found[3].metric) == ("mean", "x_p95")
    assert list(found[4].values({"x_p95": np.array([1.0, 2.0])})) == [1.0, 0.0]
    assert "99.9 % quantile" in found[0].heading
    assert found[2].written(0.034) == "3.4 %"


# Sampled prices


def scenario(**changes: Any) -> dict[str, Any]:
    return {
        "name": "prices",
        "time": {"step_seconds": 3600.0, "steps": 25},
        "assets": {
            "USD": {"price": {"kind": "constant", "price": 1.0}},
            "ALT": {"price": {"kind": "gbm", "start": 100.0, "volatility_per_year": 1.5}},
            "BIG": {"price": {"kind": "gbm", "start": 10.0, "volatility_per_year": 0.9}},
        },
        "correlations": [{"assets": ["ALT", "BIG"], "rho": 0.6}],
        **changes,
    }


IMPORTANCE = {"kind": "importance", "asset": "ALT", "shift": -2.5}
STRATIFIED = {"kind": "stratified", "asset": "ALT", "strata": 40}


def ends(count: int, **changes: Any) -> tuple[FloatArray, FloatArray]:
    """The last log prices of ALT and BIG over their first, shape (paths, 2), and the weights."""
    of = Scenario.from_dict(scenario(**changes))
    prices = [exogenous_prices(of, Streams(seed)) for seed in range(count)]
    found = np.array([np.log(path[-1] / path[0])[1:] for path in prices])
    return found, np.array([path_weight(of, Streams(seed)) for seed in range(count)])


def log_law(volatility: float) -> tuple[float, float]:
    """Mean and standard deviation of the log price after a day."""
    return -0.5 * volatility**2 / 365.0, volatility / math.sqrt(365.0)


@pytest.mark.parametrize("sampling", [IMPORTANCE, STRATIFIED], ids=lambda one: str(one["kind"]))
def test_sampled_prices_have_the_law_of_plain_ones(sampling: dict[str, Any]) -> None:
    """Mean and variance of both assets, their correlation, and a tail that plain paths hardly see."""
    found, weights = ends(2000, sampling=sampling)
    shares = weights / weights.sum()
    assert weights.mean() == pytest.approx(1.0, abs=4.0 * weights.std() / math.sqrt(2000) + 1e-12)
    means = (shares[:, None] * found).sum(axis=0)
    spread = np.sqrt((shares[:, None] * (found - means) ** 2).sum(axis=0))
    for k, volatility in enumerate((1.5, 0.9)):
        mean, deviation = log_law(volatility)
        assert means[k] == pytest.approx(mean, abs=0.12 * deviation)
        assert spread[k] == pytest.approx(deviation, rel=0.12)
    together = (shares * (found[:, 0] - means[0]) * (found[:, 1] - means[1])).sum() / spread.prod()
    assert together == pytest.approx(0.6, abs=0.08)


def test_importance_finds_a_rare_end_by_the_closed_form_and_says_what_it_gains() -> None:
    """One path in 740 falls by three standard deviations; 1,500 weighted paths know that to a few per cent."""
    mean, deviation = log_law(1.5)
    found, weights = ends(1500, sampling=IMPORTANCE | {"shift": -3.0})
    sample = Sample((found[:, 0] < mean - 3.0 * deviation).astype(np.float64), weights)
    truth = float(stats.norm.cdf(-3.0))
    error, _ = standard_error(sample, "share")
    assert abs(estimate(sample, "share") - truth) <= 3.0 * error
    assert error < 0.07 * truth
    found_interval = interval_of(sample, "share")
    assert found_interval.low <= truth <= found_interval.high
    assert gain(sample, "share") > 50.0
    assert weights.max() <= 1.0 / 0.1 + 1e-12


def test_strata_take_out_what_the_end_of_the_path_explains() -> None:
    """A function of the end alone keeps next to no variance; the interval between blocks says so."""
    found, weights = ends(800, sampling=STRATIFIED)
    assert set(weights) == {1.0}
    sample = Sample(np.exp(found[:, 0]), None, 40)
    assert gain(sample, "mean") > 20.0
    interval = interval_of(sample, "mean")
    assert interval.low <= 1.0 <= interval.high
    assert interval.half_width < 0.2 * interval_of(Sample(np.exp(found[:, 0])), "mean").half_width


def test_the_bridge_to_the_end_stays_as_it_was() -> None:
    normals = np.random.default_rng(3).standard_normal((50, 2))
    moved = move_terminal(normals, np.eye(2), 0, 1.5)
    assert terminal_value(moved[:, 0]) == pytest.approx(terminal_value(normals[:, 0]) + 1.5)
    np.testing.assert_array_equal(moved[:, 1], normals[:, 1])
    np.testing.assert_array_equal(moved[0], normals[0])
    apart = moved[1:, 0] - normals[1:, 0]
    assert apart == pytest.approx(np.full(49, 1.5 / 7.0))


def test_every_stratum_comes_once_in_as_many_seeds() -> None:
    strata = Stratified(kind="stratified", asset="A", strata=16)
    ends = [strata.terminal(0.0, seed, np.random.default_rng(seed))[0] for seed in range(3, 19)]
    assert sorted(int(16 * stats.norm.cdf(end)) for end in ends) == list(range(16))


def test_without_a_shift_every_weight_is_one() -> None:
    none = Importance(kind="importance", asset="A", shift=0.0)
    assert none.terminal(0.7, 1, np.random.default_rng(1)) == (0.7, pytest.approx(1.0))


@pytest.mark.parametrize(
    ("sampling", "words"),
    [
        ({"kind": "importance", "asset": "USD", "shift": -1.0}, "sampling.asset = 'USD' has a price of kind constant"),
        ({"kind": "importance", "asset": "ALTO", "shift": -1.0}, "did you mean 'ALT'"),
        ({"kind": "stratified", "asset": "ALT", "strata": 1}, "sampling.strata"),
        ({"kind": "important", "asset": "ALT"}, "did you mean 'importance'"),
        ({"kind": "importance", "asset": "ALT", "shift": -20.0}, "sampling.shift"),
    ],
)
def test_sampling_that_cannot_be_done_gets_a_sentence(sampling: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        Scenario.from_dict(scenario(sampling=sampling))


# In experiments


@pytest.fixture
def home(small_file: Callable[..., Path]) -> Path:
    """Loans over a day, hour by hour, that nobody liquidates."""
    return small_file(
        time={"step_seconds": 3600.0, "steps": 25},
        assets__ETH__price={"kind": "gbm", "start": 1000.0, "volatility_per_year": 1.0},
        pools__0__reserves__ETH__liquidation_threshold=0.85,
        pools__0__liquidation={"design": "fixed_spread"},
        agents__borrowers__0__positions__0__debt__DAI=8400.0,
        agents__liquidators=[],
    ).parent


def asked(paths: int, out: str, sampling: dict[str, Any] | None = None, resume: bool = False) -> Any:
    """Nobody liquidates, so that the loan is under water at the end where the price has fallen by 16 %."""
    terms: dict[str, Any] = {
        "name": "rare",
        "question": "How often is the loan under water?",
        "scenario": "small.toml",
        "paths": paths,
        "metrics": ["total_bad_debt_usd > 0", "total_bad_debt_usd", "total_bad_debt_usd_es99"],
    }
    if sampling is not None:
        terms["set"] = {"sampling": sampling}
    return ask(Inquiry.of(Experiment.from_dict(terms)), out=Path(out), resume=resume)


def test_weighted_and_plain_experiments_agree(home: Path) -> None:
    """And both with the closed form; the weighted one is narrower with the same number of paths."""
    mean, deviation = log_law(1.0)
    truth = float(stats.norm.cdf((math.log(0.84) - mean * 24 / 24) / deviation))
    plain = asked(150, "plain").table.iloc[0]
    weighted_answer = asked(150, "weighted", {"kind": "importance", "asset": "ETH", "shift": -2.8})
    weighted = weighted_answer.table.iloc[0]
    assert plain["low"] <= truth <= plain["high"]
    assert weighted["low"] <= truth <= weighted["high"]
    assert weighted["high"] - weighted["low"] < 0.2 * (plain["high"] - plain["low"])
    assert weighted["gain"] > 20.0
    assert 0.0 < weighted["effective_paths"] < 150.0
    assert plain["gain"] == 1.0
    row = weighted_answer.runs.iloc[7]
    assert simulate(Scenario.from_dict(weighted_answer.scenario), int(row["seed"])).weight == row["weight"]


def test_a_directory_may_hold_weighted_and_plain_paths(home: Path) -> None:
    """The answer is that of the paths it asks for, without a trace of the others."""
    first = asked(8, "alone")
    asked(8, "both", {"kind": "importance", "asset": "ETH", "shift": -2.8})
    both = asked(8, "both", resume=True)
    assert both.manifest["digest"] == first.manifest["digest"]


def test_a_weighted_run_has_weighted_figures(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["run", "small.toml", "--paths", "40", "--out", "run", "--no-figures"]
    assert main([*arguments, "--set", 'sampling={ kind = "importance", asset = "ETH", shift = -2.0 }']) == DONE
    results = Results.load("run")
    paths = results.paths
    values, weights = (paths[name].to_numpy(dtype=np.float64) for name in ("total_bad_debt_usd", "weight"))
    assert results.summary["total_bad_debt_usd"] == pytest.approx(estimate(Sample(values, weights), "mean"))
    assert results.summary["total_bad_debt_usd"] < 0.5 * values.mean()
    assert results.summary["effective_paths"] == pytest.approx(
        paths["weight"].sum() ** 2 / (paths["weight"] ** 2).sum()
    )


def test_a_comparison_refuses_weights(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sampling = 'sampling={ kind = "stratified", asset = "ETH", strata = 4 }'
    assert main(["compare", "small.toml", "--designs", "all", "--set", sampling]) == REFUSED
    assert "[sampling]" in capsys.readouterr().err


# What intervals promise


Draw = Callable[[np.random.Generator], Sample]


def lognormal(paths: int) -> Draw:
    return lambda rng: Sample(rng.lognormal(0.0, 0.75, paths))


def tilted(paths: int) -> Draw:
    """Normal values, drawn with a shift in nine of ten cases, with their weights."""

    def draw(rng: np.random.Generator) -> Sample:
        plain = rng.standard_normal(paths)
        moved = np.where(rng.random(paths) < 0.1, plain, plain + 1.5)
        return Sample(moved, 1.0 / (0.1 + 0.9 * np.exp(1.5 * moved - 0.5 * 1.5**2)))

    return draw


def indicator(of: Draw, above: float) -> Draw:
    def draw(rng: np.random.Generator) -> Sample:
        sample = of(rng)
        return Sample((sample.values > above).astype(np.float64), sample.weights, sample.strata)

    return draw


def strata(paths: int) -> Draw:
    """A normal end in strata of ten, and as much that strata do not reach."""

    def draw(rng: np.random.Generator) -> Sample:
        end = stats.norm.ppf((np.tile(np.arange(10), paths // 10) + rng.random(paths)) / 10)
        return Sample(end + rng.standard_normal(paths), None, 10)

    return draw


TAIL = float(stats.norm.ppf(0.95))
LOG = float(np.exp(0.75 * TAIL))
CASES: dict[str, tuple[Draw, Kind, float]] = {
    "mean": (lognormal(200), "mean", math.exp(0.75**2 / 2)),
    "mean of many": (lognormal(600), "mean", math.exp(0.75**2 / 2)),
    "share": (indicator(lognormal(200), LOG), "share", 0.05),
    "share near zero": (indicator(lognormal(1000), float(np.exp(0.75 * stats.norm.ppf(0.995)))), "share", 0.005),
    "quantile": (lognormal(400), "quantile", LOG),
    "shortfall": (lognormal(400), "shortfall", math.exp(0.75**2 / 2) * float(stats.norm.cdf(0.75 - TAIL)) / 0.05),
    "weighted mean": (tilted(400), "mean", 0.0),
    "weighted share near zero": (indicator(tilted(400), 2.5), "share", float(stats.norm.sf(2.5))),
    "weighted quantile": (tilted(400), "quantile", TAIL),
    "weighted shortfall": (tilted(400), "shortfall", float(stats.norm.pdf(TAIL)) / 0.05),
    "mean of strata": (strata(300), "mean", 0.0),
    "quantile of strata": (strata(600), "quantile", math.sqrt(2.0) * TAIL),
    "shortfall of strata": (strata(600), "shortfall", math.sqrt(2.0) * float(stats.norm.pdf(TAIL)) / 0.05),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_95_percent_intervals_cover_the_truth_93_to_97_times_in_a_hundred(case: str) -> None:
    """Over 2,000 samples of a known law; the chance of a wrong alarm is below one in a thousand."""
    draw, kind, truth = CASES[case]
    rng = np.random.default_rng(20240229)
    covered = 0
    for _ in range(2000):
        found = interval_of(draw(rng), kind, level(kind))
        covered += found.low <= truth <= found.high
    assert 0.93 <= covered / 2000 <= 0.97
