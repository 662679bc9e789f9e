"""How a scene becomes a file: a GIF with one palette for all frames, and an MP4 where an encoder is installed."""

import shutil
import subprocess
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from experiments.figures.scene import Scene
from experiments.figures.stage import FRAMES, Stage
from experiments.stored.storage import Results

FRAMES_PER_SECOND = 10
STILL = 15
"""Frames for which the last picture stays."""

COLOURS = 128
SAMPLED = 6
"""Pictures that the palette is made from, or nearly as many."""

Picture = np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]


def animate(directory: Path, frames: int = FRAMES) -> list[Path]:
    """Write the film of a stored run into its `figures`, as GIF and where that is possible as MP4; the files.

    Raises `ResultsError` where there is no run in the directory, or nothing to see in it.
    """
    scene = Scene(Stage.of(Results.load(directory), frames))
    pictures = list(scene.frames())
    files = [directory / "figures" / "cascade.gif"]
    write_gif(pictures, files[0])
    if (ffmpeg := encoder()) is not None:
        files.append(files[0].with_suffix(".mp4"))
        write_mp4(pictures, files[1], ffmpeg)
    return files


def write_gif(pictures: Iterable[Picture], file: Path) -> None:
    """Write pictures (height, width, 4) as a GIF that repeats; the same bytes each time."""
    images = [Image.fromarray(picture[..., :3]) for picture in pictures]
    # One palette for all makes what stands still cost nothing. It covers the colours of pictures from all over the
    # film, however few their pixels: by number of pixels the white and the greys would have nearly all of it.
    some = images[:: max(1, len(images) // SAMPLED)]
    together = Image.fromarray(np.concatenate([np.asarray(image) for image in some]))
    palette = together.quantize(colors=COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    first, *others = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    length = 1000 // FRAMES_PER_SECOND
    durations = [length] * len(others) + [STILL * length]
    file.parent.mkdir(parents=True, exist_ok=True)
    first.save(file, save_all=True, append_images=others, duration=durations, loop=0, optimize=False, disposal=1)


def encoder() -> str | None:
    """The ffmpeg of this machine, or the one that the package imageio-ffmpeg brings; None where there is neither."""
    found = shutil.which("ffmpeg")
    if found is None and find_spec("imageio_ffmpeg") is not None:
        from imageio_ffmpeg import get_ffmpeg_exe  # noqa: PLC0415  an extra

        found = str(get_ffmpeg_exe())
    return found


def write_mp4(pictures: Iterable[Picture], file: Path, ffmpeg: str) -> None:
    """Write pictures as an MP4 that browsers and slides can play. Raises `OSError` when the encoder fails."""
    held = list(pictures)
    held += [held[-1]] * STILL
    height, width = held[0].shape[:2]
    command = [
        ffmpeg, "-y", "-loglevel", "error", "-f", "rawvideo", "-pixel_format", "rgba", "-video_size",
        f"{width}x{height}", "-framerate", str(FRAMES_PER_SECOND), "-i", "-", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2",
        "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(file),
    ]  # fmt: skip
    data = b"".join(picture.tobytes() for picture in held)
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise OSError(f"{ffmpeg} could not write {file} ({said[-1] if said else 'it said nothing'})")
