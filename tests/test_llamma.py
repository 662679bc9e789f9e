"""LLAMMA in whole worlds: bands that arbitrage sells softly, loans closed by takers or by their own quote, and limits.

The worked loan is 10 ETH against 16,000 dollars in ten bands, opened at 2,000: bands 7 to 16, from 1864 to 1686. In a
block arbitrage comes before the oracle's report; where the oracle is to be at the market's price first, as on the
published path, every price stands for two blocks and arbitrage comes in the second one alone.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abm import Run, Scenario, ScenarioError
from abm.markets.trading import funded_swap
from abm.model import UnderwaterModel
from abm.pools.band_loans import BandLoans
from abm.record.metrics import summarise
from abm.schedule import PHASES, arbitrage

Play = Callable[..., Run]
Models = Callable[..., UnderwaterModel]
LOAN = {"collateral": {"ETH": 10.0}, "debt": {"DAI": 16_000.0}}
PATH = [1864.0, 1850.0, 1800.0, 1750.0, 1700.0, 1686.0, 1650.0, 1600.0]


def changes(prices: list[float], **terms: Any) -> dict[str, Any]:
    """A small world with the worked loan in bands on an empty book, blocks too long for a fee of the oracle's step."""
    return {
        "time": {"step_seconds": 600.0, "steps": len(prices)},
        "assets__ETH__price__prices": prices,
        "markets": [{"base": "ETH", "quote": "DAI", "sources": [{"kind": "order_book", "tick": 0.01}]}],
        "pools__0__liquidation": {"design": "llamma", **terms},
    }


def falling(prices: list[float]) -> dict[str, Any]:
    """An arbitrageur with plenty of money and no cost, every price twice, and no liquidators: see `fall`."""
    twice = [price for price in (2000.0, *prices) for _ in range(2)]
    return changes(twice) | {
        "agents__arbitrageurs": [{"capital_usd": float("inf"), "hedge_cost": 0.0}],
        "agents__liquidators": [],
    }


def step_without_arbitrage(model: UnderwaterModel) -> None:
    """A block in which no arbitrageur comes."""
    model.world.begin(model.blocks)
    for _, phase in PHASES:
        if phase is not arbitrage:
            phase(model)
    model.blocks += 1


def fall(model: UnderwaterModel) -> None:
    """Run the two blocks of the next price: the oracle reports, then arbitrage comes."""
    step_without_arbitrage(model)
    model.step()


def summary_of(model: UnderwaterModel) -> dict[str, float]:
    return summarise(model)


def loans_of(model: UnderwaterModel) -> BandLoans:
    loans = model.world.lenders[0].loans
    assert loans is not None
    return loans


def holding(model: UnderwaterModel) -> tuple[float, float]:
    """Quote and base of the first borrower, as the pool's books have them."""
    quote, base = model.world.lenders[0].pool.collateral[0].tolist()
    return quote, base


def exact_fall(prices: list[float]) -> Iterator[tuple[Decimal, Decimal, Decimal, Decimal]]:
    """The contract's rule of 2023 restated, for who buys until the next unit costs the oracle's price, fee included.

    The fee stays in the band that it was paid in. Yields quote paid, base bought, health above 0, and what the trade
    was worth at the oracle's price.
    """
    a, fee, debt = Decimal(100), Decimal("0.006"), Decimal(16_000)
    upper = {n: Decimal(2000) * ((a - 1) / a) ** n for n in range(7, 18)}
    bands = {n: [Decimal(0), Decimal(1)] for n in range(7, 17)}
    for price in map(Decimal, prices):
        paid_all = got_all = down = Decimal(0)
        for n, held in bands.items():
            f, g = virtual(*held, upper[n], price, a)
            product, target = (f + held[0]) * (g + held[1]), price * (1 - fee)
            if held[1] == 0 or (f + held[0]) / (g + held[1]) >= target:
                continue
            whole = product / g <= (product * target).sqrt()
            paid = ((product / g if whole else (product * target).sqrt()) - f - held[0]) / (1 - fee)
            got = held[1] if whole else g + held[1] - (product / target).sqrt()
            bands[n] = [held[0] + paid, held[1] - got]
            paid_all, got_all = paid_all + paid, got_all + got
        for n, (x, y) in bands.items():
            f, g = virtual(x, y, upper[n], price, a)
            if price > upper[n]:
                down += (y + ((g + y) * x / f if x else 0)) * (upper[n] * upper[n + 1]).sqrt()
            elif price < upper[n + 1]:
                down += x + ((f + x) * y / g if y else 0)
            else:
                move = ((f + x) / (g + y) / price).sqrt()
                down += (f + x) / move - f + ((g + y) * move - g) * (upper[n + 1] * price).sqrt()
        yield paid_all, got_all, down * Decimal("0.94") / debt - 1, got_all * price - paid_all


def virtual(x: Decimal, y: Decimal, upper: Decimal, price: Decimal, a: Decimal) -> tuple[Decimal, Decimal]:
    b = upper * (a - 1) * x / price + a * price**2 / upper * y
    y0 = (b + (b * b + 4 * a * price * x * y).sqrt()) / (2 * a * price)
    return a * y0 * price**2 / upper, (a - 1) * y0 * upper / price


# Soft liquidation

PUBLISHED = [  # oracle price, quote paid, base bought, the owner's quote and base afterwards, health
    (1864.0, 0.0, 0.0, 0.0, 10.0, 0.041936),
    (1850.0, 842.4202, 0.457469, 842.42, 9.542531, 0.041296),
    (1800.0, 4783.5265, 2.726270, 5625.95, 6.816262, 0.029163),
    (1750.0, 4777.7678, 2.803114, 10403.71, 4.013148, 0.016688),
    (1700.0, 4771.3847, 2.884138, 15175.10, 1.129010, 0.003863),
    (1686.0, 1375.6449, 0.822700, 16550.74, 0.306310, 0.002608),
    (1650.0, 487.8386, 0.306310, 17038.58, 0.0, 0.001017),
    (1600.0, 0.0, 0.0, 17038.58, 0.0, 0.001017),
]


def test_arbitrage_sells_the_worked_loan_softly_as_the_rule_says(small_world: Any, model_of: Models) -> None:
    model = model_of(small_world(**falling(PATH)))
    loans = loans_of(model)
    assert loans.bands.span(0) == (7, 16)
    fall(model)
    assert loans.healths(np.array([0]))[0] - 1.0 == pytest.approx(0.126854549, abs=1e-9)
    before = (0.0, 10.0, 0.0)
    for paid, bought, health, profit in exact_fall(PATH):
        fall(model)
        after = (*holding(model), loans.lost_usd)
        moved = [now - then for now, then in zip(after, before, strict=True)]
        assert moved == pytest.approx([float(paid), -float(bought), float(profit)], rel=1e-9, abs=1e-7)
        assert loans.healths(np.array([0]))[0] - 1.0 == pytest.approx(float(health), abs=1e-10)
        before = after
    assert loans.bands.active_band == 16


def test_the_published_path(small_world: Any, model_of: Models) -> None:
    """Its purchases, settled on the venue: those within the oracle's own band to the last digit, the others to 0.3 %.

    In bands that the oracle has left the published rows charge a fee of later contracts: a quarter of the distance,
    1.05 % at 1650 where all of the trade is in one. And they stop where the price after the trade, fee in the band, is
    the oracle's, which is before the last unit that pays.
    """
    model = model_of(small_world(**(falling(PATH) | {"agents__arbitrageurs": []})))
    loans, exchange = loans_of(model), model.world.exchanges[0]
    account = model.world.ledger.open("a buyer")
    fall(model)
    for price, paid, bought, quote, base, health in PUBLISHED:
        step_without_arbitrage(model)
        fill = exchange.venue.quote_out("buy", min(bought, holding(model)[1]))
        funded_swap(model.world, exchange, account, fill)
        model.step()
        within = 2e-6 if price >= 1850.0 else 3e-3
        later_fee = 0.25 * (1.0 - (price / (2000.0 * 0.99**17)) ** 2) if price == 1650.0 else 0.006
        assert fill.amount_in * 0.994 == pytest.approx(paid * (1.0 - later_fee), rel=within)
        assert holding(model) == (pytest.approx(quote, rel=within, abs=1e-9), pytest.approx(base, abs=2e-6))
        assert loans.healths(np.array([0]))[0] == pytest.approx(1.0 + health, rel=1e-6 if price >= 1850.0 else 3e-3)
    assert model.recorder.liquidations().empty


def test_what_is_lost_softly_is_what_arbitrage_gains(small_world: Any, model_of: Models) -> None:
    model = model_of(small_world(**falling(PATH)))
    for _ in (2000.0, *PATH):
        fall(model)
    summary = summary_of(model)
    assert summary["liquidations"] == 0.0
    assert summary["soft_loss_usd"] == pytest.approx(summary["arbitrage_profit_usd"], rel=1e-9)
    assert summary["borrower_loss_usd"] == summary["soft_loss_usd"] > 400.0
    paid = float(sum(row[0] for row in exact_fall(PATH)))
    assert summary["soft_liquidated_usd"] == pytest.approx(paid, rel=1e-9)
    trades = model.recorder.trades()
    bought = trades[trades["maker"] == "llamma"]
    assert set(bought["taker"]) == {"arbitrageurs"}
    assert bought["base_units"].sum() == pytest.approx(10.0, rel=1e-9)


@pytest.mark.parametrize(
    ("price", "health"),
    [
        (1900.0, 0.06435),
        (1850.0, 0.04100),
        (1800.0, 0.02281),
        (1750.0, -0.01809),
        (1700.0, -0.08107),
        (1600.0, -0.23302),
    ],
)
def test_without_arbitrage_health_jumps_with_the_oracle(
    small_world: Any, model_of: Models, price: float, health: float
) -> None:
    model = model_of(small_world(**changes([2000.0, price]), agents__liquidators=[]))
    model.run()
    lender = model.world.lenders[0]
    assert loans_of(model).healths(np.array([0]))[0] - 1.0 == pytest.approx(health, abs=6e-6)
    assert lender.liquidatable().accounts.tolist() == ([0] if health < 0.0 else [])
    assert holding(model) == (0.0, 10.0)


def test_with_no_move_and_no_arbitrage_nothing_happens_and_nobody_is_looked_at(
    small_world: Any, model_of: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(small_world(**changes([2000.0] * 5), agents__borrowers__0__watching=1.0))
    model.step()
    looks: list[int] = []
    healths = BandLoans.healths
    monkeypatch.setattr(BandLoans, "healths", lambda loans: looks.append(1) or healths(loans))
    for _ in range(4):
        model.step()
    assert not looks
    assert holding(model) == (0.0, 10.0)
    assert loans_of(model).lost_usd == 0.0


def test_one_band_at_a_constant_oracle_price_earns_fees_and_loses_nothing(small_world: Any, model_of: Models) -> None:
    """The price of the band runs as its constant product; what others trade there and back leaves the fee."""
    world = small_world(
        **changes([2000.0, 1990.0], bands=1, loan_discount=0.1),
        agents__borrowers=[{"positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": 17_900.0}}]}],
        agents__liquidators=[],
    )
    model = model_of(world)
    model.run()
    loans = loans_of(model)
    assert loans.bands.span(0) == (0, 0)
    bands = loans.bands
    for _ in range(3):
        bought = bands.quote_in("buy", 4000.0)
        bands.settle(bought)
        bands.settle(bands.quote_in("sell", bought.amount_out))
    quote, base = bands.balances(0)
    assert base == pytest.approx(10.0, rel=1e-12)
    assert quote > 0.0


def test_collateral_without_debt_is_in_no_bands(small_world: Any, model_of: Models) -> None:
    free = {"collateral": {"ETH": 3.0}}
    world = small_world(**falling([1500.0]), agents__borrowers=[{"positions": [LOAN, free]}])
    model = model_of(world)
    model.run()
    assert model.world.lenders[0].pool.collateral[1].tolist() == [0.0, 3.0]
    assert not loans_of(model).bands.has(1)
    assert loans_of(model).healths(np.array([1]))[0] == np.inf


def test_a_debt_above_the_maximum_opens_in_the_highest_band(small_world: Any, model_of: Models) -> None:
    """As a position of any design may: it is below health 1 from the start."""
    over = {"collateral": {"ETH": 10.0}, "debt": {"DAI": 19_000.0}}
    world = small_world(**changes([2000.0]), agents__borrowers=[{"positions": [over]}], agents__liquidators=[])
    model = model_of(world)
    model.run()
    assert loans_of(model).bands.span(0) == (0, 9)
    assert model.world.lenders[0].liquidatable().accounts.tolist() == [0]


# Hard liquidation


def selling(source: dict[str, Any], **terms: Any) -> list[dict[str, Any]]:
    return [{"base": "ETH", "quote": "DAI", "sources": [source]}]


def test_below_zero_health_a_taker_repays_the_debt_for_the_collateral(play: Play) -> None:
    """At 1750 with no arbitrage: 10 ETH for 16,000; at 1800 health is still above zero."""
    market = {"markets": selling({"kind": "infinite"})}
    assert play(**(changes([2000.0, 1800.0]) | market)).liquidations.empty
    run = play(**(changes([2000.0, 1750.0]) | market))
    (row,) = run.liquidations.to_dict("records")
    assert (row["repaid"], row["seized"], row["protocol_fee"]) == (16_000.0, 10.0, 0.0)
    assert row["profit_usd"] == pytest.approx(1500.0, rel=1e-12)
    assert run.summary["borrower_loss_usd"] == pytest.approx(1500.0, rel=1e-12)
    assert run.summary["total_bad_debt_usd"] == 0.0


def test_a_taker_with_less_takes_a_part_and_a_little_less_of_the_bands(small_world: Any, model_of: Models) -> None:
    world = small_world(**(changes([2000.0, 1750.0]) | {"markets": selling({"kind": "infinite"})}))
    world["agents"]["liquidators"] = [{"capital_usd": 4000.0, "calls_per_block": 1}]
    model = model_of(world)
    model.run()
    (row,) = model.recorder.liquidations().to_dict("records")
    assert row["repaid"] == pytest.approx(4000.0, rel=1e-12)
    assert row["seized"] == pytest.approx(10.0 * 0.24469340, abs=1e-7)
    assert holding(model) == (0.0, pytest.approx(10.0 - row["seized"], rel=1e-12))
    assert model.world.lenders[0].pool.debt(0, 0) == pytest.approx(12_000.0, rel=1e-12)


def test_who_has_too_little_for_a_large_loan_takes_smaller_ones_where_a_part_does_not_pay(
    small_world: Any, model_of: Models
) -> None:
    """At 1590 all of the large loan would leave 2.2 % and a small one 1.9 %; a small part of either loses."""
    large, small = ({"collateral": {"ETH": c}, "debt": {"DAI": d}} for c, d in ((900.0, 1.4e6), (10.0, 15_600.0)))
    world = small_world(**(changes([2000.0, 1590.0]) | {"markets": selling({"kind": "infinite"})}))
    world["agents"]["borrowers"] = [{"positions": [large, small, small]}]
    world["agents"]["liquidators"] = [{"capital_usd": 1e5}]
    world["agents"]["depositors"] = [{"deposits": {"DAI": 1e7}}]
    model = model_of(world)
    model.run()
    assert sorted(model.recorder.liquidations()["account"]) == [1, 2]
    assert model.recorder.refusals == 0


def test_the_quote_in_the_bands_repays_first(small_world: Any, model_of: Models) -> None:
    """A part is sold softly, then comes a fall without arbitrage: the taker pays the debt less the quote."""
    world = small_world(**falling([1800.0, 1700.0]))
    world["agents"]["liquidators"] = [{"capital_usd": 1e9, "active_from_seconds": 2400.0, "selling": "over_time"}]
    model = model_of(world)
    fall(model)
    fall(model)
    quote, base = holding(model)
    assert quote > 4000.0
    step_without_arbitrage(model)
    (row,) = model.recorder.liquidations().to_dict("records")
    assert row["seized"] == pytest.approx(base, rel=1e-12)
    assert row["repaid"] == pytest.approx(16_000.0 - quote, rel=1e-12)
    assert not model.world.lenders[0].pool.debt(0, 0)
    assert holding(model) == (0.0, 0.0)


def test_a_loan_whose_own_quote_repays_it_is_closed_by_a_call_alone(small_world: Any, model_of: Models) -> None:
    """Sold softly all the way, with so little discount that health is below zero where the quote exceeds the debt."""
    prices = [1850.0, 1800.0, 1750.0, 1700.0, 1650.0, 1600.0, 1550.0]
    world = small_world(**falling(prices))
    world["pools"][0]["liquidation"] |= {"loan_discount": 0.065, "liquidation_discount": 0.06}
    # Nobody else has money: the caller needs none.
    late = {"active_from_seconds": 600.0 * 15, "capital_usd": 0.0, "gas_usd": 10.0}
    world["agents"]["liquidators"] = [late]
    model = model_of(world)
    for _ in prices:
        fall(model)
    step_without_arbitrage(model)
    assert model.recorder.liquidations().empty
    quote, base = holding(model)
    assert 16_000.0 < quote < 16_000.0 / 0.94
    model.step()
    (row,) = model.recorder.liquidations().to_dict("records")
    assert (row["collateral_asset"], row["repaid"]) == ("DAI", 0.0)
    assert base < 1e-12
    assert row["seized"] == pytest.approx(quote - 16_000.0, rel=1e-9)
    assert row["profit_usd"] == pytest.approx(quote - 16_010.0, rel=1e-9)
    lender = model.world.lenders[0]
    assert (holding(model), lender.pool.debt(0, 0)) == ((0.0, 0.0), 0.0)
    lost = loans_of(model).lost_usd + quote - 16_000.0
    assert summary_of(model)["borrower_loss_usd"] == pytest.approx(lost, rel=1e-9)


def test_what_nobody_takes_stays_as_bad_debt(play: Play) -> None:
    """At 1,400 the collateral is worth 2,000 less than the debt: nobody pays the debt for it, in any part."""
    run = play(**(changes([2000.0, 1400.0, 1400.0]) | {"markets": selling({"kind": "infinite"})}))
    assert run.liquidations.empty
    assert run.summary["bad_debt_usd"] == 0.0
    assert run.summary["total_bad_debt_usd"] == pytest.approx(2000.0, rel=1e-12)


def test_a_taker_does_not_sell_into_the_bands_that_it_empties(small_world: Any, model_of: Models) -> None:
    """The bands bid for what comes out of them; the sale must settle as quoted, elsewhere."""
    world = small_world(**falling([1864.0, 1850.0, 1800.0, 1750.0, 1700.0, 1650.0]))
    world["time"]["step_seconds"] = 60.0
    world["markets"] = selling({"kind": "constant_product", "value": 1e7, "fee": 0.0})
    world["agents"]["liquidators"] = [{"capital_usd": 1e9}]
    model = model_of(world)
    model.run()
    rows = model.recorder.liquidations()
    assert len(rows) > 0
    trades = model.recorder.trades()
    assert set(trades.loc[trades["taker"] == "liquidators", "maker"]) == {"constant_product"}


# Borrowers who mend


def watching(how: str, below: float, **terms: Any) -> dict[str, Any]:
    return {
        "agents__borrowers": [
            {
                "positions": [LOAN],
                "watching": 1.0,
                "watch_interval_seconds": 1.0,
                "react_below": below,
                "target_health": 1.2,
                "reactions": {how: 1.0},
                "wallet_share": 1.0,
                **terms,
            }
        ],
        "agents__liquidators": [],
    }


def test_what_a_borrower_sells_into_the_bands_of_others_is_counted(small_world: Any, model_of: Models) -> None:
    """In a block in which arbitrage has bought from them: they lose by the one and gain by the other."""
    mending = watching("sell", 1.3, target_health=1.4, react_delay_seconds=600.0)["agents__borrowers"]
    mending[0]["positions"] = [{"collateral": {"ETH": 10.0}, "debt": {"DAI": 12_000.0}}]
    large = {"collateral": {"ETH": 100.0}, "debt": {"DAI": 160_000.0}}
    prices = [2000.0, 1850.0, 1780.0, 1700.0, 1700.0]
    world = small_world(
        **changes(prices),
        agents__borrowers=[{"positions": [large]}, *mending],
        agents__arbitrageurs=[{"capital_usd": float("inf"), "hedge_cost": 0.02}],
        agents__liquidators=[],
    )
    world["markets"] = selling({"kind": "infinite", "spread": 0.1})
    model = model_of(world)
    model.run()
    assert model.recorder.mendings == 1
    trades = model.recorder.trades()
    assert set(trades["maker"]) == {"llamma"}
    bought, sold = (trades[trades["side"] == side] for side in ("buy", "sell"))
    assert set(sold["taker"]) == {"borrowers"}
    assert set(sold["step"]) == {4} == set(bought["step"]) - {3}
    lost = bought["base_units"] * 1700.0 - bought["quote_units"]
    gained = sold["base_units"] * 1700.0 - sold["quote_units"]
    summary = summary_of(model)
    assert gained.sum() > 50.0
    assert summary["soft_loss_usd"] == pytest.approx(lost.sum() - gained.sum(), rel=1e-9)
    net = bought["quote_units"].sum() - sold["quote_units"].sum()
    assert summary["soft_liquidated_usd"] == pytest.approx(net, rel=1e-9)


@pytest.mark.parametrize("how", ["top_up", "repay", "sell"])
def test_a_loan_that_is_mended_moves_to_new_bands_at_the_health_aimed_at(
    small_world: Any, model_of: Models, how: str
) -> None:
    market = {"markets": selling({"kind": "infinite"})}
    model = model_of(small_world(**(changes([2000.0, 1900.0]) | market | watching(how, 1.08))))
    model.step()
    assert loans_of(model).bands.span(0) == (7, 16)
    model.step()
    assert model.recorder.mendings == 1
    assert loans_of(model).bands.span(0)[0] > 8
    assert loans_of(model).healths(np.array([0]))[0] == pytest.approx(1.2, abs=0.01)


def test_once_soft_liquidation_has_begun_a_loan_can_be_repaid_but_not_moved(small_world: Any, model_of: Models) -> None:
    for how, mended in (("top_up", 0), ("sell", 0), ("repay", 1)):
        model = model_of(small_world(**(falling([1850.0, 1800.0]) | watching(how, 1.035))))
        for _ in range(3):
            fall(model)
        assert model.recorder.mendings == mended, how
        assert loans_of(model).bands.span(0) == (7, 16)
        if mended:
            assert loans_of(model).healths(np.array([0]))[0] == pytest.approx(1.2, abs=0.01)


def test_a_loan_repaid_in_full_leaves_its_bands(small_world: Any, model_of: Models) -> None:
    """Before soft liquidation and in the midst of it; from then on nobody trades with what it has."""
    for line, least_quote in ((1.05, 0.0), (1.035, 800.0)):
        model = model_of(
            small_world(**(falling([1850.0, 1800.0, 1700.0]) | watching("repay", line, target_health=1e15)))
        )
        loans = loans_of(model)
        for _ in range(3):
            fall(model)
        assert model.world.lenders[0].pool.debt(0, 0) == 0.0
        assert not loans.bands.has(0)
        quote, base = holding(model)
        assert quote >= least_quote
        fall(model)
        assert holding(model) == (quote, base)
        assert loans.healths(np.array([0]))[0] == np.inf


# Refusals


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("markets", [], r'design = "llamma" trades ETH for DAI, and there is no market for that; add one with base = '),
        ("assets__ETH__oracle", {"kind": "venue"}, r"whose kind 'venue' reads the venue on which the bands trade; use"),
        (
            "pools__0__reserves__DAI",
            {"liquidation_threshold": 0.9},
            r"not 2 and 0 as in pool core; give liquidation_thr",
        ),
        ("pools__0__reserves__ETH", {}, r"not 0 and 2 as in pool core; give liquidation_threshold to one of two reser"),
    ],
)
def test_worlds_in_which_bands_cannot_stand_are_refused(small_world: Any, key: str, value: Any, sentence: str) -> None:
    with pytest.raises(ScenarioError, match=sentence):
        Scenario.from_dict(small_world(**(changes([2000.0]) | {key: value})))


def test_other_collateral_and_other_debts_are_refused(small_world: Any, model_of: Models, tmp_path: Path) -> None:
    for position, verb in (
        ({"collateral": {"DAI": 5.0}}, "posts DAI"),
        ({"collateral": {"ETH": 5.0}, "debt": {"ETH": 1.0}}, "owes ETH"),
    ):
        world = small_world(**changes([2000.0]), agents__borrowers=[{"positions": [position]}])
        with pytest.raises(ScenarioError, match=f"a borrower of pool core {verb}; with llamma loans of DAI are backed"):
            model_of(world)
    file = tmp_path / "positions.csv"
    file.write_text("collateral_ETH,debt_ETH\n5.0,1.0\n")
    with pytest.raises(ScenarioError, match="owes ETH"):
        model_of(small_world(**changes([2000.0]), agents__borrowers=[{"file": str(file)}]))
