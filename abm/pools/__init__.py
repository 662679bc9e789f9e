"""Lending pools: the rules around one, who may leave it, what it shows to its depositors, and its loans in bands."""
