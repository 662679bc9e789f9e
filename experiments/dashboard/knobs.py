"""The main knobs of a scenario as a table: what each is called, which values it takes, how it reads and sets its keys.

A knob that a scenario has no place for (a bonus under a design without one) reads None, and is not shown. Factors are
relative to the scenario as it is loaded; everything else is in the units of the key that it sets.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from abm import Scenario, ScenarioError
from experiments.comparing.entrants import with_design
from experiments.dashboard.shock import can_shock, shock
from experiments.designs import DISCRIMINATOR, designs

Tree = dict[str, Any]
Value = float | str

AS_IT_IS = "as in the scenario"
ORACLES: dict[str, Tree] = {
    "reference": {"kind": "reference"},
    "venue": {"kind": "venue"},
    "push": {"kind": "push", "deviation": 0.005, "heartbeat_seconds": 3600.0},  # Chainlink's ETH/USD feed
    "delayed": {"kind": "delayed", "hop_seconds": 3600.0},  # Maker's Oracle Security Module
    "twap": {"kind": "twap", "window_seconds": 1800.0, "mean": "geometric"},  # the half hour of Uniswap v3 markets
    "ema": {"kind": "ema", "time_seconds": 866.0},  # Curve's MA_EXP_TIME, a half-life of ten minutes
}
"""The oracles to choose from, with the terms that they are used with."""

_SCALED_SOURCE = ("value", "base", "quote")
_SCALED_DRAW = ("median", "minimum", "maximum", "low", "high", "shift")


@dataclass(frozen=True, slots=True)
class Knob:
    """One knob: a number from `low` to `high`, or one of `choices`; `hint` says what it turns."""

    key: str
    label: str
    hint: str
    read: Callable[[Tree], Value | None]
    write: Callable[[Tree, Any], None]
    low: float = 0.0
    high: float = math.inf
    choices: tuple[str, ...] = ()

    def parse(self, text: str) -> Value:
        """The value that a text stands for. Raises `ScenarioError`, one sentence with the remedy."""
        text = text.strip()
        if self.choices:
            if text not in self.choices:
                raise ScenarioError(f"{text!r} is none of {', '.join(self.choices)}; choose one of them")
            return text
        try:
            value = float(text.replace(",", ""))
        except ValueError:
            raise ScenarioError(f"{text!r} is no number; give one {self._span}") from None
        if not self.low <= value <= self.high or math.isinf(value):
            raise ScenarioError(f"{text} is out of range; give a number {self._span}")
        return value

    @property
    def _span(self) -> str:
        return f"of {self.low:g} or more" if math.isinf(self.high) else f"from {self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class Turned:
    """A scenario with its knobs turned, and which of them could not be: one sentence by the knob's key."""

    scenario: Scenario
    wrong: Mapping[str, str]


def shown(value: Value) -> str:
    """A value as the page shows it, which `parse` reads back."""
    return value if isinstance(value, str) else f"{value:.15g}"


def settings(scenario: Scenario) -> dict[str, str]:
    """Where every knob of a scenario stands, those it has no place for left out."""
    tree = scenario.to_dict()
    read = {knob.key: knob.read(tree) for knob in KNOBS}
    return {key: shown(value) for key, value in read.items() if value is not None}


def turn(scenario: Scenario, wanted: Mapping[str, str]) -> Turned:
    """Turn every knob that stands elsewhere than in the scenario; one that would make it unusable is left and wrong."""
    wrong: dict[str, str] = {}
    turned = scenario
    for knob in KNOBS:
        tree = turned.to_dict()
        stands = knob.read(tree)
        text = wanted.get(knob.key)
        if text is None or stands is None or text.strip() == shown(stands):
            continue
        try:
            tree.pop("beside", None)  # the runs that a scenario asks for beside itself are not for another one
            knob.write(tree, knob.parse(text))
            turned = Scenario.from_dict(tree)
        except ScenarioError as error:
            wrong[knob.key] = str(error)
    return Turned(turned, wrong)


def _scaled(owner: Tree, keys: tuple[str, ...], times: float) -> None:
    """Take some numbers of a table `times` as large, or what they are drawn from."""
    for key in keys:
        value = owner.get(key)
        if isinstance(value, dict):
            _scaled(value, _SCALED_DRAW, times)
        elif isinstance(value, int | float):
            owner[key] = float(value) * times


def _sources(tree: Tree) -> list[Tree]:
    return [source for market in tree.get("markets", []) for source in market["sources"]]


def _has_depth(tree: Tree) -> float | None:
    pools = any(source["kind"] not in ("order_book", "infinite") for source in _sources(tree))
    return 1.0 if pools or tree["agents"]["market_makers"] else None


def _deepen(tree: Tree, times: float) -> None:
    for source in _sources(tree):
        _scaled(source, _SCALED_SOURCE, times)
        for position in source.get("positions", []):
            position[2] *= times
        for span in source.get("ranges", []):
            _scaled(span, ("value",), times)
    for maker in tree["agents"]["market_makers"]:
        _scaled(maker, ("size_usd", "capital_usd"), times)


def _bonus(tree: Tree) -> float | None:
    found = [pool["liquidation"].get("liquidation_bonus") for pool in tree["pools"]]
    return next((float(bonus) for bonus in found if isinstance(bonus, int | float)), None)


def _set_bonus(tree: Tree, bonus: float) -> None:
    for pool in tree["pools"]:
        if isinstance(pool["liquidation"].get("liquidation_bonus"), int | float):
            pool["liquidation"]["liquidation_bonus"] = bonus


def _design(tree: Tree) -> str | None:
    return str(tree["pools"][0]["liquidation"][DISCRIMINATOR]) if tree["pools"] else None


def _set_design(tree: Tree, design: str) -> None:
    tree["pools"] = with_design(Scenario.from_dict(tree), design).to_dict()["pools"]


def _has_capital(tree: Tree) -> float | None:
    return 1.0 if tree["agents"]["liquidators"] else None


def _set_capital(tree: Tree, times: float) -> None:
    for cohort in tree["agents"]["liquidators"]:
        _scaled(cohort, ("capital_usd",), times)


def _oracle(tree: Tree) -> str | None:
    return AS_IT_IS if tree["pools"] else None


def _set_oracle(tree: Tree, kind: str) -> None:
    """Give the oracle to every asset whose price moves by itself."""
    for asset in tree["assets"].values():
        if asset["price"]["kind"] not in ("constant", "claim"):
            asset["oracle"] = dict(ORACLES[kind])


def _fund_place(tree: Tree) -> tuple[Tree, str] | None:
    """The table and key of the capital of the first insurer, or of the first insurance fund among the loss layers."""
    for insurer in tree["agents"]["insurers"]:
        for asset in insurer.get("capital") or {}:
            return insurer["capital"], asset
    for pool in tree["pools"]:
        for layer in pool["losses"]["layers"]:
            if layer["kind"] == "insurance_fund":
                return layer, "capital"
    return None


def _fund(tree: Tree) -> float | None:
    place = _fund_place(tree)
    if place is not None:
        return float(place[0][place[1]])
    return 0.0 if tree["pools"] and not tree["pools"][0]["losses"].get("preset") else None


def _set_fund(tree: Tree, units: float) -> None:
    """Set the capital there is; a pool without any gets a fund of its own, which pays last."""
    place = _fund_place(tree)
    if place is not None:
        place[0][place[1]] = units
    else:
        tree["pools"][0]["losses"]["layers"].append({"kind": "insurance_fund", "capital": units})


def _recognition(tree: Tree) -> str | None:
    return str(tree["pools"][0]["losses"]["recognition"]) if tree["pools"] else None


def _set_recognition(tree: Tree, recognition: str) -> None:
    for pool in tree["pools"]:
        pool["losses"]["recognition"] = recognition


KNOBS = (
    Knob(
        "shock", "Shock, times", "how far prices move away from the first one, in logarithms",
        lambda tree: 1.0 if can_shock(tree) else None, shock, 0.0, 5.0,
    ),
    Knob(
        "depth", "Market depth, times", "pools and market makers' quotes, as large as in the scenario",
        _has_depth, _deepen, 0.001, 1000.0,
    ),
    Knob(
        "design", "Liquidation design", "who may liquidate what, how much, and for which reward",
        _design, _set_design, choices=tuple(designs()),
    ),
    Knob("bonus", "Liquidation bonus", "a fraction of the debt repaid", _bonus, _set_bonus, 0.0, 1.0),
    Knob(
        "capital", "Liquidators' capital, times", "of every liquidator, as large as in the scenario",
        _has_capital, _set_capital, 0.0, 1000.0,
    ),
    Knob(
        "oracle", "Oracle", "of every asset whose price moves by itself",
        _oracle, _set_oracle, choices=(AS_IT_IS, *ORACLES),
    ),
    Knob("fund", "Insurance fund, units", "what the first insurer or fund has at the start", _fund, _set_fund),
    Knob(
        "recognition", "Recognition of losses", "immediate: claims are cut at once; deferred: the hole stays",
        _recognition, _set_recognition, choices=("immediate", "deferred"),
    ),
)  # fmt: skip
"""The knobs in the order in which they are turned and shown: the design before the parameters that it brings."""
