"""Which parameters matter: indices against closed forms, the command, and the adapter on which other tools plug in."""

import math
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

import abm
from abm import ScenarioError
from experiments import load_results, load_scenario
from experiments.adapter import adapter, adapter_of
from experiments.asking.answers import Answer
from experiments.asking.factors import Factor
from experiments.asking.screening import Screening
from experiments.cli import DONE, REFUSED, main

ROOT = Path(__file__).parents[1]
pytest.importorskip("SALib")
mpl.use("Agg")

BONUS, GAS = "pools.0.liquidation.liquidation_bonus", "agents.liquidators.0.gas_usd"


@pytest.fixture
def home(small_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("experiments.figures.style.DPI", 40)
    return small_file(
        time__steps=4,
        assets__ETH__price={"kind": "path", "prices": [1500.0, 1400.0]},
        pools__0__liquidation={"design": "fixed_spread", "close_factor": 1.0},
        agents__borrowers__0__positions__0__debt__DAI=12_000.0,
    ).parent


def sides(count: int) -> list[Factor]:
    return [Factor(name=f"f{k}", key="k", low=-math.pi, high=math.pi) for k in range(count)]


def test_sobol_indices_of_the_ishigami_function() -> None:
    """Ishigami and Homma (1990): sin x1 + 7 sin^2 x2 + 0.1 x3^4 sin x1."""
    plan = Screening(kind="saltelli", size=4096)
    x = np.array(list(plan.choose(sides(3))), dtype=np.float64)
    values = np.sin(x[:, 0]) + 7.0 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])
    found = plan.indices(values, 3)
    for index, truth in (("S1", (0.3139, 0.4424, 0.0)), ("ST", (0.5576, 0.4424, 0.2437))):
        for one, expected in zip(found, truth, strict=True):
            value, reach = one[index]
            assert value == pytest.approx(expected, abs=0.03)
            assert 0.0 < reach < 0.1


def test_morris_effects_of_a_linear_function_are_its_slopes() -> None:
    plan = Screening(kind="morris", size=8)
    x = np.array(list(plan.choose(sides(3))), dtype=np.float64)
    found = plan.indices(x @ np.array([3.0, -2.0, 0.0]), 3)
    assert [one["mu_star"][0] for one in found] == pytest.approx([6.0 * math.pi, 4.0 * math.pi, 0.0])
    assert [one["mu"][0] for one in found] == pytest.approx([6.0 * math.pi, -4.0 * math.pi, 0.0])
    assert [one["sigma"][0] for one in found] == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)


def test_nothing_is_said_where_nothing_moves_or_something_is_missing() -> None:
    plan = Screening(kind="saltelli", size=4)
    assert all(math.isnan(one["ST"][0]) for one in plan.indices(np.ones(16), 2))
    assert all(math.isnan(one["ST"][0]) for one in plan.indices(np.array([math.nan, *range(15)]), 2))


@pytest.mark.parametrize("method", ["morris", "sobol"])
def test_the_command_finds_what_matters(home: Path, capsys: pytest.CaptureFixture[str], method: str) -> None:
    """Of the borrower's loss the bonus explains everything, and the liquidator's gas nothing."""
    arguments = ["sensitivity", "small.toml", "--method", method, "--size", "16", "--paths", "1", "--out", "out"]
    arguments += ["--vary", f"{BONUS}=0.02,0.1", "--vary", f"{GAS}=0.0,5.0", "--metrics", "borrower_loss_usd"]
    assert main(arguments) == DONE
    said = capsys.readouterr().out
    assert "Which factors matter in small?" in said
    answer = load_results("out")
    assert isinstance(answer, Answer)
    found = {(row["factor"], row["index"]): row for row in answer.sensitivity.to_dict("records")}
    index = "mu_star" if method == "morris" else "ST"
    bonus, gas = found["liquidation_bonus", index], found["gas_usd", index]
    assert gas["value"] == 0.0
    if method == "morris":
        assert bonus["value"] == pytest.approx(0.08 * 12000.0)
    else:
        assert bonus["low"] <= 1.0 <= bonus["high"]  # all of the variance
    assert (Path("out") / "figures" / "answer.png").is_file()
    assert said.index("liquidation bonus") < said.index("gas usd")


def test_without_factors_the_designs_own_bounds_are_taken(home: Path) -> None:
    assert main(["sensitivity", "small.toml", "--size", "2", "--paths", "1", "--out", "out", "--no-figures"]) == DONE
    answer = load_results("out")
    assert isinstance(answer, Answer)
    assert "liquidation_bonus" in set(answer.sensitivity["factor"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["small.toml", "--vary", f"{BONUS}=0.1"], ["lowest and the highest"]),
        (["small.toml", "--vary", f"{BONUS}=0.2,0.1"], ["low below high"]),
        (["small.toml", "--vary", f"{BONUS}=a,b"], ["lowest and the highest"]),
        (["small.toml", "--method", "sobol", "--size", "10"], ["8 or 16"]),
        (["close-factor", "--vary", f"{BONUS}=0.1,0.2"], ["factors of its own"]),
        (["smal"], ["'smal'"]),
    ],
)
def test_what_cannot_be_looked_at_is_refused(
    home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: list[str]
) -> None:
    assert main(["sensitivity", *arguments]) == REFUSED
    said = capsys.readouterr().err
    assert len(said.strip().splitlines()) == 1
    assert [word for word in words if word not in said] == []
    assert not Path("results").exists()


def test_without_salib_the_command_says_what_to_install(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.asking.screening.find_spec", lambda _: None)
    assert main(["sensitivity", "small.toml"]) == REFUSED
    assert "pip install 'underwater[sensitivity]'" in capsys.readouterr().err


# The adapter


def test_the_adapter_is_the_summary_of_the_scenario_with_its_keys_set(home: Path) -> None:
    metrics, bounds = adapter("small.toml", {"bonus": (BONUS, 0.02, 0.1)})
    assert bounds == {"bonus": (0.02, 0.1)}
    expected = abm.simulate(load_scenario("small.toml", {BONUS: "0.07"}), 3).summary
    assert metrics({"bonus": np.float64(0.07)}, 3) == expected
    assert pickle.loads(pickle.dumps(metrics))({"bonus": 0.07}, 3) == expected


def test_the_adapter_takes_the_factors_of_an_experiment(home: Path) -> None:
    metrics, bounds = adapter_of("liquidator-capital")
    assert bounds == {"capital": (3e4, 1e7)}
    assert metrics({"capital": 1e6}, 1)["initial_debt_usd"] == pytest.approx(1e7, rel=1e-3)
    with pytest.raises(ScenarioError, match="no numbers"):
        adapter_of("close-factor")


def test_wrong_parameters_get_a_sentence(home: Path) -> None:
    metrics, _ = adapter("small.toml", {"bonus": (BONUS, 0.02, 0.1)})
    with pytest.raises(ScenarioError, match="did you mean 'bonus'"):
        metrics({"bonos": 0.1}, 1)
    with pytest.raises(ScenarioError, match="'bonus' is missing"):
        metrics({}, 1)


def test_salib_plugs_in(home: Path) -> None:
    from SALib.analyze import sobol  # noqa: PLC0415
    from SALib.sample import sobol as sample  # noqa: PLC0415

    metrics, bounds = adapter("small.toml", {"bonus": (BONUS, 0.02, 0.1), "gas": (GAS, 0.0, 5.0)})
    problem = {"num_vars": len(bounds), "names": list(bounds), "bounds": list(bounds.values())}
    x = sample.sample(problem, 32, calc_second_order=False, seed=1)
    y = np.array([metrics(dict(zip(bounds, row, strict=True)), 1)["borrower_loss_usd"] for row in x])
    found: Any = sobol.analyze(problem, y, calc_second_order=False, seed=1)
    assert found["ST"][0] == pytest.approx(1.0, abs=found["ST_conf"][0])
    assert found["ST_conf"][0] < 0.6
    assert found["ST"][1] == 0.0


def test_optuna_plugs_in(home: Path) -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    metrics, bounds = adapter("small.toml", {"bonus": (BONUS, 0.02, 0.1)})

    def objective(trial: Any) -> float:
        return metrics({name: trial.suggest_float(name, *ends) for name, ends in bounds.items()}, 1)[
            "borrower_loss_usd"
        ]

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    study.optimize(objective, n_trials=12)
    assert study.best_params["bonus"] < 0.04


@pytest.mark.filterwarnings("ignore:ipyparallel not installed")
def test_the_ema_workbench_plugs_in(home: Path) -> None:
    """Every scenario has the mean over its replications, which the adapter gives seed by seed."""
    pytest.importorskip("ema_workbench")
    from ema_workbench import RealParameter, ReplicatorModel, ScalarOutcome, perform_experiments  # noqa: PLC0415

    metrics, bounds = adapter("small.toml", {"bonus": (BONUS, 0.02, 0.1), "gas": (GAS, 0.0, 5.0)})
    model = ReplicatorModel("loans", function=lambda seed, **params: metrics(params, seed))
    model.replications = [{"seed": 1}, {"seed": 2}]
    model.uncertainties = [RealParameter(name, *ends) for name, ends in bounds.items()]
    model.outcomes = [ScalarOutcome("borrower_loss_usd", function=np.mean)]
    asked, outcomes = perform_experiments(model, scenarios=4)
    expected = [
        np.mean([metrics({name: row[name] for name in bounds}, seed)["borrower_loss_usd"] for seed in (1, 2)])
        for row in asked.to_dict("records")
    ]
    assert outcomes["borrower_loss_usd"] == pytest.approx(expected)
    assert np.ptp(expected) > 0.0


EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "experiments" / "README.md").read_text("utf-8"), flags=re.DOTALL)
SMALLER = {
    "problem, 64": "problem, 2",
    "n_trials=50": "n_trials=2",
    "range(1, 11)": "(1, 2)",
    "scenarios=200": "scenarios=2",
}


@pytest.mark.parametrize("tool", ["SALib", "optuna", "ema_workbench"])
@pytest.mark.filterwarnings("ignore:ipyparallel not installed")
def test_the_examples_of_the_page_run(home: Path, tool: str) -> None:
    """As they are printed, but for how much they ask for."""
    pytest.importorskip(tool)
    (common,) = (block for block in EXAMPLES if "import adapter" in block)
    (own,) = (block for block in EXAMPLES if f"from {tool}" in block or f"import {tool}" in block)
    for large, small in SMALLER.items():
        own = own.replace(large, small)
    exec(compile(common + own, "experiments/README.md", "exec"), {})
