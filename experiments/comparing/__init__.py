"""Comparisons of designs: who meets whom, by which objectives, how they rank, and tuning before it."""
