"""Mechanisms of one's own, from a script: put into a scenario with `model_copy`, they run as those of the tree do."""

import math
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

from abm import Scenario, simulate
from experiments import load_results, load_scenario, run_paths, run_scenario
from models.liquidation import AaveV3, Position, SpotDesign
from models.liquidation.offer import seized_per_repaid
from models.liquidation.spot import Terms
from models.losses import Effect, LossView, Paid, Payer
from models.losses.layer import TimedTerms
from models.losses.payer import Settles, What
from models.market import ConstantProduct
from models.market.reserves import ReserveTerms
from models.oracles import ReferenceTerms
from models.parameters import Parameters
from models.prices import PathPrice
from models.rates import SECONDS_PER_YEAR, Kinked


class Half(SpotDesign):
    """Half of the debt at a bonus of 5 %, as `aave_v3` above a health of 0.95 without a protocol fee."""

    source: ClassVar[str] = "a test"
    leaves_out: ClassVar[str] = "everything else"
    design: Literal["half"] = "half"

    def terms(self, position: Position) -> Terms:
        return Terms(0.5 * position.debt_units, seized_per_repaid(position, 0.05))


class Stubborn(Parameters):
    """An oracle that believes its first price for ever, and is itself what it starts."""

    kind: Literal["stubborn"] = "stubborn"
    reads_venue: ClassVar[bool] = False
    updated_seconds: ClassVar[float] = 0.0
    price: float = 0.0

    def start(self, price: float) -> "Stubborn":
        return Stubborn(price=price)

    def report(self, time_seconds: float, reference: float, venue: float) -> float:
        return self.price


class Stairs(PathPrice):
    """A price that falls by a tenth every ten blocks."""

    kind: Literal["stairs"] = "stairs"  # type: ignore[assignment]
    prices: list[float] = [2000.0]

    def path(self, steps: int, step_seconds: float, normals: Any, rng: Any) -> Any:
        return 2000.0 * 0.9 ** (np.arange(steps) // 10)


class Refilled(ConstantProduct):
    """The depth of the rest of the market: whatever was traded, each block begins at the reference price again."""

    def __init__(self, price: float, value: float) -> None:
        super().__init__(value / 2.0 / price, value / 2.0, 0.0)
        self.value = value

    @property
    def price(self) -> float:
        return self.quote / self.base

    def set_reference(self, price: float) -> None:
        self._hold(self.value / 2.0 / price, self.value / 2.0)


class RefilledTerms(ReserveTerms):
    kind: Literal["refilled"] = "refilled"

    def build(self, reference_price: float) -> Refilled:
        assert self.value is not None
        return Refilled(reference_price, self.value)


class Creeping(Parameters):
    """A rate that governance raises a little in every hour, whatever the utilisation."""

    kind: Literal["creeping"] = "creeping"
    first_per_year: float = 0.1
    rise_per_hour: float = 0.01

    def start(self) -> "CreepingRule":
        return CreepingRule(self)


class CreepingRule:
    remembers: ClassVar[bool] = True

    def __init__(self, terms: Creeping) -> None:
        self.terms = terms
        self.now_per_year = terms.first_per_year

    def rate(self, utilisation: float) -> float:
        return self.now_per_year

    def elapse(self, utilisation: float, seconds: float) -> float:
        charged = self.now_per_year
        self.now_per_year += self.terms.rise_per_hour * seconds / 3600.0
        return charged


class Tranche(TimedTerms):
    """First-loss capital, of which one loss takes at most a half."""

    kind: Literal["tranche"] = "tranche"
    capital: float = 0.0

    def money(self, lost: str) -> tuple[str, float]:
        return lost, self.capital

    def start(self) -> "TranchePayer":
        return TranchePayer(self)


class TranchePayer(Payer):
    gives: ClassVar[frozenset[What]] = frozenset({"spent"})

    def __init__(self, terms: Tranche) -> None:
        super().__init__(terms)
        self.left = terms.capital

    def see(self, held: float, now_seconds: float) -> None:
        self.left = held

    def capacity(self, now_seconds: float, market: LossView) -> float:
        return 0.5 * self.left

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        self.left -= units
        return Paid(units=units, effects=(Effect("spent", None, units),))

    def _restore(self, units: float, market: LossView) -> float:
        self.left += units
        return units


class Penniless(Tranche):
    """A layer that would pay in cash, and states no money."""

    def money(self, lost: str) -> None:  # type: ignore[override]
        return None


class Cutting(Tranche):
    """A layer that cuts the first supplier alone."""

    def money(self, lost: str) -> None:  # type: ignore[override]
        return None

    def start(self) -> "CuttingPayer":  # type: ignore[override]
        return CuttingPayer(self)


class CuttingPayer(Payer):
    settles: ClassVar[Settles] = "claims"

    def capacity(self, now_seconds: float, market: LossView) -> float:
        return float(market.suppliers.max())

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        first = np.where(np.arange(len(market.suppliers)) == np.argmax(market.suppliers), units, 0.0)
        return Paid(units=units, effects=(Effect("cut", None, units, first),))

    def _restore(self, units: float, market: LossView) -> float:
        return 0.0


def with_part(scenario: Scenario, **parts: Any) -> Scenario:
    """A scenario with parts of one's own: `liquidation`, `losses` and `rates` of its pool, or those of ETH."""
    pool, asset, market = scenario.pools[0], scenario.assets["ETH"], scenario.markets[0]
    if "rates" in parts:
        reserve = pool.reserves["DAI"].model_copy(update={"rates": parts.pop("rates")})
        pool = pool.model_copy(update={"reserves": pool.reserves | {"DAI": reserve}})
    if "layer" in parts:
        pool = pool.model_copy(
            update={"losses": pool.losses.model_copy(update={"layers": [*pool.losses.layers, parts.pop("layer")]})}
        )
    if "source" in parts:
        market = market.model_copy(update={"sources": [parts.pop("source")]})
    of_pool = {key: parts.pop(key) for key in ("liquidation",) if key in parts}
    return scenario.model_copy(
        update={
            "pools": [pool.model_copy(update=of_pool)],
            "assets": scenario.assets | {"ETH": asset.model_copy(update=parts)},
            "markets": [market],
        }
    )


@pytest.fixture
def small(small_world: Any) -> Any:
    """A small world as a scenario, with changes."""
    return lambda **changes: Scenario.from_dict(small_world(**changes))


def test_a_design_of_ones_own_is_run_on_processes_stored_and_read_back(small: Any, tmp_path: Path) -> None:
    scenario = small(agents__liquidators__0__calls_per_block=1, time__steps=2)
    own = with_part(scenario, liquidation=Half())
    theirs = with_part(scenario, liquidation=AaveV3(protocol_fee=0.0, min_leftover_usd=0.0))
    assert simulate(own).summary == simulate(theirs).summary
    seen: list[Any] = []
    for jobs in (1, 2):
        run_paths(own, 1, 2, jobs, on_result=lambda outcome: seen.append((outcome.error, outcome.summary)))
    assert seen[:2] == seen[2:]
    assert all(error is None for error, _ in seen)
    run_scenario(own, paths=1, out=tmp_path / "own")
    kept = load_results(tmp_path / "own")
    assert kept.summary["liquidated_usd"] == simulate(own).summary["liquidated_usd"]
    assert kept.scenario["pools"][0]["liquidation"]["design"] == "half"


def test_an_oracle_of_ones_own_is_believed(small: Any) -> None:
    assert simulate(with_part(small(), oracle=ReferenceTerms())).summary["liquidations"] > 0
    assert simulate(with_part(small(), oracle=Stubborn())).summary["liquidations"] == 0


def test_a_price_of_ones_own_moves(small: Any) -> None:
    run = simulate(with_part(small(time__steps=25), price=Stairs()))
    assert run.steps["reference_ETH"].tolist() == pytest.approx([2000.0] * 10 + [1800.0] * 10 + [1620.0] * 5)


def test_a_source_that_follows_the_reference_is_the_rest_of_the_market(small: Any) -> None:
    """In the first block of the fall its depth is that of a constant product; later it is there again."""
    run = simulate(with_part(small(time__steps=4), source=RefilledTerms(value=2e6)))
    (first, *_) = run.liquidations["slippage"]
    seized = run.liquidations["seized"].iloc[0]
    assert first == pytest.approx(1.0 - 1.0 / (1.0 + seized / (1e6 / 1900.0)), rel=1e-9)
    sold_in, later = run.steps["venue_ETH"].iloc[run.liquidations["step"].iloc[0]], run.steps["venue_ETH"].iloc[-1]
    assert sold_in < 1900.0 - 1.0
    assert later == pytest.approx(1900.0, rel=1e-12)


def test_a_rate_that_moves_with_time_is_charged_and_written_down(small: Any) -> None:
    terms = small(time__steps=25, time__step_seconds=3600.0, assets__ETH__price__prices=[9000.0])
    run = simulate(with_part(terms, rates=Creeping()))
    rates = 0.1 + 0.01 * np.arange(25)
    assert run.steps["borrow_rate_per_year"].tolist() == pytest.approx(rates.tolist(), rel=1e-12)
    owed = run.steps["debt_usd"].iloc[-1] / run.steps["debt_usd"].iloc[0]
    years = 3600.0 / SECONDS_PER_YEAR
    assert math.log(owed) == pytest.approx(rates[:24].sum() * years, rel=1e-9)  # compounded to the third power


def test_beside_it_a_rate_without_a_memory_is_written_down_as_ever(small: Any) -> None:
    kinked = Kinked(base_per_year=0.01, slope1_per_year=0.04, slope2_per_year=1.0, kink=0.9)
    run = simulate(with_part(small(assets__ETH__price__prices=[9000.0]), rates=kinked))
    assert run.steps["borrow_rate_per_year"].iloc[0] == pytest.approx(kinked.rate(16_000.0 / 1e6), rel=1e-9)


CRASH = {"assets__ETH__price__prices": [2000.0, 1000.0], "time__steps": 4}


def test_a_layer_with_money_of_its_own_pays_with_that_alone(small: Any) -> None:
    scenario = small(**CRASH)
    without, run = simulate(scenario).summary, simulate(with_part(scenario, layer=Tranche(capital=1000.0)))
    assert without["depositor_loss_usd"] == without["bad_debt_usd"] > 2000.0
    assert run.summary["layers_paid_usd"] == pytest.approx(500.0, rel=1e-12)
    assert run.summary["depositor_loss_usd"] == pytest.approx(run.summary["bad_debt_usd"] - 500.0, rel=1e-12)
    assert run.steps["layers_capital_usd"].iloc[[0, -1]].tolist() == pytest.approx([1000.0, 500.0])
    left = [one.steps["deposits_usd"].iloc[-1] for one in (run, simulate(scenario))]
    assert left[0] - left[1] == pytest.approx(500.0, rel=1e-6)


def test_a_layer_that_cuts_suppliers_counts_as_their_loss(small: Any) -> None:
    scenario = small(**CRASH, agents__depositors=[{"deposits": {"DAI": 1e6}}, {"deposits": {"DAI": 2e6}}])
    run = simulate(with_part(scenario, layer=Cutting()))
    assert run.summary["depositor_loss_usd"] == run.summary["bad_debt_usd"] > 0.0
    lost = [run.summary[f"depositors_{k}_lost_usd"] for k in range(2)]
    assert lost == pytest.approx([0.0, run.summary["bad_debt_usd"]])


def test_a_layer_that_pays_with_what_it_does_not_have_is_told_so(small: Any) -> None:
    with pytest.raises(RuntimeError, match="TranchePayer settles 'cash' and has no account to do it from"):
        simulate(with_part(small(**CRASH), layer=Penniless(capital=1000.0)))


def test_shipped_scenarios_take_them_too() -> None:
    scenario = load_scenario("loan-book", {"time.steps": "30"})
    pool = scenario.pools[0].model_copy(update={"liquidation": Half()})
    assert simulate(scenario.model_copy(update={"pools": [pool]})).summary["amplification"] >= 1.0
