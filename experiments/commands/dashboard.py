"""The command that serves the dashboard."""

# ruff: noqa: PLC0415 - heavy packages are imported by the commands that need them, so that help comes at once

import argparse
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from experiments.commands.terminal import DONE, refuse, whole

PORT = 8765
NEEDED = ("solara", "solara_assets", "ipyvuetify")


def add_commands(commands: Any) -> None:
    """Add the command to the sub-parsers of the command line."""
    dashboard = commands.add_parser("dashboard", help="turn knobs and watch a cascade in the browser, on this machine")
    dashboard.add_argument(
        "what",
        nargs="?",
        default="thin-market",
        metavar="SCENARIO|DIR",
        help="a scenario's name or file, or a directory that run has written (default thin-market)",
    )
    dashboard.add_argument(
        "--port", type=whole(1024, 65_535), default=PORT, metavar="N", help=f"of the server (default {PORT})"
    )
    dashboard.set_defaults(command=_dashboard)


def _dashboard(options: argparse.Namespace) -> int:
    if any(find_spec(package) is None for package in NEEDED):
        return refuse("the dashboard needs packages that are not installed; pip install 'underwater[dashboard]'")
    from experiments.dashboard.desk import Desk
    from experiments.dashboard.server import HOST, serve

    what = str(Path(options.what).resolve()) if Path(options.what).is_dir() else options.what
    if wrong := Desk.opened(what).wrong:
        return refuse(next(iter(wrong.values())))
    if not _is_free(HOST, options.port):
        return refuse(f"port {options.port} of {HOST} is taken; give another one with --port")
    print(f"The dashboard is at http://{HOST}:{options.port}/ (Ctrl-C ends it)", flush=True)
    serve(what, options.port)
    return DONE


def _is_free(host: str, port: int) -> bool:
    """Whether nobody listens there yet."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
