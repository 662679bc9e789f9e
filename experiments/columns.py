"""The tables of a run and what each of their columns says, told from the record's own words."""

import textwrap
from typing import Final

from abm.reading.inputs import ScenarioError
from abm.reading.sentences import nearest
from abm.record.columns import TABLES, UNITS, Meanings

_WIDTH: Final = 116


def glossary(word: str | None = None) -> str:
    """Every table with its columns, or one of them by its name, or every column of which a word is told.

    Text for a terminal. Raises `ScenarioError` where nothing is called so.
    """
    if word is None or word in TABLES:
        tables = [_table(name, TABLES[name][1]) for name in ([word] if word else TABLES)]
        return "\n\n".join([textwrap.fill(UNITS, width=_WIDTH), *tables])
    found = {
        name: {key: said for key, said in columns.items() if word.lower() in f"{key} {said}".lower()}
        for name, (_, columns) in TABLES.items()
    }
    if not any(found.values()):
        guess = nearest(word, [*TABLES, *(key for _, columns in TABLES.values() for key in columns)])
        remedy = f"did you mean {guess!r}?" if guess else "without a word all of them are told"
        raise ScenarioError(f"no table is called {word!r}, and no column has it in its name or meaning; {remedy}")
    return "\n\n".join(_table(name, columns) for name, columns in found.items() if columns)


def _table(name: str, columns: Meanings) -> str:
    width = max(map(len, columns))
    lines = [
        textwrap.fill(said, width=_WIDTH, initial_indent=f"  {key:<{width}}  ", subsequent_indent=" " * (width + 4))
        for key, said in columns.items()
    ]
    return "\n".join([f"{name}: {TABLES[name][0]}", *lines])
