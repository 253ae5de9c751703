"""`dbkit serve`, a process of its own: tells where, ends well, says what is wrong."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from dbkit.server import Server
from tests.conftest import new_database, run_admin
from tests.gateway.processes import Served, served
from tests.gateway.serving import within
from tests.helpers import connect, one

CHECK = "/rpc/check_compatibility"
APP = {"app_version": "1.4.0"}
NAP = """
create function public.nap(p jsonb) returns jsonb language plpgsql stable as $$
begin
  perform pg_sleep((p ->> 'seconds')::float);
  return '{"slept": true}';
end $$;
grant execute on function public.nap(jsonb) to anon;
select dbkit.register_rpc('nap', 'v1', 'public.nap(jsonb)', 'read');
"""


@pytest.fixture(scope="module")
def url(server: Server, template: str) -> Iterator[str]:
    with new_database(server, template) as made:
        with psycopg.connect(made, autocommit=True) as conn:
            conn.execute(NAP.encode())
        yield made


def failing(*arguments: str, **environment: str) -> tuple[int, str]:
    """Exit code and stderr of a `dbkit serve` that does not start; stdout stays empty."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DBKIT_", "DATABASE_"))}
    ended = subprocess.run(
        [sys.executable, "-m", "dbkit", "serve", *arguments],
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.stdout == ""
    return ended.returncode, ended.stderr


def nap(gateway: Served, seconds: float) -> socket.socket:
    """A connection that has sent a call, and got nothing yet."""
    host, port = gateway.url.removeprefix("http://").split(":")
    client = socket.create_connection((host, int(port)))
    body = json.dumps({"seconds": seconds})
    client.sendall(
        f"POST /rpc/nap HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()
    )
    return client


def read_all(client: socket.socket) -> bytes:
    """What it says until it closes the connection."""
    client.settimeout(30)
    found = b""
    while part := client.recv(65536):
        found += part
    client.close()
    return found


def napping(url: str) -> bool:
    with connect(url) as conn:
        query = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
        return bool(one(conn, query))


@pytest.mark.parametrize("workers", ["1", "2"])
def test_tells_its_address_and_drains_when_told_to_end(url: str, workers: str) -> None:
    with served(url, "--workers", workers, "--drain", "1.5") as gateway:
        assert gateway.log.read_text("utf-8").startswith(f"{gateway.url}  (docs: /docs")
        assert gateway.post(CHECK, APP).json()["data"]["best_version"] == "v3"
        slow = nap(gateway, 2)
        for _ in within(20):
            if napping(url):
                break
        gateway.signal(signal.SIGTERM)
        for _ in within(20):
            if gateway.get("/health/ready").status_code == 503:
                break
        assert gateway.get("/health/live").status_code == 200
        answer = gateway.post(CHECK, APP)
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        assert b'"slept": true' in read_all(slow)
        assert gateway.wait() == 0
        assert [each for each in gateway.said() if each["level"] not in ("info", "debug")] == []
    with pytest.raises(OSError):
        nap(gateway, 0)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_database_is_an_option_too(url: str, workers: str) -> None:
    with served(None, "--url", url, "--workers", workers, "--drain", "0") as gateway:
        assert gateway.post(CHECK, APP).status_code == 200


def test_control_without_a_drain_nobody_is_told(url: str) -> None:
    with served(url, "--drain", "0") as gateway:
        slow = nap(gateway, 1)
        for _ in within(20):
            if napping(url):
                break
        gateway.signal(signal.SIGTERM)
        # What is under way is answered, but the next connection is refused at once.
        assert b'"slept": true' in read_all(slow)
        with pytest.raises(OSError):
            nap(gateway, 0)
        assert gateway.wait() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_interrupted_it_ends_at_once_with_success(url: str, workers: str) -> None:
    with served(url, "--workers", workers, "--drain", "0.1") as gateway:
        gateway.signal(signal.SIGINT)
        assert gateway.wait() == 0


def test_hangup_replaces_the_processes_one_by_one(url: str) -> None:
    with served(url, "--workers", "2", "--drain", "0.3", DBKIT_GATEWAY_POOL="3") as gateway:
        before = gateway.workers()
        assert len(before) == 2
        gateway.signal(signal.SIGHUP)
        for _ in within(30):
            assert gateway.post(CHECK, APP).status_code == 200
            now = gateway.workers()
            if len(now) == 2 and not set(now) & set(before):
                break
        # The figures are those of the processes that are there; the requests are those of all.
        for _ in within(20):
            lines = dict(
                line.rsplit(" ", 1)
                for line in gateway.get("/metrics").text.splitlines()
                if not line.startswith("#")
            )
            if lines["dbkit_gateway_connections"] == "6.0":
                break


def test_a_killed_process_is_replaced(url: str) -> None:
    with served(url, "--workers", "2") as gateway:
        killed = gateway.workers()[0]
        os.kill(killed, signal.SIGKILL)
        for _ in within(30):
            now = gateway.workers()
            if len(now) == 2 and killed not in now:
                break
        assert gateway.post(CHECK, APP).status_code == 200


def test_the_end_does_not_wait_for_a_replacement_of_all(url: str) -> None:
    """SIGTERM in the middle of a SIGHUP: who was not replaced yet ends as it is."""
    with served(url, "--workers", "3", "--drain", "0.2") as gateway:
        before = set(gateway.workers())
        gateway.signal(signal.SIGHUP)
        for _ in within(30):
            if set(gateway.workers()) - before:
                break
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == 0
        assert len(before) == 3


def test_a_port_in_use(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, said = failing("--port", port, DATABASE_URL=url)
        assert code == 1
        assert f"error: cannot listen on 127.0.0.1, port {port}: Address already in use" in said
        assert "--port" in said.splitlines()[-1]
    code, said = failing("--host", "nowhere.invalid", "--json", DATABASE_URL=url)
    message = json.loads(said)["error"]["message"]
    assert (code, message) == (
        1,
        "cannot listen on nowhere.invalid, port 8000: there is no address nowhere.invalid",
    )


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DBKIT_GATEWAY_POOL", "0", "DBKIT_GATEWAY_POOL: Input should be greater than"),
        ("DBKIT_GATEWAY_TIMEOUT", "soon", "DBKIT_GATEWAY_TIMEOUT: Input should be a valid number"),
        ("DBKIT_GATEWAY_ADDRESS", "some", "DBKIT_GATEWAY_ADDRESS: Input should be 'hash'"),
        ("DBKIT_JWT_SECRET", "hunter2", "DBKIT_JWT_SECRET"),
        ("DBKIT_JWT_JWKS", "http://u:hunter2@issuer.example/keys", "DBKIT_JWT_JWKS"),
    ],
)
def test_a_wrong_setting(url: str, name: str, value: str, told: str) -> None:
    code, said = failing(DATABASE_URL=url, **{name: value})
    assert code == 1
    assert said.startswith("error: a setting of the gateway is wrong: ") and told in said
    # It may be a secret.
    assert "hunter2" not in said
    assert "Traceback" not in said


def test_mistyped(url: str) -> None:
    for wrong in (["--port", "70000"], ["--workers", "0"], ["--drain", "-1"]):
        assert failing(*wrong, DATABASE_URL=url)[0] == 2


@pytest.mark.parametrize("workers", ["1", "2"])
def test_without_a_database_it_answers_503_until_there_is_one(
    server: Server, database: str, workers: str
) -> None:
    name = sql.Identifier(str(conninfo_to_dict(database)["dbname"]))
    closed = sql.SQL("alter database {} allow_connections false").format(name)
    opened = sql.SQL("alter database {} allow_connections true").format(name)
    run_admin(server.url, closed)
    with served(database, "--workers", workers, "--drain", "0", ready=False) as gateway:
        answer = gateway.post(CHECK, APP)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "UNAVAILABLE")
        assert int(answer.headers["retry-after"]) >= 1
        health = gateway.get("/health")
        assert (health.status_code, health.json()["database"]) == (503, "error")
        assert gateway.get("/health/live").status_code == 200
        run_admin(server.url, opened)
        for _ in within(20):
            if all(gateway.post(CHECK, APP).status_code == 200 for _ in range(10)):
                break
        told = {each["message"] for each in gateway.said() if each["level"] == "warning"}
        assert told == {"the catalog cannot be read"}
        gateway.signal(signal.SIGTERM)
        assert gateway.process.stdout is not None
        # Nothing but the line with its address.
        assert gateway.process.stdout.read() == b""
