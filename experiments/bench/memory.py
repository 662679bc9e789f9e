"""The largest memory that this process has had."""

import sys


def peak_mib() -> float:
    """Return it in MiB; nan where the system does not tell, which is Windows."""
    try:
        import resource  # noqa: PLC0415  POSIX only
    except ModuleNotFoundError:
        return float("nan")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024.0 * (1024.0 if sys.platform == "darwin" else 1.0))
