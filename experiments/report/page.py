"""What a report is made of, and how it becomes one HTML file that loads nothing from anywhere."""

import base64
import math
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from experiments.figures import style
from experiments.figures.saving import encoded

MOST_BYTES = 400_000
"""A figure that is larger as SVG goes in as PNG."""

PNG_DPI = 160


@dataclass(frozen=True, slots=True)
class Cell:
    """What a table shows, and what it is sorted by: the exact number, or the text."""

    text: str
    exact: str
    number: bool = False

    @classmethod
    def of(cls, value: object, text: str | None = None) -> "Cell":
        """A cell for a number, written as `text` where that is given, or for anything else."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            said = "" if value is None else str(value)
            return cls(text if text is not None else said, said)
        said = f"{value:,.6g}" if text is None else text
        return cls(said, repr(float(value)) if math.isfinite(value) else "", number=True)


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its heading; the first cell of a row names it."""

    caption: str
    columns: list[str]
    rows: list[list[Cell]]
    sortable: bool = True


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure in the page: its heading, the whole image as a data address, and what it shows in words."""

    name: str
    heading: str
    data: str
    alternative: str
    width: int
    height: int

    @classmethod
    def of(cls, name: str, drawn: Figure) -> "Picture":
        """Take in a figure, as SVG where that is not too large."""
        width, height = (round(96 * inches) for inches in drawn.get_size_inches())
        kind, image = "svg+xml", encoded(drawn, "svg")
        if len(image) > MOST_BYTES:
            drawn.set_dpi(PNG_DPI)
            kind, image = "png", encoded(drawn, "png")
        title = style.title_of(drawn)
        data = f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
        said = f"{title}. {style.caption_of(drawn)}".strip()
        return cls(name, style.words(name).capitalize(), data, said, width, height)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page under a heading of its own."""

    title: str
    paragraphs: list[str] = field(default_factory=list)
    figures: list[Picture] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    code: list[str] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """The name by which the contents lead here."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.title.lower())


@dataclass(frozen=True, slots=True)
class Page:
    """A report: what was asked, the answer in three sentences, and what it rests on."""

    title: str
    lead: str
    question: str
    answer: list[str]
    sections: list[Section]
    version: str

    def html(self) -> str:
        """The page as HTML."""
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined
        )
        return environment.get_template("page.html.j2").render(page=self)
