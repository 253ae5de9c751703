"""How `dbkit serve` runs its processes: one, or several that share a socket."""

from __future__ import annotations

import os
import signal
import socket
import threading
from types import FrameType

import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess

from dbkit.cli_parts import log_to_stderr
from dbkit.gateway import from_environment

_BACKLOG = 2048


class CannotListen(Exception):
    """The address cannot be had; the message says why."""


def application(verbose: bool) -> ASGIApp:
    """Made in each process, whose log is set up first."""
    log_to_stderr(verbose)
    return from_environment()


def listen(host: str, port: int) -> socket.socket:
    """A socket that accepts connections from now on, also while processes come and go."""
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise CannotListen(f"there is no address {host}") from None
    try:
        return socket.create_server(where, family=family, backlog=_BACKLOG)
    except OSError as error:
        raise CannotListen(os.strerror(error.errno or 0)) from None


def address(listener: socket.socket) -> str:
    """Its URL, with the port that it really has."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run_one(config: uvicorn.Config, listener: socket.socket) -> bool:
    """Serve until SIGTERM or SIGINT. False: it could not start."""
    server = uvicorn.Server(config)

    def ended(number: int, frame: FrameType | None) -> None:
        """The server passes on the signal that it obeyed: that is no crash."""

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ended)
    try:
        server.run(sockets=[listener])
    except SystemExit as error:
        if error.code != STARTUP_FAILURE:
            raise
    return server.started


def run_several(config: uvicorn.Config, listener: socket.socket) -> bool:
    """As many processes as it says, until SIGTERM or SIGINT; SIGHUP replaces them one by one.
    False: one could not start."""
    processes = _Processes(config, sockets=[listener])
    processes.run()
    return all(each.exitcode != STARTUP_FAILURE for each in processes.processes)


class _Processes(Multiprocess):
    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        # Ends a replacement of all processes too, which would otherwise be finished first.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)

    def _end(self, number: int, frame: FrameType | None) -> None:
        # In a thread: the event's lock may be held by what this handler interrupts.
        threading.Thread(target=self.should_exit.set).start()

    def terminate_all(self) -> None:
        # Otherwise connections would be accepted here, and by nobody served.
        for each in self.sockets:
            each.close()
        super().terminate_all()
