"""Liquidations that take time: lots and what is done with them, bids, bonds, and lots that wait for a new start."""
