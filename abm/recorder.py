"""The recorder: writes down every block, every liquidation and every write-off, in columns."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.bad_debts import BadDebt
from abm.exit_order import DEPOSITOR_COLUMNS, by_exit_order
from abm.node_losses import NODE_COLUMNS, NodeLosses
from abm.survey import Survey
from models.types import FloatArray, Side

if TYPE_CHECKING:
    import pandas as pd

    from abm.agents.attacker import Attack
    from abm.model import UnderwaterModel
    from abm.world import World
    from models.exposure import Exposure

DEPTH_DISTANCES = (
    0.001, 0.0025, 0.005, 0.0075, 0.01, 0.0125, 0.015, 0.0175, 0.02, 0.025, 0.03, 0.04, 0.05, 0.0625, 0.075, 0.0875,
    0.1, 0.125, 0.15, 0.2, 0.25, 0.3,
)  # fmt: skip
_DISTANCES = np.array(DEPTH_DISTANCES)
SIDES: tuple[tuple[str, Side], ...] = (("bid", "sell"), ("ask", "buy"))

LIQUIDATION_COLUMNS = (
    "step", "pool", "account", "liquidator", "debt_asset", "repaid", "collateral_asset", "seized", "protocol_fee",
    "gas_usd", "profit_usd", "slippage", "generation", "repaid_usd", "seized_usd",
)  # fmt: skip
WRITE_OFF_COLUMNS = ("step", "pool", "account", "debt_asset", "amount", "layer", "paid", "paid_usd")
DEPTH_COLUMNS = ("step", "time_seconds", "market", "base", "quote", "source", "side", "mid")
TRADE_COLUMNS = (
    "step", "time_seconds", "market", "base", "quote", "taker", "maker", "side", "trades", "base_units", "quote_units",
    "usd",
)  # fmt: skip
PROVIDER_COLUMNS = (
    "cohort", "market", "source", "member", "provided_usd", "value_usd", "hold_value_usd", "fees_usd", "lvr_usd",
    "away_seconds",
)  # fmt: skip
AUCTION_COLUMNS = (
    "step", "pool", "account", "opener", "opened_step", "collateral_asset", "debt_asset", "units", "due", "tab", "sold",
    "raised", "returned", "sold_usd", "raised_usd", "bids", "resets", "open",
    "generation",
)  # fmt: skip
SHEET_COLUMNS = (
    "step", "pool", "asset", "cash", "debt", "deficit", "claims", "treasury", "assets", "equity", "pending",
    "uncovered",
)  # fmt: skip
ATTACK_COLUMNS = (
    "step", "attacker", "strategy", "asset", "oracle", "pushed_to", "blocks", "spent_usd", "gained_usd", "profit_usd",
    "expected_profit_usd",
)  # fmt: skip
EXPOSURE_COLUMNS = ("source", "target", "kind", "usd")
LIQUIDATOR_COLUMNS = (
    "cohort", "member", "liquidator", "calls", "failed", "left_out", "liquidations", "repaid_usd", "profit_usd",
    "gas_usd", "active",
)  # fmt: skip
STEP_COLUMNS = (
    "debt_usd", "collateral_usd", "liquidatable_usd", "underwater_usd", "shortfall_usd", "bad_debt_usd", "deposits_usd",
    "cash_usd", "utilisation", "gas_gwei", "liquidations", "waiting", "refused", "liquidator_capital_usd",
    "liquidator_capital_in_use_usd", "deficit_usd", "treasury_usd", "insurer_capital_usd", "queued_withdrawals_usd",
    "arbitrage_capital_usd", "queue_length", "withdrawn_usd", "borrow_rate_per_year", "backstop_usd",
    "active_liquidators", "absorbed_usd", "written_off_usd", "pending_usd", "uncovered_usd", "recovered_usd",
    "layers_capital_usd",
)  # fmt: skip


class Recorder:
    """What one path leaves behind."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._written = 0
        steps = world.scenario.time.steps
        count = len(world.assets)
        self._prices = np.empty((steps, 3 * count))
        self._rows = np.empty((steps, len(STEP_COLUMNS)))
        self._books = [np.empty((steps, 8, len(pool.reserves))) for pool in world.scenario.pools]
        self._owed = [np.zeros((steps, 2, len(pool.reserves))) for pool in world.scenario.pools]
        self._liquidations: list[tuple[Any, ...]] = []
        self._bad_debts: list[BadDebt] = []
        self._depth: list[tuple[Any, ...]] = []
        self._depth_units: list[FloatArray] = []
        self._survey = Survey(world)
        self._providers: list[tuple[Any, ...]] = []
        self._liquidators: list[tuple[Any, ...]] = []
        self._attacks: list[tuple[int, Attack]] = []
        self._depositors: list[tuple[Any, ...]] = []
        self._nodes = NodeLosses()
        self.at_the_start: list[Exposure] = []
        self._bad_debt_usd: dict[str, float] = {}
        self.bad_debt_usd = 0.0
        self.gas_burnt_usd = 0.0
        self.opening_profits_usd: defaultdict[str, float] = defaultdict(float)
        self.stability_pool_profit_usd = 0.0
        self.redistributed_gain_usd = 0.0
        self.in_kind_loss_usd = 0.0
        self.bid_away_usd = 0.0
        self.rights_sold = 0
        self.rights_protocol_usd = 0.0
        self.rights_auctioneers_usd = 0.0
        self.refusals = 0
        self.mendings = 0
        self._before = (0, 0)

    def liquidation(
        self,
        pool: str,
        account: int,
        liquidator: str,
        debt: int,
        repaid: float,
        collateral: int,
        seized: float,
        protocol_fee: float,
        gas_usd: float,
        profit_usd: float,
        slippage: float,
        generation: int,
        repaid_usd: float,
        seized_usd: float,
    ) -> None:
        """Write down one liquidation; assets by number, amounts in units unless they say dollars."""
        assets = self._world.assets
        self._liquidations.append(
            (self._world.step, pool, account, liquidator, assets[debt], repaid, assets[collateral], seized,
             protocol_fee, gas_usd, profit_usd, slippage, generation, repaid_usd, seized_usd)
        )  # fmt: skip

    def opening(self, liquidator: str, profit_usd: float) -> None:
        """Write down what a call that opened a liquidation or started an auction afresh brought its caller."""
        self.opening_profits_usd[liquidator] += profit_usd

    def absorption(self, pool_gain_usd: float, borrowers_gain_usd: float) -> None:
        """Write down what a stability pool, and the other borrowers, gained by taking over a position."""
        self.stability_pool_profit_usd += pool_gain_usd
        self.redistributed_gain_usd += borrowers_gain_usd

    def in_kind(self, loss_usd: float) -> None:
        """Write down what lenders lost by taking collateral for a part of their claims."""
        self.in_kind_loss_usd += loss_usd

    def refusal(self) -> None:
        """Write down a liquidation that was refused."""
        self.refusals += 1

    def gas(self, paid_usd: float) -> None:
        """Write down gas that a liquidator paid, for whatever call, gone through or refused."""
        self.gas_burnt_usd += paid_usd

    def bid_away(self, paid_usd: float) -> None:
        """Write down what a call that went through paid for gas because of its rivals."""
        self.bid_away_usd += paid_usd

    def right(self, liquidator: str, protocol_usd: float, auctioneer_usd: float, *, opened: bool) -> None:
        """Write down what was paid for the right to a call that went through; it is part of what was bid away."""
        self.rights_sold += 1
        self.rights_protocol_usd += protocol_usd
        self.rights_auctioneers_usd += auctioneer_usd
        self.bid_away_usd += protocol_usd + auctioneer_usd
        if opened:
            self.opening_profits_usd[liquidator] -= protocol_usd + auctioneer_usd

    def attack(self, begun: "Attack") -> None:
        """Write down an attack that begins; what it says of itself at the end of the path counts."""
        self._attacks.append((self._world.step, begun))

    def mended(self) -> None:
        """Write down that a borrower mended a position."""
        self.mendings += 1

    def write_off(self, debt: BadDebt) -> None:
        """Write down one bad debt; who paid for it is asked at the end, since some pay later."""
        usd = debt.units * debt.price_usd
        self.bad_debt_usd += usd
        self._bad_debt_usd[debt.pool] = self._bad_debt_usd.get(debt.pool, 0.0) + usd
        self._bad_debts.append(debt)

    def block(self, model: "UnderwaterModel") -> None:
        """Write down the state at the end of a block."""
        world = self._world
        step = world.step
        self._prices[step] = (*world.reference, *world.venue_prices(), *world.oracle)
        self._rows[step] = self._figures(model)
        self._written = step + 1
        self._note_sheets(model)
        if step % world.tape.every == 0 or step == len(self._rows) - 1:
            self._sample_depth()
            self._nodes.sample(model, self._bad_debt_usd)
            self._survey.take()
        if step == len(self._rows) - 1:
            self._hear_providers(model)
            self._depositors = by_exit_order(world, model.people.depositors)
            self._hear_liquidators(model)

    def _figures(self, model: "UnderwaterModel") -> tuple[float, ...]:
        """Return one block's row, in the order of STEP_COLUMNS."""
        world = self._world
        debt = collateral = liquidatable = underwater = shortfall = deposits = cash = deficit = treasury = queued = 0.0
        withdrawn = rate = 0.0
        waiting = queue = 0
        for lender in world.lenders:
            worth, below = lender.pool.worth(lender.price_list), lender.liquidatable()
            debt += worth.debt
            collateral += worth.collateral
            deposits += worth.claims
            cash += worth.cash
            deficit += worth.deficit
            treasury += worth.treasury
            if below.accounts.size:
                owed, backing = below.debt_value, below.collateral_value
                short = owed > backing
                waiting += below.accounts.size
                liquidatable += float(owed.sum())
                underwater += float(owed[short].sum())
                shortfall += float((owed[short] - backing[short]).sum())
            for reserve, price in enumerate(lender.price_list):
                rate = max(rate, lender.pool.rate_of[reserve](lender.pool.utilisation(reserve)))
                withdrawn += (lender.exits.withdrawn[reserve] - lender.exits.returned[reserve]) * price
                if lender.exits.queues[reserve]:
                    queued += lender.exits.waiting(reserve) * price
            queue += lender.exits.length
        utilisation = debt / (debt + cash) if debt > 0.0 else 0.0
        liquidations, refused = len(self._liquidations), self.refusals
        new, newly_refused = liquidations - self._before[0], refused - self._before[1]
        self._before = (liquidations, refused)
        return (
            debt, collateral, liquidatable, underwater, shortfall, self.bad_debt_usd, deposits, cash, utilisation,
            world.gas_gwei, new, waiting, newly_refused, *model.liquidator_capital_usd(), deficit, treasury,
            model.insurer_capital_usd(), queued, model.arbitrage_capital_usd(), queue, withdrawn, rate,
            model.backstop_usd(), sum(cohort.acting(world.now) for cohort in model.people.liquidators),
            *_became(model), sum(losses.capital_usd() for losses in model.losses),
        )  # fmt: skip

    def _note_sheets(self, model: "UnderwaterModel") -> None:
        step = self._world.step
        for books, owed, lender, losses in zip(self._books, self._owed, self._world.lenders, model.losses, strict=True):
            books[step] = lender.pool.book
            if losses.lost:
                owed[step] = losses.open_units()

    def _sample_depth(self) -> None:
        world = self._world
        for exchange in world.exchanges:
            names = exchange.name, world.assets[exchange.base], world.assets[exchange.quote]
            mid = exchange.venue.mid
            for side, taker in SIDES:
                depths = exchange.venue.depths_by_source(taker, _DISTANCES)
                for source, units in zip(exchange.source_names, depths, strict=True):
                    self._depth.append((world.step, world.now, *names, source, side, mid))
                    self._depth_units.append(units)

    def _hear_providers(self, model: "UnderwaterModel") -> None:
        for number, cohort in enumerate(model.people.liquidity_providers):
            desk = self._world.exchanges[cohort.exchange]
            where = f"liquidity_providers.{number}", desk.name, desk.source_names[cohort.source]
            self._providers += [(*where, *report) for report in cohort.report(model.view)]

    def _hear_liquidators(self, model: "UnderwaterModel") -> None:
        for cohort in model.people.liquidators:
            for member, one in enumerate(cohort.tallies):
                self._liquidators.append(
                    (cohort.name, member, cohort.member_name(member), one.calls, one.failed, one.left_out,
                     one.liquidations, one.repaid_usd, one.profit_usd, one.gas_usd, member < cohort.active)
                )  # fmt: skip

    def tables(self) -> "dict[str, pd.DataFrame]":
        """Return every table under the name by which it is stored."""
        return {
            "steps": self.steps(),
            "liquidations": self.liquidations(),
            "write_offs": self.write_offs(),
            "depth": self.depth(),
            "landscape": self.landscape(),
            "trades": self.trades(),
            "providers": self.providers(),
            "attacks": self.attacks(),
            "auctions": self.auctions(),
            "depositors": self.depositors(),
            "nodes": self.nodes(),
            "exposures": self.exposures(),
            "liquidators": self.liquidators(),
            "balance_sheets": self.balance_sheets(),
        }

    def steps(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of the blocks so far."""
        import pandas as pd  # noqa: PLC0415  a slow import that a path itself does not need

        frame = pd.DataFrame({"path": path, "step": np.arange(self._written)})
        frame["time_seconds"] = frame["step"] * self._world.step_seconds
        names = [f"{kind}_{asset}" for kind in ("reference", "venue", "oracle") for asset in self._world.assets]
        prices = pd.DataFrame(self._prices[: self._written], columns=names)
        rows = pd.DataFrame(self._rows[: self._written], columns=list(STEP_COLUMNS))
        for name in ("liquidations", "waiting", "refused", "queue_length", "active_liquidators"):
            rows[name] = rows[name].astype(np.int64)
        return pd.concat([frame, prices, rows], axis=1)

    def liquidations(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of liquidations."""
        return _frame(self._liquidations, LIQUIDATION_COLUMNS, path)

    def write_offs(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of bad debts, a row for each layer that paid a part of one by now.

        Layers `pending`, `recovered` and `uncovered` close the sum: what some layer still owes, what came back before
        anybody had paid it, and what nobody has taken. `step` is that of the write-off, however late a part was paid.
        """
        rows = [
            (debt.step, debt.pool, debt.account, debt.asset, debt.units, layer, units, units * debt.price_usd)
            for debt in self._bad_debts
            for layer, units in debt.parts()
        ]
        return _frame(rows, WRITE_OFF_COLUMNS, path)

    def depth(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of depth samples: base units tradable with a source within a distance of the venue's mid."""
        samples = _frame(self._depth, DEPTH_COLUMNS, path)
        frame = samples.loc[samples.index.repeat(len(_DISTANCES))].reset_index(drop=True)
        frame["distance"] = np.tile(_DISTANCES, len(samples))
        frame["base_units"] = np.array(self._depth_units).ravel()
        return frame

    def landscape(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of debt by liquidation price: see `abm.survey`."""
        return self._survey.table(path)

    def trades(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of who traded with whom, a row for each of the tape's sums."""
        world = self._world
        pairs = {desk.name: (world.assets[desk.base], world.assets[desk.quote]) for desk in world.exchanges}
        rows = [
            (step, step * world.step_seconds, market, *pairs[market], taker, maker, side, *sums)
            for (step, market, taker, maker, side), sums in world.tape.flows()
        ]
        return _frame(rows, TRADE_COLUMNS, path)

    def providers(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of liquidity providers at the end of the path, a row a member: see `ProviderReport`."""
        return _frame(self._providers, PROVIDER_COLUMNS, path)

    def depositors(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of depositors at the end of the path, by exit order: see `abm.exit_order`."""
        return _frame(self._depositors, DEPOSITOR_COLUMNS, path)

    def nodes(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of losses by node through time: see `abm.node_losses`."""
        return _frame(self._nodes.rows, NODE_COLUMNS, path)

    def exposures(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of who depended on whom at the start: see `models.exposure`."""
        return _frame([tuple(one) for one in self.at_the_start], EXPOSURE_COLUMNS, path)

    def liquidators(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of liquidators at the end of the path, a row a member: see `Tally`.

        `active` is 0 for a member that is in reserve at the end.
        """
        return _frame(self._liquidators, LIQUIDATOR_COLUMNS, path)

    def attacks(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of attacks by the block in which they began; one still under way has not gained yet."""
        assets, terms = self._world.assets, self._world.scenario.assets
        rows = [
            (step, one.attacker, one.strategy, assets[one.asset], terms[assets[one.asset]].oracle.kind,
             one.pushed_to_usd, one.blocks, one.spent_usd, one.gained_usd, one.profit_usd, one.expected_profit_usd)
            for step, one in self._attacks
        ]  # fmt: skip
        return _frame(rows, ATTACK_COLUMNS, path)

    def balance_sheets(self, path: int = 0) -> "pd.DataFrame":
        """Return the books of every reserve at the end of every block, in units: cash + debt = claims + equity.

        Equity is the treasury's claim less the deficit; of that, `pending` is owed by some loss layer, and `uncovered`
        by nobody.
        """
        import pandas as pd  # noqa: PLC0415

        frames = []
        for lender, books, owed in zip(self._world.lenders, self._books, self._owed, strict=True):
            steps, (_, rows, reserves) = self._written, books.shape
            book = books[:steps].transpose(1, 0, 2).reshape(rows, -1)
            cash, borrow_index, supply_index, scaled_debt, shares, _, treasury, deficit = book
            pending, uncovered = owed[:steps].transpose(1, 0, 2).reshape(2, -1)
            debt, claims = scaled_debt * borrow_index, shares * supply_index
            frames.append(
                pd.DataFrame(
                    {
                        "path": np.full(steps * reserves, path, dtype=np.int64),
                        "step": np.repeat(np.arange(steps), reserves),
                        "pool": pd.Series([lender.name] * (steps * reserves), dtype="str"),
                        "asset": pd.Series(list(lender.pool.names) * steps, dtype="str"),
                        "cash": cash,
                        "debt": debt,
                        "deficit": deficit,
                        "claims": claims,
                        "treasury": treasury,
                        "assets": cash + debt,
                        "equity": treasury - deficit,
                        "pending": pending,
                        "uncovered": uncovered,
                    }
                )
            )
        return pd.concat(frames, ignore_index=True) if frames else _frame([], SHEET_COLUMNS, path)

    def auctions(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of lots in the order in which they were opened; see `abm.auctions.OpenLot`.

        `step` is that of the last sale, -1 where there was none; `open` is 1 for a lot that is still for sale.
        """
        rows: list[tuple[Any, ...]] = []
        for lender in self._world.lenders:
            names = [self._world.assets[asset] for asset in lender.assets]
            for one in lender.auctions.lots if lender.auctions is not None else ():
                lot = one.lot
                rows.append(
                    (one.step, lender.name, lot.account, one.opener.name, one.opened_step, names[lot.collateral],
                     names[lot.debt], one.units, one.due, one.tab, one.sold, one.raised, one.returned, one.sold_usd,
                     one.raised_usd, one.bids, one.resets, not lot.closed, one.generation)
                )  # fmt: skip
        return _frame(rows, AUCTION_COLUMNS, path)


def _became(model: "UnderwaterModel") -> list[float]:
    """Return what became of all bad debt so far: absorbed, written off, pending, uncovered, recovered."""
    figures = [losses.totals.figures() for losses in model.losses if losses.lost]
    return [sum(column) for column in zip(*figures, strict=True)] or [0.0] * 5


_WHOLE = {
    "path", "step", "account", "generation", "trades", "member", "blocks", "opened_step", "bids", "resets", "open",
    "group", "members", "asked_members",
    "calls", "failed", "left_out", "liquidations", "active",
}  # fmt: skip
_WORDS = {
    "pool", "liquidator", "debt_asset", "collateral_asset", "layer", "market", "base", "quote", "source", "side",
    "taker", "maker", "cohort", "attacker", "strategy", "asset", "oracle",
    "opener", "node", "target", "kind",
}  # fmt: skip


def _frame(rows: list[tuple[Any, ...]], columns: Sequence[str], path: int) -> "pd.DataFrame":
    """Return rows as a frame whose types do not depend on whether there are any."""
    import pandas as pd  # noqa: PLC0415

    by_column = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    data: dict[str, Any] = {"path": np.full(len(rows), path, dtype=np.int64)}
    for name, values in zip(columns, by_column, strict=True):
        if name in _WORDS:
            data[name] = pd.Series(list(values), dtype="str")
        else:
            data[name] = np.array(values, dtype=np.int64 if name in _WHOLE else np.float64)
    return pd.DataFrame(data)
