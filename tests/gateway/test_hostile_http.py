"""Ten thousand hostile requests over sockets: whatever is sent, no fault of the server, nothing of
its inside in an answer, a request id in each, the same rows afterwards, and a healthy gateway."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

import psycopg
import pytest
from psycopg import errors as pg_errors
from psycopg.conninfo import make_conninfo

from dbkit.server import Server
from tests.conftest import new_database
from tests.gateway.serving import Serving, serving
from tests.gateway.test_schemathesis import LIBRARY
from tests.helpers import connect, one
from tests.proof import hostile

SEED = 20261121
TOTAL = 10_000
CONNECTIONS = 8
CANARIES = """
create schema canary_schema;
grant usage on schema canary_schema to public;
create table canary_schema.canary_table (canary_column int primary key);
insert into canary_schema.canary_table values (1);
grant select on canary_schema.canary_table to public;
create function canary_schema.canary_fail(p jsonb) returns jsonb language plpgsql stable as $$
begin
  raise exception using errcode = p ->> 'sqlstate', message = 'canary_message: relation missing',
    detail = 'canary_detail in /var/lib/postgresql/canary', hint = 'canary_hint',
    table = 'canary_table', constraint = 'canary_constraint';
end $$;
create function canary_schema.canary_leak(p jsonb) returns jsonb language plpgsql stable as $$
begin
  raise exception using errcode = 'PT400', message = 'canary_message: relation missing';
end $$;
create function canary_schema.canary_sql(p jsonb) returns jsonb language plpgsql stable as $$
begin
  return case p ->> 'how'
    when 'cast' then to_jsonb((p ->> 'value')::int)
    when 'divide' then to_jsonb(1 / 0)
    when 'table' then to_jsonb((select 1 + canary_column from canary_schema.canary_table))
      || (select canary_column from canary_schema.canary_gone)
    when 'memory' then to_jsonb(repeat('x', 2000000000))
    when 'many' then to_jsonb((select g from generate_series(1, 2) as g))
    when 'rights' then (select to_jsonb(count(*)) from dbkit.api_key_secrets)
    when 'path' then to_jsonb(pg_read_file('/etc/canary'))
    when 'regex' then to_jsonb('a' ~ '(')
    when 'xml' then to_jsonb(('<a>' || (p ->> 'value'))::xml::text)
    else to_jsonb(('"' || (p ->> 'value'))::jsonb) end;
end $$;
grant execute on all functions in schema canary_schema to public;
select dbkit.register_rpc('fail', v, 'canary_schema.canary_fail(jsonb)')
from unnest('{v1,v2}'::text[]) as v;
select dbkit.register_rpc('leak', 'v1', 'canary_schema.canary_leak(jsonb)');
select dbkit.register_rpc('broken', 'v1', 'canary_schema.canary_sql(jsonb)');
revoke delete on library.books from anon;
"""
KEPT = (
    "library.books where id <= 150",
    "canary_schema.canary_table",
    "dbkit.api_rpcs",
    "dbkit.api_versions",
    "dbkit.active_api_version",
    "dbkit.api_lists",
    "dbkit.api_keys",
    "dbkit.feature_flags",
    "dbkit.error_codes",
    "dbkit.orders",
)
ROWS = """
select md5(coalesce(string_agg(t::text, ',' order by t::text), '')) from (select * from {table}) t
"""


@dataclass(frozen=True)
class Sent:
    """One request, as bytes; `broken` ones may be answered by closing the connection."""

    kind: str
    raw: bytes
    broken: bool = False
    fails: bool = False
    """Its handler fails by itself: 500 and 504 are right."""


@dataclass(frozen=True)
class Got:
    status: int
    headers: dict[bytes, bytes]
    body: bytes


@dataclass
class Findings:
    statuses: Counter[int] = field(default_factory=Counter[int])
    kinds: Counter[str] = field(default_factory=Counter[str])
    closed: int = 0
    bad: list[str] = field(default_factory=list[str])


# --- What is wrong with an answer ---

INSIDE = re.compile(
    r"""\bselect\b.{0,200}\bfrom\b | \binsert\s+into\b | \bdelete\s+from\b | \bpg_[a-z]+ | plpgsql
    | PL/pgSQL | SQLSTATE | (?-i:\bDETAIL: | \bCONTEXT:) | Traceback | File\s" | \.py\b | psycopg
    | /(?:usr|var|etc|home|root|tmp|work)/ | \brelation\s" | \bcolumn\s" | \bsyntax\serror
    | (?<!vnd\.)\bdbkit\.[a-z_]+ | \blibrary\.[a-z]+ | \bline\s[0-9]+ | at\s0x[0-9a-f]+""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
MALFORMED = b"Invalid HTTP request received."


def problem(sent: Sent, got: Got) -> str | None:
    """What such an answer may not be; None when nothing is wrong with it."""
    allowed = (500, 503, 504) if sent.fails else ()
    if got.status >= 500 and got.status not in allowed:
        return f"status {got.status}"
    if got.status == 503 and b"retry-after" not in got.headers:
        return "503 without Retry-After"
    if got.status == 400 and got.headers.get(b"content-type", b"").startswith(b"text/plain"):
        # No request for the application: the HTTP server's own answer.
        return None if got.body in (b"", MALFORMED) else "a text"
    if not got.headers.get(b"x-request-id"):
        return "no request id"
    text = got.body.decode("utf-8", "replace").replace('\\"', '"')
    heads = b"\n".join(got.headers.values()).decode("latin-1")
    if "canary" in text + heads:
        return "a canary"
    if sent.kind == "pages":
        return None  # documents that are about SQLSTATEs, among others
    said = spoken(sent.raw)
    for found in INSIDE.finditer(text + "\n" + heads):
        if found.group().lower() not in said:
            return f"shows {found.group()!r}"
    return None


def spoken(raw: bytes) -> str:
    """What the client said itself, in every spelling in which an answer may repeat it."""
    text = raw.decode("utf-8", "replace")
    return " ".join(
        (
            text,
            unquote(text),
            text.replace("+", " "),
            raw.decode("latin-1"),
            unquote(text).replace('"', '\\"'),
        )
    ).lower()


# --- Requests ---


def request(
    method: str,
    target: bytes,
    body: bytes | None = None,
    headers: list[tuple[bytes, bytes]] | None = None,
) -> bytes:
    lines = [method.encode() + b" " + target + b" HTTP/1.1"]
    given = headers or []
    names = {name.lower() for name, _ in given}
    if b"host" not in names:
        lines.append(b"Host: gateway")
    if body is not None and b"content-type" not in names:
        lines.append(b"Content-Type: application/json")
    if body is not None and not names & {b"content-length", b"transfer-encoding"}:
        lines.append(b"Content-Length: %d" % len(body))
    lines += [name + b": " + value for name, value in given]
    return b"\r\n".join(lines) + b"\r\n\r\n" + (body or b"")


TEXTS = [
    *(json.loads(v) for v in hostile.RAW_VALUES if v.startswith('"') and "ud800" not in v),
    "' or 1=1 --",
    "1; select pg_sleep(10)",
    "x' union select secret from dbkit.api_key_secrets --",
    "../../../etc/passwd",
    "{{7*7}}",
    "a, b, c",
    "v1, v2",
    "text/html",
    "application/vnd.dbkit.v2+json;q=nan, */*;q=-1",
    "Bearer " + "a." * 200,
    "Bearer eyJhbGciOiJub25lIn0.eyJyb2xlIjoic3VwZXJfYWRtaW4ifQ.",
    "Basic QTpC",
    "dbk_0123456789abcdef_" + "A" * 43,
    "wait=99999999999",
    "wait=-1",
    'W/"' + "a" * 5000,
    "bytes=0-",
    "\x7f",
    "a" * 300,
    "=" * 4000,
    "﷽" * 100,
    "%00%ff%c0%af",
    "null",
]
HEADERS = """Accept Accept-Encoding Authorization Content-Encoding Cookie Host Idempotency-Key
If-None-Match Origin Prefer Range Referer Traceparent Tracestate User-Agent X-Api-Key X-Api-Version
X-App-Name X-App-Version X-Client-Id X-Client-Region X-Correlation-Id X-Forwarded-For
X-Http-Method-Override X-Request-Id X-Organization-Id X-User-Id""".split()  # noqa: SIM905
METHODS = [
    "GET",
    "POST",
    "HEAD",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "PROPFIND",
    "PURGE",
    "LOCK",
    "get",
    "G*",
    "FOO",
]
PATHS = [
    b"/",
    b"//",
    b"/rpc",
    b"/rpc/",
    b"/rpc//get_features",
    b"//rpc/get_features",
    b"/RPC/get_features",
    b"/rpc/../rpc/get_features",
    b"/rpc/%2e%2e/health",
    b"/rpc/get_features/",
    b"/rpc/get_features%00",
    b"/rpc/get%5ffeatures",
    b"/rpc/get_features%20",
    b"/rpc/%67et_features",
    b"/rpc%2fget_features",
    b"/rpc/get_features;v=1",
    b"/rpc/get_features%0d%0aX-Evil:%201",
    b"/rpc/%f0%9f%8d%95",
    b"/rpc/%ff%fe",
    b"/rpc/" + b"x" * 10_000,
    b"/" + b"a/" * 4000,
    b"/rpc/get_features#x",
    b"/rpc/*",
    b"*",
    b"/rpc/%",
    b"/rpc/pg_sleep",
    b"/rpc/dbkit.serve_call",
    b"/rpc/_dispatch",
    b"/rpc/serve_call",
    b"/rpc/set_config",
    b"/api",
    b"/api/",
    b"/api/v1",
    b"/api/v2/",
    b"/api/v2/rpc",
    b"/api/v2/rpc/",
    b"/api/v99/rpc/x",
    b"/api/v/rpc/x",
    b"/api/v0/rpc/x",
    b"/api/v1'/rpc/x",
    b"/api/v-1/rpc/x",
    b"/api/v1%00/rpc/x",
    b"/api/" + b"v1" * 3000 + b"/rpc/x",
    b"/api/v1/rpc/x/y",
    b"/api/v1/../v2/rpc/get_features",
    b"/api/V1/rpc/x",
    b"/health/../metrics",
    b"/health/",
    b"/health/x",
    b"/docs/..%2f..%2fetc%2fpasswd",
    b"/docs/v99",
    b"/docs/%00",
    b"/api/v1/openapi.json/",
    b"/api/%2e%2e/openapi.json",
    b"/.env",
    b"/.git/config",
    b"/wp-login.php",
    b"http://evil.example/rpc/get_features",
    b"/rpc/get_features?" + b"a=1&" * 500,
    b"/\xff\xfe",
    b"/rpc/\xc3\x28",
]


def targets(document: dict[str, object]) -> Iterator[tuple[str, dict[str, object], bool]]:
    """Path, schema of the payload and whether it reads, of each call of a document."""
    paths = document["paths"]
    assert isinstance(paths, dict)
    for path, operations in paths.items():
        if path in ("/rpc/leak", "/rpc/fail", "/rpc/broken"):
            continue
        schema = operations["post"]["requestBody"]["content"]["application/json"]["schema"]
        yield path, schema, "get" in operations


def by_payload(documents: dict[str, dict[str, object]]) -> Iterator[Sent]:
    numbers = itertools.count()
    ids = {"id": 999_999, "order_id": 999_999, "store_id": 999_999, "item_id": 999_999}
    for version, document in documents.items():
        for path, schema, _ in targets(document):
            for payload in hostile.payloads(schema, ids):
                body = payload.encode("utf-8", "surrogatepass")
                # Another client each time: an idempotency key among it is looked at, and not known.
                client = [(b"X-Client-Id", b"c%d" % next(numbers))]
                to = f"/api/{version}{path}".encode()
                yield Sent("payload", request("POST", to, body, client))
                whole = b'{"rpc": "%s", "version": "%s", "payload": %s}'
                call = path.removeprefix("/rpc/").encode()
                whole = whole % (call, version.encode(), body)
                yield Sent("body", request("POST", b"/api", whole, client))
    for name in hostile.NAMES:
        for version in hostile.VERSIONS:
            body = json.dumps({"rpc": name, "version": version, "payload": {}}).encode()
            yield Sent("body", request("POST", b"/api", body))


def by_query(documents: dict[str, dict[str, object]]) -> Iterator[Sent]:
    for version, document in documents.items():
        for path, schema, reads in targets(document):
            names = [*hostile.paths(hostile.sample(schema, {}))] if reads else []
            for name in {".".join(map(str, n)) for n in names} | {
                "cursor",
                "filter",
                "sort",
                "fields",
            }:
                for value in [*hostile.RAW_VALUES, *TEXTS]:
                    query = f"{quote(name)}={quote(value[:3000], errors='surrogatepass')}"
                    yield Sent("query", request("GET", f"/api/{version}{path}?{query}".encode()))
    for raw in (
        b"%",
        b"%zz=1",
        b"a=%ff",
        b"=&=&=",
        b"&" * 2000,
        b"a=1&" * 300,
        b"\xff=\xfe",
        b"a[]=1&a[b]=2",
    ):
        yield Sent("query", request("GET", b"/rpc/list_books?" + raw))
    for depth in (5, 17, 400):
        yield Sent("query", request("GET", b"/rpc/list_books?filter" + b".a" * depth + b"=1"))


def by_header() -> Iterator[Sent]:
    for name in HEADERS:
        for text in TEXTS:
            for encoded in {text.encode(), text.encode("latin-1", "replace")}:
                value = re.sub(rb"[\r\n\x00]", b"", encoded)
                headers = [(name.encode(), value)]
                yield Sent("header", request("GET", b"/rpc/get_features", None, headers))
                yield Sent("header", request("POST", b"/rpc/add_book", b'{"title": "x"}', headers))
        twice = [(name.encode(), b"v1"), (name.lower().encode(), b"v2")]
        yield Sent("header", request("GET", b"/rpc/get_features", None, twice))
    for kind in (
        "text/plain",
        "application/jsonx",
        "multipart/form-data",
        "",
        "application/json; charset=utf-7",
    ):
        yield Sent(
            "header",
            request("POST", b"/rpc/get_features", b"{}", [(b"Content-Type", kind.encode())]),
        )
    flood = [(b"X-Flood-%d" % n, b"a" * 50) for n in range(800)]
    yield Sent("header", request("GET", b"/rpc/get_features", None, flood), broken=True)
    yield Sent(
        "header",
        request("GET", b"/rpc/get_features", None, [(b"X-Big", b"a" * 200_000)]),
        broken=True,
    )


def by_path() -> Iterator[Sent]:
    for path in PATHS:
        for method in METHODS:
            body = b"{}" if method in ("POST", "PUT", "PATCH") else None
            yield Sent("path", request(method, path, body))
    for page in (
        b"/health",
        b"/health/live",
        b"/health/ready",
        b"/metrics",
        b"/docs",
        b"/docs/v1",
        b"/docs/errors",
    ):
        for method in METHODS:
            yield Sent("pages", request(method, page))


def by_framing() -> Iterator[Sent]:
    path = b"/rpc/get_features"
    for length in (
        b"-1",
        b"abc",
        b"1e3",
        b"99999999999999999999",
        b"1048577",
        b" 2 ",
        b"+2",
        b"0x2",
        b"2, 2",
        b"2, 3",
    ):
        raw = request("POST", path, b"{}", [(b"Content-Length", length), (b"Connection", b"close")])
        yield Sent("framing", raw, broken=True)
    chunked = [(b"Transfer-Encoding", b"chunked"), (b"Connection", b"close")]
    for body in (
        b"2\r\n{}\r\n0\r\n\r\n",
        b"zz\r\n{}\r\n",
        b"-2\r\n{}\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\n{}",
        b"2;ext=\x00\r\n{}\r\n0\r\n\r\n",
        b"1\r\n{\r\n" * 5000 + b"0\r\n\r\n",
        b"100000\r\n" + b" " * 0x100000 + b"\r\n100000\r\n" + b" " * 0x100000 + b"\r\n0\r\n\r\n",
    ):
        yield Sent("framing", request("POST", path, body, chunked), broken=True)
    both = [*chunked, (b"Content-Length", b"2")]
    yield Sent("framing", request("POST", path, b"2\r\n{}\r\n0\r\n\r\n", both), broken=True)
    for raw in (
        b"\x00" * 100,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /rpc/get_features HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n",
        b"GET / HTTP/1.1\r\nA B: c\r\n\r\n",
        b"GET / HTTP/1.1\r\n: c\r\n\r\n",
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"CONNECT a:1 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ):
        yield Sent("framing", raw, broken=True)
    for body in (x.encode() for x in hostile.HUGE):
        yield Sent("huge", request("POST", path, body), broken=True)


def by_failure() -> Iterator[Sent]:
    """Every SQLSTATE of Postgres, and faults of real statements."""
    states = sorted(
        {
            c.sqlstate
            for c in vars(pg_errors).values()
            if isinstance(getattr(c, "sqlstate", None), str)
        }
    )
    assert len(states) > 200
    for version in ("v1", "v2"):
        for sqlstate in (*states, "PT200", "PT500", "SH001", "ZZZZZ", "0A000"):
            target = f"/api/{version}/rpc/fail"
            body = json.dumps({"sqlstate": sqlstate}).encode()
            kept = [(b"Accept", b"application/problem+json")] if sqlstate[-1] == "0" else None
            yield Sent("sqlstate", request("POST", target.encode(), body, kept), fails=True)
            query = f"{target}?sqlstate={sqlstate}".encode()
            yield Sent("sqlstate", request("GET", query), fails=True)
    for how in (
        "cast",
        "divide",
        "table",
        "memory",
        "many",
        "rights",
        "path",
        "regex",
        "xml",
        "json",
    ):
        for value in ("canary", "1", "' --", "😀", "x" * 1000):
            body = json.dumps({"how": how, "value": value}).encode()
            yield Sent("broken", request("POST", b"/rpc/broken", body), fails=True)


def by_cursor(cursor: str, rng: random.Random) -> Iterator[Sent]:
    for _ in range(600):
        place = rng.randrange(len(cursor))
        changed = (
            cursor[:place]
            + chr(rng.choice([*range(33, 127), *range(160, 400)]))
            + cursor[place + 1 :]
        )
        query = f"limit=5&cursor={quote(changed)}"
        yield Sent("cursor", request("GET", f"/api/v2/rpc/list_books?{query}".encode()))


def all_requests(documents: dict[str, dict[str, object]], cursor: str) -> list[Sent]:
    """Every kind, and of the many kinds a sample that fills up the total."""
    rng = random.Random(SEED)
    kept = [*by_path(), *by_framing(), *by_failure(), *by_cursor(cursor, rng), *by_header()]
    many = [*by_payload(documents), *by_query(documents)]
    rng.shuffle(many)
    kept += many[: max(0, TOTAL - len(kept))]
    assert len(kept) >= TOTAL
    rng.shuffle(kept)
    return kept


# --- A client that does not care ---


class Line:
    """One connection, made again whenever the server closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, sent: Sent) -> Got | None:
        """None: the connection was closed without an answer."""
        for _ in range(2):
            fresh = self._streams is None
            try:
                # What is left unsaid would be waited for.
                async with asyncio.timeout(2 if sent.broken else 20):
                    return await self._ask(sent)
            except (ConnectionError, asyncio.IncompleteReadError):
                await self.close()
                if fresh:
                    return None
            except TimeoutError:
                await self.close()
                if sent.broken:
                    return None
                raise
        return None

    async def _ask(self, sent: Sent) -> Got:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=2**24)
        reader, writer = self._streams
        writer.write(sent.raw)
        status, headers = await self._head(reader)
        body = b""
        if not sent.raw.startswith(b"HEAD") and status not in (204, 304):
            length = headers.get(b"content-length")
            body = await (reader.read() if length is None else reader.readexactly(int(length)))
        if sent.broken or headers.get(b"connection", b"").lower() == b"close":
            await self.close()
        return Got(status, headers, body)

    async def _head(self, reader: asyncio.StreamReader) -> tuple[int, dict[bytes, bytes]]:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head[:-4].split(b"\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(b": ") for line in lines)
        }
        return int(first.split()[1]), headers

    async def close(self) -> None:
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with contextlib.suppress(ConnectionError):
                await streams[1].wait_closed()


async def send_all(port: int, wanted: list[Sent]) -> Findings:
    findings = Findings()
    waiting = iter(wanted)

    async def work() -> None:
        line = Line(port)
        for sent in waiting:
            findings.kinds[sent.kind] += 1
            try:
                got = await line.ask(sent)
            except TimeoutError:
                findings.bad.append(f"no answer <- {sent.raw[:200]!r}")
                await line.close()
                continue
            if got is None:
                findings.closed += 1
                if not sent.broken:
                    findings.bad.append(f"closed <- {sent.raw[:200]!r}")
                continue
            findings.statuses[got.status] += 1
            wrong = problem(sent, got)
            if wrong is not None:
                findings.bad.append(
                    f"{wrong} <- {sent.kind} {sent.raw[:300]!r} -> {got.body[:300]!r}"
                )
        await line.close()

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    return findings


# --- The test ---


@pytest.fixture(scope="module")
def target(
    server: Server, template: str, gateway_login: tuple[str, str]
) -> Iterator[tuple[Serving, str]]:
    user, password = gateway_login
    with new_database(server, template) as url:
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute(LIBRARY.read_bytes())
            conn.execute(CANARIES.encode())
        with serving(make_conninfo(url, user=user, password=password)) as running:
            yield running, url


def stored(url: str) -> dict[str, str]:
    with connect(url) as conn:
        return {
            table: one(
                conn,
                ROWS.format(table=table),
            )
            for table in KEPT
        }


def test_hostile_requests(target: tuple[Serving, str]) -> None:
    gateway, url = target
    documents = {v: gateway.client.get(f"/api/{v}/openapi.json").json() for v in ("v1", "v2", "v3")}
    page = gateway.client.get("/api/v2/rpc/list_books?limit=5").json()["meta"]["pagination"]
    wanted = all_requests(documents, page["next_cursor"])
    before = stored(url)
    findings = asyncio.run(send_all(gateway.port, wanted))
    print(f"\n{sum(findings.kinds.values())} requests, seed {SEED}: {dict(findings.kinds)}")
    print(f"closed without an answer: {findings.closed}")
    print(f"by status: {dict(sorted(findings.statuses.items()))}")
    assert not findings.bad, f"{len(findings.bad)} of them:\n" + "\n".join(findings.bad[:25])
    assert stored(url) == before
    assert {200, 400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 431, 500, 503} <= set(
        findings.statuses
    )
    health = gateway.client.get("/health").json()
    assert (health["status"], health["connections"]["in_use"]) == ("ok", 0)
    assert gateway.post("get_features", X_Api_Version="v3").status_code == 200


def test_a_handler_that_leaks_is_caught(target: tuple[Serving, str]) -> None:
    """The control: the same check finds the one handler that tells of the inside on purpose."""
    gateway, _ = target
    leak = Sent("payload", request("POST", b"/rpc/leak", b"{}"))
    findings = asyncio.run(send_all(gateway.port, [leak]))
    assert len(findings.bad) == 1 and "a canary" in findings.bad[0]


@pytest.mark.parametrize(
    "got",
    [
        Got(500, {b"x-request-id": b"r"}, b"{}"),
        Got(503, {b"x-request-id": b"r"}, b"{}"),
        Got(400, {}, b"{}"),
        Got(400, {b"x-request-id": b"r"}, b'{"message": "relation \\"x\\" does not exist"}'),
        Got(400, {b"x-request-id": b"r"}, b"Traceback (most recent call last)"),
        Got(400, {b"x-request-id": b"r"}, b"select a from b"),
        Got(400, {b"x-request-id": b"r"}, b"see /usr/lib/x"),
        Got(400, {b"x-request-id": b"r", b"link": b"dbkit.serve_call"}, b"{}"),
    ],
)
def test_the_check_sees_what_is_wrong(got: Got) -> None:
    assert problem(Sent("payload", request("POST", b"/rpc/x", b"{}")), got) is not None
