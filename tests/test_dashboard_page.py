"""The page of the dashboard without a browser: its buttons pressed, its fields filled, its words read."""

import importlib.util
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from abm import simulate
from experiments import cli, load_scenario
from experiments.commands import dashboard as cli_dashboard

solara: Any = pytest.importorskip("solara", reason="the extra `dashboard` is not installed")
vw: Any = pytest.importorskip("ipyvuetify", reason="the extra `dashboard` is not installed")

# Solara's own code warns of what it uses.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    from experiments.dashboard import page as module  # noqa: PLC0415  needs the extra

    monkeypatch.setattr(module, "opened", "one-position")
    _, rendered = solara.render(module.Page(), handle_error=False)
    yield rendered
    rendered.close()


def until(met: Callable[[], object]) -> None:
    end = time.monotonic() + 30.0
    while not met():
        assert time.monotonic() < end
        time.sleep(0.05)


def button(page: Any, text: str) -> Any:
    return next(one for one in page.find(vw.Btn).widgets if text in one.children)


def press(page: Any, text: str) -> None:
    until(lambda: not button(page, text).disabled)
    button(page, text).click()


def words(page: Any) -> str:
    return "\n".join(str(child) for one in page.find(vw.Html).widgets for child in one.children)


def field(page: Any, label: str) -> Any:
    return next(one for kind in (vw.TextField, vw.Select) for one in page.find(kind).widgets if one.label == label)


def test_run_shows_the_summary_of_simulate_with_the_knob_turned(page: Any) -> None:
    field(page, "Liquidation bonus").v_model = "0.1"
    field(page, "Liquidation bonus").fire_event("keyup.enter", None)
    press(page, "Run")
    expected = simulate(load_scenario("one-position", {"pools.0.liquidation.liquidation_bonus": "0.1"}), seed=1).summary
    until(lambda: f"{expected['borrower_loss_usd']:,.2f} USD" in words(page))
    assert "one-position, aave_v3: finished, block 3 of 3" in words(page)
    images = [one for one in page.find(vw.Html).widgets if one.tag == "img"]
    assert images[0].attributes["alt"].startswith("one-position: ")


def test_step_runs_a_block_and_reset_goes_back_before_the_first(page: Any) -> None:
    for blocks in (1, 2):
        press(page, "Step")
        until(lambda blocks=blocks: f"paused, block {blocks} of 3" in words(page))
    press(page, "Reset")
    until(lambda: "paused, block 0 of 3" in words(page))


def test_a_wrong_knob_says_so_and_keeps_run_from_being_pressed(page: Any) -> None:
    field(page, "Liquidation bonus").v_model = "lots"
    field(page, "Liquidation bonus").fire_event("keyup.enter", None)
    until(lambda: "'lots' is no number; give one from 0 to 1" in words(page))
    assert button(page, "Run").disabled
    field(page, "Liquidation bonus").v_model = "0.05"
    field(page, "Liquidation bonus").fire_event("keyup.enter", None)
    until(lambda: not button(page, "Run").disabled)


def test_another_scenario_and_a_design_beside_it_are_chosen(page: Any) -> None:
    field(page, "Beside it, the design").v_model = "morpho_blue"
    press(page, "Run")
    until(lambda: "one-position, morpho_blue: finished, block 3 of 3" in words(page))
    field(page, "Scenario").v_model = "thin-market"
    until(lambda: any(one.label == "Market depth, times" for one in page.find(vw.TextField).widgets))
    until(lambda: "finished" not in words(page))  # the parts of a page are drawn one after the other


async def _answer(sent: list[dict[str, Any]], **headers: str) -> None:
    from experiments.dashboard.server import guarded  # noqa: PLC0415

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "reached"})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": headers.pop("type"),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await guarded(inner, 8765)(scope, None, send)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("headers", "answer"),
    [
        ({"type": "http", "host": "127.0.0.1:8765"}, "reached"),
        ({"type": "websocket", "host": "localhost:8765", "origin": "http://localhost:8765"}, "reached"),
        ({"type": "http", "host": "example.org"}, 403),
        ({"type": "http", "host": "127.0.0.1:8765", "origin": "http://example.org"}, 403),
        ({"type": "websocket", "host": "127.0.0.1:8765", "origin": "http://example.org"}, 1008),
    ],
)
def test_only_a_page_of_its_own_is_answered(headers: dict[str, str], answer: str | int) -> None:
    import asyncio  # noqa: PLC0415

    sent: list[dict[str, Any]] = []
    asyncio.run(_answer(sent, **headers))
    assert answer in sent[0].values()


def test_the_command_refuses_what_it_cannot_open(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["dashboard", "thin-markt"]) == 2
    assert "did you mean 'thin-market'?" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["dashboard", "--port", "80"])
    assert "must be a whole number from 1024 to 65535, not '80'" in capsys.readouterr().err


def test_the_command_says_which_extra_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli_dashboard, "find_spec", lambda name: None)
    assert cli.main(["dashboard"]) == 2
    assert "pip install 'underwater[dashboard]'" in capsys.readouterr().err
    assert importlib.util.find_spec("solara")
