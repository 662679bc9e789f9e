"""Markets: the prices they start from, venues with the accounts behind them, trades, forced sales, claims, the tape."""
