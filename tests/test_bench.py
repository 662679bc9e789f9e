"""The measuring of speed: what is driven is what is described, and the figures are laid out for a reader."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from experiments import bench
from experiments.bench import markets, paths, runner
from experiments.bench.order_flow import LIVE, WARM_UP, Caller, mixed
from models.market import OrderBook, matching

EVENTS = 40_000


def test_the_flow_is_the_mix_that_it_says() -> None:
    """After the warm-up 55 % limit orders, 36 % cancellations, 9 % market orders; the same ones for the same seed."""
    flow = mixed(EVENTS)
    settled = flow.what[-EVENTS // 2 :]  # the warm-up's surplus of orders is gone by then
    kinds = np.bincount(settled, minlength=6) / len(settled)
    assert kinds[[matching.GTC, matching.CANCEL, matching.MARKET]] == pytest.approx([0.55, 0.36, 0.09], abs=0.02)
    assert all((ours == theirs).all() for ours, theirs in zip(flow, mixed(EVENTS), strict=True))
    assert (mixed(EVENTS, seed=2).price != flow.price).any()


def test_the_book_of_the_flow_has_about_a_hundred_levels_a_side() -> None:
    book = OrderBook(1.0)
    book.stream(*mixed(EVENTS))
    assert len(book.orders("buy")) + len(book.orders("sell")) == pytest.approx(LIVE, abs=10)
    for side in ("buy", "sell"):
        assert 80 <= len(book.levels(side)) <= 120


def test_calls_and_the_compiled_stream_do_the_same() -> None:
    """Every cancellation meets an order that rests, and both ways make the same trades and leave the same book."""
    flow = mixed(EVENTS)
    called, streamed = OrderBook(1.0), OrderBook(1.0)
    caller = Caller(called, flow)
    caller.send(0, WARM_UP)
    caller.send(WARM_UP, WARM_UP + EVENTS)
    ids, trades = streamed.stream(*flow)
    assert [order_id or 0 for order_id in caller.ids] == ids.tolist()
    assert [trade for made in caller.trades for trade in made] == [
        (int(maker), price, size) for maker, price, size, _ in trades.tolist()
    ]
    placed = flow.placed[flow.what == matching.CANCEL]
    assert (ids[placed] > 0).all()
    assert len(set(placed.tolist())) == len(placed)
    for side in ("buy", "sell"):
        assert called.orders(side) == [(*order[:3], "all") for order in streamed.orders(side)]


@pytest.mark.parametrize(
    ("build", "size"), [(markets.constant_product, 1.0), (markets.concentrated, 1.0), (markets.bands, 0.5)]
)
def test_every_swap_that_is_timed_trades_all_of_its_amount(build: Any, size: float) -> None:
    pool = build()
    sells, amounts = markets.swaps(0.5 * (pool.bid + pool.ask), size, EVENTS)
    given, got = pool.swap_many(sells, amounts)
    assert (given == amounts).all()
    assert (got > 0.0).all()


@pytest.mark.parametrize("side", ["sell", "buy"])
def test_the_venue_that_is_timed_splits_an_order_over_all_its_sources(side: Any) -> None:
    venue = markets.venue()
    amount = 60.0 if side == "sell" else 60.0 * markets.PRICE
    parts = venue.quote_in(side, amount).parts
    assert len(parts) == 3
    assert all(part.amount_in > 0.0 for part in parts)
    assert len(venue.sources[-1].levels(side)) == 10


@pytest.mark.parametrize("name", markets.RATES)
def test_every_market_is_measured(name: str) -> None:
    """A small run of each has a rate a second, the median between the slowest and the fastest run."""
    row = markets.measure(replace(markets.RATES[name], count=500), repeat=3)
    assert 0.0 < row["slowest_per_second"] <= row["per_second"] <= row["fastest_per_second"]
    assert (row["count"], row["unit"]) == (500, markets.RATES[name].unit)


@pytest.mark.parametrize("name", paths.PATHS)
def test_every_kind_of_path_is_measured(name: str) -> None:
    """A small path of each kind has blocks a second that follow from the median time."""
    row = paths.measure(replace(paths.PATHS[name], borrowers=50, blocks=20), repeat=1)
    assert row["fastest_seconds"] == row["wall_seconds"] == row["slowest_seconds"]
    assert row["blocks_per_second"] == pytest.approx(20 / row["wall_seconds"])
    assert row["position_blocks_per_second"] == pytest.approx(1000 / row["wall_seconds"])
    assert row["liquidations"] >= (50 if name == "crash-100k" else 0)


@pytest.mark.parametrize("name", runner.CASES)
def test_the_runner_is_measured_on_the_whole_way_to_the_disk(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With few and short paths the figures mean little; that they are there, and of these paths, is what is tested."""
    monkeypatch.setattr(runner, "PATH_SECONDS", 0.005)
    row = runner.measure(replace(runner.CASES[name], paths=12), repeat=1)
    line = runner.table([row])[1]
    assert line.startswith(row["what"])
    if name == "runner-overhead":
        assert -1.0 < row["processor_overhead"] < 20.0
    elif name == "runner-two-cores":
        assert 0.0 < row["speed_up"] < 4.0
        assert 0.0 <= row["idle"] < 1.0
    else:
        assert row["few"] == 1
        assert 0.0 <= row["rise_mib"] < 200.0


def _figures(name: str, repeat: int) -> dict[str, Any]:
    """What a fresh process would print, without the work."""
    if name in paths.PATHS:
        figures = paths.measure(replace(paths.PATHS[name], borrowers=20, blocks=5), repeat)
    else:
        figures = markets.measure(replace(markets.RATES[name], count=50), repeat)
    return {"case": name} | figures | {"peak_mib": 1.0}


def test_the_table_has_paths_and_markets_under_headings_of_their_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All cases in their order, columns aligned, and what is being measured on the other stream."""
    monkeypatch.setattr(bench, "_in_fresh_process", _figures)
    assert bench.main(["--repeat", "1"]) == 0
    printed, said = capsys.readouterr()
    lines = printed.splitlines()
    assert said.splitlines() == [f"measuring {name} …" for name in bench.SHORT]
    assert [line.split("  ")[0] for line in lines if line][1:] == [
        "one path", *[path.what for path in paths.PATHS.values()],
        "one market", *[rate.what for rate in markets.RATES.values()],
    ]  # fmt: skip
    assert {len(line) for line in lines[2 : 3 + len(paths.PATHS)]} == {143}
    assert {len(line) for line in lines[4 + len(paths.PATHS) :]} == {128}
    assert "50 events" in lines[-1]


def test_only_the_cases_asked_for_are_measured_and_come_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "_in_fresh_process", _figures)
    assert bench.main(["--json", "--case", "routes-venue", "--case", "swaps-bands"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["case"], row["unit"]) for row in rows] == [("routes-venue", "routes"), ("swaps-bands", "swaps")]


def test_a_case_runs_in_a_process_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--json", "--repeat", "1", "--case", "routes-venue"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["case"] == "routes-venue"
    assert row["peak_mib"] > 10.0


@pytest.mark.parametrize(
    ("arguments", "said"), [(["--repeat", "0"], "1 or more"), (["--case", "none"], "everybody-1k")]
)
def test_what_cannot_be_measured_is_refused(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        bench.main(arguments)
    assert stopped.value.code == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.strip().splitlines()) == 1, "one sentence, as of every other command"


@pytest.mark.slow
def test_ten_thousand_depositors_and_five_pools_cost_at_most_three_times_one_of_each() -> None:
    """A run on five pools with claims on one another, against the same run on one pool with one depositor."""
    one, five = (paths.measure(paths.PATHS[name], repeat=3) for name in ("run-1-pool", "run-5-pools"))
    assert five["fastest_seconds"] <= 3.0 * one["fastest_seconds"]
