"""Distributions of a cohort's attributes: bounds, closed forms, common random numbers, and what cannot be drawn."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from scipy import stats

from abm.reading.distributions import (
    LogNormal,
    LogNormalPareto,
    NonNegativeInfOrDrawn,
    NonNegativeOrDrawn,
    Pareto,
    PositiveInfOrDrawn,
    PositiveOrDrawn,
    Uniform,
    draw,
    pair,
)

ALIASES = {
    "positive": PositiveOrDrawn,
    "not negative": NonNegativeOrDrawn,
    "positive or inf": PositiveInfOrDrawn,
    "not negative or inf": NonNegativeInfOrDrawn,
}
SIZES = st.floats(1e-6, 1e9)


def generator():
    return np.random.default_rng(5)


# Bounds, for whatever parameters


@settings(max_examples=60)
@given(low=st.floats(0, 1e9), width=st.floats(0, 1e9))
def test_uniform_draws_lie_between_its_ends(low, width):
    drawn = Uniform(kind="uniform", low=low, high=low + width).draw(50, generator())
    assert drawn.shape == (50,)
    assert (drawn >= low).all()
    assert (drawn <= low + width).all()


@settings(max_examples=60)
@given(median=SIZES, sigma=st.floats(0, 5), shift=st.floats(0, 100), above=st.none() | SIZES)
def test_lognormal_draws_lie_between_shift_and_maximum(median, sigma, shift, above):
    maximum = None if above is None else shift + above
    if maximum == shift:
        maximum = None
    drawn = LogNormal(kind="lognormal", median=median, sigma=sigma, shift=shift, maximum=maximum).draw(50, generator())
    assert (drawn >= shift).all()
    assert np.isfinite(drawn).all()
    assert maximum is None or (drawn <= maximum).all()


@settings(max_examples=60)
@given(minimum=SIZES, shape=st.floats(0.3, 50), times=st.none() | st.floats(1, 1e6))
def test_pareto_draws_lie_between_minimum_and_maximum(minimum, shape, times):
    maximum = None if times is None else minimum * times
    drawn = Pareto(kind="pareto", minimum=minimum, shape=shape, maximum=maximum).draw(50, generator())
    assert (drawn >= minimum * (1 - 1e-12)).all()
    assert np.isfinite(drawn).all()
    assert maximum is None or (drawn <= maximum).all()


# Closed forms


def test_draws_are_the_published_transformations_of_the_generator():
    """Pareto by inversion, u -> minimum (1 - u)^(-1 / shape), and lognormal as the exponential of a normal."""
    uniforms = generator().random(20)
    exact = [float(Fraction(3) / (1 - Fraction(u)) ** 2) for u in uniforms.tolist()]
    np.testing.assert_allclose(Pareto(kind="pareto", minimum=3.0, shape=0.5).draw(20, generator()), exact, rtol=1e-12)
    normals = generator().standard_normal(20)
    drawn = LogNormal(kind="lognormal", median=2.0, sigma=0.7, shift=1.0).draw(20, generator())
    np.testing.assert_allclose(drawn, [1.0 + 2.0 * math.exp(0.7 * z) for z in normals], rtol=1e-12)


def test_a_large_sample_has_the_moments_it_should():
    """Median of the lognormal, mean of the uniform, and the share of a Pareto above twice its minimum, 2^-shape."""
    count = 200_000
    assert np.median(LogNormal(kind="lognormal", median=5.0, sigma=1.0).draw(count, generator())) == pytest.approx(
        5, rel=0.01
    )
    assert Uniform(kind="uniform", low=2.0, high=6.0).draw(count, generator()).mean() == pytest.approx(4, rel=0.01)
    above = Pareto(kind="pareto", minimum=1.0, shape=1.5).draw(count, generator()) > 2.0
    assert above.mean() == pytest.approx(2**-1.5, rel=0.02)


@pytest.mark.parametrize(
    "degenerate",
    [Uniform(kind="uniform", low=3.0, high=3.0), LogNormal(kind="lognormal", median=3.0, sigma=0.0), 3.0, 3],
)
def test_without_spread_everybody_has_the_same(degenerate):
    drawn = draw(degenerate, 4, generator())
    assert drawn.dtype == np.float64
    np.testing.assert_array_equal(drawn, [3.0, 3.0, 3.0, 3.0])


def test_low_draws_are_lifted_but_a_plain_number_is_taken_as_it_is():
    drawn = draw(Uniform(kind="uniform", low=0.0, high=2.0), 200, generator(), lowest=1.0)
    assert drawn.min() == 1.0
    assert drawn.max() > 1.0
    np.testing.assert_array_equal(draw(0.5, 2, generator(), lowest=1.0), [0.5, 0.5])


def test_a_cut_changes_no_other_draw():
    """Common random numbers: whoever is below the maximum draws the same with and without it."""
    free = Pareto(kind="pareto", minimum=1.0, shape=1.0).draw(100, generator())
    cut = Pareto(kind="pareto", minimum=1.0, shape=1.0, maximum=4.0).draw(100, generator())
    np.testing.assert_array_equal(cut, np.minimum(free, 4.0))


# What an attribute may be


@pytest.mark.parametrize(
    ("alias", "value"),
    [
        ("positive", 1),
        ("positive", {"kind": "uniform", "low": 0.0, "high": 1.0}),
        ("not negative", 0.0),
        ("not negative", {"kind": "uniform", "low": 0.0, "high": 0.0}),
        ("positive or inf", math.inf),
        ("not negative or inf", math.inf),
        ("not negative or inf", {"kind": "pareto", "minimum": 1.0, "shape": 2.0}),
    ],
)
def test_values_that_can_be_used(alias, value):
    adapter = TypeAdapter(ALIASES[alias])
    taken = adapter.validate_python(value)
    assert adapter.validate_python(adapter.dump_python(taken, exclude_none=True)) == taken


@pytest.mark.parametrize(
    ("alias", "value"),
    [
        *(
            (alias, bad)
            for alias in ALIASES
            for bad in (math.nan, -math.inf, -1.0, True, "1", None, {}, {"kind": "normal"})
        ),
        ("positive", 0.0),
        ("positive", math.inf),
        ("not negative", math.inf),
        ("positive or inf", 0.0),
        ("positive", {"kind": "uniform", "low": 0.0, "high": 0.0}),
        ("positive", {"kind": "uniform", "low": 2.0, "high": 1.0}),
        ("positive", {"kind": "uniform", "low": -1.0, "high": 1.0}),
        ("positive", {"kind": "uniform", "low": 0.0, "high": math.inf}),
        ("positive", {"kind": "lognormal", "median": 0.0, "sigma": 1.0}),
        ("positive", {"kind": "lognormal", "median": 1.0, "sigma": -1.0}),
        ("positive", {"kind": "lognormal", "median": 1.0, "sigma": 100.0}),
        ("positive", {"kind": "lognormal", "median": 1.0, "sigma": 1.0, "shift": 2.0, "maximum": 2.0}),
        ("positive", {"kind": "pareto", "minimum": 2.0, "shape": 1.0, "maximum": 1.0}),
        ("positive", {"kind": "pareto", "minimum": 1.0, "shape": 0.01}),
        ("positive", {"kind": "pareto", "minimum": 1.0, "shape": 0.0}),
        ("positive", {"kind": "pareto", "minimum": 1.0, "shape": 1.0, "tail": 1.0}),
    ],
)
def test_values_that_cannot_be_used_are_refused_once(alias, value):
    """One problem each: the alternative that is meant is known, so nothing is said about the others."""
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(ALIASES[alias], config={"strict": True, "allow_inf_nan": False}).validate_python(value)
    assert refused.value.error_count() == 1


# A lognormal with the tail of a power law


TAILED = LogNormalPareto(
    kind="lognormal_pareto", median=8000.0, sigma=1.2, tail_from=50_000.0, tail_share=0.05, tail_shape=1.1
)


@settings(max_examples=60)
@given(
    median=st.floats(1e-3, 1e6),
    sigma=st.floats(0.05, 10),
    tail_from=st.floats(0.2, 50),
    tail_share=st.floats(1e-3, 0.999),
    tail_shape=st.floats(0.3, 20),
    times=st.none() | st.floats(1, 1e6),
)
def test_both_parts_keep_to_their_side_of_where_the_tail_begins(
    median, sigma, tail_from, tail_share, tail_shape, times
):
    start = median * math.exp(sigma * (tail_from - 1.0) / 50.0)  # not so low that nothing is below it
    maximum = None if times is None else start * times
    law = LogNormalPareto(
        kind="lognormal_pareto",
        median=median,
        sigma=sigma,
        tail_from=start,
        tail_share=tail_share,
        tail_shape=tail_shape,
        maximum=maximum,
    )
    drawn = law.draw(200, generator())
    in_tail = generator().random(200) >= 1.0 - tail_share
    assert np.isfinite(drawn).all()
    assert (drawn > 0.0).all()
    assert (drawn[~in_tail] <= start).all()
    assert (drawn[in_tail] >= min(start, law.highest) * (1 - 1e-12)).all()
    assert maximum is None or (drawn <= maximum).all()


def test_body_and_tail_have_the_shares_and_quantiles_of_their_laws():
    """Below, the truncated lognormal's distribution function at the draws is uniform; above, so is the Pareto's."""
    drawn = TAILED.draw(200_000, generator())
    in_tail = drawn >= 50_000.0
    assert in_tail.mean() == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 200_000))
    whole = stats.norm.cdf(math.log(50_000.0 / 8000.0) / 1.2)
    below = stats.norm.cdf(np.log(drawn[~in_tail] / 8000.0) / 1.2) / whole
    above = 1.0 - (drawn[in_tail] / 50_000.0) ** -1.1
    assert stats.kstest(below, "uniform").pvalue > 0.01
    assert stats.kstest(above, "uniform").pvalue > 0.01


def test_draws_rise_with_what_the_generator_gives():
    """Inversion: so that another tail moves those alone who are in it."""
    uniforms = generator().random(5000)
    np.testing.assert_array_equal(np.argsort(TAILED.draw(5000, generator())), np.argsort(uniforms))
    fatter = TAILED.model_copy(update={"tail_shape": 0.9}).draw(5000, generator())
    moved = fatter != TAILED.draw(5000, generator())
    np.testing.assert_array_equal(moved, uniforms > 0.95)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"maximum": 1000.0}, "tail_from = 50000 is above maximum = 1000; swap them"),
        ({"tail_shape": 0.01}, "raise tail_shape"),
        ({"tail_from": 1e-18, "sigma": 0.1}, "is below everything that median = 8000 and sigma = 0.1 draw; raise it"),
        ({"tail_share": 1.0}, "less than 1"),
        ({"sigma": 0.0}, "greater than 0"),
    ],
)
def test_a_tail_that_cannot_be_drawn_is_refused(changes, words):
    with pytest.raises(ValidationError, match=words):
        LogNormalPareto.model_validate(TAILED.model_dump() | changes)


# Two attributes that go together


@pytest.mark.parametrize("rho", [-1.0, -0.6, 0.0, 0.3, 0.8, 1.0])
def test_pairs_have_the_rank_correlation_that_was_asked_for(rho):
    """Whatever the marginals are; within four standard errors of the sample's."""
    rng, count = generator(), 20_000
    sizes = Pareto(kind="pareto", minimum=1.0, shape=1.1).draw(count, rng)
    paired = pair(sizes, LogNormal(kind="lognormal", median=1.0, sigma=2.0).draw(count, rng), rho, rng)
    error = (1.0 - rho**2) * math.sqrt((1.0 + 0.5 * rho**2) / (count - 3))
    assert stats.spearmanr(sizes, paired).statistic == pytest.approx(rho, abs=4.0 * error + 1e-12)


def test_the_copula_is_gaussian():
    """Kendall's tau of a Gaussian copula is 2 / pi asin(r), and Spearman's rho 6 / pi asin(r / 2)."""
    rng, count = generator(), 20_000
    one, other = rng.random(count), rng.random(count)
    rho = 0.5
    tau = stats.kendalltau(one, pair(one, other, rho, rng)).statistic
    assert tau == pytest.approx(2.0 / math.pi * math.asin(2.0 * math.sin(math.pi * rho / 6.0)), abs=0.015)


@settings(max_examples=60)
@given(
    values=st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), min_size=1, max_size=40),
    rho=st.floats(-1, 1),
)
def test_pairing_changes_who_has_what_and_not_what_there_is(values, rho):
    leading, following = np.array(values).T
    np.testing.assert_array_equal(np.sort(pair(leading, following, rho, generator())), np.sort(following))
