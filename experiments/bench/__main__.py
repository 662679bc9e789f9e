"""One case in a process of its own: `python -m experiments.bench CASE REPEAT` prints its figures as JSON."""

import json
import sys

from experiments.bench import measure

print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
