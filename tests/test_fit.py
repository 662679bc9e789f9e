"""Fitting price models: what was simulated is recovered, what cannot be used refused, what is printed can be pasted."""

import math
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter
from scipy.linalg import expm
from scipy.stats import chi2

from abm import Scenario
from experiments.cli import DONE, FAILED, REFUSED, main
from experiments.fit import MODELS
from experiments.fit.command import fit
from experiments.fit.figure import autocorrelation
from experiments.fit.fitted import Fitted, NoFit
from experiments.fit.heston import _log_likelihood, _Own, _points
from experiments.fit.history import History
from experiments.fit.likelihood import Maximum, profile_interval
from models.prices import (
    GarchPrice,
    GbmPrice,
    HestonPrice,
    JumpDiffusionPrice,
    MeanRevertingPrice,
    Price,
    PriceTerms,
    RegimeSwitchingPrice,
)
from models.prices.garch import StudentInnovations
from models.prices.gbm import SECONDS_PER_YEAR
from models.prices.jump_sizes import NormalJumps
from models.prices.regime_switching import Regime
from models.types import FloatArray

DAY = 86_400.0
TERMS: TypeAdapter[Any] = TypeAdapter(PriceTerms)


def history(price: Price, returns: int = 1500, seed: int = 1, steps_per_return: int = 1) -> History:
    """Daily prices of a path of the model."""
    rng = np.random.default_rng(seed)
    steps = returns * steps_per_return + 1
    prices = price.path(steps, DAY / steps_per_return, rng.standard_normal(steps), rng)[::steps_per_return]
    return History("eth.csv", prices, np.diff(np.log(prices)), DAY)


GBM = GbmPrice(start=2000.0, drift_per_year=0.5, volatility_per_year=0.8)
JUMPS = JumpDiffusionPrice(
    start=2000.0,
    drift_per_year=0.5,
    volatility_per_year=0.5,
    jumps_per_year=40.0,
    jumps=NormalJumps(mean=-0.05, volatility=0.06),
)
GARCH = GarchPrice(start=2000.0, volatility_per_year=0.8, alpha=0.1, beta=0.85, recursion_seconds=DAY)
STUDENT = GARCH.model_copy(update={"innovations": StudentInnovations(degrees_of_freedom=5.0)})
HESTON = HestonPrice(
    start=2000.0,
    drift_per_year=0.3,
    volatility_per_year=0.8,
    reversion_per_year=12.0,
    volatility_of_variance=3.0,
    correlation=-0.5,
)
REVERTING = MeanRevertingPrice(level=0.98, start=1.0, half_life_seconds=8 * DAY, volatility_per_year=0.2)
REGIMES = RegimeSwitchingPrice(
    start=2000.0,
    regimes=[
        Regime(drift_per_year=0.5, volatility_per_year=0.4, switches_per_year=[0.0, 6.0]),
        Regime(drift_per_year=-0.5, volatility_per_year=1.2, switches_per_year=[20.0, 0.0]),
    ],
)


def truth(price: Any, name: str) -> float:
    """The value of a parameter by the name that an estimate has."""
    value: Any = price.model_dump()
    for part in name.split("."):
        value = value[int(part)] if part.isdigit() else value[part]
    return float(sum(value) if isinstance(value, list) else value)


def assert_recovered(fitted: Fitted, price: Price) -> None:
    """Every parameter within 4 standard errors, and none with an error as good as none, or none of use."""
    for estimate in fitted.estimates:
        expected = truth(price, estimate.name)
        assert abs(estimate.value - expected) < 4 * estimate.error, estimate
        if not estimate.name.endswith("drift_per_year"):  # which no few years tell
            assert 0.0 < estimate.error < 0.6 * max(abs(expected), 0.1), estimate
        assert estimate.value == pytest.approx(truth(fitted.price, estimate.name), rel=1e-12)


@pytest.mark.parametrize(
    ("model", "price", "steps_per_return"),
    [
        ("gbm", GBM, 1),
        ("mean_reverting", REVERTING, 1),
        ("jump_diffusion", JUMPS, 1),
        ("garch", GARCH, 1),
        ("garch", STUDENT, 1),
        ("regime_switching", REGIMES, 8),
        ("heston", HESTON, 8),
    ],
)
def test_simulated_parameters_are_recovered_within_their_standard_errors(
    model: str, price: Price, steps_per_return: int
) -> None:
    assert_recovered(fit(model, history(price, 1500, 3, steps_per_return)), price)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "price", "paths"),
    [("mean_reverting", REVERTING, 40), ("jump_diffusion", JUMPS, 40), ("garch", GARCH, 40), ("heston", HESTON, 12)],
)
def test_standard_errors_are_as_wide_as_estimates_spread(model: str, price: Price, paths: int) -> None:
    """Over independent paths the errors, in their own units, have a mean near 0 and a deviation near 1."""
    fits = [fit(model, history(price, 1500, seed, 4)) for seed in range(paths)]
    for k, estimate in enumerate(fits[0].estimates):
        off = [(f.estimates[k].value - truth(price, estimate.name)) / f.estimates[k].error for f in fits]
        assert abs(np.mean(off)) < 4.0 / math.sqrt(paths) + 0.25, estimate.name  # few returns leave a bias
        assert 0.6 < np.std(off) < 1.6, estimate.name


# Intervals


def test_an_interval_by_profile_is_that_of_the_normal_law_in_closed_form() -> None:
    """Beside a mean m the likeliest variance is s² + (x - m)², so that n/2 log(1 + (x - m)² / s²) is what is lost."""
    sample = np.random.default_rng(1).normal(2.0, 3.0, 50)

    def slope(parameters: FloatArray) -> tuple[float, FloatArray]:
        mean, log_deviation, idle = parameters.tolist()
        scaled = (sample - mean) / math.exp(log_deviation)
        height = -50.0 * log_deviation - 0.5 * (scaled**2).sum() - math.exp(-idle)  # which rises with `idle` for ever
        gradient = scaled.sum() / math.exp(log_deviation), (scaled**2).sum() - 50.0, math.exp(-idle)
        return float(height), np.array(gradient)

    at = np.array([sample.mean(), math.log(sample.std()), 20.0])
    maximum = Maximum(at, np.diag([9.0 / 50.0, 0.01, 1.0]), slope(at)[0])
    reach = sample.std() * math.sqrt(math.exp(chi2.ppf(0.95, 1) / 50.0) - 1.0)
    low, high = profile_interval(slope, maximum, 0, at)
    assert (low, high) == pytest.approx((sample.mean() - reach, sample.mean() + reach), abs=2e-3)
    low, high = profile_interval(slope, maximum, 2, at)
    assert low == pytest.approx(-math.log(chi2.ppf(0.95, 1) / 2.0), abs=2e-3)
    assert high == math.inf


@pytest.mark.slow
def test_intervals_of_jumps_cover_the_truth_where_two_standard_errors_do_not() -> None:
    """Rare large jumps explain a short sample nearly as well as frequent small ones."""
    fits = [fit("jump_diffusion", history(JUMPS, 730, seed)) for seed in range(60)]
    covered, near = np.zeros(5), np.zeros(5)
    for fitted in fits:
        for k, estimate in enumerate(fitted.estimates[1:], 1):
            true = truth(JUMPS, estimate.name)
            assert estimate.interval is not None
            covered[k] += estimate.interval[0] <= true <= estimate.interval[1]
            near[k] += abs(estimate.value - true) < 1.96 * estimate.error
    assert (covered[1:] >= 50).all(), covered  # of 57 expected
    assert covered[2:].sum() > near[2:].sum() + 10, near


@pytest.mark.parametrize(
    ("own", "price"),
    [
        ("gbm", GBM),
        ("mean_reverting", REVERTING),
        ("jump_diffusion", JUMPS),
        ("garch", STUDENT),
        ("regime_switching", REGIMES),
    ],
)
def test_model_that_made_the_data_is_the_best_by_its_criterion(own: str, price: Price) -> None:
    data = history(price, 1500, 11)
    found = {}
    for model in MODELS:
        if model != "heston":
            try:
                found[model] = fit(model, data)
            except NoFit:
                assert model != own
    assert min(found, key=lambda model: found[model].bic) == own
    assert found[own].aic < min([other.aic for model, other in found.items() if model != own], default=math.inf) + 4.0


def test_likelihoods_of_all_models_are_those_of_the_same_returns() -> None:
    """As written out from the estimates: a normal, a mixture of normals, and normals of the recursion's variances."""
    years = DAY / SECONDS_PER_YEAR

    def normal(off: FloatArray, variance: Any) -> FloatArray:
        return np.exp(-0.5 * off**2 / variance) / np.sqrt(2 * np.pi * variance)

    data = history(JUMPS, 800, 5)
    plain, jumps = fit("gbm", data), fit("jump_diffusion", data)
    mu, sigma = (estimate.value for estimate in plain.estimates)
    density = normal(data.returns - (mu - sigma**2 / 2) * years, sigma**2 * years)
    assert plain.log_likelihood == pytest.approx(np.log(density).sum(), rel=1e-9)
    mu, sigma, rate, mean, deviation = (estimate.value for estimate in jumps.estimates)
    drift = (mu - sigma**2 / 2 - rate * (math.exp(mean + deviation**2 / 2) - 1)) * years
    density = sum(
        (
            math.exp(-rate * years)
            * (rate * years) ** k
            / math.factorial(k)
            * normal(data.returns - drift - k * mean, sigma**2 * years + k * deviation**2)
            for k in range(10)
        ),
        np.zeros(800),
    )
    assert jumps.log_likelihood == pytest.approx(np.log(density).sum(), rel=1e-9)
    for estimate in jumps.estimates[1:]:
        assert estimate.interval is not None
        assert estimate.interval[0] < estimate.value < estimate.interval[1]

    data = history(REVERTING, 800, 5)
    level, half_life_seconds, sigma = (estimate.value for estimate in fit("mean_reverting", data).estimates)
    away, kept = np.log(data.prices / level), 0.5 ** (DAY / half_life_seconds)
    variance = sigma**2 * years * (1 - kept**2) / (-2 * math.log(kept))
    written = np.log(normal(away[1:] - kept * away[:-1], variance)).sum()
    assert fit("mean_reverting", data).log_likelihood == pytest.approx(written, rel=1e-9)

    data = history(GARCH, 800, 5)
    garch = fit("garch", data)
    mu, sigma, alpha, beta = (estimate.value for estimate in garch.estimates)

    def written_out(mu: float) -> float:
        h, total = float(data.returns.var()), 0.0
        for e in data.returns - (mu - sigma**2 / 2) * years:
            total += math.log(float(normal(e, h)))
            h = (1 - alpha - beta) * sigma**2 * years + alpha * e**2 + beta * h
        return total

    best = written_out(mu)
    assert garch.log_likelihood == pytest.approx(best, abs=1.0)  # the library begins from another variance
    assert best > max(written_out(mu - 0.2), written_out(mu + 0.2))


def test_rates_of_two_regimes_make_the_matrix_that_was_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    """P = exp(Q t), drifts of the expected price, and the calmer regime first whichever was found first."""
    stays, leaves, data = 0.7, 0.1, history(REGIMES, 200)
    found = SimpleNamespace(
        params=np.array([stays, leaves, 0.2, -0.1, 1.5, 0.5]),
        cov_params=lambda: 1e-4 * np.eye(6),
        mle_retvals={"converged": True},
        llf=-250.0,
    )
    monkeypatch.setattr("experiments.fit.regime_switching._statsmodels", lambda returns: found)
    fitted, years, scale = fit("regime_switching", data), DAY / SECONDS_PER_YEAR, float(data.returns.std())
    price: Any = fitted.price
    matrix = np.array([[1 - leaves, leaves], [1 - stays, stays]])
    np.testing.assert_allclose(expm(price.generator() * years), matrix, rtol=1e-12)
    calm, wild = price.regimes
    for regime, mean, variance in ((calm, -0.1, 0.5), (wild, 0.2, 1.5)):
        assert regime.volatility_per_year**2 * years == pytest.approx(scale**2 * variance, rel=1e-12)
        growth = (regime.drift_per_year - regime.volatility_per_year**2 / 2) * years
        assert growth == pytest.approx(scale * mean, rel=1e-12)
    assert fitted.log_likelihood == pytest.approx(-250.0 - 200 * math.log(scale), rel=1e-12)
    error = fitted.estimates[1].error  # of sigma = scale sqrt(variance / years), with 0.01 for that of the variance
    assert error == pytest.approx(0.01 * calm.volatility_per_year / (2 * 0.5), rel=1e-6)


def test_regimes_that_last_less_than_two_returns_are_no_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    found = SimpleNamespace(
        params=np.array([0.3, 0.6, 0.2, -0.1, 1.5, 0.5]),
        cov_params=lambda: np.eye(6),
        mle_retvals={"converged": True},
        llf=-250.0,
    )
    monkeypatch.setattr("experiments.fit.regime_switching._statsmodels", lambda returns: found)
    with pytest.raises(NoFit, match="last less than two returns"):
        fit("regime_switching", history(REGIMES, 200))


@pytest.mark.parametrize("seed", [1, 2, 5])
def test_random_walk_comes_back_to_no_level(seed: int) -> None:
    with pytest.raises(NoFit, match=r"more than a random walk does \(p = 0\.\d+\)"):
        fit("mean_reverting", history(GBM, 1500, seed))


def test_price_that_is_never_twice_on_one_side_of_its_level_is_no_fit() -> None:
    jagged = np.exp(0.01 * np.random.default_rng(1).uniform(0.5, 1.0, 301) * np.resize([1.0, -1.0], 301))
    with pytest.raises(NoFit, match="gone by the next price"):
        fit("mean_reverting", History("eth.csv", jagged, np.diff(np.log(jagged)), DAY))


def test_diffusion_has_no_garch() -> None:
    with pytest.raises(NoFit, match="alpha comes to nothing"):
        fit("garch", history(GBM, 1500, 5))


def test_filter_of_the_hidden_variance_does_not_depend_on_its_grid() -> None:
    """And where the variance hardly moves the likelihood is that of a diffusion."""
    data = history(HESTON, 600, 2, 8)
    scale = float(data.returns.std())
    returns, years = data.returns / scale, DAY / SECONDS_PER_YEAR
    own = _Own(0.0, 0.64 * years / scale**2, 12.0 * years, 3.0 * years / scale, -0.5)
    coarse, fine = (_log_likelihood(returns, scale, own, count) for count in (_points(own), 4 * _points(own)))
    assert coarse == pytest.approx(fine, abs=0.02)
    still = own._replace(epsilon=0.003, theta=1.0, rho=0.0)
    normal = -0.5 * (returns**2).sum() - 0.5 * len(returns) * math.log(2 * math.pi)
    assert _log_likelihood(returns, 1e-9, still) == pytest.approx(normal, rel=2e-3)


def test_price_that_often_does_not_move_is_fitted_by_no_jump_diffusion() -> None:
    held = np.repeat(history(GBM, 300).prices, 4)
    with pytest.raises(NoFit, match="such as those of a price that did not move"):
        fit("jump_diffusion", History("eth.csv", held, np.diff(np.log(held)), DAY))


def test_variance_that_never_comes_back_is_fitted_by_no_garch() -> None:
    wild = GARCH.model_copy(update={"alpha": 0.2, "beta": 0.7999})
    with pytest.raises(NoFit, match=r"alpha \+ beta comes to 1"):
        fit("garch", history(wild, 1500, 11))


def test_fit_that_no_scenario_would_run_says_so() -> None:
    """Jumps more often than a million a year, or a variance that moves too little to be reckoned with."""
    data = history(JUMPS, 1500, 3)
    with pytest.raises(NoFit, match=r"no scenario runs what it comes to: its jumps_per_year comes to [4-7]\.\d+e\+06"):
        fit("jump_diffusion", History("eth.csv", data.prices, data.returns, 1.0))
    data = history(HESTON, 1000, 3, 4)
    with pytest.raises(NoFit, match=r"volatility_of_variance = 0\.000\d+ is too little to be told from none"):
        fit("heston", History("eth.csv", data.prices, 1e-4 * data.returns, DAY))


def test_autocorrelation_is_that_of_the_definition() -> None:
    values = np.array([1.0, 3.0, 2.0, 6.0])
    off = values - 3.0
    assert autocorrelation(values, 2).tolist() == pytest.approx(
        [(off[0] * off[1] + off[1] * off[2] + off[2] * off[3]) / 14.0, (off[0] * off[2] + off[1] * off[3]) / 14.0]
    )


# The command


@pytest.fixture
def prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two years of daily prices in the working directory, times as dates."""
    monkeypatch.chdir(tmp_path)
    made = history(REGIMES, 730, 2).prices
    days = pd.date_range("2020-01-01", periods=len(made), tz="UTC").strftime("%Y-%m-%dT%H:%M:%SZ")
    pd.DataFrame({"time": days, "close": made}).to_csv("eth.csv", index=False)
    return tmp_path


def test_command_prints_estimates_and_a_price_that_a_scenario_runs(
    prices: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "eth.csv", "--model", "regime_switching", "--price", "close"]) == DONE
    printed = capsys.readouterr().out
    assert "eth.csv: 730 returns over 1 day each, 2 years in all" in printed
    assert "regimes.1.volatility_per_year" in printed
    table = tomllib.loads(next(line for line in printed.splitlines() if line.startswith("price = ")))
    assert isinstance(TERMS.validate_python(table["price"]), RegimeSwitchingPrice)
    scenario = Scenario.from_dict({"name": "pasted", "time": {"steps": 3}, "assets": {"ETH": table}})
    assert scenario.assets["ETH"].price.kind == "regime_switching"
    assert sorted(path.name for path in prices.iterdir()) == ["eth.csv"]


def test_command_ranks_all_models_and_draws_them_into_a_new_directory(
    prices: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = ("gbm", "regime_switching")
    monkeypatch.setattr("experiments.fit.command.MODELS", quick)
    assert main(["fit", "eth.csv", "--price", "close", "--out", "fitted"]) == DONE
    printed = capsys.readouterr().out
    assert "1 regime_switching" in printed
    assert "2 gbm" in printed
    for model in quick:
        assert (prices / "fitted" / f"{model}.png").stat().st_size > 20_000
        pasted = tomllib.loads((prices / "fitted" / f"{model}.toml").read_text())["assets"]["X"]["price"]
        assert pasted["kind"] == model
        assert pasted["start"] == pytest.approx(pd.read_csv("eth.csv")["close"].iloc[-1], rel=1e-5)
    before = (prices / "fitted" / "gbm.toml").read_bytes()
    assert main(["fit", "eth.csv", "--price", "close", "--model", "gbm", "--out", "fitted"]) == REFUSED
    assert "fitted is not empty; give another directory with --out" in capsys.readouterr().err
    assert (prices / "fitted" / "gbm.toml").read_bytes() == before


def test_command_prints_the_intervals_of_jumps(prices: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pd.DataFrame({"time": DAY * np.arange(801), "price": history(JUMPS, 800, 5).prices}).to_parquet("jumps.parquet")
    assert main(["fit", "jumps.parquet", "--model", "jump_diffusion"]) == DONE
    printed = capsys.readouterr().out
    assert "standard error" in printed
    assert "95 % interval" in printed
    found = re.search(r"jumps_per_year +([\d.]+) +[\d.]+ +\[([\d.]+), ([\d.]+)\]\n", printed)
    assert found is not None
    value, low, high = map(float, found.groups())
    assert low < value < high


def test_model_without_a_fit_says_why_and_fails(prices: Path, capsys: pytest.CaptureFixture[str]) -> None:
    held = np.repeat(history(GBM, 300).prices, 4)
    pd.DataFrame({"time": DAY * np.arange(len(held)), "price": held}).to_parquet("held.parquet")
    assert main(["fit", "held.parquet", "--model", "jump_diffusion", "--out", "fitted"]) == FAILED
    assert "jump_diffusion could not be fitted: its diffusion shrinks" in capsys.readouterr().out
    assert not (prices / "fitted").exists()


def rows(**changed: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"time": 60.0 * np.arange(200), "price": history(GBM, 199).prices})
    for column, (row, value) in changed.items():
        frame.loc[row, column] = value
    return frame


@pytest.mark.parametrize(
    ("frame", "options", "says"),
    [
        (rows(), ["--price", "close"], r"eth\.csv has no column 'close'; .*time, price"),
        (rows(), ["--time", "tme"], r"eth\.csv has no column 'tme'; did you mean 'time'"),
        (rows().head(50), [], r"eth\.csv has 50 rows, too few to fit anything to; give 101 or more"),
        (rows(price=(6, 0.0)), [], r"eth\.csv has price = 0\.0 in row 7: a price must be a finite number above zero"),
        (rows(price=(6, -5.0)), [], r"eth\.csv has price = -5\.0 in row 7"),
        (
            rows(time=(6, 361.0)),
            [],
            r"eth\.csv is uneven: row 7 is 61 s after row 6, but most rows are 60 s apart; fill",
        ),
        (rows(time=(6, 300.0)), [], r"eth\.csv goes back in time: row 7 .*sort the rows"),
        (
            rows().assign(price=2.0),
            [],
            r"eth\.csv has a column 'price' that never changes its growth; give prices that",
        ),
        (rows(), ["--model", "garh"], r"--model garh is no model that can be fitted; did you mean 'garch'\?"),
        (rows().assign(price="x"), [], r"column 'price' of eth\.csv holds 'x' in data row 1; give a finite number"),
    ],
)
def test_file_that_cannot_be_used_is_refused_in_one_sentence(
    frame: pd.DataFrame,
    options: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    frame.to_csv("eth.csv", index=False)
    assert main(["fit", "eth.csv", "--model", "gbm", "--out", "fitted", *options]) == REFUSED
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(says, error)
    assert not (tmp_path / "fitted").exists()


def test_file_that_is_not_there_and_packages_that_are_not_are_refused(
    prices: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "btc.csv"]) == REFUSED
    assert "btc.csv does not exist; give a CSV or Parquet file" in capsys.readouterr().err
    monkeypatch.setattr("experiments.fit.command.find_spec", lambda package: None)
    assert main(["fit", "eth.csv"]) == REFUSED
    assert "fit needs arch and statsmodels, not installed here; pip install" in capsys.readouterr().err
