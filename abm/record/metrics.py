"""What one path amounts to: the figures of the summary, of which `abm.record.columns.METRICS` says what each means.

Models: assets that may back debt are those of any pool with a liquidation threshold, but for claims, which fall with
their pools. A run starts when a tenth has left: what was withdrawn and has not come back, and what waits to leave, over
all claims at the start.
Units: dollars, shares and counts.
"""

from math import fsum
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from abm.losses.bad_debts import PENDING, RECOVERED, RESERVE
from abm.pools.sight import shortfalls
from abm.record.exit_order import hole_in_claims, lost_by_cohort, lost_by_others
from abm.record.frames import Columns
from models.losses import UNCOVERED
from models.types import BoolArray, FloatArray

if TYPE_CHECKING:
    from abm.model import UnderwaterModel

NEAR_ZERO: Final = 0.05
INSURANCE: Final = "insurance"

RUN_SHARE = 0.1
"""The part of all claims whose leaving is a run."""


def summarise(model: "UnderwaterModel") -> dict[str, float]:
    """Return the summary of a finished path, in dollars, shares and counts."""
    steps, liquidations = model.recorder.blocks(), model.recorder.columns("liquidations")
    bad_debt, shortfall = float(steps["bad_debt_usd"][-1]), float(steps["shortfall_usd"][-1])
    fall, fall_alone = _falls(model, steps)
    drifts = _drifts(model, steps)
    loans = [lender.loans for lender in model.world.lenders if lender.loans is not None]
    soft_loss = fsum(one.lost_usd for one in loans)
    providers, attacks = model.recorder.columns("providers"), model.recorder.columns("attacks")
    last_resort = {one.name for one in model.people.backstops}
    competing = np.array([name not in last_resort for name in liquidations["liquidator"]], dtype=np.bool_)
    # What an account of last resort is paid for opening is no liquidator's profit either.
    opening = fsum(usd for name, usd in model.recorder.opening_profits_usd.items() if name not in last_resort)
    profit = float(liquidations["profit_usd"][competing].sum()) + opening
    hoped = [attacker.best_profit_usd for attacker in model.people.attackers]
    return {
        "bad_debt_usd": bad_debt,
        "bad_debt_share": bad_debt / model.initial_debt_usd if model.initial_debt_usd > 0.0 else 0.0,
        "liquidated_usd": float(liquidations["repaid_usd"].sum()),
        "liquidations": float(competing.size),
        "liquidator_profit_usd": profit,
        "borrower_loss_usd": float(liquidations["seized_usd"].sum() - liquidations["repaid_usd"].sum())
        - model.recorder.redistributed_gain_usd
        + soft_loss,
        "soft_loss_usd": soft_loss,
        "soft_liquidated_usd": fsum(one.sold_usd for one in loans),
        **_who_paid(model, model.recorder.columns("write_offs")),
        "amplification": _ratio(fall, fall_alone),
        "generations": float(liquidations["generation"].max() + 1) if competing.size else 0.0,
        "max_fall": fall,
        "max_venue_fall": _largest_fall(model, steps, "venue"),
        "peak_underwater_usd": float(steps["underwater_usd"].max()),
        "peak_waiting": float(steps["waiting"].max()),
        "unrealised_shortfall_usd": shortfall,
        "total_bad_debt_usd": bad_debt + shortfall,
        "market_shortfall_usd": _market_shortfall_usd(model),
        "time_underwater_usd_hours": float(steps["underwater_usd"].sum()) * model.world.step_seconds / 3600.0,
        "initial_debt_usd": model.initial_debt_usd,
        "gas_burnt_usd": model.recorder.gas_burnt_usd,
        **_bid_away(model, profit),
        **_last_resort(model, liquidations["repaid_usd"][~competing]),
        **_liquidators(model, steps),
        "refused": float(model.recorder.refusals),
        "in_kind_loss_usd": model.recorder.in_kind_loss_usd,
        "stability_pool_profit_usd": model.recorder.stability_pool_profit_usd,
        "mended": float(model.recorder.mendings),
        "largest_drift": float(drifts.max()) if drifts.size else 0.0,
        "mean_drift": float(drifts.mean()) if drifts.size else 0.0,
        "arbitrage_profit_usd": model.arbitrage_profit_usd(),
        "provider_fees_usd": float(providers["fees_usd"].sum()),
        "provider_lvr_usd": float(providers["lvr_usd"].sum()),
        "premiums_usd": fsum(insurer.premiums_usd for insurer in model.people.insurers),
        "insolvent_insurers": float(sum(insurer.insolvent for insurer in model.people.insurers)),
        "attacks": float(attacks["step"].size),
        "attack_profit_usd": float(attacks["profit_usd"].sum()),
        "attack_expected_profit_usd": max((best for best in hoped if best > -np.inf), default=0.0),
        **_run_of_depositors(model, steps),
        **_shares_of_liquidations(liquidations, competing, model.recorder.rights_protocol_usd),
        **_auctions(model.recorder.columns("auctions")),
    }


def _market_shortfall_usd(model: "UnderwaterModel") -> float:
    """Return what open positions lack of their debt on the rest of the market, whatever oracles say of them."""
    world = model.world
    return fsum(
        units * world.reference[asset]
        for lender in world.lenders
        if (lacking := shortfalls(world, lender)) is not None
        for units, asset in zip(lacking.tolist(), lender.assets, strict=True)
    )


def _who_paid(model: "UnderwaterModel", write_offs: Columns) -> dict[str, float]:
    """Return what became of the bad debt: the figures sum to it.

    Suppliers lose through every layer that cuts their claims; layers are all others beside reserve and insurance.
    """
    kinds, paid = [layer.partition(".")[0] for layer in write_offs["layer"]], write_offs["paid_usd"]

    def paid_by(*names: str, others: bool = False) -> float:
        return float(paid[np.array([(kind in names) != others for kind in kinds], dtype=np.bool_)].sum())

    waterfalls = [one.waterfall for losses in model.losses for one in losses.reserves]
    cuts = {
        name.partition(".")[0]
        for waterfall in waterfalls
        for name, payer in zip(waterfall.names, waterfall.payers, strict=True)
        if payer.cuts_suppliers
    }
    named = (*cuts, PENDING, RECOVERED, UNCOVERED, RESERVE, INSURANCE)
    return {
        "depositor_loss_usd": paid_by(*cuts),
        "reserve_paid_usd": paid_by(RESERVE),
        "insurer_paid_usd": paid_by(INSURANCE),
        "layers_paid_usd": paid_by(*named, others=True),
        "pending_usd": paid_by(PENDING),
        "recovered_usd": paid_by(RECOVERED),
        "uncovered_usd": paid_by(UNCOVERED),
    }


def _auctions(lots: Columns) -> dict[str, float]:
    """Return how many auctions there were, how many are still open, and how many of the others gave the lot away."""
    over = (lots["open"] == 0) & (lots["sold"] > 0.0)
    raised, sold = lots["raised_usd"][over], lots["sold_usd"][over]
    near_zero = raised < NEAR_ZERO * sold
    return {
        "auctions": float(over.size),
        "auctions_open": float(lots["open"].sum()),
        "auctions_near_zero_share": float(near_zero.mean()) if near_zero.size else 0.0,
        "given_away_usd": float((sold - raised)[near_zero].sum()),
    }


def _run_of_depositors(model: "UnderwaterModel", steps: Columns) -> dict[str, float]:
    """Return when a run started, how many left at most and for good, and what the last of them lost."""
    claims = float(steps["deposits_usd"][0] + steps["withdrawn_usd"][0])
    waits = steps["queued_withdrawals_usd"]
    left = (steps["withdrawn_usd"] + waits) / claims if claims > 0.0 else np.zeros(waits.size)
    running = np.flatnonzero(left >= RUN_SHARE)
    onset = float(running[0]) if running.size else float(left.size)
    tenths = model.recorder.columns("depositors")
    haircuts = tenths["haircut"]
    return {
        "run_onset_seconds": onset * model.world.step_seconds,
        "peak_left_share": float(left.max()),
        "left_share": float(left[-1]),
        "peak_queue_usd": float(waits.max()),
        "largest_haircut": float(haircuts.max()) if haircuts.size else 0.0,
        "hole_in_claims_usd": hole_in_claims(model.world),
        **lost_by_cohort(tenths),
        "other_suppliers_lost_usd": lost_by_others(model.world, model.people.depositors),
    }


def _bid_away(model: "UnderwaterModel", profit_usd: float) -> dict[str, float]:
    """Return what liquidators bid away against one another, in gas and for rights to call, and who got the latter."""
    recorder = model.recorder
    gained = profit_usd + recorder.bid_away_usd - recorder.bid_in_vain_usd
    return {
        "bid_away_usd": recorder.bid_away_usd,
        "bid_away_share": recorder.bid_away_usd / gained if gained > 0.0 else 0.0,
        "oev_auctions": float(recorder.rights_sold),
        "oev_revenue_usd": recorder.rights_protocol_usd,
        "oev_auctioneers_usd": recorder.rights_auctioneers_usd,
    }


def _liquidators(model: "UnderwaterModel", steps: Columns) -> dict[str, float]:
    """Return how many liquidators act, how many calls fail to each who calls, and how much the largest gainer gains."""
    tallies = [one for cohort in model.people.liquidators for one in cohort.tallies]
    callers = sum(one.calls > 0 for one in tallies)
    gains = [max(one.profit_usd, 0.0) for one in tallies]
    prices = model.world.reference
    by_holding = fsum(one.holding_usd(k, prices) for one in model.people.liquidators for k in range(one.terms.count))
    return {
        "active_liquidators": float(steps["active_liquidators"].mean()),
        "failed_calls_per_liquidator": sum(one.failed for one in tallies) / callers if callers else 0.0,
        "largest_liquidator_share": max(gains) / fsum(gains) if fsum(gains) > 0.0 else 0.0,
        "liquidator_holding_usd": by_holding,
        "liquidator_net_usd": fsum(one.profit_usd for one in tallies) + by_holding,
    }


def _last_resort(model: "UnderwaterModel", taken_usd: FloatArray) -> dict[str, float]:
    """Return what the accounts of last resort took, and their profit with what they still hold at reference prices."""
    backstops = model.people.backstops
    capital = fsum(one.terms.capital_usd for one in backstops)
    return {
        "backstop_taken_usd": float(taken_usd.sum()),
        "backstop_profit_usd": model.capital.last_resort_usd() - capital if backstops else 0.0,
    }


def _shares_of_liquidations(liquidations: Columns, competing: BoolArray, for_rights_usd: float) -> dict[str, float]:
    """Return what liquidations cost borrowers beyond their debt, and who got it; prices of the block in which."""
    repaid, seized = float(liquidations["repaid_usd"].sum()), float(liquidations["seized_usd"].sum())
    taken = liquidations["seized"] > 0.0
    fees = liquidations["protocol_fee"][taken] / liquidations["seized"][taken] * liquidations["seized_usd"][taken]
    slipped = float((liquidations["slippage"] * liquidations["seized_usd"]).sum())
    gains = _gains(liquidations["liquidator"][competing], liquidations["profit_usd"][competing])
    gained = float(gains.sum())
    return {
        "borrower_excess_loss_share": (seized - repaid) / seized if seized > 0.0 else 0.0,
        "liquidator_concentration": float(((gains / gained) ** 2).sum()) if gained > 0.0 else 0.0,
        "protocol_revenue_usd": float(fees.sum()) + for_rights_usd,
        "mean_slippage": slipped / seized if seized > 0.0 else 0.0,
    }


def _gains(names: NDArray[np.object_], profits_usd: FloatArray) -> FloatArray:
    """Return what each of those gained who did, 0 for the others, in the order of names; sums are Kahan's."""
    sums: dict[str, tuple[float, float]] = {}
    for name, profit in zip(names, profits_usd.tolist(), strict=True):
        so_far, rounding = sums.get(name, (0.0, 0.0))
        added = profit - rounding
        total = so_far + added
        sums[name] = total, total - so_far - added
    return np.array([max(sums[name][0], 0.0) for name in sorted(sums)])


def _falls(model: "UnderwaterModel", steps: Columns) -> tuple[float, float]:
    """Return the largest fall with forced sales and the same asset's fall without them."""
    names = _collateral(model)
    if not names:
        return 0.0, 0.0
    falls = {name: _fall(steps[f"oracle_{name}"]) for name in names}
    worst = max(falls, key=lambda name: falls[name])
    if not model.cascade.reached:
        return falls[worst], falls[worst]
    return falls[worst], _fall(model.cascade.untouched()[:, model.world.index[worst]])


def _drifts(model: "UnderwaterModel", steps: Columns) -> FloatArray:
    """Return the drifts of all assets with a venue at the ends of all blocks, as far as the venue had a price."""
    names = [model.world.assets[base] for base in model.world.exchange_of_base]
    venue, reference = (np.array([steps[f"{kind}_{name}"] for name in names]).T for kind in ("venue", "reference"))
    drifts: FloatArray = np.abs(venue / reference - 1.0)
    return drifts[np.isfinite(drifts)]


def _ratio(fall: float, alone: float) -> float:
    if fall == alone:
        return 1.0
    return fall / alone if alone > 0.0 else float("inf")


def _largest_fall(model: "UnderwaterModel", steps: Columns, kind: str) -> float:
    falls = [_fall(steps[f"{kind}_{name}"]) for name in _collateral(model)]
    return max(falls, default=0.0)


def _fall(prices: FloatArray) -> float:
    """Return 1 - lowest / first of the finite prices, 0 where there are none."""
    finite = prices[np.isfinite(prices)]
    return float(1.0 - finite.min() / finite[0]) if finite.size else 0.0


def _collateral(model: "UnderwaterModel") -> list[str]:
    """Return the assets that may back debt in some pool, in the scenario's order; claims fall with their pools."""
    backing = {
        name
        for pool in model.world.scenario.pools
        for name, reserve in pool.reserves.items()
        if reserve.liquidation_threshold > 0.0
    }
    claims = {model.world.assets[asset] for asset in model.world.claims.of}
    return [name for name in model.world.scenario.assets if name in backing - claims]
