"""Every design that takers settle at once, in whole worlds run by the command line: the worked figures and limits.

The worked position is 10 ETH against 16,000 dollars. Designs that take time are in test_auctions.py, test_bonds.py and
test_stability.py.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest

from abm import Run
from experiments.cli import main
from models.liquidation import Design, SpotDesign

Play = Callable[..., Run]

# Design, threshold, price; what one call repays and seizes, and its profit at the oracle price.
FIGURES = [
    ("aave_v2", 0.83, 1800.0, "8000", "4.666667", "400"),
    ("aave_v2", 0.83, 1600.0, "8000", "5.25", "400"),
    ("aave_v3", 0.83, 1900.0, "8000", "4.421053", "360"),
    ("aave_v3", 0.83, 1800.0, "16000", "9.333333", "720"),
    ("aave_v3", 0.83, 1600.0, "15238.095238", "10", "685.714286"),
    ("aave_v4", 0.83, 1900.0, "5245.868243", "2.839671309434", "134.56"),
    ("aave_v4", 0.83, 1800.0, "10023.982108", "5.799987425268", "374.40"),
    ("aave_v4", 0.83, 1700.0, "16000", "9.882352941176", "720"),
    ("aave_v4", 0.83, 1600.0, "15238.095238", "10", "685.714286"),
    ("compound_v2", 0.825, 1900.0, "8000", "4.547368421", "398.08"),
    ("compound_v2", 0.825, 1700.0, "8000", "5.082353", "398.08"),
    ("euler_v1", 0.8272, 1900.0, "10971.5136", "6.0007075", "210.40"),
    ("euler_v2", 0.85, 1850.0, "16000", "8.799896876", "279.81"),
    ("euler_v2", 0.85, 1700.0, "15353.125", "10", "1646.875"),
    ("euler_v2", 0.85, 1600.0, "13600", "10", "2400"),
    ("fluid", 0.92, 1730.0, "1186.44", "0.692662", "11.86"),
    ("fluid", 0.92, 1700.0, "5084.75", "3.020937", "50.85"),
    ("gearbox", 0.83, 1900.0, "16000", "8.971053", "760"),
    ("kamino", 0.83, 1900.0, "3200", "1.717895", "64"),
    ("kamino", 0.83, 1800.0, "3200", "1.882469", "188.44"),
    ("kamino", 0.83, 1700.0, "3200", "1.993080", "188.24"),
    ("morpho_blue", 0.86, 1850.0, "16000", "9.027816960540541", "701.461377"),
    ("morpho_blue", 0.86, 1600.0, "15328.000001", "10", "671.999999"),
    ("silo", 0.83, 1900.0, "5806.4516", "3.208829", "290.32"),
    ("silo", 0.83, 1800.0, "10439.8827", "6.089932", "521.99"),
    ("silo", 0.83, 1700.0, "16000", "9.882353", "800"),
]
BAD_DEBT = [
    ("aave_v3", 0.83, 1600.0, "761.904761904762"),
    ("aave_v3", 0.83, 1500.0, "1714.285714285714"),
    ("aave_v4", 0.83, 1600.0, "761.904761904762"),
    ("compound_v2", 0.825, 1600.0, "1185.185185185185"),
    ("euler_v1", 0.8272, 1600.0, "3084.80"),
    ("euler_v2", 0.85, 1700.0, "646.875"),
    ("euler_v2", 0.85, 1600.0, "2400"),
    ("euler_v2", 0.85, 1500.0, "3250"),
    ("gearbox", 0.83, 1600.0, "640"),
    ("morpho_blue", 0.86, 1600.0, "671.999999"),
    ("morpho_blue", 0.86, 1500.0, "1629.999999"),
    ("silo", 0.83, 1600.0, "761.904761904762"),
]


def stated(figure: str, digits: int = 6) -> Any:
    """A figure, to one in the last digit that it is stated with, and to 1e-6 of a token where it has more digits."""
    given = len(figure.partition(".")[2])
    return pytest.approx(float(figure), rel=1e-9, abs=1.001 * 10.0 ** -min(given or digits, digits))


def one_call(design: str, threshold: float, price: float, **terms: Any) -> dict[str, Any]:
    """The changes of a small world in which one call is made, on the worked position at a price."""
    return {
        "pools__0__liquidation": {"design": design, **terms},
        "pools__0__reserves__ETH": {"ltv": 0.8, "liquidation_threshold": threshold},
        "assets__ETH__price__prices": [2000.0, price],
        "agents__liquidators__0__calls_per_block": 1,
        "time__steps": 2,
    }


@pytest.mark.parametrize(("design", "threshold", "price", "repaid", "seized", "profit"), FIGURES)
def test_one_call_gives_the_worked_figures(
    play: Play, design: str, threshold: float, price: float, repaid: str, seized: str, profit: str
) -> None:
    run = play(**one_call(design, threshold, price))
    (row,) = run.liquidations.to_dict("records")
    assert row["repaid"] == stated(repaid)
    assert row["seized"] == stated(seized)
    assert row["profit_usd"] == stated(profit)


@pytest.mark.parametrize(("design", "threshold", "price", "bad_debt"), BAD_DEBT)
def test_what_the_collateral_does_not_pay_for_is_bad_debt(
    play: Play, design: str, threshold: float, price: float, bad_debt: str
) -> None:
    """In as many calls as it takes."""
    run = play(**one_call(design, threshold, price) | {"time__steps": 40})
    assert run.summary["bad_debt_usd"] == stated(bad_debt)


def test_the_command_line_gives_the_same_figures(tmp_path: Path) -> None:
    """`underwater run one-position` with another design and another price."""
    out = tmp_path / "run"
    design = 'pools.0.liquidation={design="morpho_blue"}'
    changes = [design, "pools.0.reserves.ETH.liquidation_threshold=0.86", "assets.ETH.price.prices=[2000.0, 1850.0]"]
    arguments = ["run", "one-position", "--out", str(out), "--no-figures"]
    assert main([*arguments, *(part for change in changes for part in ("--set", change))]) == 0
    (row,) = pd.read_parquet(out / "liquidations.parquet").to_dict("records")
    assert row["seized"] == stated("9.027816960540541")
    assert row["profit_usd"] == stated("701.461377")


@pytest.mark.parametrize("bonus", [0.05, 0.13])
@pytest.mark.parametrize("close_factor", [0.1, 0.5, 1.0])
def test_above_the_toxic_frontier_calls_spiral_to_the_same_bad_debt(
    play: Play, bonus: float, close_factor: float
) -> None:
    """Worth less than debt and bonus, every call makes it worse: D - V / (1 + bonus) is left, whatever the part."""
    price = 1600.0 * (1.0 + bonus) - 40.0
    terms = {"liquidation_bonus": bonus, "protocol_fee": 0.0, "close_factor": close_factor}
    run = play(**one_call("fixed_spread", 0.83, price, **terms) | {"time__steps": 200})
    assert run.summary["bad_debt_usd"] == pytest.approx(16_000.0 - 10.0 * price / (1.0 + bonus), rel=1e-6)


def test_a_close_to_a_target_at_the_frontier_is_a_full_close(play: Play) -> None:
    """Where the bonus takes all that the threshold leaves, no part of the debt restores any health."""
    terms = {"max_bonus": 0.25, "bonus_factor": 1.0, "dust_usd": 0.0, "protocol_fee": 0.0}
    run = play(**one_call("aave_v4", 0.8, 1999.0, target_health_factor=1.0, **terms))
    (row,) = run.liquidations.to_dict("records")
    assert row["repaid"] == pytest.approx(10.0 * 1999.0 / 1.25, rel=1e-9)
    assert row["seized"] == pytest.approx(10.0, rel=1e-12)


TO_A_TARGET: dict[str, tuple[dict[str, Any], float]] = {
    "aave_v4": ({"target_health_factor": 1.0, "bonus_factor": 1.0}, 1.05),
    "fluid": ({}, 1.01),
    "silo": ({"target_ltv": 0.83}, 1.05),
}


@pytest.mark.parametrize("price", [1925.0, 1880.0, 1850.0, 1801.0])
@pytest.mark.parametrize("design", sorted(TO_A_TARGET))
def test_a_close_to_health_one_is_one_call_and_no_specks_after_it(play: Play, design: str, price: float) -> None:
    """(16 000 - 0.83 V) / (1 - 0.83 (1 + bonus)) restores health 1, up to a rounding that is nobody's to liquidate."""
    terms, per_dollar = TO_A_TARGET[design]
    run = play(**one_call(design, 0.83, price, **terms) | {"time__steps": 10})
    (row,) = run.liquidations.to_dict("records")
    restores = (16_000.0 - 0.83 * 10.0 * price) / (1.0 - 0.83 * per_dollar)
    assert row["repaid"] == pytest.approx(restores, rel=1e-9)
    assert row["seized"] == pytest.approx(per_dollar * restores / price, rel=1e-9)


NO_BONUS: dict[str, dict[str, Any]] = {
    "aave_v2": {"liquidation_bonus": 0.0},
    "aave_v3": {"liquidation_bonus": 0.0},
    "aave_v4": {"max_bonus": 0.0},
    "compound_v2": {"liquidation_incentive": 1.0, "protocol_seize_share": 0.0},
    "euler_v1": {"max_discount": 0.0},
    "euler_v2": {"max_discount": 0.0},
    "fixed_spread": {"liquidation_bonus": 0.0},
    "fluid": {"liquidation_penalty": 0.0},
    "gearbox": {"liquidation_premium": 0.0},
    "kamino": {"min_bonus": 0.0, "max_bonus": 0.0, "bad_debt_bonus": 0.0},
    "morpho_blue": {"cursor": 0.0},
    "silo": {"liquidation_fee": 0.0},
    "toxic_halt": {"liquidation_bonus": 0.0},
}


@pytest.mark.parametrize("design", sorted(NO_BONUS))
def test_at_health_one_only_kamino_liquidates(play: Play, design: str) -> None:
    """Loan-to-value at least the threshold is enough there: a fifth of the debt, at the least bonus."""
    run = play(**one_call(design, 0.8, 2000.0))
    calls = run.liquidations[["step", "repaid", "seized"]].to_numpy().tolist()
    assert calls == ([pytest.approx([0, 3200.0, 1.632], rel=1e-9)] if design == "kamino" else [])


@pytest.mark.parametrize("design", sorted(NO_BONUS))
def test_without_a_bonus_and_with_gas_nobody_liquidates(play: Play, design: str) -> None:
    terms = NO_BONUS[design]
    threshold = 0.92 if design == "fluid" else 0.83
    paid = play(**one_call(design, threshold, 1700.0), agents__liquidators__0__gas_usd=1.0)
    assert not paid.liquidations.empty
    unpaid = play(**one_call(design, threshold, 1700.0, **terms), agents__liquidators__0__gas_usd=1.0)
    assert unpaid.liquidations.empty


def test_every_spot_design_is_held_to_these_limits() -> None:
    spot = [kind for kind in get_args(get_args(Design)[0]) if issubclass(kind, SpotDesign)]
    told = "a new design is added to NO_BONUS, with the parameters that take its bonus away"
    assert {kind().design for kind in spot} == set(NO_BONUS), told
