"""An insurer's block: what it owns and owes, its premiums, its minimum of capital, its owners.

Models: premiums come in cash from the treasury's income, as far as there is treasury and cash; what is missing stays
due. A block's premium is the one that was set before it, and nothing where cover had ended. A priced premium is spread
over the reserves by what is owed to each.
"""

from math import fsum
from typing import TYPE_CHECKING

from abm.agents.insurer import YEAR_SECONDS, Insurer, Sheet
from models.ledger import OUTSIDE

if TYPE_CHECKING:
    from abm.view import View
    from abm.world import World


def sheet_of(world: "World", insurer: Insurer) -> Sheet:
    """Return an insurer's balance sheet at the reference prices."""
    lender, reference = world.lenders[insurer.pool], world.reference
    money = tokens = claims = 0.0
    for asset, name in enumerate(world.assets):
        worth = world.ledger.balance(insurer.account, asset) * reference[asset]
        if name in insurer.terms.tokens:
            tokens += worth
        else:
            money += worth
    if insurer.claims_account >= 0:
        held = ((lender.pool.claims(insurer.claims_account, r), asset) for r, asset in enumerate(lender.assets))
        claims = fsum(units * reference[asset] for units, asset in held)
    return Sheet(money, claims, tokens, fsum(payer.owed_usd for payer in insurer.payers))


def underwrite(world: "World", view: "View", insurer: Insurer) -> None:
    """Do what an insurer does in a block, its stakers aside."""
    terms = insurer.terms
    if insurer.premium_share > 0.0 or terms.pricing is not None:
        _collect(world, insurer)
    if terms.pricing is not None or terms.min_capital_ratio > 0.0 or terms.renewal_seconds is not None:
        lender = world.lenders[insurer.pool]
        insured_usd = lender.pool.worth(lender.price_list).debt
        sheet = sheet_of(world, insurer)
        minimum = insurer.minimum_usd(insured_usd, world.now)
        brought = insurer.call_for_capital(sheet, minimum, world.now)
        if brought > 0.0:
            mark_equity(world, insurer)
            bring_capital(world, insurer, brought)
            insurer.brought_usd += brought
            insurer.stake.enter(0, brought, world.now)
            sheet = sheet_of(world, insurer)
        insurer.renew(sheet, minimum, world.now)
        insurer.price(view, sheet, insured_usd)


def mark_equity(world: "World", insurer: Insurer) -> None:
    """Let the shares in an insurer be worth what its equity is; at the start it is all its owners'."""
    equity = max(sheet_of(world, insurer).equity_usd, 0.0)
    if not insurer.started:
        insurer.started = True
        insurer.stake.shares[0] = equity
    insurer.stake.mark(equity if insurer.stake.shares.any() else 0.0)


def bring_capital(world: "World", insurer: Insurer, usd: float) -> None:
    """Let owners bring capital in the first asset that the insurer has."""
    asset = capital_asset(world, insurer)
    world.ledger.transfer(OUTSIDE, insurer.account, asset, usd / world.reference[asset])


def capital_asset(world: "World", insurer: Insurer) -> int:
    """Return the asset in which capital comes and goes: the first of its money, or of its tokens."""
    named = [*insurer.terms.capital, *insurer.terms.tokens, *insurer.terms.pool_claims]
    return world.index[named[0]] if named else world.lenders[insurer.pool].assets[0]


def _collect(world: "World", insurer: Insurer) -> None:
    """Collect what is due of premiums, in cash as far as there is any."""
    lender = world.lenders[insurer.pool]
    pool, reference = lender.pool, world.reference
    years = world.step_seconds / YEAR_SECONDS if world.step > 0 else 0.0
    priced_usd = insurer.premium_usd_per_year * years
    owed_usd = pool.worth(lender.price_list).debt if priced_usd > 0.0 else 0.0
    for reserve, income in enumerate(lender.income):
        price = reference[lender.assets[reserve]]
        priced = 0.0
        if owed_usd > 0.0:
            priced = priced_usd * float(pool.total_debt[reserve]) * lender.price_list[reserve] / owed_usd / price
        due = insurer.owe(reserve, income, priced)
        if due == 0.0:
            continue
        paid = min(due, float(pool.cash[reserve]), float(pool.treasury[reserve]))
        if paid > 0.0:
            pool.collect_treasury(reserve, paid)
            world.ledger.transfer(lender.account, insurer.account, lender.assets[reserve], paid)
            insurer.collected(reserve, paid, price)
