"""What every column of every table of a path says; the tables are made of these, in this order."""

from typing import Final

Meanings = dict[str, str]
"""A sentence for each column, in the order of its table."""

UNITS: Final = (
    "Dollars (_usd) are at the reference prices of the block in which something happened, but in steps what "
    "pools owe, are owed and hold, and what leaves them or waits to, is at the prices of their oracles. "
    "Amounts without a unit are units of the asset that stands beside them; prices are quote per base, shares "
    "are fractions. Every table begins with path, the number of the path from 0 on."
)

PRICES: Final[Meanings] = {
    "reference": "price of the asset on the rest of the market, in dollars",
    "venue": "price that our venue shows for the asset, in dollars; nan where nobody buys or sells",
    "oracle": "price of the asset that the protocol believes, in dollars",
    "unforced": "what the oracle would have said on the same seed, had nobody been forced to sell",
}
"""Columns of `steps` for each asset: the name, an underscore, the asset."""

BLOCK: Final[Meanings] = {
    "debt_usd": "what is owed to all pools",
    "collateral_usd": "what is posted in all pools",
    "liquidatable_usd": "debt of the accounts below the health at which their design lets them be liquidated",
    "underwater_usd": "debt of the accounts that owe more than their collateral is worth to the oracles",
    "shortfall_usd": "what the collateral of those accounts lacks of their debt",
    "bad_debt_usd": "bad debt realised so far, at the reference price of its block",
    "deposits_usd": "what suppliers claim, at par",
    "cash_usd": "what lies in the pools and can be withdrawn or borrowed",
    "utilisation": "debt over debt and cash",
    "gas_gwei": "going price of gas",
    "liquidations": "liquidations in the block",
    "waiting": "accounts that could be liquidated at the end of the block",
    "refused": "calls that the block refused",
    "liquidator_capital_usd": "what liquidators with limited capital own, money locked in bids included",
    "liquidator_capital_in_use_usd": "of that, what was repaid in the block, is held as collateral or locked in bids",
    "deficit_usd": "hole in the pools' books: bad debt that nobody has paid yet",
    "treasury_usd": "the protocol's own claims on the pools",
    "insurer_capital_usd": "what insurers own",
    "queued_withdrawals_usd": "claims that wait to be withdrawn",
    "arbitrage_capital_usd": "what arbitrageurs can trade with; nan where one is without limit",
    "queue_length": "requests that wait to be withdrawn",
    "withdrawn_usd": "what was withdrawn so far, less what was brought back",
    "borrow_rate_per_year": "highest rate that borrowers of any reserve pay",
    "backstop_usd": "what the accounts of last resort own",
    "active_liquidators": "liquidators who have come, and are not in reserve",
    "absorbed_usd": "of the bad debt so far, what loss layers have paid other than by cutting claims",
    "written_off_usd": "of the bad debt so far, what was cut from suppliers' claims",
    "pending_usd": "of the bad debt so far, what some layer still owes",
    "uncovered_usd": "of the bad debt so far, what nobody has taken",
    "recovered_usd": "of the bad debt so far, what came back before anybody had paid it",
    "layers_capital_usd": "money that loss layers have of their own",
}

STEPS: Final[Meanings] = {
    "step": "block, from 0 on",
    "time_seconds": "seconds since the start at the beginning of the block",
    **{f"{name}_<asset>": said for name, said in PRICES.items()},
    **BLOCK,
}

_POOL: Final = "pool"
_EVENT: Final[Meanings] = {"step": "block in which it happened", _POOL: "pool", "account": "account in the pool"}
_SAMPLE: Final[Meanings] = {"step": "block of the sample", "time_seconds": "seconds since the start"}

LIQUIDATIONS: Final[Meanings] = {
    **_EVENT,
    "liquidator": "who called, or won the auction; `depositors` where lenders took collateral in kind",
    "debt_asset": "asset that was repaid",
    "repaid": "units of debt that are gone by it",
    "collateral_asset": "asset that was seized",
    "seized": "units that left the borrower",
    "protocol_fee": "the part of them that the protocol kept",
    "gas_usd": "what the liquidator paid for gas",
    "profit_usd": "what the liquidator gained after gas and rights; what it holds counts at the reference price",
    "slippage": "1 less the average price of its sale over the price of the first unit; 0 where nothing was sold",
    "generation": "0 where the exogenous price alone would have triggered it, n + 1 where sales of generation n did",
    "repaid_usd": "`repaid` in dollars",
    "seized_usd": "`seized` in dollars",
}

WRITE_OFFS: Final[Meanings] = {
    **_EVENT,
    "debt_asset": "asset that is owed",
    "amount": "units of the whole bad debt; it has a row for each layer that took a part",
    "layer": "who took the part: a loss layer, `depositors`; or it is `pending`, `recovered` or `uncovered`",
    "paid": "units of the part; those of one bad debt add up to its amount",
    "paid_usd": "`paid` in dollars of the block in which the debt was recognised as bad",
}

AUCTIONS: Final[Meanings] = {
    "step": "block of the last sale; -1 where there was none",
    _POOL: "pool",
    "account": "account whose collateral is for sale",
    "opener": "who opened it",
    "opened_step": "block in which it was opened",
    "collateral_asset": "asset that is for sale",
    "debt_asset": "asset that is to be raised",
    "units": "units for sale at the opening",
    "due": "units of debt behind the lot at the opening",
    "tab": "units of debt to be raised, penalty included",
    "sold": "units sold so far",
    "raised": "units of the debt's asset that they brought",
    "returned": "units that went back to the borrower",
    "sold_usd": "`sold` in dollars of their blocks",
    "raised_usd": "`raised` in dollars of their blocks",
    "bids": "bids that have led",
    "resets": "how often it was started afresh",
    "open": "1 while it is still for sale, else 0",
    "generation": "which sales made the account liquidatable, as for a liquidation",
}

LIQUIDATORS: Final[Meanings] = {
    "cohort": "cohort of liquidators",
    "member": "number within the cohort",
    "liquidator": "name in the other tables",
    "calls": "calls that liquidate, open, start afresh or bid",
    "failed": "of them, those refused by the block or before it",
    "left_out": "of them, those for which the block had no room or gas was too dear",
    "liquidations": "liquidations and lots won",
    "repaid_usd": "what it repaid",
    "profit_usd": "what it gained after all gas, that of failed calls and of sales too, and after rights",
    "gas_usd": "gas that it paid",
    "holding_usd": "what it gained beside that by holding what it seized, what it still holds at reference prices",
    "active": "0 for one that is in reserve at the end, else 1",
}

DEPOSITORS: Final[Meanings] = {
    "cohort": "cohort of depositors",
    _POOL: "pool",
    "asset": "asset that was deposited",
    "group": "tenth of the cohort by exit order, 0 for those who asked first; a small cohort has fewer",
    "members": "members in the group",
    "deposited": "units deposited at first",
    "brought_back": "units brought back later",
    "paid_out": "units paid out",
    "in_kind": "units of claims given up for collateral",
    "claims": "units still claimed, at par",
    "cut": "units that haircuts have cut",
    "pending": "units of the hole in the books that fall on the claims left, in proportion",
    "haircut": "part cut or pending of what was due",
    "left_share": "part paid out of what was due",
    "asked_members": "members who have asked to leave",
    "asked_seconds": "mean time at which they first asked; nan where nobody did",
    "price_usd": "reference price of the asset at the end",
}

PROVIDERS: Final[Meanings] = {
    "cohort": "cohort of liquidity providers",
    "market": "market",
    "source": "pool that they provide to",
    "member": "number within the cohort",
    "provided_usd": "what it provided at first",
    "value_usd": "what it owns at the end, fees and wallet included",
    "hold_value_usd": "what its first deposit would be worth at the end",
    "fees_usd": "fees that it has earned",
    "lvr_usd": "loss-versus-rebalancing: what trades cost it against trading at the reference price of their block",
    "away_seconds": "how long it was not in the pool",
}

ATTACKS: Final[Meanings] = {
    "step": "block in which it began",
    "attacker": "who attacks",
    "strategy": "how it gains",
    "asset": "asset whose price is moved",
    "oracle": "kind of the asset's oracle",
    "pushed_to": "venue price after the last push, quote per base",
    "blocks": "blocks in which it acted",
    "spent_usd": "what it has spent so far",
    "gained_usd": "what it has gained so far",
    "profit_usd": "gained less spent",
    "expected_profit_usd": "what it expected when it began",
}

DEPTH: Final[Meanings] = {
    **_SAMPLE,
    "market": "market",
    "base": "its base asset",
    "quote": "its quote asset",
    "source": "source of liquidity",
    "side": "`bid`: what can be sold; `ask`: what can be bought",
    "mid": "the venue's mid price",
    "distance": "distance from the mid, as a fraction of it",
    "base_units": "units of the base that can be traded with the source within that distance",
}

TRADES: Final[Meanings] = {
    "step": "first block of the stretch of time over which trades are added up",
    "time_seconds": "seconds since the start at its beginning",
    "market": "market",
    "base": "its base asset",
    "quote": "its quote asset",
    "taker": "kind of agent who traded",
    "maker": "kind of agent, or the pool, with whom",
    "side": "what the taker did with the base: sell or buy",
    "trades": "number of trades",
    "base_units": "units of the base that changed hands",
    "quote_units": "units of the quote that changed hands, a book's fee on takers not included",
    "usd": "the same in dollars",
}

LANDSCAPE: Final[Meanings] = {
    **_SAMPLE,
    _POOL: "pool",
    "asset": "collateral whose price is meant, the largest of a position",
    "price_low": "lower end of a bin of liquidation prices, in dollars",
    "price_high": "its upper end",
    "debt_usd": "debt that can be liquidated once the oracle's price is in the bin",
}

NODES: Final[Meanings] = {
    **_SAMPLE,
    "node": "a pool, cohort, claim or insurer, as in `exposures`",
    "loss_usd": "how far it is below what it was at the start",
}

EXPOSURES: Final[Meanings] = {
    "source": "who loses",
    "target": "when whom fails",
    "kind": "by what it depends on it",
    "usd": "dollars that it would lose at most, at the start",
}

BALANCE_SHEETS: Final[Meanings] = {
    "step": "end of this block",
    _POOL: "pool",
    "asset": "reserve",
    "cash": "units in the pool",
    "debt": "units owed to it",
    "deficit": "units of bad debt that nobody has paid",
    "claims": "units that suppliers claim, at par",
    "treasury": "units of the protocol's own claim",
    "assets": "cash and debt",
    "equity": "treasury less deficit: assets = claims + equity",
    "pending": "of the deficit, what some layer owes",
    "uncovered": "of the deficit, what nobody has taken",
}

METRICS: Final[Meanings] = {
    "bad_debt_usd": "bad debt realised: what was recognised as not covered by any collateral",
    "bad_debt_share": "the same over the debt at the start",
    "liquidated_usd": "debt repaid by liquidations",
    "liquidations": "number of liquidations",
    "liquidator_profit_usd": "what liquidators gained by the calls that went through, after their gas and rights",
    "borrower_loss_usd": "seized beyond the debt repaid, and soft loss, less what others gain who take positions over",
    "soft_loss_usd": "what collateral in bands gave less what it got, each trade at the prices of its block",
    "soft_liquidated_usd": "what collateral in bands was sold for, net of each block's purchases",
    "depositor_loss_usd": "bad debt paid by cutting suppliers' claims",
    "reserve_paid_usd": "bad debt paid by the protocol's reserves",
    "insurer_paid_usd": "bad debt paid by insurers",
    "layers_paid_usd": "bad debt paid by all other loss layers",
    "pending_usd": "bad debt that some layer still owes",
    "recovered_usd": "bad debt that came back before anybody had paid it",
    "uncovered_usd": "bad debt that nobody has taken",
    "amplification": "max_fall over the same asset's fall without forced sales; 1 where nothing was forced",
    "generations": "1 more than the highest generation of a liquidation; 0 without any",
    "max_fall": "1 - lowest / first of an oracle's price, the largest of the assets that back debt",
    "max_venue_fall": "the same of the venues' prices",
    "peak_underwater_usd": "most debt that was under water at the end of a block",
    "peak_waiting": "most accounts that could be liquidated at the end of a block",
    "unrealised_shortfall_usd": "what positions still open at the end lack of their debt, by their oracles",
    "total_bad_debt_usd": "bad debt realised, and that shortfall",
    "market_shortfall_usd": "what positions still open at the end lack of their debt on the rest of the market",
    "time_underwater_usd_hours": "debt under water, added up over time",
    "initial_debt_usd": "debt at the start",
    "gas_burnt_usd": "gas that liquidators paid, for calls gone through or refused",
    "bid_away_usd": "what liquidators paid because of their rivals, for gas and for rights to call",
    "bid_away_share": "the same over what calls that went through would have gained without it",
    "oev_auctions": "rights to call that were sold",
    "oev_revenue_usd": "what the protocol got for them",
    "oev_auctioneers_usd": "what auctioneers got for them",
    "backstop_taken_usd": "debt repaid by accounts of last resort",
    "backstop_profit_usd": "what they gained, with what they still hold at reference prices",
    "active_liquidators": "mean over the blocks of liquidators who have come and are not in reserve",
    "liquidator_holding_usd": "what they gained by holding what they seized, what they still hold at reference prices",
    "liquidator_net_usd": "that, and their profit after all gas, that of failed calls and sales too, and after rights",
    "failed_calls_per_liquidator": "calls refused over liquidators who called",
    "largest_liquidator_share": "the largest gainer's share of what those gained who did, after all gas",
    "refused": "calls that blocks refused",
    "in_kind_loss_usd": "claims that lenders gave up beyond the worth of the collateral that they took for them",
    "stability_pool_profit_usd": "what stability pools gained by taking over positions",
    "mended": "positions that borrowers mended",
    "largest_drift": "largest distance of a venue's price from the reference price, as a fraction of the latter",
    "mean_drift": "mean of that distance over blocks and assets with a venue",
    "arbitrage_profit_usd": "what arbitrageurs gained, inventory at the reference price",
    "provider_fees_usd": "fees that liquidity providers earned",
    "provider_lvr_usd": "their loss-versus-rebalancing",
    "premiums_usd": "premiums that insurers collected",
    "insolvent_insurers": "insurers that could not pay what they owed",
    "attacks": "attacks begun on a venue's price",
    "attack_profit_usd": "what they gained less what they cost",
    "attack_expected_profit_usd": "the most that any attacker ever expected, acting or not; 0 without any",
    "run_onset_seconds": "when a tenth of all claims had left or wished to; the end of the path where that never was",
    "peak_left_share": "most of all claims at the start that had left, net, or waited to",
    "left_share": "the same at the end",
    "peak_queue_usd": "most claims that waited to be withdrawn",
    "largest_haircut": "part lost of what it was due by the tenth of a cohort of depositors that lost most",
    "hole_in_claims_usd": "part of the holes in the books that falls on claims that are assets, whoever holds them",
    "depositors_<n>_lost_usd": "what cohort n lost: claims cut, and its part of holes still in the books",
    "depositors_<n>_lost_share": "the same over all that it was due",
    "other_suppliers_lost_usd": "the same, lost by suppliers who are in no cohort",
    "borrower_excess_loss_share": "of the value seized, the part beyond the debt repaid",
    "liquidator_concentration": "Herfindahl index of liquidators' gains: 1 where one gained all, 0 where nobody gained",
    "protocol_revenue_usd": "the protocol's part of what was seized, and what it got for rights to call",
    "mean_slippage": "slippage of liquidators' sales, weighted by what was seized",
    "auctions": "lots opened",
    "auctions_open": "of them, those still for sale at the end",
    "auctions_near_zero_share": "of those over that sold anything, those that raised under a twentieth of its worth",
    "given_away_usd": "what those sold, at the reference prices of the time, less what they raised",
}
"""The summary of a path. Of several paths it is the mean; `experiments.stored.aggregate` says what is beside it."""

PATHS: Final[Meanings] = {
    "seed": "seed of the path",
    "status": "finished or failed",
    "error": "why it failed",
    "weight": "of the path in means and quantiles over paths, where `[sampling]` makes some more likely",
    **METRICS,
}

TABLES: Final[dict[str, tuple[str, Meanings]]] = {
    "steps": ("a row a block", STEPS),
    "liquidations": ("a row a liquidation", LIQUIDATIONS),
    "auctions": ("a row a lot, in the order in which they were opened", AUCTIONS),
    "liquidators": ("a row a liquidator, at the end", LIQUIDATORS),
    "write_offs": ("a row for each layer that took a part of a bad debt", WRITE_OFFS),
    "balance_sheets": ("a row a block and reserve", BALANCE_SHEETS),
    "depositors": ("a row for each tenth of a cohort of depositors by exit order, at the end", DEPOSITORS),
    "nodes": ("a row a sample and node", NODES),
    "exposures": ("a row for each dependence at the start", EXPOSURES),
    "landscape": ("a row a sample and bin of prices with debt in it", LANDSCAPE),
    "depth": ("a row a sample, source, side and distance", DEPTH),
    "trades": ("a row for each stretch of time and pair of those who traded", TRADES),
    "providers": ("a row a liquidity provider, at the end", PROVIDERS),
    "attacks": ("a row an attack", ATTACKS),
    "paths": ("a row a path: what it amounts to, the figures of the summary", PATHS),
}
"""What a row of each table is, and its columns behind the path."""

WORDS: Final = frozenset(
    {
        "pool", "liquidator", "debt_asset", "collateral_asset", "layer", "market", "base", "quote", "source", "side",
        "taker", "maker", "cohort", "attacker", "strategy", "asset", "oracle", "opener", "node", "target", "kind",
    }
)  # fmt: skip
"""Columns of text."""

WHOLE: Final = frozenset(
    {
        "path", "step", "account", "generation", "trades", "member", "blocks", "opened_step", "bids", "resets", "open",
        "group", "members", "asked_members", "calls", "failed", "left_out", "liquidations", "active",
    }
)  # fmt: skip
"""Columns of whole numbers; all others are float64. A table without rows has the same types as a full one."""
