"""The backstop: the account of last resort of one pool, which takes what nobody has taken, at its own risk.

Models: what `models.liquidation.backstop` says, with money of its own. It acts when the block is built, after all
others. What it takes it holds, and sells as its terms say; its equity at the reference prices is its profit and loss.
Leaves out: gas.
"""

import mesa

from abm.agents.inventory import Holding
from abm.intents import Intent, Liquidate, OpenLiquidation, PlaceBid, Receipt, Seizure, SellInventory, Sold
from abm.liquidations.left_over import LeftBid
from abm.view import View
from models.liquidation import Backstop

# What is left of a holding is sold whole below so many dollars a slice, and less money than that is left alone.
_SPECK_USD = 10.0


class BackstopAccount(mesa.Agent):
    """The account of last resort of a pool, on a ledger account of its own."""

    def __init__(
        self, model: mesa.Model, terms: Backstop, name: str, pool: int, capital_asset: int, first_account: int
    ) -> None:
        super().__init__(model)
        self.terms = terms
        self.name = name
        self.pool = pool
        self.capital_asset = capital_asset
        self.first_account = first_account
        self.unlimited = [False]
        self.holdings: dict[int, Holding] = {}  # by asset

    def member_name(self, member: int) -> str:
        """Return the name under which it appears in the results."""
        return self.name

    def decide(self, view: View) -> list[Intent]:
        """Return what it does in this block: sales of what it holds first, then what others have left to it."""
        intents: list[Intent] = [*self._sales(view)]
        left = view.left_over(self.pool, self.terms)
        intents += [self._open(number, afresh) for number, afresh in left.opens]
        means_usd = view.balance(self.first_account, self.capital_asset) * view.price_usd(self.capital_asset)
        for take in left.takes:
            if means_usd >= _SPECK_USD:
                intents.append(self._take(take.number, means_usd))
                means_usd -= min(take.most_usd, means_usd)
        for bid in left.bids:
            paid = min(bid.paid, means_usd / bid.debt_usd)
            if means_usd >= _SPECK_USD and paid > 0.0:
                intents.append(self._bid(bid, paid))
                means_usd -= paid * bid.debt_usd
        return intents

    def receive(self, intent: Intent, receipt: Receipt) -> None:
        """Take note of what it holds now."""
        if isinstance(receipt, Seizure) and receipt.held > 0.0:
            self.holdings.setdefault(receipt.asset, Holding()).add(receipt.held, receipt.held_usd, receipt.generation)
        elif isinstance(receipt, Sold) and isinstance(intent, SellInventory):
            self.holdings[intent.asset].give(receipt.amount, receipt.proceeds_usd)

    def spends(self, member: int, asset: int, units: float, balance: float, price_usd: float) -> None:
        """Take note that it pays with an asset that is not its money, some of which it may have seized."""
        if asset in self.holdings:
            self.holdings[asset].spend(units, balance, price_usd)

    def _signed(self) -> tuple["BackstopAccount", int, float, float]:
        """Return what each of its calls begins with: whose it is, and that it pays for no gas."""
        return self, 0, 0.0, 0.0

    def _take(self, number: int, means_usd: float) -> Liquidate:
        """Take as much as there is money for, whether it pays or not."""
        return Liquidate(
            *self._signed(),
            pool=self.pool,
            number=number,
            budget_usd=means_usd,
            margin=-1.0,
            minimum_profit_usd=-float("inf"),
            gas_cost_usd=0.0,
            sell=False,
            flash=False,
            flash_fee=0.0,
        )

    def _open(self, number: int, afresh: bool) -> OpenLiquidation:
        return OpenLiquidation(
            *self._signed(),
            pool=self.pool,
            number=number,
            afresh=afresh,
            gas_cost_usd=0.0,
            worth_usd=0.0,
        )

    def _bid(self, bid: LeftBid, paid: float) -> PlaceBid:
        return PlaceBid(
            *self._signed(),
            pool=self.pool,
            number=bid.number,
            paid=paid,
            units=bid.units,
            gas_cost_usd=0.0,
            sell=False,
        )

    def _sales(self, view: View) -> list[SellInventory]:
        sales: list[SellInventory] = []
        for asset, holding in list(self.holdings.items()):
            held = min(holding.units, view.balance(self.first_account, asset))
            if held <= 0.0:
                del self.holdings[asset]
                continue
            units = self.terms.slice(held, view.now, view.step_seconds)
            if units > 0.0:
                whole = units * view.price_usd(asset) < _SPECK_USD
                sold = held if whole else units
                sales.append(SellInventory(*self._signed(), asset, sold, holding.generation, self.terms.max_discount))
        return sales
