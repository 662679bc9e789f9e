"""What one path amounts to: the figures of the summary.

Fall: of an asset's oracle price, 1 - lowest / first; `max_fall` is the largest over the assets that back debt.
Drift: the distance of an asset's venue price from its reference price, as a fraction of the latter, wherever both are.
Amplification: `max_fall` over the same figure on the same seed without forced sales; 1 where nothing was forced.
Total bad debt: what was realised, and what the positions still open at the end lack of their debt.
Excess loss of borrowers: of the value seized, the part beyond the debt repaid; 0 where nothing was seized.
Concentration of liquidators: the Herfindahl index of their gains, 1 where one gained all; 0 where nobody gained.
"""

from typing import TYPE_CHECKING

import numpy as np

from abm.bad_debts import FROM_SUPPLIERS, PENDING, RECOVERED
from models.losses import UNCOVERED
from models.types import FloatArray

if TYPE_CHECKING:
    import pandas as pd

    from abm.model import UnderwaterModel


def summarise(
    model: "UnderwaterModel", steps: "pd.DataFrame", liquidations: "pd.DataFrame", write_offs: "pd.DataFrame"
) -> dict[str, float]:
    """Return the summary of a finished path, in dollars, shares and counts."""
    layer, paid = write_offs["layer"], write_offs["paid_usd"]
    bad_debt = float(steps["bad_debt_usd"].iloc[-1])
    fall, fall_alone = _falls(model, steps)
    drifts = _drifts(model, steps)
    providers = model.recorder.providers()
    attacks = model.recorder.attacks()
    hoped = [attacker.best_profit_usd for attacker in model.people.attackers]
    return {
        "bad_debt_usd": bad_debt,
        "bad_debt_share": bad_debt / model.initial_debt_usd if model.initial_debt_usd > 0.0 else 0.0,
        "liquidated_usd": float(liquidations["repaid_usd"].sum()),
        "liquidations": float(len(liquidations)),
        "liquidator_profit_usd": float(liquidations["profit_usd"].sum()) + model.recorder.opening_profit_usd,
        "borrower_loss_usd": float(liquidations["seized_usd"].sum() - liquidations["repaid_usd"].sum()),
        **_who_paid(layer.str.split(".").str[0], paid),
        "amplification": _ratio(fall, fall_alone),
        "generations": float(liquidations["generation"].max() + 1) if len(liquidations) else 0.0,
        "max_fall": fall,
        "max_venue_fall": _largest_fall(model, steps, "venue"),
        "peak_underwater_usd": float(steps["underwater_usd"].max()),
        "peak_waiting": float(steps["waiting"].max()),
        "unrealised_shortfall_usd": float(steps["shortfall_usd"].iloc[-1]),
        "total_bad_debt_usd": bad_debt + float(steps["shortfall_usd"].iloc[-1]),
        "time_underwater_usd_hours": float(steps["underwater_usd"].sum()) * model.world.step_seconds / 3600.0,
        "initial_debt_usd": model.initial_debt_usd,
        "gas_burnt_usd": model.recorder.gas_burnt_usd,
        "refused": float(model.recorder.refusals),
        "mended": float(model.recorder.mendings),
        "largest_drift": float(drifts.max()) if drifts.size else 0.0,
        "mean_drift": float(drifts.mean()) if drifts.size else 0.0,
        "arbitrage_profit_usd": model.arbitrage_profit_usd(),
        "provider_fees_usd": float(providers["fees_usd"].sum()),
        "provider_lvr_usd": float(providers["lvr_usd"].sum()),
        "premiums_usd": sum((insurer.premiums_usd for insurer in model.people.insurers), 0.0),
        "insolvent_insurers": float(sum(insurer.insolvent for insurer in model.people.insurers)),
        "attacks": float(len(attacks)),
        "attack_profit_usd": float(attacks["profit_usd"].sum()),
        "attack_expected_profit_usd": max((best for best in hoped if best > -np.inf), default=0.0),
        **_shares_of_liquidations(liquidations),
    }


def _who_paid(kind: "pd.Series", paid: "pd.Series") -> dict[str, float]:
    """Return what became of the bad debt: the figures sum to it.

    Suppliers lose through every layer that cuts their claims; layers are all others beside reserve and insurance.
    """
    suppliers, closing = kind.isin(FROM_SUPPLIERS), kind.isin((PENDING, RECOVERED, UNCOVERED))
    reserve, insurance = kind == "reserve", kind == "insurance"
    return {
        "depositor_loss_usd": float(paid[suppliers].sum()),
        "reserve_paid_usd": float(paid[reserve].sum()),
        "insurer_paid_usd": float(paid[insurance].sum()),
        "layers_paid_usd": float(paid[~(suppliers | closing | reserve | insurance)].sum()),
        "pending_usd": float(paid[kind == PENDING].sum()),
        "recovered_usd": float(paid[kind == RECOVERED].sum()),
        "uncovered_usd": float(paid[kind == UNCOVERED].sum()),
    }


def _shares_of_liquidations(liquidations: "pd.DataFrame") -> dict[str, float]:
    """Return what liquidations cost borrowers beyond their debt, and who got it; prices of the block in which."""
    repaid, seized = float(liquidations["repaid_usd"].sum()), float(liquidations["seized_usd"].sum())
    taken = liquidations[liquidations["seized"] > 0.0]
    fees = taken["protocol_fee"] / taken["seized"] * taken["seized_usd"]
    slipped = float((liquidations["slippage"] * liquidations["seized_usd"]).sum())
    gains = liquidations.groupby("liquidator")["profit_usd"].sum().clip(lower=0.0)
    gained = float(gains.sum())
    return {
        "borrower_excess_loss_share": (seized - repaid) / seized if seized > 0.0 else 0.0,
        "liquidator_concentration": float(((gains / gained) ** 2).sum()) if gained > 0.0 else 0.0,
        "protocol_revenue_usd": float(fees.sum()),
        "mean_slippage": slipped / seized if seized > 0.0 else 0.0,
    }


def _falls(model: "UnderwaterModel", steps: "pd.DataFrame") -> tuple[float, float]:
    """Return the largest fall with forced sales and the same asset's fall without them."""
    names = _collateral(model)
    if not names:
        return 0.0, 0.0
    falls = {name: _fall(steps[f"oracle_{name}"].to_numpy()) for name in names}
    worst = max(falls, key=lambda name: falls[name])
    if not model.cascade.any_sales:
        return falls[worst], falls[worst]
    return falls[worst], _fall(model.cascade.untouched()[:, model.world.index[worst]])


def _drifts(model: "UnderwaterModel", steps: "pd.DataFrame") -> FloatArray:
    """Return the drifts of all assets with a venue at the ends of all blocks, as far as the venue had a price."""
    names = [model.world.assets[base] for base in model.world.exchange_of_base]
    prices = {kind: steps[[f"{kind}_{name}" for name in names]].to_numpy() for kind in ("venue", "reference")}
    drifts: FloatArray = np.abs(prices["venue"] / prices["reference"] - 1.0)
    return drifts[np.isfinite(drifts)]


def _ratio(fall: float, alone: float) -> float:
    if fall == alone:
        return 1.0
    return fall / alone if alone > 0.0 else float("inf")


def _largest_fall(model: "UnderwaterModel", steps: "pd.DataFrame", kind: str) -> float:
    falls = [_fall(steps[f"{kind}_{name}"].to_numpy()) for name in _collateral(model)]
    return max(falls, default=0.0)


def _fall(prices: FloatArray) -> float:
    """Return 1 - lowest / first of the finite prices, 0 where there are none."""
    finite = prices[np.isfinite(prices)]
    return float(1.0 - finite.min() / finite[0]) if finite.size else 0.0


def _collateral(model: "UnderwaterModel") -> list[str]:
    """Return the assets that may back debt in some pool, in the scenario's order."""
    backing = {
        name
        for pool in model.scenario.pools
        for name, reserve in pool.reserves.items()
        if reserve.liquidation_threshold > 0.0
    }
    return [name for name in model.scenario.assets if name in backing]
