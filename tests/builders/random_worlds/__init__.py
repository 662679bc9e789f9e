"""Worlds that follow from one number, of every kind of part and agent."""
