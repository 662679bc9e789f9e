"""What a fit says on the terminal: estimates with their errors, a line for a scenario, and the models side by side."""

from collections.abc import Mapping, Sequence

from experiments.fit.fitted import Estimate, Fitted
from experiments.fit.history import History


def describe(history: History, fits: Sequence[Fitted], without: Mapping[str, str]) -> str:
    """All fits of one history, the best by its BIC first, and why the models `without` a fit have none."""
    ranked = sorted(fits, key=lambda fitted: fitted.bic)
    count, years = len(history.returns), len(history.returns) * history.years
    each = _duration(history.spacing_seconds)
    lines = [f"{history.source}: {count:,} returns over {each} each, {_number(years)} years in all"]
    for fitted in ranked:
        lines += ["", *_one(fitted)]
    if len(ranked) + len(without) > 1:
        lines += ["", *_ranking(ranked)]
    lines += [f"{model} could not be fitted: {reason}." for model, reason in without.items()]
    return "\n".join(lines)


def _one(fitted: Fitted) -> list[str]:
    """One model: a row for each parameter, and the line to paste."""
    width = max(len(estimate.name) for estimate in fitted.estimates)
    head = f"{fitted.model:<{width + 2}}  {'estimate':>12}  {'standard error':>14}"
    rows = [f"  {e.name:<{width}}  {_number(e.value):>12}  {_number(e.error):>14}" for e in fitted.estimates]
    if any(one.interval is not None for one in fitted.estimates):
        head += f"  {'95 % interval':>24}"
        rows = [f"{row}  {_interval(one):>24}".rstrip() for row, one in zip(rows, fitted.estimates, strict=True)]
    return [head, *rows, "", "[assets.X]", fitted.snippet]


def _interval(estimate: Estimate) -> str:
    """An interval that is known better than by the standard error."""
    return "" if estimate.interval is None else "[{}, {}]".format(*map(_number, estimate.interval))


def _ranking(ranked: Sequence[Fitted]) -> list[str]:
    """The models by their BIC, which weighs what each explains against how many parameters it takes."""
    if not ranked:
        return []
    width = max(len(fitted.model) for fitted in ranked)
    lines = [f"{'Best by BIC':<{width + 4}}  parameters  log likelihood          AIC          BIC  behind the best"]
    for place, fitted in enumerate(ranked, start=1):
        lines.append(
            f"  {place} {fitted.model:<{width}}  {len(fitted.estimates):>10}  {fitted.log_likelihood:>14,.1f}"
            f"  {fitted.aic:>11,.1f}  {fitted.bic:>11,.1f}  {fitted.bic - ranked[0].bic:>15,.1f}"
        )
    return lines


def _number(value: float) -> str:
    """A number in four figures."""
    return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def _duration(seconds: float) -> str:
    """Seconds in the largest unit of which they are a whole number."""
    for unit, size in (("day", 86_400.0), ("hour", 3600.0), ("minute", 60.0)):
        count = round(seconds / size)
        if count >= 1 and abs(seconds - count * size) < 1e-6 * seconds:
            return f"{count:,} {unit}{'s' if count > 1 else ''}"
    return f"{seconds:.15g} s"
