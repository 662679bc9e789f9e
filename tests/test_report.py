"""A report is one HTML page of a run or a comparison: true to the summary, readable by anybody, and self-contained."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from experiments import load_scenario, run_scenario
from experiments.cli import DONE, REFUSED, main
from experiments.figures import FIGURES, FIGURES_OF_MANY
from experiments.figures.reading import Story
from experiments.numbers import percent
from experiments.report import write_report
from experiments.report.of_run import answer
from experiments.report.parameters import assumptions, departures, notes
from experiments.shipped import shipped_scenarios
from experiments.stored.storage import Results

SHORT = {"time.steps": "420"}


class Reader(HTMLParser):
    """What a browser and a screen reader see of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.images: list[dict[str, str | None]] = []
        self.loaded: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.cells: list[list[tuple[str, str]]] = []
        self.tables = self.captions = 0
        self.words: list[str] = []
        self._value: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "img":
            self.images.append(given)
        if tag in ("img", "script", "iframe", "source", "video") and given.get("src"):
            self.loaded.append(str(given["src"]))
        if tag in ("link", "base", "form", "object"):
            self.loaded.append(f"{tag} {given}")
        if tag == "a":
            self.links.append(str(given["href"]))
        if given.get("id"):
            self.ids.append(str(given["id"]))
        self.tables += tag == "table"
        self.captions += tag == "caption"
        if tag == "tr":
            self.cells.append([])
        self._value = given.get("data-value") if tag in ("td", "th") else self._value

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._value is not None:
            self.cells[-1].append((data, self._value))
            self._value = None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two paths of seven hours of `thin-market`, in the midst of its crash."""
    where = tmp_path_factory.mktemp("report") / "crash"
    run_scenario(
        load_scenario("thin-market", SHORT), paths=2, out=where, command_line=["underwater", "run", "thin-market"]
    )
    return where


@pytest.fixture(scope="module")
def page(folder: Path) -> Reader:
    return Reader(write_report(folder).read_text(encoding="utf-8"))


def test_nothing_is_loaded_from_anywhere(folder: Path, page: Reader) -> None:
    assert all(address.startswith("data:image/") for address in page.loaded)
    assert all(link.startswith("#") for link in page.links)
    text = (folder / "report.html").read_text(encoding="utf-8")
    written = re.sub(r"data:image/[^\"]+", "", text)
    assert re.findall(r"https?://|url\(|@import|fetch\(|XMLHttp|import\(", written) == []
    for address in page.loaded:
        kind, data = address.split(",", 1)
        image = base64.b64decode(data)
        if "svg" in kind:
            # Namespaces and the document type are names, nothing that is fetched.
            drawing = re.sub(rb'xmlns(:\w+)?="[^"]*"|<!DOCTYPE[^>]*>|<metadata>.*?</metadata>', b"", image, flags=re.S)
            assert b"http" not in drawing
            assert all(link.startswith((b"#", b"data:")) for link in re.findall(rb'href="([^"]*)"', drawing))


def test_its_numbers_are_those_of_the_summary(folder: Path, page: Reader) -> None:
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    shown = {row[-1][1]: row for row in page.cells if row and row[-1][1] in summary}
    tails = ("_se", "_p95", "_es95", "_defined")
    metrics = {name for name in summary if not any(name.removesuffix(t) in summary for t in tails if name.endswith(t))}
    assert set(shown) == metrics
    for name, row in shown.items():
        values = [float(value) for _, value in row[1:-1] if value]
        told = [summary[f"{name}{tail}"] for tail in ("", "_se", "_p95", "_es95") if f"{name}{tail}" in summary]
        assert values == told, name


def test_the_answer_is_three_sentences_with_the_numbers_of_the_summary(folder: Path, page: Reader) -> None:
    results = Results.load(folder)
    said = answer(results, Story.read(results))
    assert len(said) == 3
    assert percent(results.summary["max_fall"] or 0.0) in said[0]
    assert all(sentence.endswith(".") and sentence in page.words for sentence in said)


def test_headings_follow_one_another_and_every_picture_is_told_in_words(page: Reader) -> None:
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(deeper <= above + 1 for above, deeper in zip(page.headings, page.headings[1:], strict=False))
    assert len(page.images) == len(FIGURES) + len(FIGURES_OF_MANY)
    assert all(len(str(image["alt"])) > 40 and image["width"] and image["height"] for image in page.images)
    assert page.captions == page.tables > 4
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_parameters_that_are_not_the_defaults_are_named_with_the_choices_made() -> None:
    scenario = load_scenario("one-position", {"agents.liquidators.0.margin": "0.01"})
    found = {key: (value, default) for key, value, default in departures(scenario)}
    assert found["agents.liquidators.0.margin"][0] == 0.01
    assert found["assets.ETH.price.kind"][0] == "path"
    assert found["pools.0.liquidation.design"][0] == scenario.pools[0].liquidation.design
    default = found["agents.liquidators.0.margin"][1]
    assert load_scenario("one-position", {"agents.liquidators.0.margin": str(default)}) is not None
    again = {key for key, _, _ in departures(load_scenario("one-position"))}
    assert set(found) - again == {"agents.liquidators.0.margin"}


def test_what_a_scenario_marks_as_assumed_is_told_and_what_an_override_replaced() -> None:
    source = shipped_scenarios()["black-thursday"].read_text(encoding="utf-8")
    stored = load_scenario("black-thursday", {"blockspace.capacity_gas": "8e6"}).to_dict()
    told = {key: (said, value) for key, said, value in assumptions(source, stored)}
    assert told["agents.borrowers.0.watching"] == ("", "0.5")
    assert told["agents.liquidators.1"][0].startswith("who comes a day later")
    assert told["blockspace.capacity_gas"][1] == "8000000.0 in this run; 4000000.0 in the source"
    assert len(told) == source.count("# ASSUMED")
    assert any("English auctions stood" in paragraph for paragraph in notes(source))


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('name = "a # ASSUMED name"', None),
        ("# ASSUMED in general", None),
        ("x.y = 1  # ASSUMED: so", "table.x.y"),
    ],
)
def test_an_assumption_belongs_to_a_key(line: str, key: str | None) -> None:
    found = assumptions(f"[table]\n{line}\n", {})
    assert [found_key for found_key, _, _ in found] == ([key] if key else [])


def test_a_report_needs_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path / "nowhere")]) == REFUSED
    assert "there is no directory" in capsys.readouterr().err


def test_a_comparison_is_reported_with_its_ranking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    designs = "aave_v3,fixed_spread"
    assert (
        main(["compare", "one-position", "--designs", designs, "--paths", "2", "--out", "two", "--no-figures"]) == DONE
    )
    assert main(["report", "two"]) == DONE
    assert capsys.readouterr().out.splitlines()[-1] == "two/report.html"
    page = Reader(Path("two/report.html").read_text(encoding="utf-8"))
    ranking = json.loads(Path("two/ranking.json").read_text(encoding="utf-8"))
    for entry in ranking["designs"]:
        (row,) = [
            row
            for row in page.cells
            if len(row) > 5 and row[0][1] == entry["design"] and row[1][1] == repr(float(entry["rank"]))
        ][:1]
        assert float(row[2][1]) == entry["objectives"]["total_bad_debt_usd"]["value"]
    assert len(page.images) == 4
    assert main(["animate", "two"]) == REFUSED
    assert "holds many runs" in capsys.readouterr().err


def test_runs_beside_are_told_under_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    short = ["--set", "time.steps=30", "--set", "agents.borrowers.0.count=50", "--no-figures"]
    assert main(["run", "liquidity-run", "--out", "run", *short]) == DONE
    page = Reader(write_report(Path("run")).read_text(encoding="utf-8"))
    runs = {row[0][1] for row in page.cells if row}
    assert {"as it is", "made to stay", "makers stay", "providers stay"} <= runs


def test_a_calm_run_has_a_report_that_says_so(tmp_path: Path) -> None:
    prices = {"assets.ETH.price.prices": "[2000.0]"}
    run_scenario(load_scenario("one-position", prices), out=tmp_path / "calm")
    page = Reader(write_report(tmp_path / "calm").read_text(encoding="utf-8"))
    assert any("no position was liquidated" in words for words in page.words)
    assert "No bad debt was left." in page.words
