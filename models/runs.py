"""When depositors run: what waiting costs as others leave, and the signal from which leaving is better.

**Source**: sequential service: Diamond and Dybvig, Journal of Political Economy 91 (1983). Thresholds from noisy
signals: Morris and Shin, "Global games: theory and applications" (2003); where, as here, leaving grows more attractive
with others only until cash is out: Goldstein and Pauzner, "Demand-deposit contracts and the probability of bank runs",
Journal of Finance 60 (2005). The payoffs are those of a lender that defers its losses, not those of the papers.
**Models**: A dollars of claims, cash of C = c A, and a hole of B = b A that is not yet recognised. A share w of the
claims leaves at par; those who stay bear h(w) = B / (A (1 - w)), and have earned the gain g by then. Cash pays c of the
claims. When a share n > c wants to leave, each of them is paid with probability c / n and stays otherwise. So waiting
is better than leaving by

    D(b, n) = k(n) (g - (1 + g) b / (1 - min(n, c))),   k(n) = min(1, c / n)

Each sees b with a uniform error of at most `noise`. Where nothing else is known of it, one who sees exactly the
threshold takes every n to be as likely as any other; where holes are known to be small as a rule, `expected_hole` being
their mean, a large reading is taken for an error the more, the larger errors are (see `models.rare_holes`). One waits
or leaves alike where the mean of D over n is 0. Where a share q is seen to have asked already, only the n from q on are
left: what others did tells of the hole and of the cash.
**More noise, later?** Of people who do not see one another a share w has left once the hole is x* + noise (2 w - 1).
Noise spreads the run: its first part comes sooner, and later what is beyond a share that is below a half where cash is
scarce. Where they see one another the first pull the rest along (herding, as in Gu, Journal of Economic Theory 146
(2011)), and with nothing else known of the hole the whole run comes sooner. With an expected hole m, as noise grows
without end, the first leave at g / (1 + g) - m and any share at ever larger holes: where m is less than what lies
between g / (1 + g) and the threshold without noise, everybody leaves later than without noise, seen or unseen. Only
while it is small beside m does noise still hasten the first.
**Leaves out**: costs of leaving, aversion to risk, repayments that bring new cash, beliefs about the beliefs of the
locked, and what it tells that somebody has not asked yet. A hole is never below 0 nor above what is lent out, 1 - c;
signals beyond are read as these.
**Units**: holes, cash, shares and noise as fractions of all claims; the gain as a fraction of one's own claim.
**Invariants**: below (1 - c) g / (1 + g) it is better to wait whatever others do, above g / (1 + g) to leave; without
noise the threshold, if there is one, lies between. It rises with the gain, and falls with cash and with what others
have asked. Where nothing else is known, noise raises it if cash is less than half of the claims, and lowers it if it is
more, as long as every hole thought possible is one that can be. A small expected hole raises it too. With losses
recognised at once the haircut is B / A for everybody, whoever leaves: there is nothing to run from.
"""

from math import inf, log, log1p
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from models.compiled import compiled
from models.rare_holes import expected_cost
from models.refusals import Refusal
from models.types import BoolArray, FloatArray

# As near to nothing, or to all, as a share comes for those who choose: at the ends themselves nobody has a choice.
EDGE: Final = 1e-9


class InvalidRun(Refusal):
    """A share, a hole or a gain cannot be."""


def stayers_haircut(hole: ArrayLike, left: ArrayLike) -> FloatArray:
    """What those who stay lose of their claims, B / (A (1 - w)), at most all of it; arrays of one shape, or numbers.

    `hole` is B / A, `left` the share w that has left at par, below 1. Raises `InvalidRun`.
    """
    missing, gone = np.asarray(hole, np.float64), np.asarray(left, np.float64)
    _check_hole(missing)
    if not ((gone >= 0.0) & (gone < 1.0)).all():
        raise InvalidRun(f"left is between {gone.min()} and {gone.max()}; give shares of all claims, 0 to below 1")
    haircut: FloatArray = np.minimum(missing / (1.0 - gone), 1.0)
    return haircut


def breakeven_haircut(gain: float) -> float:
    """The haircut at which waiting pays as much as leaving at par: g / (1 + g). Raises `InvalidRun`."""
    _check_gain(gain)
    return gain / (1.0 + gain)


def breakeven_left(hole: ArrayLike, gain: float) -> FloatArray:
    """The share that may have left until leaving at par is better than waiting.

    0 where it is better from the start; 1 without a hole. Raises `InvalidRun`.
    """
    missing, borne = np.asarray(hole, np.float64), breakeven_haircut(gain)
    _check_hole(missing)
    share: FloatArray = np.where(missing < borne, 1.0 - missing / (borne or 1.0), 0.0)
    return np.where(missing == 0.0, 1.0, share)


def advantage_of_waiting(hole: ArrayLike, leaving: ArrayLike, gain: float, cash: float) -> FloatArray:
    """D(b, n): how much more one gets by waiting than by asking to leave when a share n asks; shape of the arrays.

    Raises `InvalidRun`.
    """
    _check_terms(gain, cash)
    missing, asks = np.clip(np.asarray(hole, np.float64), 0.0, 1.0 - cash), np.asarray(leaving, np.float64)
    if not ((asks >= 0.0) & (asks <= 1.0)).all():
        raise InvalidRun(f"leaving is between {asks.min()} and {asks.max()}; give shares of all claims, 0 to 1")
    paid = np.minimum(1.0, cash / np.maximum(asks, cash))
    waiting: FloatArray = paid * (gain - (1.0 + gain) * missing / (1.0 - np.minimum(asks, cash)))
    return waiting


def certain_holes(gain: float, cash: float) -> tuple[float, float]:
    """Below the first hole nobody should leave, above the second everybody; between, it depends on the others.

    Raises `InvalidRun`.
    """
    _check_terms(gain, cash)
    borne = breakeven_haircut(gain)
    return (1.0 - cash) * borne, borne


def run_threshold(gain: float, cash: float, noise: float = 0.0, expected_hole: float = inf) -> float:
    """The signal of the hole above which one leaves, when everybody reasons alike.

    Infinite where the gain is worth waiting for even if all that is lent out is lost.

    Args:
        gain: what waiting earns beyond leaving as long as nothing happens: the rate over that elsewhere, over the time
            that a depositor is patient.
        cash: C / A, above 0 and below 1.
        noise: the largest error of a signal; in the limit of little noise if 0.
        expected_hole: the mean of holes before anybody looks; without end where any hole is as likely as any other,
            else below `certain_holes`' first, above which the expectation alone may be a reason to run.

    Raises:
        InvalidRun: an argument is out of these bounds.
    """
    _check_terms(gain, cash)
    if not 0.0 <= noise < inf:
        raise InvalidRun(f"noise is {noise}; give a fraction of all claims, 0 or more")
    harmless = certain_holes(gain, cash)[0]
    if expected_hole < inf and not 0.0 < expected_hole < harmless:
        raise InvalidRun(
            f"expected_hole is {expected_hole}; give a fraction of all claims below {harmless:.4g}, from which on "
            "people may run without looking, or none"
        )
    sought, weight = breakeven_haircut(gain) * _served(0.0, cash), _weights(1.0, cash)[0]
    if noise == 0.0 or expected_hole == inf:
        if sought > weight * (1.0 - cash):
            return inf
        if noise == 0.0:
            return sought / weight
    elif breakeven_haircut(gain) > 1.0 - cash:
        return inf
    low, high = -noise, 1.0 - cash + noise
    while low < (middle := 0.5 * (low + high)) < high:
        if _costs_less(middle, noise, cash, 0.0, expected_hole, breakeven_haircut(gain)):
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def better_to_leave(
    signals: FloatArray,
    gains: FloatArray,
    cash: float,
    noises: FloatArray,
    asked: float = 0.0,
    expected_hole: float = inf,
) -> BoolArray:
    """Whether leaving is better for each of many who see different signals: those above their own `run_threshold`.

    Args:
        signals: of the hole, (people,).
        gains: as in `run_threshold`, (people,), above -1; one who loses by waiting leaves whatever the hole.
        cash: C / A; where it is all or nothing, as near to that as there is a choice.
        noises: the largest error of each one's signal, (people,).
        asked: the share of the claims that is known to have asked, before or now.
        expected_hole: as in `run_threshold`, any above 0.

    Raises:
        InvalidRun: an argument is out of these bounds.
    """
    if not expected_hole > 0.0:
        raise InvalidRun(f"expected_hole is {expected_hole}; give a fraction of all claims, above 0, or none")
    if not (cash >= 0.0 and 0.0 <= asked <= 1.0):
        raise InvalidRun(f"cash is {cash} and asked {asked} of the claims; give 0 or more, and a fraction")
    leaving, odd = _better_to_leave(signals, gains, max(cash, EDGE), noises, min(asked, 1.0 - EDGE), expected_hole)
    if odd >= 0:
        raise InvalidRun(
            f"number {odd} has the signal {signals[odd]}, the gain {gains[odd]} and the noise {noises[odd]}; give "
            "fractions, a gain above -1 and a noise of 0 or more"
        )
    return np.asarray(gains < 0.0) if cash >= 1.0 else leaving


def leaving_share(hole: ArrayLike, threshold: float, noise: float) -> FloatArray:
    """The share whose signals are above the threshold, shape of `hole`; at the threshold itself, half of them.

    Raises `InvalidRun`.
    """
    if not 0.0 <= noise < inf:
        raise InvalidRun(f"noise is {noise}; give a fraction of all claims, 0 or more")
    beyond = np.asarray(hole, np.float64) - threshold
    if noise == 0.0:
        return np.heaviside(beyond, 0.5)
    share: FloatArray = np.clip(0.5 + 0.5 * beyond / noise, 0.0, 1.0)
    return share


@compiled()
def _better_to_leave(
    signals: FloatArray, gains: FloatArray, cash: float, noises: FloatArray, asked: float, expected: float
) -> tuple[BoolArray, int]:  # pragma: no cover - compiled
    """Compare, for each, what a haircut is expected to cost with what waiting earns; -1, or who cannot be judged."""
    leaving = np.empty(signals.size, np.bool_)
    cash = min(cash, 1.0 - EDGE)
    for k in range(signals.size):
        if not (abs(signals[k]) < np.inf and -1.0 < gains[k] < np.inf and 0.0 <= noises[k] < np.inf):
            return leaving, k
        borne = gains[k] / (1.0 + gains[k])
        leaving[k] = not _costs_less(signals[k], noises[k], cash, asked, expected, borne, True)
    return leaving, -1


@compiled()
def _costs_less(
    signal: float, noise: float, cash: float, asked: float, expected: float, borne: float, or_as_much: bool = False
) -> bool:  # pragma: no cover - compiled
    """Whether a haircut is expected to cost who waits less than the one borne for what waiting earns."""
    if noise > 0.0 and expected < np.inf:
        cost, served = expected_cost(signal, noise, cash, asked, expected)
    else:
        cost, served = _expected_hole(signal, noise, cash, asked), _served(asked, cash)
    return cost < borne * served or (or_as_much and cost == borne * served)


@compiled()
def _served(asked: float, cash: float) -> float:  # pragma: no cover - compiled
    """The integral of k(n) from `asked` on: how likely one is paid."""
    return max(cash - asked, 0.0) - cash * log(max(cash, asked))


@compiled()
def _weights(upto: float, cash: float) -> tuple[float, float]:  # pragma: no cover - compiled
    """The integrals of k(n) / (1 - min(n, c)) and of n times that, from 0 on."""
    within = min(upto, cash)
    plain, first = -log1p(-within), -within - log1p(-within)
    if upto > cash:
        slope = cash / (1.0 - cash)
        plain += slope * log(upto / cash)
        first += slope * (upto - cash)
    return plain, first


@compiled()
def _expected_hole(signal: float, noise: float, cash: float, asked: float) -> float:  # pragma: no cover - compiled
    """The integral over n, from `asked` on, of what a haircut costs who waits.

    The hole is signal + noise (2 n - 1) within its bounds.
    """
    lent = 1.0 - cash
    none, full = 0.0, 1.0
    if noise > 0.0:
        none = min(max(0.5 - 0.5 * signal / noise, 0.0), 1.0)  # up to this share the hole would be below 0
        full = min(max(0.5 + 0.5 * (lent - signal) / noise, 0.0), 1.0)  # from this share on, all that is lent is lost
    elif signal <= 0.0:
        none = 1.0
    elif signal >= lent:
        full = 0.0
    plain0, first0 = _weights(max(none, asked), cash)
    plain1, first1 = _weights(max(full, asked), cash)
    plain2, _ = _weights(1.0, cash)
    sloped = (signal - noise) * (plain1 - plain0) + 2.0 * noise * (first1 - first0)
    return sloped + lent * (plain2 - plain1)


def _check_hole(hole: FloatArray) -> None:
    """Raise `InvalidRun` unless these are holes."""
    if not (hole >= 0.0).all():
        raise InvalidRun(f"hole is {hole.min()}; give fractions of all claims, 0 or more")


def _check_gain(gain: float) -> None:
    """Raise `InvalidRun` unless waiting can earn this."""
    if not 0.0 <= gain < inf:
        raise InvalidRun(f"gain is {gain}; give a finite fraction, 0 or more")


def _check_terms(gain: float, cash: float) -> None:
    """Raise `InvalidRun` unless there is something to wait for and something to be paid from."""
    _check_gain(gain)
    if not 0.0 < cash < 1.0:
        raise InvalidRun(
            f"cash is {cash} of the claims; give a fraction above 0 and below 1, for else nobody has a choice"
        )
