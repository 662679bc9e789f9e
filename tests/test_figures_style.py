"""Colours, numbers, titles and clocks of figures."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text

from builders.runs import LAYERS, Shape, stored
from experiments.figures import network, palette, profit_and_loss, style, timeline, waterfall
from experiments.figures.clock import Clock
from experiments.figures.reading import Story
from experiments.figures.saving import encoded


@style.ours
def of_money(title: str = "$10M or $20M of $PEPE_2?") -> Figure:
    """A figure that speaks of dollars, with logarithms on its axes."""
    drawn = style.figure(3.0)
    axes = drawn.add_subplot()
    axes.plot([10.0, 2e4], [1e-3, 1.0], label="$WIF and $BONK")
    for which in "xy":
        style.log_axis(axes, which)
    style.legend(axes)
    style.headline(drawn, title, "Of $1 each $\\frac{$.")
    return drawn


def test_a_dollar_is_a_dollar() -> None:
    """Two of them do not make a formula of what is between, which few texts are."""
    drawn = of_money()
    assert encoded(drawn, "png")
    assert not any(text.get_parse_math() for text in drawn.findobj(Text))
    ticks = [tick.get_text() for axes in drawn.axes for tick in axes.get_xticklabels() + axes.get_yticklabels()]
    assert {"0.01", "0.1", "10", "100"} <= set(ticks)
    assert not any("$" in tick for tick in ticks)


def test_what_users_have_set_for_figures_of_their_own_changes_none_of_ours() -> None:
    """Such as TeX, which is not installed everywhere and stumbles over a per cent sign."""
    plain = encoded(of_money(), "png")
    theirs = {"text.usetex": True, "savefig.bbox": "tight", "savefig.transparent": True, "axes.xmargin": 0.3}
    with mpl.rc_context(theirs):
        assert encoded(of_money(), "png") == plain
        assert mpl.rcParams["text.usetex"] is True


def test_an_actor_has_one_colour_in_all_figures(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=60))
    bars = {bar.get_facecolor() for bar in profit_and_loss.draw(results).axes[0].patches}
    rows = {to_rgba(palette.ACTOR[who]) for who in ("borrowers", "liquidators", "reserve", "depositors")}
    assert bars == rows
    painted = {bar.get_facecolor() for bar in waterfall.draw(results).axes[0].patches}
    assert {to_rgba(palette.ACTOR[layer]) for layer in LAYERS} < painted
    circles = {tuple(one.get_facecolor()[0]) for one in network.draw(results).axes[0].collections}
    assert rows < circles


MACHADO = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
"""What is seen of linear RGB. Source: Machado, Oliveira and Fernandes (2009), severity 1."""


@pytest.mark.parametrize("seen", MACHADO.values(), ids=MACHADO.keys())
@pytest.mark.parametrize(
    "together",
    [
        [palette.ACTOR[who] for who in LAYERS],
        [palette.ACTOR[who] for who in ("borrowers", "liquidators", "depositors", "insurance", "protocol")],
        [palette.PRICE[kind] for kind in ("reference", "venue", "oracle")],
        list(palette.GENERATION),
        [palette.LIQUIDATABLE, palette.UNDERWATER],
        [palette.SOLD, palette.BOUGHT],
    ],
)
def test_colours_that_stand_together_can_be_told_apart_by_any_eye(
    seen: tuple[tuple[float, ...], ...], together: list[str]
) -> None:
    """By lightness or hue: the distance in CIELAB is beyond eight times what can just be noticed (2.3)."""
    labs = [lab(np.clip(np.array(seen) @ linear(colour), 0.0, 1.0)) for colour in together]
    for k, one in enumerate(labs):
        for other in labs[:k]:
            assert np.linalg.norm(one - other) > 8 * 2.3


def linear(colour: str) -> np.ndarray[Any, Any]:
    """The light of an sRGB colour."""
    part = np.array(to_rgba(colour)[:3])
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """CIELAB of linear sRGB under D65."""
    mix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = mix @ light / (mix @ np.ones(3))
    x, y, z = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_a_layer_has_its_colour_whatever_stands_beside_it() -> None:
    alone, together = palette.layer_colours(["uncovered"]), palette.layer_colours(["treasury", *LAYERS, "auction"])
    assert alone["uncovered"] == together["uncovered"]
    assert len(set(together.values())) == 6


def test_a_source_has_the_colour_of_its_kind_and_the_second_of_a_kind_a_paler_one() -> None:
    colours = palette.source_colours(["constant_product.1", "constant_product.2", "order_book", "hooked_pool"])
    assert colours["constant_product.1"] == palette.source_colours(["constant_product"])["constant_product"]
    assert len(set(colours.values())) == 4


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.004321, "0.0043"),
        (9.999, "10"),
        (12.34, "12.3"),
        (999.4, "999"),
        (999.9, "1k"),
        (1_234_567.0, "1.23M"),
        (-2.5e9, "-2.5bn"),
        (100_000.0, "100k"),
        (4e12, "4tn"),
    ],
)
def test_numbers_are_written_in_three_figures(value: float, text: str) -> None:
    assert style.short(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.0, "0"), (156.4, "156"), (1_684.0, "1,680"), (2_345_678.0, "2.35M")])
def test_quantities_are_written_in_full_up_to_a_million(value: float, text: str) -> None:
    assert style.units(value) == text


def test_a_title_has_no_orphan() -> None:
    lines = style._wrapped("a title that would leave a single word alone on the last of its lines", 60).splitlines()
    assert len(lines) == 2
    assert abs(len(lines[0]) - len(lines[1])) < 12


@given(st.floats(min_value=1.0, max_value=9e14))
def test_a_short_number_is_within_half_a_percent_of_the_number(value: float) -> None:
    sizes = {"k": 1e3, "M": 1e6, "bn": 1e9, "tn": 1e12}
    text = style.short(value).replace(",", "")
    suffix = text.lstrip("0123456789.")
    assert float(text.removesuffix(suffix)) * sizes.get(suffix, 1.0) == pytest.approx(value, rel=0.005)


@pytest.mark.parametrize(("value", "text"), [(0.0, "0 %"), (0.4321, "43.2 %"), (1.0, "100 %"), (5e-6, "under 0.01 %")])
def test_percentages(value: float, text: str) -> None:
    assert style.percent(value) == text


@pytest.mark.parametrize(
    ("length", "unit"), [(60.0, "seconds"), (7_200.0, "minutes"), (86_400.0, "hours"), (7 * 86_400.0, "days")]
)
def test_the_clock_suits_the_length_of_the_run(length: float, unit: str) -> None:
    clock = Clock.of(length)
    assert clock.unit == unit
    assert float(clock.read(np.array(length))) * clock.seconds == length


def test_a_scenario_that_states_when_it_begins_has_dates(tmp_path: Path) -> None:
    story = Story.read(stored(tmp_path / "run", Shape(steps=60, start="2020-03-12T01:30:00+02:00")))
    assert story.clock.at(3_000.0) == "12 March, 00:20"
    drawn = timeline.draw(stored(tmp_path / "dated", Shape(steps=1440, start="2020-03-12")))
    FigureCanvasAgg(drawn).draw()
    assert drawn.axes[-1].get_xlabel() == "time in 2020 (UTC)"
    assert [label.get_text() for label in drawn.axes[-1].get_xticklabels()][:2] == ["12 Mar", "03:00"]
    assert Story.read(stored(tmp_path / "undated", Shape(steps=60))).clock.at(3_000.0) == "minute 50"
