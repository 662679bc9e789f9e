"""The dashboard in Debian's Chromium: served, turned, run, read off, looked back at; nothing asked of anybody else.

`UNDERWATER_SCREENSHOTS` names a directory that keeps the pictures that the test takes of the page.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from abm import Scenario, simulate
from experiments import load_scenario

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
pytest.importorskip("solara", reason="the extra `dashboard` is not installed")
pytest.importorskip("solara_assets", reason="the extra `dashboard` is not installed")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        shutil.which("chromium") is None or shutil.which("chromedriver") is None,
        reason="chromium and chromedriver are not installed",
    ),
]

# The server, which ends with a word on stderr when it opens a connection to another machine.
SERVER = """
import os, sys
def only_here(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple) and not arguments[1][0].startswith("127."):
        print("OUTSIDE", arguments[1], file=sys.stderr, flush=True)
        os._exit(3)
sys.addaudithook(only_here)
from experiments.cli import main
sys.exit(main(["dashboard", *sys.argv[1:]]))
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own for the tests of this file."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    root = Path(__file__).parents[1]
    log = tmp_path_factory.mktemp("server") / "stderr"
    environment = os.environ | {"PYTHONPATH": str(root), "HOME": str(log.parent)}
    with log.open("w") as errors:
        command = [sys.executable, "-c", SERVER, "one-position", "--port", str(port)]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment, cwd=log.parent)
        try:
            until(lambda: reachable(port), 60.0, "the server answers")
            yield f"http://127.0.0.1:{port}/"
            assert server.poll() is None, log.read_text()
        finally:
            server.terminate()
            server.wait(20)
            assert server.stdout is not None
            server.stdout.close()
    assert not re.search("OUTSIDE|Traceback", log.read_text()), log.read_text()


@pytest.fixture
def page(address: str, tmp_path: Path) -> Iterator[Any]:
    """A browser that opened the page, knows no other host, and writes down its console and every request."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for argument in (
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1500,1600",
        "--disable-background-networking", "--disable-component-update", "--no-first-run", "--disable-sync",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"--user-data-dir={tmp_path / 'profile'}",
    ):  # fmt: skip
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(tmp_path)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=str(shutil.which("chromedriver")))
    browser = webdriver.Chrome(options=options, service=service)
    try:
        browser.get(address)
        until(lambda: button(browser, "Run") is not None, 60.0, "the page shows its buttons")
        yield browser
        assert not [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
        assert not outside(browser, address)
    finally:
        browser.quit()


def until(met: Callable[[], object], seconds: float, what: str) -> None:
    """Wait for something, and fail when it does not come about."""
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, f"it took more than {seconds:g} s until {what}"
        time.sleep(0.2)


def reachable(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def outside(browser: Any, address: str) -> list[str]:
    """What the page asked of anybody but its server."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
    sockets = [message["params"]["url"] for message in messages if message["method"] == "Network.webSocketCreated"]
    urls = [one["request"]["url"] for one in asked] + sockets
    assert urls
    assert sockets, "the page has a socket of its own"
    ours = (address, address.replace("http:", "ws:"), "data:", "blob:", "chrome:", "chrome-extension:", "about:")
    return [url for url in urls if not url.startswith(ours)]


def button(browser: Any, text: str) -> Any:
    found = browser.find_elements("xpath", f"//button[normalize-space(.)='{text}']")
    return found[0] if found else None


def press(browser: Any, text: str) -> None:
    until(lambda: button(browser, text) is not None and button(browser, text).is_enabled(), 20.0, f"{text} is ready")
    button(browser, text).click()


def type_in(browser: Any, key: str, text: str) -> None:
    """Put a text into a knob's field, as one who types does."""
    field = browser.find_element("css selector", f".field-{key} input")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(Keys.BACKSPACE)
    field.send_keys(text)
    time.sleep(1.0)  # a robot's enter would overtake its letters, which come one message at a time
    field.send_keys(Keys.ENTER)


def body(browser: Any) -> str:
    return str(browser.find_element("css selector", "body").text)


def number(browser: Any, called: str) -> str:
    """The number beside its name."""
    lines = body(browser).splitlines()
    return lines[lines.index(called) + 1] if called in lines else ""


def picture(browser: Any) -> str:
    """The picture on the page, as the browser has decoded it."""
    images = browser.find_elements("css selector", ".lane img")
    shown = bool(images) and browser.execute_script("return arguments[0].naturalWidth", images[0]) > 100
    return str(images[0].get_attribute("src")) if shown else ""


def keep(browser: Any, name: str) -> None:
    """Keep a picture of the page where somebody wants to look at it."""
    if folder := os.environ.get("UNDERWATER_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        browser.save_screenshot(str(Path(folder) / f"{name}.png"))


def choose(browser: Any, label: str, option: str) -> None:
    """Choose an option of a select, as one who clicks does."""
    browser.find_element("xpath", f"//label[normalize-space(.)='{label}']/ancestor::div[@role='button']").click()
    item = f"//div[contains(@class,'menuable__content__active')]//div[@role='option'][normalize-space(.)='{option}']"
    until(lambda: browser.find_elements("xpath", item), 10.0, f"{option} is offered")
    time.sleep(0.4)  # the menu unfolds
    element = browser.find_element("xpath", item)
    browser.execute_script("arguments[0].scrollIntoView()", element)
    element.click()


def test_a_knob_is_turned_a_path_runs_and_the_page_shows_the_summary_of_simulate(page: Any, tmp_path: Path) -> None:
    keep(page, "opened")
    type_in(page, "bonus", "lots")
    until(lambda: "'lots' is no number; give one from 0 to 1" in body(page), 10.0, "the knob says what is wrong")
    assert not button(page, "Run").is_enabled()
    keep(page, "wrong-knob")
    type_in(page, "bonus", "0.1")
    press(page, "Run")
    until(lambda: "finished, block 3 of 3" in body(page), 60.0, "the path is over")
    expected = simulate(load_scenario("one-position", {"pools.0.liquidation.liquidation_bonus": "0.1"}), seed=1).summary
    loss = f"{expected['borrower_loss_usd']:,.2f} USD"
    until(lambda: number(page, "Borrowers lost") == loss, 20.0, f"the page shows that borrowers lost {loss}")
    image = page.find_element("css selector", ".lane img")
    until(lambda: image.get_attribute("alt").startswith("one-position: ETH fell 5"), 20.0, "the end is drawn")
    assert picture(page)
    time.sleep(0.5)  # the browser decodes it
    keep(page, "finished")
    for figure in ("landscape", "ladder", "waterfall"):
        before = picture(page)
        press(page, figure)
        until(lambda before=before: picture(page) not in ("", before), 20.0, f"the page shows the {figure}")
        keep(page, figure)
    press(page, "Scenario as TOML")
    until((tmp_path / "one-position.toml").is_file, 20.0, "the scenario is saved")
    taken = Scenario.load(tmp_path / "one-position.toml")
    assert simulate(taken, seed=1).summary == expected
    press(page, "Report: one-position, aave_v3")
    until((tmp_path / "one-position-aave_v3.html").is_file, 60.0, "the report is saved")


def test_two_designs_run_side_by_side_and_the_page_answers_meanwhile(page: Any) -> None:
    choose(page, "Scenario", "thin-market")
    until(lambda: page.find_elements("css selector", ".field-depth input"), 20.0, "the scenario's knobs are there")
    choose(page, "Beside it, the design", "morpho_blue")
    press(page, "Run")
    until(lambda: "running, block" in body(page), 90.0, "the paths run")
    press(page, "Pause")
    until(lambda: body(page).count("paused, block") == 2, 30.0, "both paths pause")
    until(lambda: picture(page), 30.0, "the path so far is drawn")
    keep(page, "side-by-side-paused")
    blocks = int(re.findall(r"paused, block ([\d,]+) of", body(page))[0].replace(",", ""))
    press(page, "Step")
    until(lambda: f"paused, block {blocks + 1:,} of" in body(page), 20.0, "a step is one block")
    press(page, "Run")
    until(lambda: body(page).count("finished, block 1,440 of 1,440") == 2, 240.0, "both paths are over")
    for design in ("aave_v3", "morpho_blue"):
        assert f"thin-market, {design}" in body(page)
    expected = simulate(load_scenario("thin-market"), seed=1).summary
    bad_debt = f"{expected['bad_debt_usd']:,.2f} USD"
    until(lambda: number(page, "Bad debt") == bad_debt, 30.0, f"the first path's bad debt is {bad_debt}")
    time.sleep(5.0)  # both pictures are drawn
    keep(page, "side-by-side")
    before = picture(page)
    slider = page.find_element("css selector", ".v-slider__thumb-container")
    slider.send_keys(Keys.HOME)
    until(lambda: "After block 1" in body(page).splitlines() and picture(page) != before, 30.0, "one looks back")
    keep(page, "looked-back")
