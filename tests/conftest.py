"""Small worlds for the tests: descriptions that a test changes, and runs of the shipped scenarios, made once."""

import copy
import hashlib
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tomli_w
from hypothesis import settings
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, NullLocator
from matplotlib.transforms import BboxBase

import abm
from abm import Run, Scenario, simulate
from abm.losses.pool_losses import PoolLosses
from abm.model import UnderwaterModel
from abm.pools.lender import Lender
from experiments import load_scenario
from experiments.figures import style
from models.market import Bands, Concentrated, ConstantProduct, StableSwap

pytest.register_assert_rewrite("builders")

# No test is timed: the first example compiles what the others run. In CI the examples are the same every time.
settings.register_profile("untimed", settings(deadline=None))
settings.load_profile("untimed")

ROOT = Path(__file__).parents[1]
World = dict[str, Any]


def _small_world(**changes: Any) -> World:
    """One pool, one position, one liquidator without limits, a market without end; dotted keys (`a__b__0`) change it.

    No protocol fee, no interest, no gas: what a test wants beside the rule itself, it switches on.
    """
    world: World = {
        "name": "small",
        "checks": True,
        "time": {"step_seconds": 60.0, "steps": 3},
        "assets": {
            "DAI": {"price": {"kind": "constant", "price": 1.0}},
            "ETH": {"price": {"kind": "path", "prices": [2000.0, 1900.0]}},
        },
        "markets": [{"base": "ETH", "quote": "DAI", "sources": [{"kind": "infinite"}]}],
        "pools": [
            {
                "name": "core",
                "reserves": {"DAI": {}, "ETH": {"ltv": 0.8, "liquidation_threshold": 0.83}},
                "liquidation": {"design": "aave_v3", "liquidation_bonus": 0.05, "protocol_fee": 0.0},
                "losses": {"recognition": "immediate", "layers": []},
            }
        ],
        "agents": {
            "borrowers": [{"positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": 16000.0}}]}],
            "liquidators": [{"capital_usd": 1e9}],
            "depositors": [{"deposits": {"DAI": 1e6}}],
        },
    }
    for key, value in changes.items():
        put(world, key.replace("__", "."), value)
    return world


def put(tree: Any, key: str, value: Any) -> None:
    """Set a dotted key in nested dictionaries and lists."""
    *path, last = key.split(".")
    for part in path:
        tree = tree[int(part)] if isinstance(tree, list) else tree.setdefault(part, {})
    tree[int(last) if isinstance(tree, list) else last] = copy.deepcopy(value)


@pytest.fixture(scope="session")
def small_world() -> Callable[..., World]:
    """The builder of small worlds."""
    return _small_world


@pytest.fixture
def small_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write `small.toml` in a working directory of its own: a small world whose paths differ, with changes."""
    monkeypatch.chdir(tmp_path)
    random: World = {
        "checks": False,
        "time__steps": 30,
        "assets__ETH__price": {"kind": "gbm", "start": 1500.0, "volatility_per_year": 20.0},
        "pools__0__liquidation": {"design": "fixed_spread", "liquidation_bonus": 0.09},
        "pools__0__losses": {},
        "agents__borrowers__0__positions__0__debt__DAI": 12_400.0,
        "agents__liquidators__0__capital_usd": 1e6,
    }

    def write(**changes: Any) -> Path:
        file = tmp_path / "small.toml"
        file.write_text(tomli_w.dumps(_small_world(**(random | changes))))
        return file

    return write


@pytest.fixture(scope="session")
def files_below() -> Callable[[Path], list[str]]:
    """Every file and folder below a directory."""
    return lambda directory: sorted(str(file.relative_to(directory)) for file in directory.rglob("*"))


@pytest.fixture(scope="session")
def counted() -> Callable[[pytest.MonkeyPatch, Callable[[Scenario, int, int], BaseException | None]], list[int]]:
    """Count the seeds that are simulated; `fails` sees the scenario, the seed and the number of the call."""

    def count(patch: pytest.MonkeyPatch, fails: Callable[[Scenario, int, int], BaseException | None]) -> list[int]:
        true, seeds = abm.simulate, []

        def simulate_or_raise(scenario: Scenario, seed: int = 1, progress: Any = None) -> Run:
            error = fails(scenario, seed, len(seeds))
            if error is not None:
                raise error
            seeds.append(seed)
            return true(scenario, seed=seed, progress=progress)

        patch.setattr(abm, "simulate", simulate_or_raise)
        return seeds

    return count


@pytest.fixture(scope="session")
def start() -> Callable[[list[str]], "subprocess.Popen[str]"]:
    """The command line in a process group of its own, as a shell starts it, in the working directory."""

    def begun(arguments: list[str]) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "experiments", *arguments],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return begun


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    """Wait for something that a process does; if it ends or takes too long without, the test fails."""

    def wait(there: Callable[[], bool], run: "subprocess.Popen[str]", seconds: float = 120.0) -> None:
        deadline = time.monotonic() + seconds
        while not there() and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert there(), run.communicate(timeout=5)[1] if run.poll() is not None else "nothing came"

    return wait


@pytest.fixture(scope="session")
def change() -> Callable[[Any, str, Any], None]:
    """How to set a dotted key of a world."""
    return put


@pytest.fixture(scope="session")
def play() -> Callable[..., Run]:
    """Run a world: its changes by dotted key, as for the builder."""

    def run(world: World | None = None, seed: int = 1, **changes: Any) -> Run:
        described = _small_world() if world is None else copy.deepcopy(world)
        for key, value in changes.items():
            put(described, key.replace("__", "."), value)
        return simulate(Scenario.from_dict(described), seed)

    return run


@pytest.fixture(scope="session")
def model_of() -> Callable[..., UnderwaterModel]:
    """The model of a world before its first block."""

    def build(world: World, seed: int = 1) -> UnderwaterModel:
        return UnderwaterModel(Scenario.from_dict(world), seed)

    return build


@pytest.fixture(scope="session")
def shipped() -> Callable[..., Run]:
    """Run a shipped scenario by name with checks on, each variant once for all tests."""
    done: dict[tuple[str, int, tuple[tuple[str, str], ...]], Run] = {}

    def run(name: str, seed: int = 1, **overrides: str) -> Run:
        key = (name, seed, tuple(sorted(overrides.items())))
        if key not in done:
            dotted = {part.replace("__", "."): value for part, value in overrides.items()}
            done[key] = simulate(load_scenario(name, {"checks": "true", **dotted}), seed)
        return done[key]

    return run


@pytest.fixture(scope="session")
def digest() -> Callable[[Run], str]:
    """The bytes of everything that a run left behind, as one short word."""

    def of(run: Run) -> str:
        seal = hashlib.sha256(repr(sorted(run.summary.items())).encode())
        for table in run.tables.values():
            for name in table.columns:
                column = table[name].to_numpy()
                raw = column.tobytes() if column.dtype.kind in "if" else "|".join(map(str, column)).encode()
                seal.update(name.encode() + raw)
        return seal.hexdigest()

    return of


@pytest.fixture(scope="session")
def assert_books_agree() -> Callable[[UnderwaterModel], None]:
    """Every mechanism's own books against the ledger, the watch against everybody, nobody overdrawn."""
    return _assert_books_agree


def _assert_books_agree(model: UnderwaterModel) -> None:
    world = model.world
    world.check()
    assert world.ledger.imbalance().max() <= 1e-9
    overdrawn = np.argwhere(world.ledger.balances[3:] < 0.0)
    assert not overdrawn.size, f"{world.ledger.name(3 + int(overdrawn[0, 0]))} is overdrawn"
    for desk in world.exchanges:
        for source, account in zip(desk.venue.sources, desk.source_accounts, strict=True):
            if isinstance(source, ConstantProduct | Concentrated | StableSwap | Bands):
                held = world.ledger.balances[account, [desk.base, desk.quote]]
                # Of a reserve that was drained what is left is no measure of how both have rounded on the way.
                rounding = 1e-14 * world.ledger.scale()[[desk.base, desk.quote]]
                assert (np.abs(held - [source.base, source.quote]) <= 1e-9 * held + rounding).all()
        if desk.book is not None:
            asks = sum(size for _, size in desk.book.levels("sell"))
            bids = sum(price * size for price, size in desk.book.levels("buy"))
            held = world.ledger.balances[desk.escrow, [desk.base, desk.quote]]
            scale = np.abs(world.ledger.balances[:, [desk.base, desk.quote]]).sum(axis=0)
            assert np.abs(held - [asks, bids]).max() <= 1e-9 * scale.max(), f"escrow {held}, orders {asks, bids}"
    for lender in world.lenders:
        health = lender.pool.health(lender.prices) if lender.loans is None else _healths_of_loans(lender)
        np.testing.assert_array_equal(lender.liquidatable().accounts, np.flatnonzero(health < 1.0))
        for name, total, column in (
            ("collateral", lender.pool.total_collateral, lender.pool.collateral),
            ("debt", lender.pool.total_scaled_debt, lender.pool.scaled_debt),
            ("claims", lender.pool.total_shares, lender.pool.shares),
        ):
            assert (column >= 0.0).all(), name
            np.testing.assert_allclose(column.sum(axis=0), total, rtol=1e-9, atol=1e-6, err_msg=name)
        lots = list(lender.auctions) if lender.auctions is not None else []
        pairs = Counter((one.lot.collateral, one.lot.debt) for one in lots)
        assert lender.auctions is None or lender.auctions.pairs == pairs
    for lender, losses in zip(world.lenders, model.losses, strict=True):
        _assert_holes_are_owed(lender, losses)


def _assert_holes_are_owed(lender: Lender, losses: PoolLosses) -> None:
    """The hole of a reserve is what layers owe, what nobody has taken, and what the pool has advanced for rewards."""
    for reserve, one in enumerate(losses.reserves):
        falls = one.waterfall
        advanced = lender.auctions.advanced[reserve] if lender.auctions is not None else 0.0
        hole, due = float(lender.pool.deficit[reserve]), falls.pending_units + falls.uncovered_units + advanced
        assert hole == pytest.approx(due, rel=1e-9, abs=1e-9 * (1.0 + falls.lost_units)), lender.name
        assert falls.lost_units - falls.filled_units == pytest.approx(
            falls.paid_units + falls.pending_units + falls.uncovered_units, rel=1e-9, abs=1e-9
        )


def _healths_of_loans(lender: Lender) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Health of every account, one by one from its bands, whose balances must be what the pool's books say."""
    loans = lender.loans
    assert loans is not None
    bands, healths = loans.bands, np.full(lender.pool.accounts, np.inf)
    for account in range(lender.pool.accounts):
        debt, posted = lender.pool.debt(account, loans.debt), lender.pool.collateral[account]
        if bands.has(account):
            quote, base = bands.balances(account)
            scale = np.abs([bands.quote, bands.base])
            wrong = np.abs([quote - posted[loans.debt], base - posted[loans.collateral]])
            assert (wrong <= 1e-9 * np.abs([quote, base]) + 1e-15 * scale).all()
            discount = lender.design.liquidation_discount  # type: ignore[union-attr]
            healths[account] = 1.0 + bands.health(account, debt, discount, full=True)
        elif debt > 0.0:
            assert not posted.any()
            healths[account] = 0.0
    return healths


@pytest.fixture(scope="session")
def assert_losses_add_up() -> Callable[[Run], None]:
    """Per bad debt, what everybody paid is the amount; over the run, the summary says the same as the tables."""

    def check(run: Run) -> None:
        rows = run.write_offs
        for _, parts in rows.groupby(["step", "pool", "account", "debt_asset"], sort=False):
            amount = parts["amount"].iloc[0]
            assert (parts["amount"] == amount).all()
            assert abs(parts["paid"].sum() - amount) <= 1e-12 * amount
            assert (parts["paid"] > 0.0).all()
            assert parts["layer"].is_unique
        total = run.summary["bad_debt_usd"]
        paid = (
            "reserve_paid_usd",
            "insurer_paid_usd",
            "layers_paid_usd",
            "depositor_loss_usd",
            "pending_usd",
            "recovered_usd",
            "uncovered_usd",
        )
        assert sum(run.summary[name] for name in paid) == pytest.approx(total, rel=1e-9)
        assert rows["paid_usd"].sum() == pytest.approx(total, rel=1e-9)
        became = run.steps[["absorbed_usd", "written_off_usd", "pending_usd", "uncovered_usd", "recovered_usd"]]
        np.testing.assert_allclose(became.sum(axis=1), run.steps["bad_debt_usd"], rtol=1e-9, atol=1e-9 * (1.0 + total))
        assert (became >= 0.0).all(axis=None)
        assert became["pending_usd"].iloc[-1] == pytest.approx(run.summary["pending_usd"], rel=1e-9, abs=1e-6)
        assert became["uncovered_usd"].iloc[-1] == pytest.approx(run.summary["uncovered_usd"], rel=1e-9, abs=1e-6)
        sheets = run.balance_sheets
        scale = 1e-9 * (1.0 + sheets[["assets", "claims"]].max(axis=None))
        np.testing.assert_allclose(sheets["assets"], sheets["claims"] + sheets["equity"], rtol=1e-9, atol=scale)
        assert pd.Series(run.steps["bad_debt_usd"]).is_monotonic_increasing

    return check


# What a reader of a figure needs

_UNITS = (
    r"USD|%|gwei|accounts|calls|paths|since the start|time in \d+ \(UTC\)|[A-Z]+ (for one|up to that|per 1)|generation"
    "|exit order"
)
"""What an axis measures has one of these in its label, or is a row of names."""


def _faults(drawn: Figure) -> list[str]:
    """What a reader of a figure would miss, or could not read."""
    drawn.set_dpi(50)
    FigureCanvasAgg(drawn).draw()  # the canvas that a figure is born with draws nothing
    nothing_to_see = [axes for axes in drawn.axes if not axes.axison and axes.texts]
    found = [] if style.caption_of(drawn) or nothing_to_see else ["no caption"]
    for axes in drawn.axes:
        found += [f"an axis without a unit: {label!r}" for label in _labels_without_units(axes)]
    ticks = {id(tick) for axes in drawn.axes for axis in (axes.xaxis, axes.yaxis) for tick in axis.get_ticklabels()}
    for text in drawn.findobj(Text):
        if text.get_visible() and text.get_text().strip():
            small = text.get_fontsize() < style.SMALL
            box = text.get_window_extent()
            cut = id(text) not in ticks and not _box_holds(drawn.bbox, box)
            found += [f"{what}: {text.get_text()!r}" for what, wrong in (("small", small), ("cut off", cut)) if wrong]
    return found


def _labels_without_units(axes: Axes) -> Iterator[str]:
    """The labels of the axes of one panel that name no unit; an axis may be labelled by a panel that shares it."""
    if not axes.axison:
        return
    for which, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        named = isinstance(axis.get_major_locator(), FixedLocator | NullLocator)
        shared = {"x": axes.get_shared_x_axes(), "y": axes.get_shared_y_axes()}[which].get_siblings(axes)
        labels = [axes.get_xlabel() if which == "x" else axes.get_ylabel() for axes in shared]
        if not named and not re.search(_UNITS, " ".join(labels)):
            yield " ".join(labels)


def _box_holds(whole: BboxBase, part: BboxBase) -> bool:
    """Whether a part lies within the whole, but for a pixel."""
    return bool(
        part.x0 >= whole.x0 - 1 and part.y0 >= whole.y0 - 1 and part.x1 <= whole.x1 + 1 and part.y1 <= whole.y1 + 1
    )


@pytest.fixture
def faults() -> Callable[[Figure], list[str]]:
    """Return the function that says what a reader of a figure would miss or could not read: nothing if all is well."""
    return _faults
