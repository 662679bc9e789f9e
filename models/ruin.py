"""How much capital an insurer needs: ruin in the model of Cramér and Lundberg.

**Source**: Asmussen and Albrecher, "Ruin probabilities" (2010): the adjustment coefficient, Lundberg's bound and
exponential claims (ch. IV), the last in finite time too (ch. V). Lattice bounds: Dufresne and Gerber, "Three methods to
calculate the probability of ruin", ASTIN Bulletin 19 (1989), on the formula of Pollaczek and Khinchine. Heavy tails:
Embrechts and Veraverbeke, Insurance: Mathematics and Economics 1 (1982). Premium principles: Bühlmann, "Mathematical
methods in risk theory" (1970).
**Models**: the surplus U(t) = u + c t - ΣX_i with claims X of mean μ that arrive as a Poisson process, λ a year, and
the premium c = (1 + θ) λ μ with the loading θ. Ruin is a surplus below 0. The adjustment coefficient R > 0 solves
λ (E[e^(RX)] - 1) = c R; then ψ(u) <= e^(-Ru). For exponential claims ψ(u) = e^(-θu / ((1 + θ) μ)) / (1 + θ).
**Leaves out**: claims that cluster or share a cause, which those of lenders do: a check on a simulation and a floor for
capital, not a model of solvency. Interest, dividends, stakers who leave.
**Units**: dollars, years; a loading and a probability are fractions.
**Invariants**: 0 <= ψ <= 1; ψ falls with capital and loading, and is 1 without a loading; finite-time ruin grows with
the horizon to ψ.
"""

from math import ceil, exp, inf, log, log1p, pi, sqrt

import numpy as np

from models.claims import Claims
from models.refusals import Refusal
from models.types import FloatArray


class InvalidRisk(Refusal):
    """The terms of the insurer's risk cannot be."""


def expected_value_premium(expected_usd: float, loading: float) -> float:
    """(1 + loading) times the expected payment."""
    return (1.0 + loading) * expected_usd


def standard_deviation_premium(expected_usd: float, deviation_usd: float, weight: float) -> float:
    """The expected payment and `weight` standard deviations of it."""
    return expected_usd + weight * deviation_usd


def aggregate_deviation(claims: Claims, claims_per_year: float, years: float = 1.0) -> float:
    """Standard deviation of all that claims cost in so many years, dollars: √(λ t E[X²]); may be infinite."""
    return sqrt(claims_per_year * years * claims.second_moment)


def adjustment_coefficient(claims: Claims, loading: float) -> float:
    """Return R, per dollar; 0 without a loading, and for heavy-tailed claims, which have none.

    Raises `InvalidRisk`.
    """
    _check_loading(loading)
    highest = claims.largest_exponent
    if loading <= 0.0 or highest == 0.0:
        return 0.0
    low, high = 0.0, highest
    while low < (middle := 0.5 * (low + high)) < high:
        if claims.tail_mgf(middle) < 1.0 + loading:
            low = middle
        else:
            high = middle
    return low


def lundberg_bound(capital_usd: float, claims: Claims, loading: float) -> float:
    """Upper bound e^(-Ru) of the probability that a capital is ever used up. Raises `InvalidRisk`."""
    _check_capital(capital_usd)
    return exp(-adjustment_coefficient(claims, loading) * capital_usd)


def lundberg_capital(probability: float, claims: Claims, loading: float) -> float:
    """Capital with which ruin is at most that probable, by Lundberg's bound; infinite without one.

    Raises `InvalidRisk`.
    """
    _check_probability(probability)
    coefficient = adjustment_coefficient(claims, loading)
    return -log(probability) / coefficient if coefficient > 0.0 else inf


def ruin_probability(capital_usd: float, mean_usd: float, loading: float) -> float:
    """Probability that a capital is ever used up by exponential claims of that mean. Raises `InvalidRisk`."""
    _check_capital(capital_usd)
    _check_loading(loading)
    if loading <= 0.0:
        return 1.0
    return exp(-loading * capital_usd / ((1.0 + loading) * mean_usd)) / (1.0 + loading)


def ruin_capital(probability: float, mean_usd: float, loading: float) -> float:
    """Least capital with which exponential claims ruin with at most that probability; 0 if the loading is enough.

    Infinite without a loading. Raises `InvalidRisk`.
    """
    _check_probability(probability)
    _check_loading(loading)
    if loading <= 0.0:
        return inf
    return max(-(log(probability) + log1p(loading)) * (1.0 + loading) * mean_usd / loading, 0.0)


def heavy_tail_ruin(capital_usd: float, claims: Claims, loading: float) -> float:
    """The probability of ruin that heavy-tailed claims approach as the capital grows: ∫ S(x) dx beyond it over θ μ.

    Raises `InvalidRisk`.
    """
    _check_capital(capital_usd)
    _check_loading(loading)
    if loading <= 0.0:
        return 1.0
    return min(claims.layer(capital_usd) / (loading * claims.mean_usd), 1.0)


def ruin_bounds(capital_usd: float, claims: Claims, loading: float, cells: int = 1000) -> tuple[float, float]:
    """Bounds, lower and upper, of the probability that a capital is ever used up, for any claims.

    The deepest fall of the surplus is a sum of steps, each distributed as the integrated tail of a claim, and one more
    with probability 1 / (1 + θ). Steps rounded down (up) to a lattice give a sum below (above) it, and the
    distribution of such a sum follows by recursion, exactly. The bounds approach each other as `cells`, the number of
    lattice cells within the capital, grows; the work grows with its square. Raises `InvalidRisk`.
    """
    _check_capital(capital_usd)
    _check_loading(loading)
    if loading <= 0.0:
        return 1.0, 1.0
    another = 1.0 / (1.0 + loading)
    if capital_usd == 0.0:
        return another, another
    edges = np.linspace(0.0, capital_usd, cells + 1)
    steps = np.diff([claims.layer(0.0, edge) / claims.mean_usd for edge in edges.tolist()])
    fallen_less = _compound_geometric(steps, another)
    fallen_more = _compound_geometric(np.concatenate(([0.0], steps)), another)
    return max(1.0 - float(fallen_less.sum()), 0.0), max(1.0 - float(fallen_more.sum()), 0.0)


def finite_time_ruin(
    capital_usd: float, years: float, claims_per_year: float, mean_usd: float, loading: float
) -> float:
    """Probability that exponential claims of that mean use up a capital within so many years.

    Asmussen and Albrecher, V.1: one integral over a period of a smooth function, for which equal steps converge faster
    than any power of their number. Raises `InvalidRisk`.
    """
    _check_capital(capital_usd)
    _check_process(years, claims_per_year)
    _check_loading(loading)
    if loading <= 0.0:
        raise InvalidRisk(f"the formula needs a loading above 0, given {loading}; simulate without one")
    u, b = capital_usd / mean_usd, 1.0 / (1.0 + loading)
    t, root = years * claims_per_year * (1.0 + loading), sqrt(b)
    # Harmonics fall off with u, with the roots of u and t, and as √b to the power of their number.
    angles_count = 64 + 2 * ceil(u + 9.0 * sqrt(u) + 9.0 * sqrt(2.0 * t) + 80.0 / log1p(loading))
    angles = 2.0 * pi * np.arange(angles_count) / angles_count
    cosine, phase = np.cos(angles), u * root * np.sin(angles)
    weight = b * np.exp(2.0 * root * t * cosine - (1.0 + b) * t + u * (root * cosine - 1.0))
    missing = weight * (np.cos(phase) - np.cos(phase + 2.0 * angles)) / (1.0 + b - 2.0 * root * cosine)
    return float(np.clip(ruin_probability(capital_usd, mean_usd, loading) - missing.mean(), 0.0, 1.0))


def simulated_ruins(
    capital_usd: float,
    years: float,
    claims_per_year: float,
    claims: Claims,
    loading: float,
    paths: int,
    rng: np.random.Generator,
) -> int:
    """How many of so many independent paths of the surplus fall below 0 within the years. Raises `InvalidRisk`."""
    _check_capital(capital_usd)
    _check_process(years, claims_per_year)
    _check_loading(loading)
    premium_per_year = expected_value_premium(claims_per_year * claims.mean_usd, loading)
    surplus, elapsed, ruined = np.full(paths, float(capital_usd)), np.zeros(paths), 0
    while surplus.size:
        waits = rng.exponential(1.0 / claims_per_year, surplus.size)
        surplus += premium_per_year * waits - claims.draw(rng, surplus.size)
        elapsed += waits
        counts = elapsed <= years
        fails = counts & (surplus < 0.0)
        ruined += int(fails.sum())
        goes_on = counts & ~fails
        surplus, elapsed = surplus[goes_on], elapsed[goes_on]
    return ruined


def _compound_geometric(steps: FloatArray, another: float) -> FloatArray:
    """Probabilities that a random number of steps sums to 0, 1, … cells, as far as `steps` says those of one step.

    After any number of steps there is one more with probability `another`.
    """
    mass = np.empty_like(steps)
    no_move = 1.0 - another * steps[0]
    mass[0] = (1.0 - another) / no_move
    for k in range(1, steps.size):
        mass[k] = another * float(steps[1 : k + 1] @ mass[k - 1 :: -1]) / no_move
    return mass


def _check_loading(loading: float) -> None:
    """Raise `InvalidRisk` unless the loading leaves a premium."""
    if not -1.0 <= loading < inf:
        raise InvalidRisk(f"loading is {loading}; give a finite fraction of the expected claims, -1 or more")


def _check_process(years: float, claims_per_year: float) -> None:
    """Raise `InvalidRisk` unless claims arrive, for a time that ends."""
    if not (0.0 <= years < inf and 0.0 < claims_per_year < inf):
        raise InvalidRisk(f"{claims_per_year} claims_per_year for {years} years; give both finite, claims above 0")


def _check_capital(capital_usd: float) -> None:
    """Raise `InvalidRisk` unless this is a capital."""
    if not 0.0 <= capital_usd < inf:
        raise InvalidRisk(f"capital_usd is {capital_usd}; give a finite amount, 0 or more")


def _check_probability(probability: float) -> None:
    """Raise `InvalidRisk` unless some capital can be asked for this."""
    if not 0.0 < probability <= 1.0:
        raise InvalidRisk(f"probability is {probability}; give one above 0, up to 1")
