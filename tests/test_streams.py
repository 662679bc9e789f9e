"""Named random streams: the same for a name whatever else is drawn, different for every other name and seed."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm import ScenarioError
from abm.streams import Streams

NAMES = st.lists(st.text(max_size=6), min_size=1, max_size=3).map(tuple)
SEEDS = st.integers(0, 2**63 - 1)


@settings(max_examples=60)
@given(seed=SEEDS, name=NAMES, others=st.lists(NAMES, max_size=4))
def test_a_stream_depends_on_the_seed_and_its_name_only(seed, name, others):
    """Whatever other streams are opened and drawn from before, in whatever order."""
    alone = Streams(seed)(*name).random(3)
    streams = Streams(seed)
    for other in others:
        if other != name:
            streams(*other).random(5)
    np.testing.assert_array_equal(streams(*name).random(3), alone)


@settings(max_examples=60)
@given(seed=SEEDS, names=st.lists(NAMES, min_size=2, max_size=6, unique=True))
def test_different_names_draw_differently(seed, names):
    streams = Streams(seed)
    assert len({streams(*name).random() for name in names}) == len(names)


@settings(max_examples=60)
@given(seeds=st.lists(SEEDS, min_size=2, max_size=5, unique=True), name=NAMES)
def test_different_seeds_draw_differently(seeds, name):
    assert len({Streams(seed)(*name).random() for seed in seeds}) == len(seeds)


def test_a_name_is_not_what_its_parts_spell_together():
    """`("ab", "c")`, `("a", "bc")` and `("abc",)` are three streams."""
    streams = Streams(1)
    assert len({streams(*name).random() for name in (("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""))}) == 4


def test_asking_again_goes_on_where_the_stream_was():
    streams = Streams(1)
    halves = [streams("price", "ETH").random(2), streams("price", "ETH").random(2)]
    np.testing.assert_array_equal(np.concatenate(halves), Streams(1)("price", "ETH").random(4))


def test_draws_are_the_same_in_another_process():
    """Hashes of names must not depend on the process, as Python's own do."""
    code = "from abm.streams import Streams; print(Streams(7)('borrowers', '0', 'size').random().hex())"
    drawn = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert float.fromhex(drawn) == Streams(7)("borrowers", "0", "size").random()


def test_numpy_seeds_are_seeds():
    assert Streams(np.int64(3))("a").random() == Streams(3)("a").random()


@pytest.mark.parametrize("seed", [-1, 1.5, "1", None, True, 2**63])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(
        ScenarioError, match=r"^seed = .* cannot be used; give a whole number from 0 to 9223372036854775807$"
    ):
        Streams(seed)
