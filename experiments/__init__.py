"""What we ask of the simulator: run scenarios, keep what they left behind, and draw it.

    from experiments import load_results, load_scenario, run_scenario

    results = run_scenario(load_scenario("black-thursday"), seed=1, paths=100, jobs=2)
    results.summary["bad_debt_usd_es95"]
    load_results("results/liquidator-capital-1").table

The other way in is the command line, `underwater` or `python -m experiments`. Importing this package is cheap: the
simulator and the table libraries are imported by the functions that need them.
"""

from experiments.results import load_results
from experiments.run import run_scenario
from experiments.running.paths import run_paths
from experiments.shipped import load_scenario, shipped_scenarios

__all__ = ["load_results", "load_scenario", "run_paths", "run_scenario", "shipped_scenarios"]
