"""The recorder: writes down every block, every liquidation and every write-off, in columns."""

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.losses.bad_debts import BadDebt
from abm.record.block_rows import BlockRows
from abm.record.columns import (
    ATTACKS,
    AUCTIONS,
    DEPOSITORS,
    DEPTH,
    EXPOSURES,
    LIQUIDATIONS,
    LIQUIDATORS,
    NODES,
    PROVIDERS,
    TRADES,
    WRITE_OFFS,
    Meanings,
)
from abm.record.exit_order import by_exit_order
from abm.record.frames import Columns, columns_of, frame_of
from abm.record.node_losses import NodeLosses
from abm.record.survey import Survey
from models.types import FloatArray, Side

if TYPE_CHECKING:
    import pandas as pd

    from abm.agents.attacker import Attack
    from abm.model import UnderwaterModel
    from abm.population import Population
    from abm.record.capital import Capital
    from abm.world import World
    from models.exposure import Exposure

DEPTH_DISTANCES = (
    0.001, 0.0025, 0.005, 0.0075, 0.01, 0.0125, 0.015, 0.0175, 0.02, 0.025, 0.03, 0.04, 0.05, 0.0625, 0.075, 0.0875,
    0.1, 0.125, 0.15, 0.2, 0.25, 0.3,
)  # fmt: skip
_DISTANCES = np.array(DEPTH_DISTANCES)
SIDES: tuple[tuple[str, Side], ...] = (("bid", "sell"), ("ask", "buy"))


class Recorder:
    """What one path leaves behind."""

    def __init__(self, world: "World", capital: "Capital", people: "Population") -> None:
        self._world = world
        self._blocks = BlockRows(world, capital, people)
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
        self.bid_in_vain_usd = 0.0
        self.rights_sold = 0
        self.rights_protocol_usd = 0.0
        self.rights_auctioneers_usd = 0.0
        self.refusals = 0
        self.mendings = 0

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
        """Write down what a call that opened a liquidation or started an auction afresh brings, then or later."""
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

    def bid_away(self, paid_usd: float, *, won: bool) -> None:
        """Write down what a call, gone through or refused, paid for gas because of its rivals."""
        self.bid_away_usd += paid_usd
        self.bid_in_vain_usd += 0.0 if won else paid_usd

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
        self._blocks.note(model, self.bad_debt_usd, len(self._liquidations), self.refusals)
        last = step == self._blocks.steps - 1
        if last or step % world.tape.every == 0:
            self._sample_depth()
            self._nodes.sample(model, self._bad_debt_usd)
            self._survey.take()
        if last:
            self._hear_providers(model)
            self._depositors = by_exit_order(world, model.people.depositors)
            self._hear_liquidators(model)

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
                     one.liquidations, one.repaid_usd, one.profit_usd, one.gas_usd,
                     cohort.holding_usd(member, self._world.reference), member < cohort.active)
                )  # fmt: skip

    def makers(self) -> "dict[str, Callable[[], pd.DataFrame]]":
        """Return what makes every table, by the name under which it is stored."""
        return {
            "steps": self.steps,
            "liquidations": self.liquidations,
            "write_offs": self.write_offs,
            "depth": self.depth,
            "landscape": self.landscape,
            "trades": self.trades,
            "providers": self.providers,
            "attacks": self.attacks,
            "auctions": self.auctions,
            "depositors": self.depositors,
            "nodes": self.nodes,
            "exposures": self.exposures,
            "liquidators": self.liquidators,
            "balance_sheets": self.balance_sheets,
        }

    def steps(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of the blocks so far."""
        return self._blocks.table(path)

    def blocks(self) -> Columns:
        """Return the columns of the table of the blocks so far."""
        return self._blocks.columns()

    def columns(self, name: str) -> Columns:
        """Return the columns of a table of events: what it holds, without pandas, for who asks after every path."""
        return columns_of(*self._rows(name))

    def liquidations(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of liquidations."""
        return frame_of(*self._rows("liquidations"), path)

    def write_offs(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of bad debts, a row for each layer that paid a part of one by now.

        Layers `pending`, `recovered` and `uncovered` close the sum: what some layer still owes, what came back before
        anybody had paid it, and what nobody has taken. `step` is that of the write-off, however late a part was paid.
        """
        return frame_of(*self._rows("write_offs"), path)

    def depth(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of depth samples: base units tradable with a source within a distance of the venue's mid."""
        samples = frame_of(self._depth, list(DEPTH)[:-2], path)
        frame = samples.loc[samples.index.repeat(len(_DISTANCES))].reset_index(drop=True)
        frame["distance"] = np.tile(_DISTANCES, len(samples))
        frame["base_units"] = np.array(self._depth_units).ravel()
        return frame

    def landscape(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of debt by liquidation price: see `abm.record.survey`."""
        return self._survey.table(path)

    def trades(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of who traded with whom, a row for each of the tape's sums."""
        world = self._world
        pairs = {desk.name: (world.assets[desk.base], world.assets[desk.quote]) for desk in world.exchanges}
        rows = [
            (step, step * world.step_seconds, market, *pairs[market], taker, maker, side, *sums)
            for (step, market, taker, maker, side), sums in world.tape.flows()
        ]
        return frame_of(rows, TRADES, path)

    def providers(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of liquidity providers at the end of the path, a row a member: see `ProviderReport`."""
        return frame_of(*self._rows("providers"), path)

    def depositors(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of depositors at the end of the path, by exit order: see `abm.record.exit_order`."""
        return frame_of(*self._rows("depositors"), path)

    def nodes(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of losses by node through time: see `abm.record.node_losses`."""
        return frame_of(self._nodes.rows, NODES, path)

    def exposures(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of who depended on whom at the start: see `models.exposure`."""
        return frame_of([tuple(one) for one in self.at_the_start], EXPOSURES, path)

    def liquidators(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of liquidators at the end of the path, a row a member: see `Tally`.

        `active` is 0 for a member that is in reserve at the end.
        """
        return frame_of(self._liquidators, LIQUIDATORS, path)

    def attacks(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of attacks by the block in which they began; one still under way has not gained yet."""
        return frame_of(*self._rows("attacks"), path)

    def balance_sheets(self, path: int = 0) -> "pd.DataFrame":
        """Return the books of every reserve at the end of every block: see `abm.record.block_rows`."""
        return self._blocks.balance_sheets(path)

    def auctions(self, path: int = 0) -> "pd.DataFrame":
        """Return the table of lots in the order in which they were opened; see `abm.auctions.lots.OpenLot`.

        `step` is that of the last sale, -1 where there was none; `open` is 1 for a lot that is still for sale.
        """
        return frame_of(*self._rows("auctions"), path)

    def _rows(self, name: str) -> tuple[list[tuple[Any, ...]], Meanings]:
        """Return the rows of a table of events, and the names of its columns."""
        match name:
            case "liquidations":
                return self._liquidations, LIQUIDATIONS
            case "write_offs":
                return self._write_offs(), WRITE_OFFS
            case "providers":
                return self._providers, PROVIDERS
            case "depositors":
                return self._depositors, DEPOSITORS
            case "attacks":
                return self._attacked(), ATTACKS
            case "auctions":
                return self._lots(), AUCTIONS
        raise KeyError(name)

    def _write_offs(self) -> list[tuple[Any, ...]]:
        return [
            (debt.step, debt.pool, debt.account, debt.asset, debt.units, layer, units, units * debt.price_usd)
            for debt in self._bad_debts
            for layer, units in debt.parts()
        ]

    def _attacked(self) -> list[tuple[Any, ...]]:
        assets, terms = self._world.assets, self._world.scenario.assets
        return [
            (step, one.attacker, one.strategy, assets[one.asset], terms[assets[one.asset]].oracle.kind,
             one.pushed_to_usd, one.blocks, one.spent_usd, one.gained_usd, one.profit_usd, one.expected_profit_usd)
            for step, one in self._attacks
        ]  # fmt: skip

    def _lots(self) -> list[tuple[Any, ...]]:
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
        return rows
