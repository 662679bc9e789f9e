"""`python -m experiments` is the command line `underwater`."""

import sys

from experiments.cli import main

# Worker processes import this module under another name and must not start the command again.
if __name__ == "__main__":
    sys.exit(main())
