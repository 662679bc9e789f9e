"""The tables of a run and what each of their columns says, told from the record's own words."""

import textwrap
from typing import Final

from abm.reading.inputs import ScenarioError
from abm.reading.sentences import suggestion
from abm.record.columns import TABLES, UNITS, Meanings

_WIDTH: Final = 116


def glossary(word: str | None = None) -> str:
    """Every table with its columns, or one of them by its name, or every column with a word in its name.

    Text for a terminal. Raises `ScenarioError` where nothing is called so.
    """
    if word is None or word in TABLES:
        tables = [_table(name, TABLES[name][1]) for name in ([word] if word else TABLES)]
        return "\n\n".join([textwrap.fill(UNITS, width=_WIDTH), *tables])
    found = {name: {key: said for key, said in columns.items() if word in key} for name, (_, columns) in TABLES.items()}
    if not any(found.values()):
        known = [*TABLES, *dict.fromkeys(key for _, columns in TABLES.values() for key in columns)]
        raise ScenarioError(f"no table or column is called {word!r}; {suggestion(word, known)}")
    return "\n\n".join(_table(name, columns) for name, columns in found.items() if columns)


def _table(name: str, columns: Meanings) -> str:
    width = max(map(len, columns))
    lines = [
        textwrap.fill(said, width=_WIDTH, initial_indent=f"  {key:<{width}}  ", subsequent_indent=" " * (width + 4))
        for key, said in columns.items()
    ]
    return "\n".join([f"{name}: {TABLES[name][0]}", *lines])
