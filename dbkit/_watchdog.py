"""Processes of a Postgres server: find, stop and reap them.

`dbkit.server` imports this file, and runs it as a script (`python -I -S`) next to every temporary
server. The script makes the server's directory and starts the server's commands, so that they are
its descendants, and lives for as long as somebody holds the other end of its standard input. When
that pipe closes, for whatever reason, `kill -9` included, it stops the server and deletes the
directory. It uses the standard library alone and imports nothing from dbkit.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

_PR_SET_CHILD_SUBREAPER = 36
_COMMAND_SECONDS = 180.0
_KEEPS_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": str(32 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(16 << 20),
    "MALLOC_TOP_PAD_": str(1 << 20),
}
"""For glibc, which else gives memory back after each big answer and takes it anew for the next, one
page fault a page: a third of the time of a menu of 42 kB."""


class Postmaster(NamedTuple):
    """What a live server says about itself in postmaster.pid."""

    pid: int
    port: int
    ready: bool


def clean_environment() -> dict[str, str]:
    """Our environment without PG* (PGDATA, PGPORT, PGOPTIONS … would change what commands do), and
    with what makes a server keep memory, if it does not say anything of that itself."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return _KEEPS_MEMORY | kept | {"LC_ALL": "C"}


def spawn(
    argv: list[str], *, cwd: str, output: str, uid: int | None = None, gid: int | None = None
) -> subprocess.Popen[bytes]:
    """Start a command in its own session, with nothing of ours open but its output file."""
    with Path(output).open("wb") as sink:
        return subprocess.Popen(
            argv,
            cwd=cwd,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
        )


def pid_file_lines(data_dir: Path) -> list[str]:
    """Lines of postmaster.pid: pid, data, start, port, socket, address, shared memory, state."""
    try:
        return (data_dir / "postmaster.pid").read_text(errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []


def _number(text: str) -> int:
    return int(text) if text.strip().isdecimal() else 0


def pid_in_file(data_dir: Path) -> int | None:
    lines = pid_file_lines(data_dir)
    return (_number(lines[0]) or None) if lines else None


def live_postmaster(data_dir: Path) -> Postmaster | None:
    """The running server of a data directory; None when the file is absent or stale."""
    lines = pid_file_lines(data_dir)
    pid = _number(lines[0]) if lines else 0
    if not pid or not is_postmaster(pid, data_dir):
        return None
    port = _number(lines[3]) if len(lines) > 3 else 0
    ready = port > 0 and len(lines) > 7 and lines[7].strip() in ("ready", "standby")
    return Postmaster(pid, port, ready)


def is_postmaster(pid: int, data_dir: Path) -> bool:
    """Whether this process is the server of this directory: a pid alone may have been reused.

    A zombie has no command line, and so does not count.
    """
    argv = _command_line(pid)
    if not argv or Path(argv[0]).name not in ("postgres", "postmaster"):
        return False
    return str(data_dir) in argv or _works_in(pid, data_dir)


def _command_line(pid: int) -> list[str]:
    if Path("/proc/self/cmdline").exists():
        try:
            text = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return []
        return [os.fsdecode(part) for part in text.split(b"\0") if part]
    shown = subprocess.run(
        ["ps", "-ww", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False
    ).stdout.strip()
    program, _, directory = shown.partition(" -D ")
    return [program, directory] if directory else []


def _works_in(pid: int, data_dir: Path) -> bool:
    """A server's working directory is its data directory, also after that was renamed."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data_dir
    except OSError:
        return False


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def reap(pid: int = -1) -> dict[int, int]:
    """Collect children that have ended ({pid: exit code}): a zombie would block a restart."""
    ended: dict[int, int] = {}
    try:
        while True:
            child, status = os.waitpid(pid, os.WNOHANG)
            if child == 0:
                return ended
            ended[child] = os.waitstatus_to_exitcode(status)
    except ChildProcessError:
        return ended


def stop(data_dir: Path, steps: list[tuple[signal.Signals, float]]) -> bool:
    """Send the signals in turn, each followed by its wait in seconds; True when it has stopped."""
    for number, seconds in steps:
        found = live_postmaster(data_dir)
        if found is None:
            return True
        _signal(found.pid, number)
        if gone(found.pid, data_dir, seconds):
            return True
    return False


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def gone(pid: int, data_dir: Path, seconds: float) -> bool:
    """Wait for the end of a directory's server; False when it is still there afterwards."""
    deadline = time.monotonic() + seconds
    while is_postmaster(pid, data_dir):
        if time.monotonic() > deadline:
            return False
        reap(pid)
        time.sleep(0.005)
    reap(pid)
    return True


def remove(directory: Path, seconds: float = 5.0) -> None:
    """Delete, again and again if a process that is about to end still writes there."""
    import shutil

    deadline = time.monotonic() + seconds
    while directory.exists() and time.monotonic() < deadline:
        shutil.rmtree(directory, ignore_errors=True)


def _noted(number: int, frame: FrameType | None) -> None:
    """A handler that does nothing: the wake-up descriptor tells that a signal came."""


class _Watchdog:
    """One request at a time on standard input, one reply each on standard output, as JSON lines."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.buffer = b""
        self.child: subprocess.Popen[bytes] | None = None
        self.deadline = 0.0
        self.wake, wake_writer = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(wake_writer, False)
        signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _noted)

    def serve(self) -> None:
        """Until the other end closes the pipe, or somebody asks us to end."""
        while True:
            ready, _, _ = select.select([0, self.wake], [], [], 1.0)
            if self.wake in ready and self._asked_to_end():
                return
            self._collect()
            if 0 in ready and not self._read():
                return

    def _asked_to_end(self) -> bool:
        numbers = os.read(self.wake, 512)
        return any(number != signal.SIGCHLD for number in numbers)

    def _read(self) -> bool:
        chunk = os.read(0, 65536)
        self.buffer += chunk
        line, newline, rest = self.buffer.partition(b"\n")
        if newline:
            self.buffer = rest
            self._begin(json.loads(line))
        return bool(chunk)

    def _begin(self, request: dict[str, Any]) -> None:
        self.deadline = time.monotonic() + _COMMAND_SECONDS
        try:
            self.child = spawn(**request)
        except OSError as error:
            Path(request["output"]).write_text(f"{error}\n")
            reply({"code": 127})

    def _collect(self) -> None:
        ended = reap()
        if self.child is None:
            return
        code = ended.get(self.child.pid)
        if code is not None:
            self.child.returncode, self.child = code, None
            reply({"code": code})
        elif time.monotonic() > self.deadline:
            _kill_session(self.child.pid)

    def clean(self) -> None:
        """Stop the command under way and the server, then delete: nothing in it is wanted again."""
        if self.child is not None:
            _kill_session(self.child.pid)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            # Immediate, not fast: a checkpoint of a directory about to be deleted is wasted.
            stop(self.base / "data", [(signal.SIGQUIT, 8.0), (signal.SIGKILL, 2.0)])
            reap()
            if not _has_children():
                break
            time.sleep(0.005)
        remove(self.base)


def _has_children() -> bool:
    """As subreaper we are the parent of every orphan below us, so none left means all ended."""
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


def _kill_session(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _become_subreaper() -> None:
    """Orphans below us become our children, not those of an init that may never reap them."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reply(message: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps(message).encode() + b"\n")


def main(parent: str, uid: str, gid: str) -> None:
    # Python starts with SIGPIPE ignored, so that a reply to a killed owner is only an error.
    base = Path(parent) / f"dbkit-{os.getpid()}-{os.urandom(4).hex()}"
    watchdog = _Watchdog(base)
    _become_subreaper()
    try:
        base.mkdir(mode=0o700)
        if uid:
            os.chown(base, int(uid), int(gid))
        reply({"base": str(base)})
        watchdog.serve()
    except OSError as error:
        reply({"error": str(error)})
    finally:
        watchdog.clean()


if __name__ == "__main__":
    main(*sys.argv[1:4])
