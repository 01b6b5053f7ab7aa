"""The app as a local page: Voila, with nothing but the page and what it needs.

Voila can serve much more: files beside the notebook, other notebooks, themes, whatever extensions
of JupyterLab the user has installed, and it takes settings from files in the working folder and in
the user's home. None of that is wanted here.
"""

import os
import re
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from vemoclap import files
from vemoclap.app import environment, private_folder
from vemoclap.errors import UsageError

ADDRESS = "127.0.0.1"
HOSTS = r"(?:127\.0\.0\.1|localhost)"  # or else a page elsewhere could name its own host as ours
TEMPLATES = Path(__file__).parent / "page"
IDLE_S = 600  # after its page was closed or lost, a visitor's process has so long to live
SWEEP_MS = 60_000
# Base64, in which nothing of an upload travels, is not counted; headers and names are.
MESSAGE_BYTES = environment.PAGE_UPLOAD_MB * 10**6 + 2**20
POLICY = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline' data:; connect-src 'self' ws: data:; object-src 'none'; "
    "frame-ancestors 'none'; base-uri 'self'; form-action 'none'"
)
EXTENSIONS = (  # of JupyterLab: ipywidgets itself, and Voila's for its versions 7 and 8
    "@jupyter-widgets/jupyterlab-manager",
    "@voila-dashboards/widgets-manager7",
    "@voila-dashboards/widgets-manager8",
)
LOOKS = "/voila/templates/lab/static/(.*)"
SOCKET = 103  # bytes of a socket's path, of which macOS takes the fewest
SOCKET_NAME = len("/voila_12345678/kernel-12345678-1234-1234-1234-123456789012-ipc-12345")
_SERVED = re.compile(
    r"/api/kernels/.*/channels$|/voila/(?:static|labextensions)/"
)  # of Voila's own
MODEL = r"/api/kernels/(?P<kernel_id>[0-9a-f-]{36})"
VISIT = r"/visits/([0-9a-f-]{36})"


def serve(
    notebook: Path, port: int, *, open_browser: bool, announce: Callable[[str], None]
) -> None:
    """Serve the notebook to this machine until it is stopped, by Ctrl-C or SIGTERM.

    SIGINT stops it also where a shell's ``&`` or ``nohup`` had it ignored: visitors' processes and
    files are to go with the server, which only a server that is told to stop can see to.

    Args:
        notebook: what to show.
        port: where to listen.
        open_browser: whether to open the page in a browser.
        announce: is told the page's address.

    Raises:
        UsageError: there is no notebook or no Voila, or the port is taken.
    """
    if not notebook.is_file():
        raise UsageError(
            f"There is no {notebook}; install vemoclap again, or run it from a checkout."
        )
    try:
        import voila.app  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"The local page needs Voila, which cannot be imported ({error}); run setup.sh "
            'again, or install vemoclap with the extra "page".'
        ) from error
    _claim(port)
    _on_stopping(signal.default_int_handler)  # until it listens
    announce(f"http://{ADDRESS}:{port}/")
    os.environ[environment.PAGE_VARIABLE] = "1"
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"  # this Python, not a kernel of the user's
    private_folder.sweep()
    application = _local_page()(
        notebook_path=str(notebook), port=port, open_browser=open_browser, log_level="ERROR"
    )
    try:
        application.initialize([])
        application.start()
    finally:
        shutil.rmtree(application.connection_dir, ignore_errors=True)
        private_folder.sweep()


def _claim(port: int) -> None:
    """Raise if a port cannot be had; Voila would take another one and tell nobody."""
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        about, advice = f"The port {port}", "choose another with --port"
        with files.explain_os_errors(about, "cannot be used", advice, UsageError):
            attempt.bind((ADDRESS, port))


def _on_stopping(handler: Callable[[int, FrameType | None], Any] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def _local_page() -> Any:
    """Return the class of the application, which only Voila's own can be made from."""
    from jupyter_server.services.kernels.handlers import KernelHandler
    from tornado.ioloop import IOLoop, PeriodicCallback
    from tornado.web import RequestHandler
    from traitlets import List, Unicode
    from traitlets.config import Config
    from voila.app import Voila
    from voila.static_file_handler import MultiStaticFileHandler

    class KernelModel(KernelHandler):
        """What the page asks for when it connects; its process is ended in another way."""

        SUPPORTED_METHODS = ("GET",)

    class Visit(RequestHandler):
        """Tells a page whether its process is still there, and ends it when the page is left."""

        async def get(self, kernel: str) -> None:
            kernels = self.settings["kernel_manager"]
            here = kernel in kernels and await kernels.get_kernel(kernel).is_alive()
            self.set_status(204 if here else 410)

        async def post(self, kernel: str) -> None:
            kernels = self.settings["kernel_manager"]
            own = self.request.headers.get("Origin") == f"http://{self.request.host}"
            if own and kernel in kernels:
                await kernels.shutdown_kernel(kernel)
            self.set_status(204 if own else 403)

    class LocalPage(Voila):  # type: ignore[misc]
        """Voila for one notebook and one machine."""

        config_file_paths = List(Unicode(), [])  # no settings but those below

        def initialize(self, argv: Any = None) -> None:
            self.ip, self.port_retries = ADDRESS, 0
            self.update_config(_settings(Config))
            super().initialize(argv)

        def setup_template_dirs(self) -> None:
            super().setup_template_dirs()
            self.template_paths: list[str] = [str(TEMPLATES), *self.template_paths]

        def init_handlers(self) -> list[Any]:
            """Add what is served, to our own hosts alone; return nothing for others."""
            rows = super().init_handlers()
            kept = [row for row in rows if _SERVED.match(row[0])]
            kept += [(MODEL, KernelModel), (VISIT, Visit)]
            # Voila's own handler for the files of templates takes any template's.
            kept.append((LOOKS, MultiStaticFileHandler, {"paths": self.static_paths}))
            kept.append(("/()", *rows[-1][1:]))  # the page, and nothing behind any other path
            self.app.add_handlers(HOSTS, kept)
            return []

        def listen(self) -> None:
            PeriodicCallback(private_folder.sweep, SWEEP_MS).start()
            loop = IOLoop.current()

            def stop(*_: Any) -> None:
                _on_stopping(signal.SIG_IGN)  # whoever is impatient would leave processes behind
                loop.add_callback_from_signal(loop.stop)

            _on_stopping(stop)
            super().listen()

    return LocalPage


def _settings(config: Any) -> Any:
    chosen = config()
    chosen.VoilaConfiguration.template = "lab"
    chosen.VoilaConfiguration.theme = "light"  # the page follows the machine's, see its style
    chosen.VoilaConfiguration.allow_template_override = "NO"
    chosen.VoilaConfiguration.allow_theme_override = "NO"
    chosen.VoilaConfiguration.show_tracebacks = False
    chosen.VoilaConfiguration.file_allowlist = []
    chosen.VoilaConfiguration.resources = {"upload_mb": environment.PAGE_UPLOAD_MB}
    chosen.VoilaConfiguration.extension_allowlist = list(EXTENSIONS)
    chosen.Voila.tornado_settings = {
        "websocket_max_message_size": MESSAGE_BYTES,
        "ws_ping_interval": 30_000,  # Jupyter counts milliseconds
        "ws_ping_timeout": 30_000,
        "allow_remote_access": False,
        "local_hostnames": ["localhost"],
        "headers": {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"},
    }
    chosen.KernelManager.autorestart = False  # the new process would know nothing of the page
    if sockets := _socket_folder():  # in which Voila makes a private one, and then no ports
        chosen.KernelManager.transport = "ipc"
        chosen.Voila.connection_dir_root = sockets
    chosen.MappingKernelManager.cull_idle_timeout = IDLE_S
    chosen.MappingKernelManager.cull_interval = 60
    chosen.MappingKernelManager.cull_connected = False
    chosen.ZMQChannelsWebsocketConnection.limit_rate = False  # a report comes in one message
    return chosen


def _socket_folder() -> str | None:
    """Return a folder whose path leaves room for the names of sockets, if there is one."""
    folders = (tempfile.gettempdir(), os.environ.get("XDG_RUNTIME_DIR", ""), "/tmp")  # noqa: S108
    fitting = (path for path in folders if path and len(os.fsencode(path)) + SOCKET_NAME <= SOCKET)
    return next((path for path in fitting if os.access(path, os.W_OK | os.X_OK)), None)
