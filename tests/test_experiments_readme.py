"""What experiments/README.md adds, is added to a copy of the tree and run there."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "experiments" / "README.md").read_text(encoding="utf-8")
OWN = PAGE[PAGE.index("## Mechanisms of your own") :]
AGENT = OWN[OWN.index("### A new kind of agent") :]


def block(text: str, language: str) -> str:
    """The only code block of a language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)
    return str(found)


def apply(patch: str, root: Path) -> None:
    """Put every hunk where the lines stand that it goes by; they must stand there once."""
    for part in patch.split("+++ ")[1:]:
        name, _, hunks = part.partition("\n")
        file = root / name
        text = file.read_text(encoding="utf-8")
        for hunk in re.split(r"^@@\n", hunks, flags=re.MULTILINE):
            lines = hunk.splitlines(keepends=True)
            old = "".join(line[1:] or "\n" for line in lines if line[0] == " ")
            new = "".join(line[1:] or "\n" for line in lines)
            assert text.count(old) == 1, f"{name} has these lines {text.count(old)} times:\n{old}"
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `abm` to which the page's kind of agent was added; all else is that of the tree."""
    root = tmp_path_factory.mktemp("tree")
    shutil.copytree(ROOT / "abm", root / "abm", ignore=shutil.ignore_patterns("__pycache__"))
    (named,) = re.findall(r"in `(abm/agents/\w+\.py)`", AGENT[: AGENT.index("```")])
    (root / named).write_text(block(AGENT, "python"), encoding="utf-8")
    apply(block(AGENT, "diff"), root)
    return root


def run(root: Path, program: str) -> subprocess.CompletedProcess[str]:
    """A program that sees the copy first."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(ROOT)])}
    call = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(call, cwd=root, env=environment, capture_output=True, text=True, check=False)


TRENDS = """
import json
from abm import ScenarioError, simulate
from experiments import load_scenario

def told(**changes):
    given = "{size_usd=20000.0, window_seconds=1800.0, threshold=0.01%s}"
    keys = {"agents.momentum_traders": f"[{given % changes.pop('more', '')}]", "time.steps": "720", "checks": "true"}
    return simulate(load_scenario("thin-market", keys | changes))

trades = told().tables["trades"]
venue = told(**{"assets.ALT.oracle": '{kind="venue"}', "feedback": "false"})
from abm.model import UnderwaterModel
baseline = UnderwaterModel(venue.scenario.market_only(), 1)
try:
    told(more=', market="ALT/DOGE"')
except ScenarioError as error:
    print(json.dumps({
        "takers": sorted(set(trades["taker"])),
        "unforced": len(baseline.people.momentum_traders),
        "refused": str(error),
    }))
"""


def test_the_kind_of_agent_of_the_page_trades_is_there_without_forced_sales_and_needs_a_market(tree: Path) -> None:
    """And its command runs."""
    (given,) = re.findall(r"--set '(.*)'", block(AGENT, "sh"))
    arguments = ["run", "thin-market", "--set", given, "--set", "time.steps=60", "--no-figures", "--out", "run"]
    seen = run(tree, f"{TRENDS}\nfrom experiments.cli import main\nraise SystemExit(main({arguments!r}))")
    assert seen.returncode == 0, seen.stderr
    told = json.loads(seen.stdout.splitlines()[0])
    assert "momentum_traders" in told["takers"]
    assert told["unforced"] == 1
    assert told["refused"].startswith("agents.momentum_traders.0.market = 'ALT/DOGE' is no market")


def test_the_oracle_of_the_page_is_put_in_from_a_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it is printed, but for a path less and an hour of blocks."""
    monkeypatch.chdir(tmp_path)
    program = block(OWN[: OWN.index("###")], "python").replace('"thin-market")', '"thin-market", {"time.steps": "60"})')
    exec(compile(program.replace("paths=2", "paths=1"), "experiments/README.md", "exec"), {"__name__": "__main__"})
    assert float(capsys.readouterr().out.split()[-1]) >= 0.0
    assert 'kind = "haircut"' in (tmp_path / "results" / "careful" / "scenario.toml").read_text(encoding="utf-8")
