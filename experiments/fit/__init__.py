"""Fit price models to a file of prices, or a population to a file of positions: `underwater fit FILE`.

Positions are the business of `experiments.fit.positions`. Of prices a model is a module with `fit(history)`, which
returns a `Fitted` or raises `NoFit`. All are fitted by maximum likelihood to the same log returns, so that their
information criteria compare. `arch` and `statsmodels`, the extra `fit`, do the estimating where they know the model;
importing this package imports neither.
"""

MODELS = ("gbm", "mean_reverting", "jump_diffusion", "garch", "heston", "regime_switching")
"""The models that can be fitted, from the simplest on; each has its module here."""

__all__ = ["MODELS"]
