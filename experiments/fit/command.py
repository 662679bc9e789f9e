"""The command `underwater fit`: read a file of prices, fit models to it, print them, and draw them beside the data."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from pydantic import ValidationError

from abm import ScenarioError
from abm.reading.sentences import suggestion
from experiments.fit import MODELS
from experiments.fit.fitted import Fitted, NoFit
from experiments.fit.history import History, read_history
from experiments.fit.text import describe
from experiments.stored.storage import check_vacant
from models.refusals import Refusal


def fit_file(file: Path, model: str, time: str, price: str, out: Path | None, say: Callable[[str], None]) -> bool:
    """Fit one model, or all of them, to a file, and print the outcome; whether every model asked for could be fitted.

    Where `out` is given each model has a figure there and a file with its price. Of `all` models one is enough. Raises
    `ScenarioError` or `ResultsError` for what cannot be used, before anything is fitted.
    """
    wanted = _wanted(model)
    _check_installed()
    history = read_history(file, time, price)
    if out is not None:
        check_vacant(out)
    fits: list[Fitted] = []
    without: dict[str, str] = {}
    for name in wanted:
        say(f"Fitting {name} …")
        try:
            fits.append(fit(name, history))
        except NoFit as error:
            without[name] = str(error)
    print(describe(history, fits, without), flush=True)
    if out is not None and fits:
        _save(history, fits, out)
        print(f"Figures and prices in {out}", flush=True)
    return bool(fits)


def fit(model: str, history: History) -> Fitted:
    """One of `MODELS`, fitted. Raises `NoFit`, also where the fit is outside of what a scenario may run."""
    try:
        fitted: Fitted = import_module(f"experiments.fit.{model}").fit(history)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        what = f"its {where} comes to {first['input']:.4g}" if where else first["msg"].removeprefix("Value error, ")
        raise NoFit(f"no scenario runs what it comes to: {what}") from None
    return fitted


def _wanted(model: str) -> tuple[str, ...]:
    if model == "all":
        return MODELS
    if model not in MODELS:
        raise ScenarioError(f"--model {model} is no model that can be fitted; {suggestion(model, (*MODELS, 'all'))}")
    return (model,)


def _check_installed() -> None:
    missing = [package for package in ("arch", "statsmodels") if find_spec(package) is None]
    if missing:
        raise ScenarioError(f"fit needs {' and '.join(missing)}, not installed here; pip install 'underwater[fit]'")


def _save(history: History, fits: list[Fitted], out: Path) -> None:
    """Write `<model>.png`, the model beside the data, and `<model>.toml`, the price to paste."""
    from experiments.figures.saving import save  # noqa: PLC0415  matplotlib is slow to import
    from experiments.fit.figure import draw  # noqa: PLC0415

    out.mkdir(parents=True, exist_ok=True)
    for fitted in fits:
        try:
            save(draw(history, fitted), out / f"{fitted.model}.png")
        except Refusal as refusal:
            print(f"There is no figure of {fitted.model}, which does not run as long as the data: {refusal}")
        (out / f"{fitted.model}.toml").write_text(f"[assets.X]\n{fitted.snippet}\n", encoding="utf-8")
