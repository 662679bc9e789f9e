"""Fit the joint law of sizes and healths to a file of positions: `underwater fit positions.csv`.

What comes of it are blocks of `[[agents.borrowers]]`, one for each collateral and debt: how many there are of them, the
distributions that a scenario can draw which explain sizes and healths best by Akaike's information criterion, and the
rank correlation between the two.
"""
