"""How figures are written: the same bytes each time, with the title and the caption in the file."""

from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure

from experiments.figures import style

FORMATS = ("png", "svg", "pdf")


def save(drawn: Figure, file: Path) -> Path:
    """Write a figure in the format of the file's name, making its directory; the file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(encoded(drawn, file.suffix.removeprefix(".")))
    return file


@style.ours
def encoded(drawn: Figure, form: str) -> bytes:
    """A figure as the bytes of a PNG, SVG or PDF file."""
    title, caption = style.title_of(drawn), style.caption_of(drawn)
    metadata: dict[str, dict[str, str | None]] = {
        "png": {"Title": title, "Description": caption},
        "svg": {"Title": title, "Description": caption, "Date": None},
        "pdf": {"Title": title, "Subject": caption, "CreationDate": None},
    }
    held = BytesIO()
    drawn.savefig(held, format=form, metadata=metadata[form])
    return held.getvalue()
