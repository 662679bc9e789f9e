"""Serves the dashboard on the loopback address alone, without a request to anywhere else.

Everything that the browser loads comes from the package of assets. A page of another site cannot reach it through
somebody's browser: requests that were addressed to another name, or come from another page, are refused.
"""

import os
import warnings
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

HOST = "127.0.0.1"
_SETTINGS = {
    "SOLARA_APP": "experiments.dashboard.page",
    "SOLARA_ASSETS_CDN": "http://127.0.0.1:9/",  # what the package of assets lacks is fetched from nobody
    "SOLARA_TELEMETRY_MIXPANEL_ENABLE": "false",
    "SOLARA_MODE": "production",
    "SOLARA_KERNEL_CULL_TIMEOUT": "1h",  # how long a page that lost its browser is kept
    "SOLARA_THEME_TITLE": "Underwater",
    "SOLARA_THEME_SHOW_BANNER": "false",
}

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def serve(what: str, port: int) -> None:
    """Serve pages that open with a scenario or a directory, until it is interrupted."""
    os.environ.update(_SETTINGS)  # Solara reads its settings when it is imported
    import uvicorn  # noqa: PLC0415
    from solara.server.starlette import app  # noqa: PLC0415

    from experiments.dashboard import page  # noqa: PLC0415

    # It is said of every page that is not served by https, and the cookie is then what it ought to be.
    warnings.filterwarnings("ignore", message="Cookies with samesite=none", category=UserWarning)
    page.opened = what
    with suppress(KeyboardInterrupt):  # the way to end it
        uvicorn.run(guarded(app, port), host=HOST, port=port, log_level="warning", timeout_graceful_shutdown=1)


def guarded(app: App, port: int) -> App:
    """The application, deaf to requests that do not come from a page of its own."""
    hosts = {f"{name}:{port}".encode() for name in (HOST, "localhost")}
    origins = {b"http://" + host for host in hosts}

    async def only_from_here(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            headers = dict(scope["headers"])
            if headers.get(b"host") not in hosts or headers.get(b"origin", next(iter(origins))) not in origins:
                await _refuse(scope, send)
                return
        await app(scope, receive, send)

    return only_from_here


async def _refuse(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"This dashboard answers pages of its own only.\n"})
