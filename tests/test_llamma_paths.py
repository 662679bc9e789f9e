"""LLAMMA in whole worlds over random paths, block by block against the published rule in 40 digits.

Several loans, their bands often shared; falls, recoveries and jumps through all bands; oracles of three kinds;
arbitrage to a cost's distance from the reference price, a taker of all that is below health 1, interest all the while.
"""

from collections.abc import Callable
from decimal import Decimal, localcontext
from math import exp, inf
from typing import Any

import numpy as np
import pytest

from abm.model import UnderwaterModel
from abm.record.metrics import summarise
from builders.exact_bands import ZERO, ExactBands, first_band

LIQUIDATION_DISCOUNT, LOAN_DISCOUNT, SPREAD, RATE = 0.06, 0.09, 0.01, 2.0
START = 2000.0


def random_world(small_world: Any, rng: np.random.Generator) -> dict[str, Any]:
    step = float(rng.choice([30.0, 600.0]))
    moves = rng.normal(0.0, 0.015, 40) + rng.choice([-0.01, 0.0]) * np.repeat([1.0, -1.0], 20)
    moves += rng.choice([0.0, 1.0], 40, p=[0.9, 0.1]) * rng.uniform(-0.25, 0.2, 40)
    oracles = [{"kind": "reference"}, {"kind": "delayed", "hop_seconds": 3.0 * step}]
    oracles.append({"kind": "ema", "time_seconds": 2.0 * step, "source": "reference"})
    design = {
        "design": "llamma",
        "amplification": float(rng.choice([20.0, 100.0, 400.0])),
        "bands": int(rng.choice([1, 4, 10, 50])),
        "fee": float(rng.choice([0.001, 0.006, 0.05])),
    }
    held = rng.uniform(0.1, 50.0, rng.integers(1, 5))
    # Nearly the most that can be borrowed.
    most = held * START * (1.0 - LOAN_DISCOUNT) * (1.0 - 1.0 / design["amplification"]) ** (design["bands"] / 2.0)
    owed = most * rng.uniform(0.85, 0.999, held.size)
    return small_world(
        time={"step_seconds": step, "steps": moves.size},
        assets__ETH__price__prices=(START * np.exp(np.cumsum(moves) - moves[0])).tolist(),
        assets__ETH__oracle=oracles[rng.integers(3)],
        markets__0__sources__0__spread=SPREAD,
        pools__0__liquidation=design,
        pools__0__reserves__DAI__rates={"kind": "fixed", "rate_per_year": RATE},
        agents__borrowers=[
            {"positions": [{"collateral": {"ETH": c}, "debt": {"DAI": d}}]} for c, d in zip(held, owed, strict=True)
        ],
        agents__liquidators=[{"capital_usd": inf}] if rng.random() < 0.5 else [],
        agents__arbitrageurs=[{"capital_usd": inf, "hedge_cost": float(rng.choice([0.0, 0.003]))}],
    )


class Restated:
    """A world of `random_world` by the rule: what its bands, its loans and their soft loss are after every block."""

    def __init__(self, world: dict[str, Any]) -> None:
        self.terms = world["pools"][0]["liquidation"]
        self.hedge_cost = Decimal(world["agents"]["arbitrageurs"][0]["hedge_cost"])
        self.oracle, self.seconds = world["assets"]["ETH"]["oracle"], world["time"]["step_seconds"]
        self.takers = bool(world["agents"]["liquidators"])
        self.bands = ExactBands(START, self.terms["amplification"], self.terms["fee"])
        self.debts: dict[int, Decimal] = {}
        for owner, cohort in enumerate(world["agents"]["borrowers"]):
            base, debt = cohort["positions"][0]["collateral"]["ETH"], cohort["positions"][0]["debt"]["DAI"]
            first = first_band(base, debt, START, self.terms["amplification"], self.terms["bands"], LOAN_DISCOUNT)
            self.bands.deposit(owner, Decimal(base), max(first, 0), self.terms["bands"])
            self.debts[owner] = Decimal(debt)
        self.lost = self.sold = ZERO
        self.believed = self.next = START

    def block(self, k: int, reference: float) -> set[int]:
        """Arbitrage, the oracle's report, interest, takers; returns whose loans are closed."""
        price = Decimal(reference)
        for buys in (False, True):
            given, got = self.bands.trade_to(price * (1 - self.hedge_cost if buys else 1 + self.hedge_cost), buys)
            self.lost += got * price - given if buys else got - given * price
            self.sold += given if buys else ZERO
        self.bands.said, self.bands.clock = Decimal(self.report(k, reference)), Decimal(k * self.seconds)
        x = Decimal(RATE) * Decimal(self.seconds) / 31_536_000 if k else ZERO
        self.debts = {owner: debt * (1 + x + x**2 / 2 + x**3 / 6) for owner, debt in self.debts.items()}
        closed = {owner for owner in self.debts if self.takers and self.pays(owner, price)}
        for owner in closed:
            self.bands.withdraw(owner)
            del self.debts[owner]
        return closed

    def report(self, k: int, reference: float) -> float:
        if self.oracle["kind"] == "reference":
            return reference
        if self.oracle["kind"] == "ema":
            self.believed += (reference - self.believed) * (1.0 - exp(-0.5))
        elif k and k % 3 == 0:
            self.believed, self.next = self.next, reference
        return self.believed

    def pays(self, owner: int, price: Decimal) -> bool:
        """Whether closing a loan is allowed and pays: by its own quote, or for the base sold just below the market."""
        quote, base = self.bands.balances(owner)
        return self.health(owner) < 1 and quote + base * price * (1 - Decimal(SPREAD)) > self.debts[owner]

    def health(self, owner: int) -> Decimal:
        return self.bands.health(owner, self.debts[owner], 1 - Decimal(LIQUIDATION_DISCOUNT))


@pytest.mark.parametrize("seed", range(36))
def test_a_world_on_a_random_path_is_the_published_rule_block_by_block(
    small_world: Any, model_of: Callable[..., UnderwaterModel], seed: int
) -> None:
    world = random_world(small_world, np.random.default_rng(seed))
    model = model_of(world)
    lender = model.world.lenders[0]
    loans, pool = lender.loans, lender.pool
    assert loans is not None
    posted = pool.collateral[:, loans.collateral].tolist()
    with localcontext(prec=40):
        restated = Restated(world)
        for k, reference in enumerate(world["assets"]["ETH"]["price"]["prices"]):
            closed = restated.block(k, reference)
            model.step()
            rows = model.recorder.liquidations()
            assert set(rows.loc[rows["step"] == k, "account"]) == closed
            near = {"rel": 1e-9, "abs": 1e-9 * START}
            assert loans.bands.oracle_price == pytest.approx(float(restated.bands.oracle()[0]), rel=1e-12)
            held = restated.bands.bands
            for n, (quote, base) in loans.bands.bands().items():
                assert (quote, base) == pytest.approx([float(units) for units in held[n]], rel=1e-9, abs=1e-9)
            all_held = [float(sum(units, ZERO)) for units in zip(*held.values(), strict=True)]
            assert [loans.bands.quote, loans.bands.base] == pytest.approx(all_held, rel=1e-9, abs=1e-9)
            for owner, debt in restated.debts.items():
                assert pool.debt(owner, loans.debt) == pytest.approx(float(debt), rel=1e-12)
                quote, base = (float(units) for units in restated.bands.balances(owner))
                least = 1e-9 * posted[owner]
                assert pool.collateral[owner].tolist() == pytest.approx([quote, base], rel=1e-9, abs=least)
                assert loans.healths(np.array([owner]))[0] == pytest.approx(float(restated.health(owner)), rel=1e-9)
        summary = summarise(model)
        assert summary["soft_loss_usd"] == pytest.approx(float(restated.lost), **near)
        assert summary["soft_liquidated_usd"] == pytest.approx(float(restated.sold), **near)
