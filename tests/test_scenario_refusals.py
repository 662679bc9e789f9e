"""One sentence for every refusal of a scenario, and nothing else whatever comes."""

import copy
import re
import tomllib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm import Scenario, ScenarioError
from builders.scenarios import EXAMPLE, LINES, load, refusal

JARGON = re.compile(
    r"[Ii]nput|Value error|valid (number|string|dict|list|bool|integer)|constrained|tagged-union|function-|\n"
)


@pytest.mark.parametrize(("override", "expected"), list(zip(LINES[::2], LINES[1::2], strict=True)))
def test_what_cannot_be_used_gets_one_sentence_with_key_value_and_remedy(override, expected):
    with pytest.raises(ScenarioError) as refused:
        load(override)
    assert str(refused.value).startswith(expected.strip())
    assert not JARGON.search(str(refused.value))


@pytest.mark.parametrize("levels", [300, 3000])
def test_oracles_within_oracles_without_end_are_refused(levels):
    data = tomllib.loads(EXAMPLE)
    oracle = {"kind": "venue"}
    for _ in range(levels):
        oracle = {"kind": "bounded", "of": oracle}
    data["assets"]["ETH"]["oracle"] = oracle
    assert re.search("deeply", refusal(data))
    assert not JARGON.search(refusal(data))


def test_names_that_are_used_twice_are_refused():
    """Two pools of one name, and cohorts that do not say which of two pools they mean."""
    twice = tomllib.loads(EXAMPLE)
    twice["pools"].append(copy.deepcopy(twice["pools"][0]))
    with pytest.raises(
        ScenarioError, match=r"^pools\.1\.name = 'core' is used twice; give each pool a name of its own$"
    ):
        Scenario.from_dict(twice)
    twice["pools"][1]["name"] = "other"
    with pytest.raises(
        ScenarioError, match=r"^agents\.borrowers\.0\.pool is missing, and there are several: core, other"
    ):
        Scenario.from_dict(twice)


def test_a_correlation_of_three_assets_that_no_prices_have_is_refused():
    """Each pair alone is possible; the three together are not positive definite."""
    pairs = ", ".join(
        f'{{assets = ["{a}", "{b}"], rho = {r}}}' for a, b, r in (("A", "B", 0.9), ("B", "C", 0.9), ("A", "C", -0.9))
    )
    prices = [f'assets.{name}={{price = {{kind = "gbm", start = 1.0, volatility_per_year = 1.0}}}}' for name in "ABC"]
    with pytest.raises(ScenarioError, match=r"^correlations: .* not positive definite; bring the correlations closer"):
        load(*prices, f"correlations=[{pairs}]")


def test_people_of_a_market_need_one():
    """Makers need an order book to quote on, the others a market."""
    maker = "agents.market_makers=[{capital_usd = 1.0, size_usd = 1.0}]"
    with pytest.raises(ScenarioError, match=r"^agents\.market_makers\.0 quotes on ETH/DAI, which has no order_book"):
        load('markets.0.sources=[{kind = "infinite"}]', maker)
    with pytest.raises(
        ScenarioError, match=r"^agents\.market_makers\.0 has no market to trade on; add \[\[markets\]\]"
    ):
        load("markets=[]", maker)
    with pytest.raises(ScenarioError, match=r'^agents\.liquidators\.0\.selling = "over_time" needs a market'):
        load("markets=[]", 'agents.liquidators.0.selling="over_time"')


def test_a_misspelt_key_says_more_than_the_key_it_leaves_missing():
    """Both are problems; the unknown key comes first and the other is counted."""
    with pytest.raises(ScenarioError) as refused:
        Scenario.from_dict({**tomllib.loads(EXAMPLE), "time": {"stepss": 3, "step_seconds": 60}})
    assert (
        str(refused.value)
        == "time.stepss = 3 is not a known key; did you mean 'steps'? (and 1 more key cannot be used)"
    )


def test_keys_that_look_like_names_of_alternatives_keep_their_place():
    """A price of kind "bars" has a key `bars`, one of kind "file" a key `file`."""
    with pytest.raises(ScenarioError, match=r"^assets\.ETH\.price\.bars\.0\.1 = 'x' cannot be used"):
        load('assets.ETH.price={kind = "bars", bar_seconds = 240, bars = [[1.0, "x", 1.0, 1.0]]}')
    with pytest.raises(ScenarioError, match=r"^assets\.ETH\.price\.high = 5 cannot be used"):
        load('assets.ETH.price={kind = "bars", file = "x.csv", high = 5}')
    with pytest.raises(ScenarioError, match=r"^assets\.ETH\.price\.price = 5 cannot be used"):
        load('assets.ETH.price={kind = "file", file = "x.csv", price = 5}')


@pytest.mark.parametrize("data", [5, None, [], "name", {}, {"name": None}, {"name": "x", "time": None}, {1: 2}])
def test_what_is_no_scenario_at_all_is_refused(data):
    with pytest.raises(ScenarioError):
        Scenario.from_dict(data)


def test_scenario_files_that_cannot_be_read_are_refused(tmp_path):
    """Missing, a directory, no text, no TOML, and numbers or nesting that the reader of TOML gives up on."""
    with pytest.raises(ScenarioError, match=r"nowhere\.toml does not exist; check the path$"):
        Scenario.load(tmp_path / "nowhere.toml")
    with pytest.raises(ScenarioError, match="cannot be read"):
        Scenario.load(tmp_path)
    file = tmp_path / "broken.toml"
    for content in (b"\xff\xfe", b"name = ", b"a = 1\na = 2", b"a = " + 5000 * b"9", b"a = " + 5000 * b"["):
        file.write_bytes(content)
        with pytest.raises(ScenarioError, match=r"broken\.toml (cannot be read|is not valid TOML) \("):
            Scenario.load(file)
    file.write_text(3000 * "a." + "a = 1")
    with pytest.raises(ScenarioError):
        Scenario.load(file)


# Whatever comes

KEYS = sorted({override.partition("=")[0] for override in LINES[::2]})
VALUES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["nan", "-inf", "inf", "{}", "[]", "[[]]", "0", "-1", "1e308", "true", '"ETH"', "[nan]", "{kind = 1}"]
    ),
    st.floats().map(repr),
    st.integers().map(str),
)


@settings(max_examples=250)
@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=12), VALUES, min_size=1, max_size=3))
def test_random_overrides_raise_scenario_errors_or_nothing(overrides):
    """What is not refused says the same after a round trip."""
    with suppress(ScenarioError):
        scenario = Scenario.from_dict(tomllib.loads(EXAMPLE), overrides=overrides)
        assert Scenario.from_dict(scenario.to_dict()) == scenario


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["gbm", "aave_v3"])
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*Scenario.model_fields, "kind", "price", "borrowers", "file"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=250)
@given(key=st.sampled_from(list(Scenario.model_fields)), tree=TREES)
def test_random_data_raise_scenario_errors_or_nothing(key, tree):
    """A value under any of the first keys is used, or refused with a message that has a remedy."""
    message = refusal(tomllib.loads(EXAMPLE) | {key: tree})
    assert not message or "; " in message
