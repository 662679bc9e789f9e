"""Ceilings let liquidators pass over what cannot pay, and change nothing: every decision is as if all were priced."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from abm import Run
from abm.agents.bids import Bidder, BidTerms, MadeBid, bids_of
from abm.agents.inventory import HoldingTerms
from abm.auctions.english import BID, BIDDER, COLLATERAL, DEBT, PAID, TAB, UNITS
from abm.auctions.lot_columns import LotColumns
from abm.auctions.lots import Auctions
from abm.liquidations.on_offer import Calls, Opportunities
from abm.liquidations.ranked import Ranked
from abm.pools.band_loans import BandLoans
from models.liquidation import (
    DESIGN_NAMES,
    Ajna,
    CompoundV3,
    House,
    LiquityV2,
    MakerClip,
    MakerFlip,
    NothingToReset,
    Position,
    bond_payment_factor,
)
from models.liquidation.ceiling import SLACK, Accounts
from models.types import FloatArray

Play = Callable[..., Run]
INF = float("inf")

# A crash with a rebound that the oracle is late for, so that what is offered pays at times and does not at others.
PRICES = [
    2000.0,
    1960.0,
    1900.0,
    1820.0,
    1750.0,
    1640.0,
    1600.0,
    1660.0,
    1600.0,
    1500.0,
    1420.0,
    1490.0,
    1450.0,
    1300.0,
]
FALL = {"kind": "path", "prices": [price * (1.0 - 0.004 * k) for price in PRICES for k in range(5)]}
LATE = {"kind": "delayed", "hop_seconds": 600.0}
GAS = {"gas_price_gwei": {"kind": "constant", "price": 30.0}, "asset": "ETH"}
DUST = {
    "count": 60,
    "collateral": "ETH",
    "debt": "DAI",
    "debt_usd": {"kind": "pareto", "minimum": 150.0, "shape": 0.7, "maximum": 2e5},
    "health": {"kind": "uniform", "low": 1.01, "high": 1.5},
}
KEEPERS: list[dict[str, Any]] = [
    {
        "count": 4,
        "capital_usd": {"kind": "lognormal", "median": 20_000.0, "sigma": 1.0},
        "margin": 0.02,
        "minimum_profit_usd": 20.0,
        "calls_per_block": 2,
        "attention": 5,
        "prefers": "oldest",
        "delay_seconds": {"kind": "uniform", "low": 0.0, "high": 300.0},
        "selling": "over_time",
        "sell_over_seconds": 1200.0,
    },
    {"count": 2, "capital_usd": 3000.0, "financing": "flash", "flash_fee": 0.001, "attention": 3},
    {"count": 1, "capital_usd": 50_000.0, "selling": "over_time", "risk_aversion": 2.0, "holding_limit_usd": 30_000.0},
    {"count": 1, "capital_usd": 10_000.0, "looks_back_blocks": 2},
]
# Three assets, any of which is owed or posted, so that the pair of a call is not known from the account as a whole; of
# one a unit is worth less than a dollar.
SEVERAL = [
    {"collateral": {"ETH": 0.3 * k, "XRP": 2000.0 * k % 7000.0}, "debt": {"DAI": 400.0 * k, "XRP": 700.0 * k % 2000.0}}
    for k in range(1, 17)
] + [{"collateral": {"ETH": 0.05 * k, "XRP": 3000.0 * k}, "debt": {"DAI": 720.0 * k}} for k in range(2, 9, 2)]


def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everybody price all that they look at, and look up what is on offer to say whether anything is."""
    monkeypatch.setattr(Auctions, "at_a_glance", lambda _: None)
    monkeypatch.setattr(BandLoans, "at_a_glance", lambda _: None)
    monkeypatch.setattr(Opportunities, "worth", lambda *_: None)
    monkeypatch.setattr(Calls, "tops", lambda *_: None)


def both_ways(play: Play, digest: Callable[[Run], str], **world: Any) -> Run:
    quick = play(**world)
    with pytest.MonkeyPatch.context() as patched:
        plain(patched)
        priced = play(**world)
    assert digest(quick) == digest(priced)
    return quick


def crash(design: str, **changes: Any) -> dict[str, Any]:
    """A world in which a design liquidates a crowd of small debts and some large ones."""
    world: dict[str, Any] = {
        "assets__ETH__price": FALL,
        "assets__ETH__oracle": LATE,
        "time__steps": 70,
        "markets__0__sources": [{"kind": "constant_product", "value": 4e6, "fee": 0.003}],
        "pools__0__liquidation": {"design": design},
        "agents__borrowers": [DUST],
        "agents__depositors": [{"deposits": {"DAI": 1e7}}],
        "agents__liquidators": KEEPERS,
        "blockspace": GAS,
    }
    return world | changes


@pytest.mark.parametrize("design", DESIGN_NAMES)
def test_passing_over_what_cannot_pay_changes_no_byte(play, digest, design):
    run = both_ways(play, digest, **crash(design))
    assert len(run.liquidations) + len(run.tables["auctions"]) > 0


@pytest.mark.parametrize("design", [name for name in DESIGN_NAMES if name != "llamma"])
def test_nor_where_accounts_have_several_collaterals_and_debts(play, digest, design):
    xrp = {"price": {"kind": "path", "prices": [0.324 - 0.004 * (k % 7) for k in range(60)]}}
    reserves = {
        "DAI": {},
        "ETH": {"ltv": 0.75, "liquidation_threshold": 0.8},
        "XRP": {"ltv": 0.6, "liquidation_threshold": 0.7},
    }
    several = {
        "assets__XRP": xrp,
        "pools__0__reserves": reserves,
        "agents__borrowers": [{"positions": SEVERAL}],
        "agents__depositors": [{"deposits": {"DAI": 1e7, "XRP": 1e7}}],
    }
    run = both_ways(play, digest, **crash(design, **several))
    assert len(run.liquidations) + len(run.tables["auctions"]) > 0


@pytest.mark.parametrize("wrapped", [{"oev": {}}, {"oev": {"auction_seconds": 60.0, "fallback_seconds": 180.0}}])
@pytest.mark.parametrize("design", ["fluid", "maker_clip"])
def test_nor_where_rights_to_call_are_sold(play, digest, design, wrapped):
    both_ways(play, digest, **crash(design, pools__0__liquidation={"design": design} | wrapped))


@pytest.mark.parametrize("dust_usd", [0.0, 100.0, 5000.0])
def test_nor_where_the_hole_is_full_or_nothing_is_left_to_pay_callers_with(play, digest, dust_usd):
    """All there is has been lent in the second world, and all but enough for a tip in the third."""
    clip = {"design": "maker_clip", "dust_usd": dust_usd}
    full = crash("maker_clip", pools__0__liquidation=clip | {"hole_usd": 3e4})
    run = both_ways(play, digest, **full)
    assert run.tables["auctions"]["tab"].sum() > 3e4
    for deposited in (300_000.0, 300_400.0):
        lent = {"agents__borrowers": [DUST | {"total_debt_usd": 300_000.0}]}
        lent["agents__depositors"] = [{"deposits": {"DAI": deposited}}]
        both_ways(play, digest, **crash("maker_clip", pools__0__liquidation=clip, **lent))


def test_nobody_prices_openings_for_which_there_is_no_room_or_no_reward(play, monkeypatch):
    priced: list[int] = []
    price = Calls.price
    monkeypatch.setattr(Calls, "price", lambda calls, number: priced.append(number) or price(calls, number))
    clip, never = {"design": "maker_clip", "tail_seconds": 1e9, "cusp": 0.0}, [{"capital_usd": 0.0}]
    gas = {"agents__liquidators": never, "blockspace": GAS}
    play(**crash("maker_clip", pools__0__liquidation=clip, agents__depositors=[], **gas))
    assert priced == []
    run = play(**crash("maker_clip", pools__0__liquidation=clip | {"hole_usd": 5e4}, **gas))
    opened = len(run.tables["auctions"])
    assert 0 < opened <= len(priced) < 2 * opened


@pytest.mark.parametrize("design", DESIGN_NAMES)
def test_an_account_with_nothing_posted_is_no_trouble(play, digest, design):
    """It is below health 1 from the first block on, among others that are liquidated."""
    nearly, wholly = {"collateral": {"ETH": 1e-9}, "debt": {"DAI": 500.0}}, {"collateral": {}, "debt": {"DAI": 9.0}}
    naked = [] if design == "llamma" else [{"positions": [nearly, wholly]}]
    world = crash(design, agents__borrowers=[DUST, *naked], time__steps=30)
    both_ways(play, digest, **world | {"pools__0__losses__recognition": "deferred"})


@given(
    since=st.lists(st.sampled_from([0.0, 60.0, 120.0, INF]), min_size=1, max_size=30),
    data=st.data(),
    prefers=st.sampled_from(["largest", "oldest"]),
    patience=st.integers(0, 12),
)
@settings(max_examples=150)
def test_looks_are_the_first_that_are_ripe_less_what_is_not_worth_one(since, data, prefers, patience):
    """Taken ones are hidden, and all others cost a look."""
    n = len(since)
    flags = st.lists(st.booleans(), min_size=n, max_size=n)
    size = data.draw(st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=n, max_size=n))
    worth, taken = data.draw(st.none() | flags), data.draw(flags)
    ranked = Ranked(np.arange(n) + 100, np.array(since), np.array(size))
    for k in np.flatnonzero(taken).tolist():
        ranked.take(k + 100)
    looks = ranked.looks(60.0, prefers, patience, None if worth is None else np.array(worth).__getitem__)
    first = list(ranked.ripe(60.0, prefers))[:patience]
    expected = [(number, number - 100, k + 1) for k, number in enumerate(first) if worth is None or worth[number - 100]]
    assert [(number, place, looks.looked) for number, place in looks] == expected
    assert looks.looked == len(first)


@pytest.mark.parametrize("prefers", ["largest", "oldest"])
@pytest.mark.parametrize("patience", [1, 64, 65, 700, 5000])
def test_long_looks_see_all_there_is_in_order(prefers, patience):
    """Also far behind the head, with some in between that are hidden, not ripe or not worth a look."""
    rng = np.random.default_rng(4)
    since, size = rng.choice([0.0, 60.0, 900.0], 3000), rng.integers(1, 40, 3000).astype(float)
    ranked, worth = Ranked(np.arange(3000), since, size), rng.random(3000) < 0.3
    for number in range(0, 3000, 7):
        ranked.take(number)
    first = list(ranked.ripe(60.0, prefers))[:patience]
    looks = ranked.looks(60.0, prefers, patience, worth.__getitem__)
    seen = [(number, looks.looked) for number, _ in looks]
    assert seen == [(number, k + 1) for k, number in enumerate(first) if worth[number]]
    assert looks.looked == len(first)


def test_who_is_content_with_what_comes_first_looks_at_no_more():
    ranked, asked = Ranked(np.arange(5000), np.zeros(5000), np.arange(5000.0)), []

    def worth(places):
        asked.extend(places.tolist())
        return np.ones(places.size, np.bool_)

    looks = ranked.looks(0.0, "largest", 5000, worth)
    assert next(iter(looks)) == (4999, 4999)
    assert looks.looked == 1
    assert len(asked) < 100


@given(
    things=st.lists(
        st.tuples(st.sampled_from([0.0, 60.0, 120.0]), st.sampled_from([1.0, 2.0]), st.booleans(), st.booleans()),
        min_size=1,
        max_size=20,
    ),
    prefers=st.sampled_from(["largest", "oldest"]),
    patience=st.integers(1, 8),
    longer=st.sampled_from([0.0, 60.0]),
)
@settings(max_examples=150)
def test_where_nothing_is_worth_a_look_to_the_least_patient_nobody_finds_anything(things, prefers, patience, longer):
    since, size, worth, taken = (np.array(column) for column in zip(*things, strict=True))
    ranked = Ranked(np.arange(since.size), since, size)
    for number in np.flatnonzero(taken).tolist():
        ranked.take(number)
    found = any(list(ranked.looks(ripe, prefers, patience, worth.__getitem__)) for ripe in (60.0, longer))
    assert ranked.any_worth(60.0, prefers, patience, worth.__getitem__) >= found


def test_what_enough_others_are_older_than_is_nothing_to_who_goes_by_age():
    ranked = Ranked(np.arange(4), np.array([0.0, 10.0, 20.0, 90.0]), np.ones(4))
    last_but_one = np.array([False, False, True, False]).__getitem__
    assert [ranked.any_worth(60.0, "oldest", patience, last_but_one) for patience in (2, 3)] == [False, True]
    assert not ranked.any_worth(15.0, "oldest", 3, last_but_one)
    assert ranked.any_worth(60.0, "largest", 1, last_but_one)
    ranked.take(0)
    assert ranked.any_worth(60.0, "oldest", 2, last_but_one)


@pytest.mark.parametrize("prefers", ["largest", "oldest"])
@pytest.mark.parametrize("ripe_since", [0.0, 300.0, INF])
def test_the_head_of_a_long_order_is_that_of_all_of_it(prefers, ripe_since):
    """Many are alike, most are taken one after the other, and what is ripe may be far behind."""
    rng = np.random.default_rng(3)
    since, size = rng.choice([0.0, 60.0, 300.0, 900.0], 1500), rng.integers(1, 40, 1500).astype(float)
    ranked = Ranked(np.arange(1500) + 7, since, size)
    keys = (-size,) if prefers == "largest" else (-size, since)
    expected = [k for k in np.lexsort(keys).tolist() if since[k] <= ripe_since]
    while expected:
        looks = ranked.looks(ripe_since, prefers, 5, None)
        seen = [place for _, place in looks]
        assert (seen, looks.looked) == (expected[:5], len(expected[:5]))
        for place in seen:
            ranked.take(place + 7)
        del expected[:5]
    assert list(ranked.looks(ripe_since, prefers, 5, None)) == []


@given(
    st.lists(st.tuples(st.sampled_from(["open", "change", "close", "leave", "return", "look"]), st.floats(-1e9, 1e9)))
)
@example([("open", 39.0), ("open", 39.0), ("leave", 0.0), ("return", 1.0), ("change", 70.0), ("close", 71.0)])
@settings(max_examples=150)
def test_rows_of_lots_are_in_order_without_gaps_whenever_somebody_looks(steps):
    """Be they opened, changed or closed, or out of the way for a while."""
    columns, kept, away, opened = LotColumns(2), dict[int, tuple[float, float]](), list[int](), 0
    for kind, figure in [*steps, ("look", 0.0)]:
        if kind == "open":
            for _ in range(1 + int(abs(figure)) % 40):
                kept[opened] = (figure, float(opened))
                columns.write(opened, kept[opened])
                opened += 1
        elif kind == "return" and away:
            kept[away[-1]] = (figure, float(away[-1]))
            columns.write(away[-1], kept[away.pop()])
        elif kind == "leave":
            places = np.arange(int(abs(figure)) % 3, len(kept), 3)
            gone = columns.take_out(places)
            assert gone == [sorted(kept)[place] for place in places]
            away += gone
            for number in gone:
                del kept[number]
        elif kept and kind in ("change", "close"):
            number = list(kept)[int(abs(figure)) % len(kept)]
            if kind == "change":
                kept[number] = (figure, float(number))
                columns.write(number, kept[number])
            else:
                del kept[number]
                assert columns.remove(number)
                assert not columns.remove(number)
        assert not columns.remove(opened)
        assert len(columns) == len(kept)
        if kind == "look":
            numbers, rows = columns.rows()
            assert numbers.tolist() == sorted(kept)
            assert [tuple(row) for row in rows.tolist()] == [kept[number] for number in sorted(kept)]


# Bids


class Offered(Ranked):
    """What `bids_of` reads of the lots that take bids; what each would bring is known when it is asked for."""

    def __init__(self, since: FloatArray, figures: FloatArray, would_bring: list[float]) -> None:
        super().__init__(np.arange(since.size), since, figures[UNITS])
        self.figures = figures
        self.prices_usd = np.array([1.0, 1000.0, 300.0])
        self.gone = np.zeros(since.size, np.bool_)
        self.bring_usd = np.full(since.size, -1.0)
        self.would_bring = would_bring

    def quote(self, place: int) -> None:
        assert self.bring_usd[place] < 0.0
        self.bring_usd[place] = self.would_bring[place]


def one_by_one(
    bidders: list[Bidder], bids: Offered, terms: BidTerms, prefers: Any, charges: FloatArray, *, sells: bool
) -> tuple[list[MadeBid], list[int]]:
    """Restates the rule of `abm.agents.bids` for a bidder and a lot at a time."""
    made, looked, gone = list[MadeBid](), [], set(np.flatnonzero(bids.gone).tolist())
    for who, bidder in enumerate(bidders):
        budget_usd, held_usd, calls = bidder.budget_usd, bidder.held_usd, bidder.calls
        free = (place for place in bids.ripe(bidder.since, prefers) if place not in gone)
        lots = [place for place in free if bids.figures[BIDDER, place] != bidder.account]
        looks = 0
        for place in lots[: bidder.patience]:
            if calls == 0 or budget_usd <= 0.0:
                break
            looks += 1
            c, d, bid, paid, units, tab = bids.figures[[COLLATERAL, DEBT, BID, PAID, UNITS, TAB], place].tolist()
            debt_usd = bids.prices_usd.item(int(d))
            worth_usd = bids.would_bring[place] if sells else units * bids.prices_usd.item(int(c))
            charge = HoldingTerms(charges.item(who, int(c)), held_usd, bidder.holding_limit_usd)
            net_usd = worth_usd - terms.gas_cost_usd - terms.minimum_profit_usd - charge.charge_usd(worth_usd)
            value = min(net_usd / (1.0 + terms.margin), budget_usd) / debt_usd
            if budget_usd / debt_usd < paid or worth_usd > charge.limit_usd - held_usd or value < paid or value <= bid:
                continue
            if bid < tab:
                paid = min(max(terms.first_bid * value, paid), tab)
            else:
                bring_usd = worth_usd - charge.charge_usd(worth_usd)
                costs_usd = terms.gas_cost_usd + terms.minimum_profit_usd
                fewest = units * tab / (bring_usd / (1.0 + terms.margin) / debt_usd) + units * costs_usd / bring_usd
                paid, units = tab, min(units, fewest / terms.first_bid)
            made.append(MadeBid(who, place, paid, units, paid * debt_usd))
            gone.add(place)
            budget_usd, held_usd, calls = budget_usd - paid * debt_usd, held_usd + paid * debt_usd, calls - 1
        looked.append(looks)
    return made, looked


bidding = st.builds(
    Bidder,
    account=st.integers(7, 9),
    since=st.sampled_from([0.0, 60.0, 120.0]),
    patience=st.integers(1, 40),
    calls=st.integers(1, 5),
    budget_usd=st.just(0.0) | st.floats(1.0, 1e5),
    held_usd=st.sampled_from([0.0, 1000.0]),
    holding_limit_usd=st.sampled_from([INF, 5000.0]),
)


@given(
    data=st.data(),
    lots=st.integers(1, 12) | st.integers(150, 400),
    bidders=st.lists(bidding, min_size=1, max_size=4),
    prefers=st.sampled_from(["largest", "oldest"]),
    sells=st.booleans(),
    first_bid=st.floats(0.05, 1.0),
)
@settings(max_examples=200)
def test_bids_are_those_of_who_looks_at_one_lot_after_the_other(data, lots, bidders, prefers, sells, first_bid):
    """Each locks money, and holds collateral, that is not there for the next; nobody goes where another has bid."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    figures = np.zeros((9, lots))
    tab, bid = rng.uniform(10.0, 1e4, lots), rng.choice([0.0, 0.3, 1.0], lots)
    figures[TAB], figures[BID], figures[BIDDER] = tab, tab * bid, rng.integers(-1, 10, lots)
    figures[PAID] = np.where(bid == 1.0, tab, np.minimum(tab * bid * 1.03, tab))
    figures[UNITS] = rng.uniform(0.01, 10.0, lots) * np.where(bid == 1.0, 0.97, 1.0)
    pairs = np.array([(1, 0), (2, 0), (1, 2)])[rng.integers(0, 3, lots)]
    figures[COLLATERAL], figures[DEBT] = pairs.T
    terms = BidTerms(0.02, first_bid, *data.draw(st.sampled_from([(0.0, 0.0), (5.0, 50.0)])))
    charges = np.tile(data.draw(st.sampled_from([[0.0, 0.0, 0.0], [0.0, 1e-4, 1e-5]])), (len(bidders), 1))
    bids = Offered(rng.choice([0.0, 60.0, 120.0], lots), figures, rng.uniform(0.0, 1e4, lots).tolist())
    bids.gone |= rng.random(lots) < data.draw(st.sampled_from([0.0, 0.3]))
    made = bids_of(bidders, bids, terms, prefers, charges, sells=sells)  # type: ignore[arg-type]
    assert made == one_by_one(bidders, bids, terms, prefers, charges, sells=sells)


# Openings

houses = st.builds(
    House,
    outstanding_usd=st.sampled_from([0.0, 2e3, 8e3, 1e4 - 1e-9, 1e4, 9.999e7, 2e8]),
    stability_pool=st.sampled_from([0.0, 0.5, 1e3, 1e9]),
    borrow_rate_per_year=st.floats(0.0, 1.0),
    stakes_units=st.just(1.0),
)
openers = st.one_of(
    st.builds(Ajna, min_bond_factor=st.just(0.0) | st.floats(1e-9, 0.01), max_bond_factor=st.floats(0.01, 0.5)),
    st.builds(CompoundV3, liquidation_factor=st.floats(0.5, 1.0), store_front_price_factor=st.floats(0.0, 1.0)),
    st.builds(LiquityV2, gas_compensation_share=st.floats(0.0, 0.5), gas_deposit_units=st.floats(0.0, 1.0)),
    st.builds(MakerClip, buffer=st.floats(0.5, 2.0), hole_usd=st.sampled_from([1e4, 1e8]), chip=st.floats(0.0, 0.1)),
    st.builds(MakerFlip, lot_units=st.floats(1.0, 50.0), penalty=st.floats(0.0, 0.3)),
)


@st.composite
def positions(draw: st.DrawFn) -> Position:
    """An account that is one pair, below health 1."""
    units, price = draw(st.floats(1e-2, 1e3)), draw(st.floats(1.0, 1e4))
    worth, debt_price = units * price, draw(st.floats(0.1, 10.0))
    owed = worth * draw(st.floats(0.5, 2.0))
    return Position(0.49 * worth / owed, units, price, owed / debt_price, debt_price, worth, owed, 0.49)


@given(at=positions(), design=openers, house=houses)
@settings(max_examples=400)
def test_no_opening_is_above_its_ceiling(at, design, house):
    figures = (np.array([value]) for value in (at.health, at.debt_usd, at.collateral_usd, at.ltv))
    top = design.opening_ceiling(Accounts(*figures, 0.49, 0.49, at.collateral_price, single=True), house)
    opening = design.open(at, 0.0, house)
    assume(opening is not None)
    assert top is not None
    paid_usd = sum(one.debt * at.debt_price + one.units * at.collateral_price for one in opening.rewards)
    raised_usd = sum(lot.tab for lot in opening.lots) * at.debt_price
    # The most that a bond earns is its factor of what is raised.
    paid_usd += sum(lot.kick.bond_factor * lot.tab * at.debt_price for lot in opening.lots if lot.kick is not None)
    assert paid_usd <= top.reward_usd[0] * SLACK
    assert raised_usd <= top.raised_usd[0] * SLACK
    assert opening.bond * at.debt_price >= np.broadcast_to(top.bond_usd, 1)[0] / SLACK
    feed = at.collateral_price / at.debt_price
    for lot in opening.lots if not isinstance(design, MakerFlip) else ():
        offer = design.offer(lot, 0.0, feed, house)
        if offer is not None:
            assert offer.seized_per_repaid * feed <= top.rate * SLACK


@given(
    at=positions(),
    ajna=st.builds(Ajna, collateralization_factor=st.floats(1.0, 1.2), max_bond_factor=st.floats(0.005, 0.5)),
    house=st.builds(House, borrow_rate_per_year=st.sampled_from([0.0, 1e-14, 1e-9, 0.02, 0.5])),
    least_moved=st.floats(0.3, 2.5),
    beyond=st.sampled_from([1.0, 1.0 + 1e-12, 1.001, 1.1]),
)
@settings(max_examples=400)
def test_no_bond_earns_more_nor_loses_less_than_its_ceiling(at, ajna, house, least_moved, beyond):
    """At the least price that there may be now, and above it."""
    figures = (np.array([value]) for value in (at.health, at.debt_usd, at.collateral_usd, at.ltv))
    accounts = Accounts(*figures, 0.49, 0.49, at.collateral_price, single=True, least_moved=least_moved)
    top, opening = ajna.opening_ceiling(accounts, house), ajna.open(at, 0.0, house)
    assert opening is not None
    lot, price = opening.lots[0], at.collateral_price / at.debt_price * least_moved * beyond
    assert lot.kick is not None
    factor = bond_payment_factor(lot.kick, price)
    earned_usd = max(factor * min(lot.tab, lot.units * price), -lot.bond) * at.debt_price
    assert earned_usd <= top.reward_usd[0] * (SLACK if top.reward_usd[0] > 0.0 else 1.0)
    assert top.reward_usd[0] > 0.0 or factor <= 0.0


@given(
    units=st.floats(1e-3, 1e3),
    tab=st.floats(1.0, 1e6),
    feed=st.floats(1.0, 1e4),
    clip=st.builds(MakerClip, tip_usd=st.floats(0.0, 500.0), dust_usd=st.sampled_from([0.0, 5000.0])),
)
@settings(max_examples=200)
def test_no_restart_is_paid_above_its_ceiling(units, tab, feed, clip):
    at = Position(0.5, units, feed, tab, 1.0, units * feed, tab, 0.5)
    opening = clip.model_copy(update={"hole_usd": INF}).open(at, 0.0, House())
    assert opening is not None
    lot = opening.lots[0]
    top = clip.restart_ceiling(np.array([lot.tab]), np.array([lot.units * feed]))
    with pytest.raises(NothingToReset):
        clip.reset(lot, 60.0, feed)
    reward = clip.reset(lot, 1e6, feed)
    assert (reward.debt if reward is not None else 0.0) <= top.reward_usd[0] * SLACK


@given(
    at=positions(),
    ajna=st.builds(Ajna, max_bond_factor=st.floats(0.005, 0.5)),
    hours=st.floats(0.01, 60.0),
    house=st.builds(House, mean_debt=st.floats(0.0, 1e7), borrow_rate_per_year=st.floats(0.0, 0.5)),
)
@settings(max_examples=300)
def test_no_lot_is_paid_for_above_its_ceiling(at, ajna, hours, house):
    """However much of the debt is dust."""
    opening = ajna.open(at, 0.0, house)
    assert opening is not None
    lot, now = opening.lots[0], hours * 3600.0
    price = ajna.unit_price(np.array([lot.top]), np.array([now]), np.ones(1))
    top = ajna.paid_ceiling(np.array([lot.units]), np.array([lot.due]), price, house)
    offer = ajna.offer(lot, now, 0.0, house)
    assert (offer.max_repay if offer is not None else 0.0) <= top[0] * SLACK
