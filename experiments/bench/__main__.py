"""One case in a process of its own: `python -m experiments.bench CASE REPEAT` prints its figures as JSON."""

import json
import sys
from contextlib import suppress

from experiments.bench import measure

with suppress(KeyboardInterrupt):  # whoever has started us says so
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
