"""Figures that explain one run: where debt is liquidated, generations, profit and loss, links, lending."""

from pathlib import Path

import pandas as pd
import pytest

from builders.runs import CALM, Shape, stored, title
from experiments.figures import draw_all, generations, landscape, lending, network, profit_and_loss, style
from experiments.figures.reading import Story


def test_the_map_holds_the_debt_where_it_is_liquidated(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=240))
    (ground,) = landscape.Ground.read(results, path=0)
    table = results.table("landscape")
    assert ground.debt.sum() == pytest.approx(table["debt_usd"].sum())
    assert ground.debt[0].sum() == pytest.approx(table[table["step"] == 0]["debt_usd"].sum())
    row = table.iloc[0]
    inside = ground.between(row["price_low"] * 1.001, row["price_high"] * 0.999)
    assert inside == pytest.approx(row["debt_usd"])
    assert "of debt lay in the way of ETH's fall" in title(landscape.draw(results))


def test_runs_of_versions_that_recorded_less_are_drawn_and_say_so(tmp_path: Path) -> None:
    older = stored(tmp_path / "run", Shape(steps=60))
    (older.directory / "landscape.parquet").unlink()
    steps = older.steps.drop(columns=["unforced_ETH", "unforced_DAI"])
    steps.to_parquet(older.directory / "steps.parquet")
    drawn = draw_all(older)
    assert title(drawn["landscape"]).endswith("no debt to map")
    assert title(drawn["generations"]).endswith("no counterfactual")
    profit_usd = older.summary["liquidator_profit_usd"]
    del older.summary["liquidator_net_usd"]
    assert profit_usd in [bar.get_width() for bar in profit_and_loss.draw(older).axes[0].patches]


def test_generations_say_how_much_deeper_the_fall_was_for_the_sales(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=240))
    said = title(generations.draw(results))
    assert "2.00 times as far" in said
    repaid = results.liquidations.groupby("generation")["repaid_usd"].sum()
    assert f"{style.percent(repaid.iloc[1:].sum() / repaid.sum())} of what was liquidated was set off" in said
    bars = [bar.get_width() for bar in generations.draw(results).axes[3].patches]
    assert bars == pytest.approx(repaid.tolist())


def test_profit_and_loss_shows_the_summary_and_depositors_by_exit_order(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=60, depositors=True))
    money, exits = profit_and_loss.draw(results).axes
    shown = sorted(bar.get_width() for bar in money.patches)
    summary = results.summary
    losses = ["borrower_loss_usd", "reserve_paid_usd", "depositor_loss_usd"]
    assert shown == pytest.approx(sorted([summary["liquidator_net_usd"], *(-summary[name] for name in losses)]))
    assert [bar.get_height() for bar in exits.patches] == [0.0] * 7 + [0.1, 0.3, 0.5]


def test_of_many_cohorts_of_depositors_those_that_lost_most_are_shown(tmp_path: Path) -> None:
    """Bars and names of thirty of them left no room for anything else."""
    results = stored(tmp_path / "run", Shape(steps=60, depositors=True))
    one = results.table("depositors")
    many = [one.assign(cohort=f"depositors.{k}", haircut=(k % 20) / 100.0) for k in range(30)]
    pd.concat(many).to_parquet(results.directory / "depositors.parquet")
    drawn = profit_and_loss.draw(results)
    _, names = drawn.axes[1].get_legend_handles_labels()
    assert names == [f"depositors {k}, DAI" for k in range(12, 20)]
    assert "Below: the cohorts of depositors that lost most, in groups" in drawn.get_supxlabel().replace("\n", " ")


def test_the_networks_links_are_what_the_tables_say(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=60))
    found = {(link.giver, link.taker): link.usd for link in network.links(results, Story.read(results))}
    assert found["borrowers", "pools"] == pytest.approx(results.write_offs["paid_usd"].sum())
    assert sum(usd for (giver, _), usd in found.items() if giver == "pools") == pytest.approx(
        9e6 + results.write_offs["paid_usd"].sum()
    )
    assert found["liquidators", "constant_product"] == 6e6


def test_lending_says_who_waits_and_shows_rates_where_they_are_recorded(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=60))
    assert len(lending.draw(results).axes) == 3
    peak = results.steps["queued_withdrawals_usd"].max()
    assert f"at most {style.usd(peak)} of claims waited" in title(lending.draw(results))
    assert "nobody waited to be paid out" in title(lending.draw(stored(tmp_path / "calm", CALM)))
