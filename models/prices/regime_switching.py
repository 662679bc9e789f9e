"""Geometric Brownian motion whose drift and volatility change with a hidden regime.

**Source**: Hamilton, "A new approach to the economic analysis of nonstationary time series and the business cycle",
Econometrica 57 (1989). The Markov chain is in continuous time, so that its law is the same at any step: seen at
intervals of t it has Hamilton's transition matrix P = exp(Q t).
**Models**: calm and wild markets with sudden changes between them, exact at any step: over one in which the regime
changes, each regime counts for as long as it lasted.
**Leaves out**: regimes that depend on the price or on how long they have lasted.
**Units**: `switches_per_year` of a regime are its rates of change to each regime, in their order, with 0 at its own
place: it lasts 1 / (their sum) years in the mean. The first regime is that of `first_regime`, counted from 0, or drawn
from the chain's stationary law.
**Invariants**: with R the diagonal of the drifts, pi the law of the first regime and 1 a vector of ones, E S(t) = start
pi exp((Q + R) t) 1: start e^(mu t) where all drifts are mu. Given the regimes a log return is normal, its variance the
integral of sigma². One regime is the diffusion. The regime changes at the same times, whatever the step.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from models.parameters import Parameters
from models.prices.events import check_events
from models.prices.gbm import SECONDS_PER_YEAR, check_draws, grow
from models.types import FloatArray, IntArray

Rate = Annotated[float, Field(ge=0, le=1e6)]


class Regime(Parameters):
    """One regime, and how often it gives way to each of the others."""

    drift_per_year: float = 0.0
    volatility_per_year: float = Field(ge=0)
    switches_per_year: list[Rate] = []


class RegimeSwitchingPrice(Parameters):
    """A diffusion from `start` in regimes that follow one another as a Markov chain."""

    needs_table: ClassVar[bool] = False
    diffuses: ClassVar[bool] = True

    kind: Literal["regime_switching"] = "regime_switching"
    start: float = Field(gt=0)
    regimes: list[Regime] = Field(min_length=1)
    first_regime: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _square(self) -> Self:
        count = len(self.regimes)
        for k, regime in enumerate(self.regimes):
            rates = regime.switches_per_year
            if len(rates) != count and (rates or count > 1):
                raise ValueError(
                    f"regimes.{k}.switches_per_year = {rates} has {len(rates)} rates for {count} regimes; give one to"
                    " each regime, in their order, with 0 at its own place"
                )
            if rates and rates[k] != 0.0:
                raise ValueError(
                    f"regimes.{k}.switches_per_year = {rates} has a rate to itself at place {k}; put 0 there"
                )
        if self.first_regime is not None and self.first_regime >= count:
            raise ValueError(f"first_regime = {self.first_regime} is none of {count} regimes, counted from 0")
        if self.first_regime is None and _stationary(self.generator()) is None:
            raise ValueError(
                "the regimes have no one stationary law to draw the first from, since there are several that are never"
                " left for the others; give first_regime"
            )
        return self

    @property
    def start_price(self) -> float:
        """Price at step 0."""
        return self.start

    def with_table(self, columns: Mapping[str, FloatArray]) -> Self:
        """Itself: there is no table to read."""
        return self

    def generator(self) -> FloatArray:
        """The generator Q of the chain, per year, shape (regimes, regimes); its rows add up to zero."""
        count = len(self.regimes)
        rates = np.array([regime.switches_per_year or [0.0] * count for regime in self.regimes], dtype=np.float64)
        rates[np.diag_indices(count)] = -rates.sum(axis=1)
        return rates

    def stationary(self) -> FloatArray:
        """The share of time that the chain spends in each regime in the long run, shape (regimes,).

        Where a `first_regime` is needed because there is no one such law, it is that of the first regime alone.
        """
        law = _stationary(self.generator())
        return np.eye(len(self.regimes))[self.first_regime or 0] if law is None else law

    def path(self, steps: int, step_seconds: float, normals: FloatArray, rng: np.random.Generator) -> FloatArray:
        """`start`, then moves from `normals` in regimes drawn from `rng`. Raises `PriceOutOfRange` or `TooManyEvents`.

        A log return is the increment of the integral of mu - sigma² / 2, and a normal of that of sigma².
        """
        check_draws(steps, normals)
        years = step_seconds / SECONDS_PER_YEAR
        changed, regimes = self.regime_changes(years * steps, rng)
        volatility = np.array([regime.volatility_per_year for regime in self.regimes])[regimes]
        drift = np.array([regime.drift_per_year for regime in self.regimes])[regimes]
        times = years * np.arange(steps, dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            variances = _integral(volatility**2, changed, times)
            drifts = _integral(drift, changed, times)
            moves = np.zeros(steps)
            moves[1:] = np.diff(drifts) - 0.5 * np.diff(variances) + np.sqrt(np.diff(variances)) * normals[1:]
        return grow(self.start, moves)

    def regime_changes(self, years: float, rng: np.random.Generator) -> tuple[FloatArray, IntArray]:
        """When each regime begins, in years from the start, and which it is, both of shape (changes + 1,).

        Raises `TooManyEvents`.
        """
        generator = self.generator()
        leaving = -np.diag(generator)
        check_events(float(leaving.max()) * years, "changes of regime")
        regime = self.first_regime
        if regime is None:
            regime = _pick(self.stationary(), rng) if len(self.regimes) > 1 else 0
        began, regimes, now = [0.0], [regime], 0.0
        while leaving[regime] > 0.0:
            now += rng.exponential(1.0 / leaving[regime])
            if now >= years:
                break
            regime = _pick(np.maximum(generator[regime], 0.0) / leaving[regime], rng)
            began.append(now)
            regimes.append(regime)
        return np.array(began), np.array(regimes)


def _pick(shares: FloatArray, rng: np.random.Generator) -> int:
    """The number of one of the shares, drawn with their probabilities."""
    upto = np.cumsum(shares)
    return int(np.searchsorted(upto, rng.random() * upto[-1], side="right"))


def _stationary(generator: FloatArray) -> FloatArray | None:
    """The law that the chain keeps, pi Q = 0 with pi adding up to 1; None where there are several."""
    count = len(generator)
    scale = max(float(np.abs(generator).max()), 1.0)
    rows = np.vstack([generator.T / scale, np.ones(count)])
    law, _, rank, _ = np.linalg.lstsq(rows, np.append(np.zeros(count), 1.0))
    return np.maximum(law, 0.0) if rank == count else None


def _integral(rates: FloatArray, since: FloatArray, times: FloatArray) -> FloatArray:
    """At each time, the integral from 0 of what is `rates[j]` from `since[j]` on."""
    whole = np.append(0.0, np.cumsum(rates[:-1] * np.diff(since)))
    at = np.searchsorted(since, times, side="right") - 1
    integral: FloatArray = whole[at] + rates[at] * (times - since[at])
    return integral
