"""A worked loss, and what it leaves behind."""

from typing import Any

from abm.model import UnderwaterModel

UNDER = {
    "assets__ETH__price__prices": [2000.0, 1500.0],  # 14,285.71 repaid, 1,714.29 lost in block 1
    "time__steps": 2,
}
LOSS = 16000.0 - 100000.0 / 7.0


def paid_by(run: Any) -> dict[str, float]:
    return run.write_offs.groupby("layer", sort=False)["paid"].sum().to_dict()


def hit(play: Any, *layers: dict[str, Any], recognition: str = "immediate", **changes: Any) -> Any:
    """The worked loss going down these layers."""
    where = {"pools__0__losses__layers": list(layers), "pools__0__losses__recognition": recognition}
    return play(**UNDER | where | changes)


def balance(model: UnderwaterModel, account: str, asset: str) -> float:
    """What the ledger account whose name begins so holds."""
    ledger = model.world.ledger
    number = next(k for k in range(ledger.accounts) if ledger.name(k).startswith(account))
    return ledger.balance(number, ledger.asset(asset))
