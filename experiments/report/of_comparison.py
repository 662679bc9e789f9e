"""The report of a comparison of designs."""

from typing import Any

from experiments.comparing.comparison import Comparison
from experiments.comparing.comparison_text import SIGNIFICANT, amount
from experiments.comparing.objectives import Objective, heading
from experiments.figures.comparison import COMPARISON_FIGURES
from experiments.numbers import counted
from experiments.report.page import Cell, Page, Picture, Section, Table
from experiments.report.provenance import background, how_to_run, manifest_table
from experiments.stored.storage import ResultsUnreadableError


def page_of(comparison: Comparison) -> Page:
    """The report of a comparison. Raises `ResultsUnreadableError` when nothing can be ranked."""
    if not comparison.ranking:
        raise ResultsUnreadableError(f"{comparison.directory} has nothing to report yet; finish it with --resume")
    pictures = [Picture.of(name, draw(comparison)) for name, draw in COMPARISON_FIGURES.items()]
    manifest = comparison.manifest
    described = str(comparison.scenario.get("description", "")).strip()
    main = _objectives(comparison)[0]
    extreme = "most" if main.more_is_better else "least"
    return Page(
        title=f"{comparison.name}: {counted(len(manifest['designs']), 'design')} on the same seeds",
        lead=f"{manifest['paths']:,} paths of each design, seeds from {manifest['seed']} on.",
        question=f"{described} Which liquidation design has the {extreme} {main.heading}, and what does it trade away?",
        answer=answer(comparison),
        sections=[
            Section("Figures", figures=pictures),
            Section("Numbers", tables=[_ranking(comparison), _metrics(comparison)]),
            Section("Designs", tables=[_designs(comparison)]),
            *background(comparison.directory, comparison.scenario, manifest),
            Section("Where it comes from", tables=[manifest_table(manifest)]),
            Section("How to reproduce it", how_to_run(manifest), code=[_commands(comparison)]),
        ],
        version=str(manifest.get("underwater") or ""),
    )


def answer(comparison: Comparison) -> list[str]:
    """Three sentences: who is first and how surely, who differs from the baseline, and who is best at something."""
    entries, main = comparison.ranking["designs"], _objectives(comparison)[0]
    first, last = entries[0], entries[-1]
    tied = [entry["design"] for entry in entries if entry["rank"] == 1]
    who = f"{first['design']} comes" if len(tied) == 1 else f"{', '.join(tied)} come"
    best = first["probability_best"]
    sure = f" (first in {100.0 * best:.0f} % of resamples of the seeds)" if best is not None else ""
    values = [_with_interval(main.metric, entry["objectives"][main.name]) for entry in (first, last)]
    ranked = f"{who} first by {main.heading}, with {values[0]}{sure}; {last['design']} comes last with {values[1]}."
    front = [entry["design"] for entry in entries if entry["on_front"]]
    named = ", ".join(objective.heading for objective in _objectives(comparison))
    return [
        ranked,
        _against_baseline(comparison, main),
        f"No other design is as good at all of {named} as: {', '.join(front)}.",
    ]


def _against_baseline(comparison: Comparison, main: Objective) -> str:
    baseline = comparison.ranking["baseline"]
    clear = []
    for entry in comparison.ranking["designs"]:
        found = entry["tests"].get(main.name)
        if found is not None and found["p_value_holm"] is not None and found["p_value_holm"] < SIGNIFICANT:
            clear.append(f"{entry['design']} ({amount(main.metric, found['value'], signed=True)})")
    if not clear:
        return f"Seed by seed, no design differs from {baseline} by more than chance explains (5 % level)."
    return f"Seed by seed, these differ from {baseline} by more than chance explains (5 % level): {', '.join(clear)}."


def _objectives(comparison: Comparison) -> list[Objective]:
    told = comparison.ranking["objectives"]
    return [Objective(one["metric"], one["statistic"], one["more_is_better"]) for one in told]


def _with_interval(metric: str, found: dict[str, Any]) -> str:
    unit = " USD" if metric.endswith("_usd") else ""
    said = f"{amount(metric, found['value'])}{unit}"
    if found["low"] is None or found["high"] is None:
        return said
    return f"{said} [{amount(metric, found['low'])}, {amount(metric, found['high'])}]"


def _cell(metric: str, found: "dict[str, Any] | None") -> Cell:
    if found is None or found["value"] is None:
        return Cell("", "", number=True)
    return Cell.of(float(found["value"]), amount(metric, found["value"]))


def _ranking(comparison: Comparison) -> Table:
    objectives = _objectives(comparison)
    rows = []
    for entry in comparison.ranking["designs"]:
        best = entry["probability_best"]
        row = [Cell.of(entry["design"]), Cell.of(int(entry["rank"]), str(entry["rank"]))]
        for objective in objectives:
            found = entry["objectives"][objective.name]
            row.append(_cell(objective.metric, found))
            row.append(Cell.of(_ends(objective.metric, found)))
        row.append(Cell.of(best, "" if best is None else f"{100.0 * best:.0f} %"))
        row.append(Cell.of("yes" if entry["on_front"] else "no"))
        rows.append(row)
    columns = ["design", "rank"]
    for objective in objectives:
        columns += [objective.heading, "95 % interval"]
    return Table("The ranking, as in ranking.json.", [*columns, "best in", "on the front"], rows)


def _ends(metric: str, found: dict[str, Any]) -> str:
    low, high = found["low"], found["high"]
    return "" if low is None or high is None else f"[{amount(metric, low)}, {amount(metric, high)}]"


def _metrics(comparison: Comparison) -> Table:
    entries = comparison.ranking["designs"]
    metrics = list(entries[0]["metrics"])
    rows = [
        [Cell.of(entry["design"]), *(_cell(metric, entry["metrics"].get(metric)) for metric in metrics)]
        for entry in entries
    ]
    return Table("Means over the paths; sums are in USD.", ["design", *map(heading, metrics)], rows)


def _designs(comparison: Comparison) -> Table:
    rows = [
        [Cell.of(design), Cell.of(", ".join(f"{name} = {value}" for name, value in parameters.items()))]
        for design, parameters in comparison.manifest["designs"].items()
    ]
    return Table("The parameters with which each design entered.", ["design", "parameters"], rows)


def _commands(comparison: Comparison) -> str:
    manifest = comparison.manifest
    designs, where = ",".join(manifest["designs"]), comparison.directory.name
    return (
        f"underwater compare {where}/scenario.toml --designs {designs} --seed {manifest['seed']} "
        f"--paths {manifest['paths']} --out again"
    )
