"""The losses of one pool through time: what is bad goes down the waterfall, layers pay what they owe, money comes back.

Models: a waterfall for each reserve, over the layers that cover it; recognition at once cuts suppliers after the last
of them. In every block what was recovered is given back first, then what has fallen due is paid, then what has become
bad is sent down, first that of accounts under water where layers take collateral; each layer is asked for what it can
do at that moment, and booked before the next one is asked.
Leaves out: a layer covers one reserve, or needs no money of its own; one that is to cover two is written twice.
Invariants: the hole of a reserve is what its layers owe and what nobody has taken, beside what the pool has advanced.
"""

from collections import deque
from collections.abc import Sequence
from math import fsum, inf
from typing import TYPE_CHECKING

import numpy as np

from abm.losses.bad_debts import BadDebt, BadDebts, LossTotals
from abm.losses.insurance import InsuredBy
from abm.losses.layer_means import LayerMeans, Means
from abm.losses.loss_market import LenderInLoss, Outside
from abm.losses.loss_terms import Losses, called_of, claims_layers, covered, insurer_name
from abm.losses.takeovers import Takeovers
from abm.markets.forced_sales import ForcedSales
from models.losses import DEPOSITORS, HaircutLayer, Layer, Payer, Starts, TimedWaterfall
from models.losses.insurance import InsuranceLayer
from models.losses.price_bucket import PriceBucketLayer
from models.losses.withdrawal_charge import WithdrawalCharge

if TYPE_CHECKING:
    from abm.agents.insurer import Insurer
    from abm.pools.lender import Lender
    from abm.record.recorder import Recorder
    from abm.streams import Streams
    from abm.world import World


class PoolLosses:
    """The waterfalls of a pool, one a reserve.

    Attributes:
        totals: what became of all losses so far, in dollars.
        reserves: the losses of each reserve.
        news: grows with whatever happens to losses; while it stays, what is owed and lost does too.
    """

    def __init__(
        self,
        world: "World",
        lender: "Lender",
        terms: Losses,
        insurers: Sequence["Insurer"],
        sales: ForcedSales,
        streams: "Streams",
    ) -> None:
        self._world = world
        self._lender = lender
        self.totals = LossTotals()
        self.news = 0
        stack, outside = terms.stack(), Outside(world, terms.depth_usd)
        self.reserves = [
            ReserveLosses(world, lender, reserve, terms, stack, outside, insurers, sales, streams, self.totals)
            for reserve in range(len(lender.assets))
        ]
        self._with_means = [one for one in self.reserves if one.books.any_means]
        self._takeovers = Takeovers(world, lender, self.reserves, sales)
        self._recoveries = deque(sorted(terms.recoveries, key=lambda recovery: recovery.at_seconds))
        self._due_seconds = inf
        self._moves()
        if any(one.charges is not None for one in self.reserves):
            lender.exit_charge, lender.exit_share = self.charge, self.charged_share
        if any(payer.spares_suppliers and payer.settles != "treasury" for one in self.reserves for payer in one.payers):
            lender.counted_on = self.counted_on

    def step(self, recorder: "Recorder") -> None:
        """Do what a block asks for: nothing, in most of them."""
        if self._world.now >= self._due_seconds:
            self._recover()
            for one in self.reserves:
                one.advance()
            self._lender.stale()
            self._moves()
        if self._takeovers.any:
            self._takeovers.step(recorder)
            self._moves()
        if self._lender.stripped or self._lender.paid_before:
            self._recognise(recorder)
            self._moves()

    def charge(self, account: int, reserve: int, units: float) -> float:
        """Charge a withdrawal of so many units while a hole is open; returns the part that is not paid out."""
        self.news += 1
        return self.reserves[reserve].charge(account, units)

    def charged_share(self, reserve: int) -> float:
        """Return the part of a withdrawal that is charged now."""
        return self.reserves[reserve].charged_share()

    def counted_on(self, reserve: int, units: float) -> tuple[float, float]:
        """Return what suppliers of a reserve may count on: see `ReserveLosses.counted_on`."""
        return self.reserves[reserve].counted_on(units)

    def capital_usd(self) -> float:
        """Return what layers with means of their own have now, at the reference prices; insurers are not among them."""
        return fsum([one.books.capital_usd() for one in self._with_means]) if self._with_means else 0.0

    def open_units(self) -> tuple[list[float], list[float]]:
        """Return what layers owe of the hole of each reserve, and what nobody has taken of it."""
        open_units = [one.open_units() for one in self.reserves]
        return [pending for pending, _ in open_units], [uncovered for _, uncovered in open_units]

    def _recognise(self, recorder: "Recorder") -> None:
        """Write off what is owed by accounts of which nothing is left to seize."""
        lender, accounts = self._lender, sorted(self._lender.stripped)
        for account in accounts:
            if not lender.pool.is_stripped(account):
                continue
            for reserve in np.flatnonzero(lender.pool.scaled_debt[account]).tolist():
                recorder.write_off(self.reserves[reserve].fall(account))
        # What the treasury paid by the design's own rule where nothing more was owed is a bad debt by itself.
        self._paid_before(recorder)
        # A layer that takes collateral may strip others on the way: they are looked at in the next block.
        lender.stripped.difference_update(accounts)
        lender.stale()

    def _paid_before(self, recorder: "Recorder") -> None:
        for (account, reserve), units in self._lender.paid_before.items():
            recorder.write_off(self.reserves[reserve].paid_before(account, units))
        self._lender.paid_before.clear()

    def _recover(self) -> None:
        while self._recoveries and self._recoveries[0].at_seconds <= self._world.now:
            recovery = self._recoveries.popleft()
            for name, one in zip(self._lender.pool.names, self.reserves, strict=True):
                if recovery.asset in (None, name):
                    one.recover(recovery.share)

    def _moves(self) -> None:
        """Note that something has happened, and when something next falls due."""
        self.news += 1
        due = min(one.waterfall.due_seconds for one in self.reserves)
        self._due_seconds = min(due, self._recoveries[0].at_seconds if self._recoveries else inf)


class ReserveLosses:
    """The losses of one reserve.

    Attributes:
        waterfall: its layers.
        books: their means.
        view: what they see.
        charges: the number of the layer that charges who leaves; None where there is none.
    """

    def __init__(
        self,
        world: "World",
        lender: "Lender",
        reserve: int,
        terms: Losses,
        stack: Sequence[Layer],
        outside: Outside,
        insurers: Sequence["Insurer"],
        sales: ForcedSales,
        streams: "Streams",
        totals: LossTotals,
    ) -> None:
        self._world = world
        self._lender = lender
        self._reserve = reserve
        names = list(lender.pool.names)
        layers = [layer for layer in stack if covered(layer, names, reserve)]
        drawn = [layer.buckets for layer in layers if isinstance(layer, PriceBucketLayer)]
        count = lender.pool.accounts
        buckets = streams("pools", lender.name, "buckets").integers(drawn[0], size=count) if drawn else np.zeros(count)
        self.view = LenderInLoss(world, lender, reserve, outside, buckets.astype(np.float64))
        claiming = [layer for layer, _, _ in claims_layers(stack, names)]
        starts, called, means = self._start(layers, terms.recognition == "immediate", insurers, claiming)
        self.waterfall = TimedWaterfall(starts, called)
        self.books = LayerMeans(world, lender, reserve, self.waterfall, self.view, means, sales)
        self._debts = BadDebts(self.waterfall, totals)
        self._totals = totals
        by_chance = [payer for payer in self.waterfall.payers if payer.by_chance]
        # Each decides for itself; the first by draws that it keeps when others join it.
        named = ("pools", lender.name, "rescues", names[reserve])
        self._chances = [(one, streams(*named, *([str(k)] if k else []))) for k, one in enumerate(by_chance)]
        self.charges = next(
            (k for k, payer in enumerate(self.waterfall.payers) if isinstance(payer, WithdrawalCharge)), None
        )

    @property
    def payers(self) -> list[Payer]:
        """The layers' states, in order."""
        return self.waterfall.payers

    def counted_on(self, units: float) -> tuple[float, float]:
        """Return what layers owe of the hole and could pay, and what of a loss of so many units would reach suppliers.

        Layers are read as they last saw their means; nothing changes.
        """
        owed, rest, reached = 0.0, units, 0.0
        for payer in self.payers:
            if payer.by_chance:
                continue
            taken = payer.would_take(rest, self._world.now, self.view)
            rest -= taken
            if payer.spares_suppliers:
                owed += payer.good_for(self.view)
            else:
                reached += taken
        return owed, reached + rest

    def takers(self) -> list[int]:
        """Get the layers ready to be asked; returns the numbers of those that take collateral, in order."""
        self.books.refresh()
        return [number for number, payer in enumerate(self.waterfall.payers) if payer.takes_collateral]

    def can_take(self, number: int) -> float:
        """What a layer can take of a debt now, collateral with it."""
        payer, view = self.waterfall.payers[number], self.view
        most = payer.capacity(self._world.now, view)
        return min(most, float(view.suppliers.sum())) if payer.settles == "claims" else most

    def fall(self, account: int, units: float = inf) -> BadDebt:
        """Give up what an account owes, or `units` of it, and send it down the layers."""
        lost = self._lender.pool.write_off(account, self._reserve, units)
        self._ask()
        parts, rest = self.waterfall.allocate(lost, self._world.now, self.view, self.books.book)
        debt = self._debt(account, lost, self._lender.paid_before.pop((account, self._reserve), 0.0))
        self._debts.fell(debt, parts, rest)
        return debt

    def paid_before(self, account: int, units: float) -> BadDebt:
        """Return a bad debt that the treasury has paid whole, by the liquidation design's own rule."""
        return self._debt(account, 0.0, units)

    def _debt(self, account: int, lost: float, before: float) -> BadDebt:
        price_usd = self.view.debt_price_usd
        self._totals.absorbed_usd += before * price_usd
        return BadDebt(
            step=self._world.step,
            pool=self._lender.name,
            account=account,
            asset=self._world.assets[self.view.asset],
            units=lost + before,
            price_usd=price_usd,
            layers=self.waterfall.names,
            before=before,
        )

    def advance(self) -> None:
        """Let layers pay what has fallen due."""
        if self.waterfall.due_seconds > self._world.now:
            return
        self._ask()
        parts, _ = self.waterfall.advance(self._world.now, self.view, self.books.book)
        self._debts.moved(parts)

    def recover(self, share: float) -> None:
        """Give back a share of all that was lost so far."""
        units = share * self.waterfall.lost_units
        if units <= 0.0:
            return
        self._ask()
        open_before = self.waterfall.uncovered_units
        returned, _ = self.waterfall.recover(units, self.view)
        filled = open_before - self.waterfall.uncovered_units
        self.books.fill(filled)
        self.books.give_back(returned)
        self._debts.gave_back(returned, filled)

    def charge(self, account: int, units: float) -> float:
        """Charge who withdraws so many units; returns the part of them that is not paid out."""
        layer = self._charging()
        if layer is None or layer.pending_units == 0.0:
            return 0.0
        charged = layer.charge(min(units, self.view.claims), self._world.now, self.view).units
        if charged > 0.0 and self.charges is not None:
            self.books.cut(account, charged)
            self._debts.charged(self.charges, charged)
        return charged

    def charged_share(self) -> float:
        """Return the part of a withdrawal that is charged now."""
        layer = self._charging()
        return layer.factor(self.view) if layer is not None else 0.0

    def _charging(self) -> WithdrawalCharge | None:
        layer = self.waterfall.payers[self.charges] if self.charges is not None else None
        assert layer is None or isinstance(layer, WithdrawalCharge)
        return layer

    def open_units(self) -> tuple[float, float]:
        """Return what layers owe, and what nobody has taken, layers that never pay included."""
        if self.waterfall.lost_units == 0.0:
            return 0.0, 0.0
        never = fsum(payer.pending_units for payer in self.waterfall.payers if payer.settles == "nothing")
        return max(self.waterfall.pending_units - never, 0.0), self.waterfall.uncovered_units + never

    def _ask(self) -> None:
        """Get ready to ask the layers."""
        self.books.refresh()
        for payer, stream in self._chances:
            self.view.draws[payer] = float(stream.random())

    def _start(
        self, layers: Sequence[Layer], at_once: bool, insurers: Sequence["Insurer"], claiming: Sequence[Layer]
    ) -> tuple[list[Starts], list[str], list[Means]]:
        """Return what starts each layer, what it is called, and where its means are; suppliers last where they bear."""
        starts: list[Starts] = []
        called: list[str] = []
        means: list[Means] = []
        for layer, name in zip(layers, called_of(layers), strict=True):
            if isinstance(layer, InsuranceLayer):
                for k, insurer in enumerate(insurers):
                    starts.append(InsuredBy(layer, insurer, self._world, self._lender, self._reserve))
                    called.append(insurer_name(k, len(insurers)))
                    means.append(Means(account=insurer.account, claims=insurer.claims_account))
                continue
            starts.append(layer)
            called.append(name)
            means.append(self._open(layer, name, claiming))
        if at_once:
            starts.append(HaircutLayer())
            called.append(DEPOSITORS)
            means.append(Means())
        return starts, called, means

    def _open(self, layer: Layer, name: str, claiming: Sequence[Layer]) -> Means:
        """Open a layer's account and bring its money; claims on the pool were supplied when it was opened."""
        lender, world = self._lender, self._world
        for position, other in enumerate(claiming):
            if other is layer:
                return Means(claims=lender.first_claims + position)
        money = layer.money(lender.pool.names[self._reserve])
        if money is None:
            return Means()
        asset, units = money
        account = world.ledger.open(f"losses of {lender.name}: {name} for {lender.pool.names[self._reserve]}")
        world.endow(account, world.index[asset], units)
        return Means(account=account, asset=world.index[asset])
