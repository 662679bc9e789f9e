"""Mechanisms: what the rules of a market or a protocol are.

Knows no agents, no Mesa, no files and no clock. Quotes are pure; what changes state says so in its name.
"""
