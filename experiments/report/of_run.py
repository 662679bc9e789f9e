"""The report of one run."""

import pandas as pd

from experiments.comparing.objectives import heading, writer
from experiments.figures import each
from experiments.figures.clock import start_of
from experiments.figures.reading import Story, fall, moving_assets
from experiments.figures.style import layer_title, usd
from experiments.figures.waterfall import paid_by_layer
from experiments.numbers import duration, percent, times
from experiments.report.page import Cell, Page, Picture, Section, Table
from experiments.report.provenance import background, how_to_run, manifest_table
from experiments.stored.aggregate import NOT_METRICS
from experiments.stored.storage import Results

MOST_ROWS = 200
"""Of a table in the page; the whole is in the tables beside it."""


def page_of(results: Results) -> Page:
    """The report of a run. Raises `ResultsUnreadableError` when no path of it finished."""
    story = Story.read(results)
    pictures = [Picture.of(name, drawn) for name, drawn in each(results)]
    return Page(
        title=f"{results.name}: what one run left behind",
        lead=_lead(results),
        question=_question(results),
        answer=answer(results, story),
        sections=[
            Section("Figures", figures=pictures),
            Section("Numbers", tables=[*_beside(results), _summary(results), *_paths(results)]),
            Section("Largest liquidations and losses", tables=[_liquidations(story), *_write_offs(story)]),
            *background(results.directory, results.scenario, results.manifest),
            Section("Where it comes from", tables=[manifest_table(results.manifest)]),
            Section("How to reproduce it", how_to_run(results.manifest), code=[_commands(results)]),
        ],
        version=str(results.manifest.get("underwater") or ""),
    )


def _lead(results: Results) -> str:
    time, seed, paths = results.scenario["time"], results.manifest["seed"], len(results.paths)
    seeds = f"Seed {seed}" if paths == 1 else f"{paths:,} paths, seeds {seed} to {results.paths['seed'].max()}"
    start = start_of(results.scenario)
    begins = f", from {start.day} {start:%B %Y, %H:%M} UTC" if start is not None else ""
    length = duration(time["steps"] * time["step_seconds"])
    return f"{seeds}; {time['steps']:,} blocks of {time['step_seconds']:g} s ({length}){begins}."


def _question(results: Results) -> str:
    described = str(results.scenario.get("description", "")).strip()
    asked = "What does it leave behind, who pays for it, and how much of the fall is the liquidations' own?"
    return f"{described} {asked}".strip()


def answer(results: Results, story: Story) -> list[str]:
    """Three sentences from the numbers of the summary: the cascade, the bad debt and who paid, who gained and lost."""
    return [_cascade(results, story), _bad_debt(results), _sides(results)]


def _cascade(results: Results, story: Story) -> str:
    summary, mean = results.summary, "On average over the paths, " if results.finished > 1 else ""
    asset = moving_assets(story)[0]
    depth = summary.get("max_fall")
    fell = f"the largest fall of a price was {percent(depth if depth is not None else fall(story, asset))}"
    if not summary.get("liquidations"):
        return _capital(f"{mean}{fell}, and no position was liquidated.")
    sentence = f"{mean}{fell} and {usd(summary['liquidated_usd'] or 0.0)} of debt was liquidated"
    amplification, generations = summary.get("amplification"), summary.get("generations")
    if amplification is None or generations is None:
        return _capital(f"{sentence}.")
    if generations <= 1.0:
        return _capital(f"{sentence}, all of it by the price shock alone: there was no cascade.")
    deeper = f"the fall was {times(amplification).replace(' x', ' times')} what it would have been without forced sales"
    return _capital(f"{sentence} in {generations:,.3g} generations; {deeper}.")


def _bad_debt(results: Results) -> str:
    summary, mean = results.summary, "a mean of " if results.finished > 1 else ""
    bad = summary.get("bad_debt_usd") or 0.0
    if bad == 0.0:
        return "No bad debt was left."
    payers = [(layer, paid) for layer, paid in paid_by_layer(results).items() if paid > 0.0]
    told = ", ".join(f"{layer_title(layer)} {usd(paid)}" for layer, paid in sorted(payers, key=lambda one: -one[1]))
    share = summary.get("bad_debt_share")
    of_all = f" ({percent(share)} of the initial debt)" if share is not None else ""
    tail = summary.get("bad_debt_usd_es95") if results.finished > 1 else None
    worst = f"; the mean of the worst 5 % of the paths is {usd(tail)}" if tail is not None else ""
    return f"It left {mean}{usd(bad)} of bad debt{of_all}, borne by: {told}{worst}."


def _sides(results: Results) -> str:
    lost, gained = results.summary.get("borrower_loss_usd") or 0.0, results.summary.get("liquidator_profit_usd") or 0.0
    if lost == 0.0 and gained == 0.0:
        return "Borrowers lost nothing to liquidation, and liquidators gained nothing."
    profit = f"liquidators gained {usd(gained)}" if gained >= 0.0 else f"liquidators lost {usd(-gained)}"
    return f"Borrowers lost {usd(lost)} to liquidation beyond the debt repaid; {profit}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _summary(results: Results) -> Table:
    """Every metric of the summary, exactly; over several paths with its error and its tail."""
    summary = results.summary
    tails = ("_se", "_p95", "_es95", "_defined")
    metrics = [name for name in summary if not any(name.endswith(t) and name.removesuffix(t) in summary for t in tails)]
    several = results.finished > 1
    columns = ["metric", "mean" if several else "value"]
    columns += ["standard error", "95 % quantile", "mean of worst 5 %"] if several else []
    columns.append("in summary.json")
    rows = []
    for name in metrics:
        written = writer(name)
        row = [Cell.of(heading(name)), _number(summary[name], written(summary[name] or 0.0))]
        for tail in ("_se", "_p95", "_es95") if several else ():
            value = summary.get(f"{name}{tail}")
            row.append(_number(value, "" if value is None else written(value)))
        rows.append([*row, Cell.of(name)])
    return Table("Everything that the summary says, as in summary.json.", columns, rows)


def _number(value: float | None, text: str) -> Cell:
    return Cell.of(value, text) if value is not None else Cell("undefined" if text else "", "", number=True)


def _paths(results: Results) -> list[Table]:
    if len(results.paths) == 1:
        return []
    shown = [
        "bad_debt_usd",
        "liquidated_usd",
        "borrower_loss_usd",
        "liquidator_profit_usd",
        "amplification",
        "max_fall",
    ]
    shown = [name for name in shown if name in results.paths and name not in NOT_METRICS]
    rows = [
        [
            Cell.of(int(path["path"]), str(path["path"])),
            Cell.of(int(path["seed"]), str(path["seed"])),
            Cell.of(path["status"]),
        ]
        + [_number(float(path[name]), writer(name)(float(path[name]))) for name in shown]
        for _, path in results.paths.head(MOST_ROWS).iterrows()
    ]
    more = f"The first {MOST_ROWS:,} of {len(results.paths):,} paths" if len(results.paths) > MOST_ROWS else "All paths"
    return [Table(f"{more}; the whole table is paths.parquet.", ["path", "seed", "status", *map(heading, shown)], rows)]


def _beside(results: Results) -> list[Table]:
    """The run and those beside it on the same seeds, where the scenario asks for some: means over the paths."""
    shown = results.scenario.get("beside", {}).get("show")
    if not shown or not results.has("beside"):
        return []
    runs = results.table("beside")
    runs = runs[runs["status"] == "finished"]
    names = runs["run"].where(runs["varied"] == "", runs["run"] + ": " + runs["varied"])
    finished = results.paths[results.paths["status"] == "finished"]
    found = [("as it is", finished), *((str(name), rows) for name, rows in runs.groupby(names, sort=False))]
    rows = [
        [
            Cell.of(name),
            *(_number(mean, writer(metric)(mean)) for metric in shown for mean in [float(of_run[metric].mean())]),
        ]
        for name, of_run in found
    ]
    return [
        Table(
            "The same seeds with a few keys set otherwise; means over the paths.", ["run", *map(heading, shown)], rows
        )
    ]


def _liquidations(story: Story) -> Table:
    largest = story.liquidations.nlargest(25, "repaid_usd")
    rows = [
        [
            Cell.of(int(row["account"]), f"{row['account']:,}"),
            Cell.of(story.clock.at(float(row["step"]) * story.block_seconds)),
            Cell.of(str(row["liquidator"])),
            Cell.of(float(row["repaid_usd"]), usd(float(row["repaid_usd"]))),
            Cell.of(float(row["seized_usd"]), usd(float(row["seized_usd"]))),
            Cell.of(float(row["profit_usd"]), usd(float(row["profit_usd"]))),
            Cell.of(int(row["generation"]), str(row["generation"])),
        ]
        for _, row in largest.iterrows()
    ]
    columns = ["account", "when", "liquidator", "repaid", "seized", "profit", "generation"]
    return Table(f"The {len(rows)} largest of {len(story.liquidations):,} liquidations{story.which}.", columns, rows)


def _write_offs(story: Story) -> list[Table]:
    if story.write_offs.empty:
        return []
    by_account: pd.DataFrame = story.write_offs.pivot_table(
        index=["account", "step"], columns="layer", values="paid_usd", aggfunc="sum", fill_value=0.0
    )
    by_account["all"] = by_account.sum(axis=1)
    largest = by_account.nlargest(25, "all")
    layers = [name for name in largest.columns if name != "all"]
    rows = [
        [Cell.of(int(account), f"{account:,}"), Cell.of(story.clock.at(float(step) * story.block_seconds))]
        + [Cell.of(float(row[name]), usd(float(row[name]))) for name in ["all", *layers]]
        for (account, step), row in zip(largest.index, largest.to_dict("records"), strict=True)
    ]
    columns = ["account", "when", "bad debt", *map(layer_title, layers)]
    return [Table(f"The {len(rows)} largest of {len(by_account):,} bad debts, by who paid.", columns, rows)]


def _commands(results: Results) -> str:
    where = results.directory.name
    paths = f" --paths {results.manifest['paths_requested']}" if results.manifest["paths_requested"] > 1 else ""
    return f"underwater run {where}/scenario.toml --seed {results.manifest['seed']}{paths} --out again"
