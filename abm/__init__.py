"""Who decides, and when: agents, the block's timetable, the world and the record.

>>> from abm import Scenario, simulate
>>> run = simulate(Scenario.load("crash.toml"), seed=1)
>>> run.summary["bad_debt_usd"], run.liquidations
"""

from abm.reading.inputs import ScenarioError
from abm.scenario import Scenario
from abm.simulation import Run, simulate

__all__ = ["Run", "Scenario", "ScenarioError", "simulate"]
