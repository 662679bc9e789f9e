"""Loss layers through time in whole worlds: late payments, pauses, rescues, recoveries, and presets of protocols."""

from typing import Any

import pytest

from abm import Scenario
from builders.losses import LOSS, UNDER, balance, hit, paid_by
from models.losses import PRESETS

# Time


@pytest.mark.parametrize(("delay", "paid_at"), [(0.0, 1), (60.0, 2), (61.0, 3), (1e6, None)])
def test_a_delayed_layer_owes_and_then_pays_and_the_row_closes_either_way(play, assert_losses_add_up, delay, paid_at):
    run = hit(play, {"kind": "dao_offset", "capital": 5000.0, "delay_seconds": delay}, time__steps=5)
    pending = [0.0] + [LOSS if paid_at is None or step < paid_at else 0.0 for step in range(1, 5)]
    assert run.steps["pending_usd"].tolist() == pytest.approx(pending)
    assert run.steps["deficit_usd"].tolist() == pytest.approx(pending, abs=1e-9)
    assert run.steps["absorbed_usd"].iloc[-1] == pytest.approx(0.0 if paid_at is None else LOSS)
    assert paid_by(run) == pytest.approx({"pending" if paid_at is None else "dao_offset": LOSS})
    assert run.write_offs["step"].tolist() == [1]
    assert_losses_add_up(run)


def test_what_a_layer_fails_to_pay_goes_to_those_after_it(play, assert_losses_add_up):
    """Promised at 5 a token, sold at 2 five blocks later: 600 of 1,500 come, the rest falls on fund and suppliers."""
    run = hit(
        play,
        {"kind": "staked_own_token", "asset": "TKN", "capital": 1000.0, "delay_seconds": 300.0},
        {"kind": "insurance_fund", "capital": 500.0},
        assets__TKN={"price": {"kind": "path", "prices": [10.0, 5.0, 2.0]}},
        time__steps=8,
    )
    first = LOSS - 1500.0
    assert paid_by(run) == pytest.approx(
        {"staked_own_token": 600.0, "insurance_fund": 500.0, "depositors": LOSS - 1100.0}, rel=1e-9
    )
    assert run.steps["pending_usd"].tolist() == pytest.approx([0.0] + [1500.0] * 5 + [0.0] * 2)
    assert run.steps["absorbed_usd"].tolist() == pytest.approx([0.0] + [first] * 5 + [1100.0] * 2)
    assert_losses_add_up(run)


def test_late_payments_are_those_of_the_debts_they_were_promised_for_in_their_order(play):
    """Two debts, one fund of 2,000 that pays later and can by then pay only half of it: the first is paid first."""
    two = [{"positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": 16000.0}}] * 2}]
    run = hit(
        play,
        {"kind": "external_cover", "asset": "TKN", "capital": 400.0, "assessment_seconds": 60.0},
        assets__TKN={"price": {"kind": "path", "prices": [10.0, 5.0, 2.5]}},
        agents__borrowers=two,
        time__steps=4,
        recognition="deferred",
    )
    rows = run.write_offs.set_index(["account", "layer"])["paid"]
    assert rows[0, "external_cover"] == pytest.approx(1000.0)
    assert rows[0, "uncovered"] == pytest.approx(LOSS - 1000.0)
    assert rows[1, "uncovered"] == pytest.approx(LOSS)


@pytest.mark.parametrize(("window", "pays"), [((0.0, 30.0), True), ((0.0, 90.0), False), ((61.0, 90.0), True)])
def test_a_paused_stake_is_not_slashed(play, window, pays):
    layer = {"kind": "backstop_vault", "capital": 9000.0}
    run = hit(play, layer | {"paused_from_seconds": window[0], "paused_until_seconds": window[1]})
    assert paid_by(run) == pytest.approx({"backstop_vault" if pays else "depositors": LOSS})


def test_stakers_who_fear_the_hole_are_gone_before_the_second_loss(play):
    """Both vaults pay the first loss. The second comes a day later, after the cooldown of those who left."""
    prices = [2000.0, 1500.0] + [1500.0] * 22 + [600.0]
    positions = [
        {"collateral": {"ETH": 10.0}, "debt": {"DAI": 16000.0}},
        {"collateral": {"ETH": 10.0}, "debt": {"DAI": 9000.0}},
    ]
    left = {}
    for brave in (True, False):
        stakers = {"layer": "backstop_vault", "capital": 9000.0} | ({} if brave else {"leave_at_hole": 1e-9})
        run = hit(
            play,
            {"kind": "backstop_vault", "capital": 1000.0, "cooldown_seconds": 7200.0, "share": 0.5},
            recognition="deferred",
            assets__ETH__price__prices=prices,
            time={"step_seconds": 3600.0, "steps": 26},
            agents__borrowers=[{"positions": positions}],
            agents__stakers=[stakers],
        )
        left[brave] = run.write_offs[run.write_offs["step"] > 1].set_index("layer")["paid"]
    second = 9000.0 - 10.0 * 600.0 / 1.05
    assert left[True]["backstop_vault"] == pytest.approx(0.5 * second)
    # Of 10,000 half of the first loss was slashed; a tenth of what was left stayed.
    assert left[False]["backstop_vault"] == pytest.approx(min(0.5 * second, 0.1 * (10000.0 - 0.5 * LOSS)))


@pytest.mark.parametrize(("share", "back"), [(1.0, True), (0.5, False)])
def test_stakers_come_back_once_the_hole_they_fled_from_is_filled(small_world, model_of, share, back):
    """The vault pays a fifth; half of the loss given back leaves a hole, all of it none."""
    model = model_of(
        small_world(
            **UNDER | {"time__steps": 8},
            pools__0__losses={
                "recognition": "deferred",
                "layers": [{"kind": "backstop_vault", "capital": 500.0, "cooldown_seconds": 0.0, "share": 0.2}],
                "recoveries": [{"at_seconds": 240.0, "share": share}],
            },
            agents__stakers=[{"layer": "backstop_vault", "capital": 900.0, "leave_at_hole": 1e-9}],
        )
    )
    out = []
    for _ in range(8):
        model.step()
        out.append(model.world.ledger.balance(model.people.stakers[0].cohort.first_account, 0) > 0.0)
    assert out == [False, False, True, True] + [not back] * 4


def test_a_rescue_is_decided_by_a_draw_of_its_own(play):
    """Half the seeds see it, and prices and people are those of the run without."""
    layer = {"kind": "discretionary_rescue", "capital": 1e6, "probability": 0.5, "delay_seconds": 60.0}
    came = [
        "discretionary_rescue" in paid_by(hit(play, layer, time__steps=4, seed=seed))  # type: ignore[arg-type]
        for seed in range(24)
    ]
    assert 5 <= sum(came) <= 19


def test_two_rescuers_decide_for_themselves(play):
    """The second is asked where the first does not come, and comes as often as it says; the first as if alone."""
    rescue = {"kind": "discretionary_rescue", "capital": 1e6, "probability": 0.5, "delay_seconds": 0.0}
    alone = [next(iter(paid_by(hit(play, rescue, seed=seed)))) for seed in range(24)]
    payers = [next(iter(paid_by(hit(play, rescue, rescue, seed=seed)))) for seed in range(24)]
    first, second = "discretionary_rescue.0", "discretionary_rescue.1"
    assert [payer == first for payer in payers] == [payer == "discretionary_rescue" for payer in alone]
    assert payers.count(second) >= 2
    assert payers.count("depositors") >= 2


# Recoveries


def test_a_dao_pays_what_it_has_promised_once_its_claims_are_whole_again(play):
    """A haircut cut its claims below its offset, and was paid back before the offset fell due."""
    run = hit(
        play,
        {"kind": "dao_offset", "capital": 1000.0, "delay_seconds": 120.0},
        pools__0__losses__recoveries=[{"at_seconds": 120.0, "share": 1.0 - 1000.0 / LOSS}],
        time__steps=5,
    )
    assert paid_by(run) == pytest.approx({"dao_offset": 1000.0, "depositors": LOSS - 1000.0}, rel=1e-12)


def test_money_that_comes_back_fills_the_hole_and_then_goes_up_the_layers(small_world, model_of):
    """A fund of 500, then suppliers: of 80 % recovered, suppliers have theirs first, and the fund what is left."""
    model = model_of(
        small_world(
            **UNDER | {"time__steps": 4},
            pools__0__losses__layers=[{"kind": "insurance_fund", "capital": 500.0}],
            pools__0__losses__recoveries=[{"at_seconds": 120.0, "share": 0.8}],
        )
    )
    model.run()
    back, cut = 0.8 * LOSS, LOSS - 500.0
    pool = model.world.lenders[0].pool
    assert pool.total_claims[0] == pytest.approx(1e6, rel=1e-12)
    assert balance(model, "losses of core", "DAI") == pytest.approx(back - cut, rel=1e-9)
    assert back > cut


def test_a_recovery_relieves_those_who_have_not_paid_yet(play, assert_losses_add_up):
    run = hit(
        play,
        {"kind": "dao_offset", "capital": 1000.0, "delay_seconds": 1e6},
        {"kind": "deferred"},
        pools__0__losses__recoveries=[{"at_seconds": 120.0, "share": 0.75, "asset": "DAI"}],
        time__steps=4,
    )
    assert paid_by(run) == pytest.approx({"pending": 0.25 * LOSS, "recovered": 0.75 * LOSS})
    assert run.steps["deficit_usd"].tolist() == pytest.approx([0.0, LOSS, 0.25 * LOSS, 0.25 * LOSS])
    assert_losses_add_up(run)


@pytest.mark.parametrize(
    ("layer", "treasury"),
    [
        ({"kind": "reserve"}, 700.0),
        ({"kind": "dao_offset", "capital": 700.0}, 0.0),
        ({"kind": "insurance_fund", "capital": 700.0}, 0.0),
        ({"kind": "insurance_fund", "asset": "TKN", "capital": 70.0}, 0.0),
    ],
)
def test_who_paid_has_again_what_it_had_once_all_has_come_back(small_world, model_of, layer, treasury):
    """Be that the treasury's claim, claims on the pool, money, or tokens sold; suppliers have theirs, too."""
    model = model_of(
        small_world(
            **UNDER | {"time__steps": 4},
            assets__TKN={"price": {"kind": "constant", "price": 10.0}},
            pools__0__reserves__DAI__treasury=treasury,
            pools__0__losses__layers=[layer],
            pools__0__losses__recoveries=[{"at_seconds": 120.0, "share": 1.0}],
        )
    )
    lender, books = model.world.lenders[0], model.losses[0].reserves[0].books

    def had() -> list[float]:
        return [*lender.pool.total_claims.tolist(), *lender.pool.treasury.tolist(), books.capital_usd()]

    before, held = had(), []
    for _ in range(4):
        model.step()
        held.append(had())
    assert sum(held[1]) < sum(before) - 0.999 * LOSS
    assert held[-1] == pytest.approx(before, rel=1e-9)


def test_winners_get_back_what_each_has_paid_and_not_had_back_yet(small_world, model_of):
    """The first pays a first loss alone and has it back; of a second, both get what they then paid."""
    positions = [
        {"collateral": {"ETH": 10.0}, "debt": {"DAI": 16000.0}},
        {"collateral": {"ETH": 10.0}, "debt": {"DAI": 9000.0}},
        {"collateral": {"DAI": 2000.0, "USDC": 9000.0}, "debt": {"ETH": 4.0}},
        {"collateral": {"DAI": 9000.0}, "debt": {"ETH": 1.0}},
    ]
    backing = {"ltv": 0.8, "liquidation_threshold": 0.83}
    model = model_of(
        small_world(
            time__steps=6,
            assets__ETH__price__prices=[2000.0, 1500.0, 1500.0, 800.0],
            assets__USDC={"price": {"kind": "constant", "price": 1.0}},
            agents__borrowers=[{"positions": positions}],
            agents__depositors=[{"deposits": {"DAI": 1e6, "ETH": 100.0}}],
            pools__0__reserves=dict.fromkeys(("DAI", "ETH", "USDC"), backing),
            pools__0__losses__layers=[{"kind": "auto_deleverage"}],
            pools__0__losses__recoveries=[{"at_seconds": at, "share": 1.0} for at in (120.0, 240.0)],
        )
    )
    model.run()
    lender, second = model.world.lenders[0], 9000.0 - 8000.0 / 1.05
    back = [model.world.ledger.balance(lender.first_holder + account, 0) for account in (2, 3)]
    assert lender.pool.collateral[2:4, 0] == pytest.approx([0.0, 9000.0 - (second - (2000.0 - LOSS))], abs=1e-9)
    assert back == pytest.approx([2000.0, second - (2000.0 - LOSS)], rel=1e-9)
    assert lender.deleveraged_usd == pytest.approx(0.0, abs=1e-9)


# Presets


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_runs_and_its_losses_add_up(play, assert_losses_add_up, name):
    run = play(
        **UNDER,
        assets__AAVE={"price": {"kind": "constant", "price": 100.0}},
        assets__MKR={"price": {"kind": "constant", "price": 300.0}},
        pools__0__losses={"preset": name},
    )
    assert run.summary["bad_debt_usd"] == pytest.approx(LOSS)
    assert_losses_add_up(run)


def test_layers_beside_a_preset_set_its_terms_or_go_in_before_its_last():
    def stack(*layers: dict[str, Any]) -> list[tuple[str, float | None]]:
        losses = {"preset": "aave_v3_umbrella", "layers": list(layers)}
        pool = {"reserves": {"DAI": {}}, "liquidation": {"design": "aave_v3"}, "losses": losses}
        described = {
            "name": "x",
            "time": {"steps": 1},
            "assets": {"DAI": {"price": {"kind": "constant", "price": 1.0}}},
        }
        scenario = Scenario.from_dict(described | {"pools": [pool]})
        return [(layer.kind, getattr(layer, "capital", None)) for layer in scenario.pools[0].losses.stack()]

    rescue = {"kind": "discretionary_rescue", "capital": 7.0, "probability": 0.5, "delay_seconds": 0.0}
    assert stack({"kind": "staked_same_asset", "cooldown_seconds": 60.0}, rescue) == [
        ("dao_offset", 1_300_000.0),
        ("staked_same_asset", 32_520_000.0),
        ("discretionary_rescue", 7.0),
        ("deferred", None),
    ]
    assert stack({"kind": "dao_offset", "capital": 5.0})[0] == ("dao_offset", 5.0)
