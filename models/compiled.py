"""Kernels: functions that are compiled when they are first called, and stored for the processes that come later.

numba takes stored code as good for as long as the kernel's own file stays as it is. But what a kernel calls or reads
from other files is built in, and after a change there it would go on with what was. So the folder of what is stored is
named after all that went in: the module's text, its constants, and the same for the modules whose kernels it may call.
"""

import hashlib
import sys
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from types import ModuleType
from typing import Any, TypeVar

import numba
import numpy as np

_settings: Any = numba.config

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(**options: Any) -> Callable[[Kernel], Kernel]:
    """Return a decorator that has numba's `njit` compile a function, with these options, and stores the outcome.

    Where no folder can be written to it warns, and every process compiles anew.
    """

    def made(function: Kernel) -> Kernel:
        place = _place()
        given = _settings.CACHE_DIR
        if place is not None:
            _settings.CACHE_DIR = str(place / _digest(function.__module__))
        try:
            kernel: Kernel = numba.njit(cache=place is not None, **options)(function)
        finally:
            _settings.CACHE_DIR = given
        return kernel

    return made


@cache
def _digest(name: str) -> str:
    """Return what stands for all that a module's kernels are made of.

    When the first of them is made, what the module imports is there, and what it says further down is in its text.
    """
    module = sys.modules[name]
    digest = hashlib.sha256(Path(str(module.__file__)).read_bytes())
    for key, value in sorted(vars(module).items()):
        if key.startswith("__"):
            continue
        if isinstance(value, np.ndarray):
            digest.update(key.encode() + value.tobytes())
        elif isinstance(value, bool | int | float | str | tuple | np.generic):
            digest.update(f"{key}={value!r}".encode())
        elif (origin := _origin(value)) not in (None, name):
            digest.update(f"{key}={_digest(origin)}".encode())
    return digest.hexdigest()[:16]


def _origin(value: object) -> str | None:
    """Return the module in which a kernel was made, or itself for a module that has kernels."""
    if isinstance(value, ModuleType):
        return value.__name__ if any(hasattr(one, "py_func") for one in vars(value).values()) else None
    return getattr(value, "__module__", None) if hasattr(value, "py_func") else None


@cache
def _place() -> Path | None:
    """Return the folder for stored code: where the user says, beside this file, or in the home; None without any."""
    for place in _places():
        try:
            place.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=place):
                return place
        except OSError:
            continue
    warnings.warn(
        "compiled code can be stored nowhere, so that every process compiles anew; "
        "set NUMBA_CACHE_DIR to a folder that can be written to",
        stacklevel=1,
    )
    return None


def _places() -> list[Path]:
    if _settings.CACHE_DIR:
        return [Path(_settings.CACHE_DIR)]
    places = [Path(__file__).parent / "__pycache__" / "kernels"]
    try:
        return [*places, Path.home() / ".cache" / "underwater"]
    except RuntimeError:  # whoever runs this has no home
        return places
