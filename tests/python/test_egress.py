"""The worker's HTTP reaches the public internet and what is allowed; nothing inside the house."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

from dbkit import egress
from dbkit.egress import AllowList, Answer, Sender, SendError, parse_target

LOOPBACK = AllowList.parse("127.0.0.0/8")
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


# --- a server that answers as it is told --------------------------------------------------------


@dataclass
class Server:
    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list[bytes])


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    )
    return head + await reader.readexactly(length)


@asynccontextmanager
async def serving(
    *answers: bytes | None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    """Gives one answer a request, the last one for ever; None closes without an answer."""
    server, writers = Server(), set[asyncio.StreamWriter]()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        writers.add(writer)
        try:
            while True:
                server.requests.append(await read_request(reader))
                answer = answers[min(len(server.requests), len(answers)) - 1]
                if answer is None:
                    return
                writer.write(answer)
                await writer.drain()
                if b"connection: close" in answer:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for writer in writers:
            writer.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def sender(
    allow: AllowList = LOOPBACK,
    names: dict[str, list[list[str]]] | None = None,
    ca_file: Path | None = None,
) -> AsyncIterator[Sender]:
    """A sender whose names resolve as told: one list of addresses a query, then the last."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        if names is None or host not in names:
            return await egress.resolve(host, port)
        asked = names[host]
        return asked.pop(0) if len(asked) > 1 else asked[0]

    made = Sender(allow=allow, resolve=resolve, ca_file=ca_file)
    try:
        yield made
    finally:
        await made.aclose()


async def post(made: Sender, url: str, body: bytes = b"{}", seconds: float = 10) -> Answer:
    return await made.post(url, [(b"webhook-id", b"msg_1")], body, seconds=seconds)


async def refusal(made: Sender, url: str, seconds: float = 10) -> str:
    with pytest.raises(SendError) as caught:
        await post(made, url, seconds=seconds)
    return caught.value.kind


# --- addresses -------------------------------------------------------------------------------

PRIVATE = [
    *("127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"),
    *("169.254.0.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "100.127.255.255"),
    *("0.0.0.0", "0.1.2.3", "192.0.0.1", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.19.0.1"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
    *("255.255.255.255", "192.88.99.1", "168.63.129.16"),
    *("::", "::1", "fe80::1", "fe80::1%1", "febf::1", "fec0::1", "fc00::1", "fd00:ec2::254"),
    *("fdff::1", "ff02::1", "2001:db8::1", "100::1", "64:ff9b:1::1", "3fff::1", "5f00::1"),
    # An IPv4 address inside.
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1"),
    *("::127.0.0.1", "::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1"),
    *("2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1", "2001:0:4136:e378:8000:63bf:80ff:fffe"),
    *("2001:0:808:808::", "2600::5efe:10.0.0.1", "2600::200:5efe:127.0.0.1"),
]
PUBLIC = [
    *("8.8.8.8", "1.1.1.1", "93.184.215.14", "172.15.255.255", "172.32.0.1", "100.63.255.255"),
    *("100.128.0.1", "168.63.129.17", "2606:4700:4700::1111", "2001:4860:4860::8888"),
    *("::ffff:8.8.8.8", "64:ff9b::8.8.8.8"),
]


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_at_a_private_address_is_refused(address: str) -> None:
    async with sender(AllowList(), {"shop.example": [[address]]}) as made:
        assert await refusal(made, "http://shop.example/") == "blocked"


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_private_address_is_refused(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    async with sender(AllowList()) as made:
        assert await refusal(made, f"http://{host}:1/") == "blocked"


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_public(address: str) -> None:
    parsed = egress._address(address)
    assert parsed is not None
    assert egress.is_public(parsed)


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://127.1/",
        "http://0/",
        "http://localhost/",
        "http://localhost./",
        "http://LOCALHOST:80/",
        "http://127。0。0。1/",
        "http://１２７.0.0.1/",
        "http://[::]/",
        "http://[::1]/",
        "http://[0:0:0:0:0:ffff:7f00:1]/",
        "http://[fe80::1%25lo]/",
        "http://user:secret@8.8.8.8/",
        "http://8.8.8.8@127.0.0.1/",
        "http://127.0.0.1#@8.8.8.8/",
        "http:///etc/passwd",
        "http://a b/",
        "http://8.8.8.8\\@127.0.0.1/",
        "http://127.0.0.1\r\nx: y/",
        "ftp://8.8.8.8/",
        "file:///etc/passwd",
        "gopher://8.8.8.8/",
        "//8.8.8.8/",
        "",
    ],
)
async def test_ways_to_write_an_address_or_a_bad_url_are_refused(url: str) -> None:
    async with sender(AllowList()) as made:
        assert await refusal(made, url) == "blocked"


@pytest.mark.parametrize(
    "answers",
    [["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["8.8.8.8", "fd00::1"]],
)
async def test_one_private_address_of_a_name_refuses_it(answers: list[str]) -> None:
    async with sender(AllowList(), {"shop.example": [answers]}) as made:
        assert await refusal(made, "http://shop.example/") == "blocked"


async def test_connects_to_the_address_that_was_judged() -> None:
    """DNS rebinding: a second query would be answered with an address that must not be reached."""
    async with serving(OK) as server:
        names = {"shop.example": [["127.0.0.1"], ["127.0.0.99"]]}
        async with sender(LOOPBACK, names) as made:
            answer = await post(made, f"http://shop.example:{server.port}/")
            assert answer.status == 200
            assert len(names["shop.example"]) == 1
            # Kept connections ask for no name, so that the second answer is not even seen.
            assert (await post(made, f"http://shop.example:{server.port}/")).status == 200
        assert server.connections == 1


async def test_rebinding_to_a_private_address_is_refused_at_the_next_connection() -> None:
    only = AllowList.parse("127.0.0.1/32")
    async with serving(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n") as server:
        url = f"http://shop.example:{server.port}/"
        async with sender(only, {"shop.example": [["127.0.0.1"], ["127.0.0.99"]]}) as made:
            assert (await post(made, url)).status == 200
            assert await refusal(made, url) == "blocked"
        assert server.connections == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_answers(status: int) -> None:
    async with serving(OK) as inner:
        there = f"http://127.0.0.1:{inner.port}/"
        head = f"HTTP/1.1 {status} Go\r\nlocation: {there}\r\ncontent-length: 0\r\n\r\n"
        async with serving(head.encode()) as server, sender() as made:
            assert (await post(made, f"http://127.0.0.1:{server.port}/")).status == status
        assert inner.connections == 0


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with serving(OK) as server, sender() as made:
        assert (await post(made, f"http://127.0.0.1:{server.port}/")).status == 200


# --- the allow list --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allow", "host", "port", "address", "covered"),
    [
        ("10.0.0.0/8", "x", 80, "10.1.2.3", True),
        ("10.0.0.0/8", "x", 80, "11.1.2.3", False),
        ("10.0.0.0/8", "x", 80, "::ffff:10.1.2.3", True),
        ("127.0.0.1", "x", 80, "127.0.0.1", True),
        ("127.0.0.1:8080", "x", 8080, "127.0.0.1", True),
        ("127.0.0.1:8080", "x", 80, "127.0.0.1", False),
        ("fd00::/8", "x", 80, "fd12::1", True),
        ("[::1]:8080", "x", 8080, "::1", True),
        ("[::1]:8080", "x", 8081, "::1", False),
        ("receiver.internal", "receiver.internal", 80, "10.0.0.1", True),
        ("Receiver.Internal.", "receiver.internal", 80, "10.0.0.1", True),
        ("receiver.internal", "other.internal", 80, "10.0.0.1", False),
        ("receiver.internal", "receiver.internal.evil.example", 80, "10.0.0.1", False),
        ("receiver.internal:81", "receiver.internal", 81, "10.0.0.1", True),
        ("receiver.internal:81", "receiver.internal", 80, "10.0.0.1", False),
        ("a, ,10.0.0.0/8,", "x", 80, "10.0.0.1", True),
        ("", "x", 80, "10.0.0.1", False),
    ],
)
def test_what_the_allow_list_covers(
    allow: str, host: str, port: int, address: str, covered: bool
) -> None:
    parsed = egress._address(address)
    assert parsed is not None
    assert AllowList.parse(allow).covers(host, port, parsed) is covered


@pytest.mark.parametrize("text", ["10.0.0.1/8", "http://x/", "a b", "-x", "x:y"])
def test_an_allow_list_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        AllowList.parse(text)


# --- requests and answers --------------------------------------------------------------------


async def test_sends_the_exact_bytes_and_keeps_the_connection() -> None:
    body = '{"a": "ü\u2028\\u2028"}'.encode()
    async with serving(OK) as server, sender() as made:
        url = f"http://127.0.0.1:{server.port}/in/ä?b=c#d"
        for _ in range(3):
            answer = await post(made, url, body)
            assert (answer.status, answer.excerpt) == (200, "ok")
    assert server.connections == 1
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    assert sent == body
    assert head.split(b"\r\n") == [
        b"POST /in/%C3%A4?b=c HTTP/1.1",
        b"host: 127.0.0.1:%d" % server.port,
        b"webhook-id: msg_1",
        b"accept-encoding: identity",
        b"content-length: %d" % len(body),
    ]


async def test_many_at_once_have_a_connection_each() -> None:
    async with serving(OK) as server, sender() as made:
        url = f"http://127.0.0.1:{server.port}/"
        answers = await asyncio.gather(*[post(made, url) for _ in range(50)])
        assert {a.status for a in answers} == {200}
        await asyncio.gather(*[post(made, url) for _ in range(50)])
    assert server.connections <= 50


async def test_a_connection_that_the_server_closed_is_replaced() -> None:
    async with serving(OK, None, OK) as server, sender() as made:
        url = f"http://127.0.0.1:{server.port}/"
        assert (await post(made, url)).status == 200
        # The second request meets the end of the kept connection, and is sent on a new one.
        assert (await post(made, url)).status == 200
    assert (server.connections, len(server.requests)) == (2, 3)


async def test_idle_connections_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress, "KEEP_IDLE_SECONDS", 0.02)
    async with serving(OK) as server, sender() as made:
        await post(made, f"http://127.0.0.1:{server.port}/")
        for _ in range(1000):
            if made._idle_count == 0:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("the connection is kept")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (None, "reset"),
        (b"HTTP/1.1 200", "reset"),
        (b"HTTP/1.1 200 OK\r\nconnection: close", "reset"),
        (b"SSH-2.0-OpenSSH\r\nconnection: close\r\n\r\n", "protocol"),
        (b"HTTP/1.1 999999 X\r\nconnection: close\r\n\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 50_000, "protocol"),
        (b"HTTP/1.1 101 Switch\r\nconnection: close\r\n\r\n", "protocol"),
    ],
)
async def test_what_is_no_answer(answer: bytes | None, kind: str) -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer or b"")
        writer.write_eof()
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(close, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with sender() as made:
        assert await refusal(made, f"http://127.0.0.1:{port}/") == kind
    listening.close()


async def test_nobody_listens() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        async with sender() as made:
            assert await refusal(made, f"http://127.0.0.1:{held.getsockname()[1]}/") == "connect"


async def test_a_name_that_does_not_resolve() -> None:
    async with sender() as made:
        assert await refusal(made, "http://nothing.invalid/") == "dns"
        assert await refusal(made, f"http://{'x' * 64}.invalid/") in ("dns", "blocked")
    async with sender(LOOPBACK, {"empty.example": [[]]}) as made:
        assert await refusal(made, "http://empty.example/") == "dns"


async def test_no_answer_in_time() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    listening = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with sender() as made:
        assert await refusal(made, f"http://127.0.0.1:{port}/", seconds=0.05) == "timeout"
        # A server that speaks no TLS, and says nothing at all.
        assert await refusal(made, f"https://127.0.0.1:{port}/", seconds=0.05) == "timeout"
    listening.close()


async def test_a_name_server_that_does_not_answer_delays_only_its_own() -> None:
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        if host == "slow.example":
            await asyncio.Event().wait()
        return ["127.0.0.1"]

    async with serving(OK) as server:
        made = Sender(allow=LOOPBACK, resolve=resolve)
        slow = [
            asyncio.create_task(refusal(made, "http://slow.example/", seconds=0.2))
            for _ in range(egress.MAX_LOOKUPS + 1)
        ]
        await asyncio.sleep(0)
        assert (await post(made, f"http://fast.example:{server.port}/")).status == 200
        assert set(await asyncio.gather(*slow)) == {"timeout"}
        assert asked.count("slow.example") == 1
        await made.aclose()


async def test_the_status_counts_though_the_body_never_ends() -> None:
    endless = b"HTTP/1.1 204 OK\r\ncontent-length: 100\r\n\r\nhalf"
    for head in (endless.replace(b"204", b"200"), endless.replace(b"204", b"500")):
        async with serving(head) as server, sender() as made:
            answer = await post(made, f"http://127.0.0.1:{server.port}/", seconds=0.1)
            assert answer.status in (200, 500)
            assert made._idle_count == 0


async def test_a_large_body_is_not_read_to_its_end() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n"
    async with serving(head + "ü".encode() * 100_000) as server, sender() as made:
        answer = await post(made, f"http://127.0.0.1:{server.port}/")
        assert answer.excerpt == "ü" * 512
        assert made._idle_count == 0


async def test_a_flood_before_the_end_of_the_head_is_cut_off() -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"HTTP/1.1 200 OK\r\nx: ")
            while True:
                writer.write(b"a" * 65536)
                await writer.drain()
        except ConnectionError:
            writer.close()

    listening = await asyncio.start_server(flood, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with sender() as made:
        assert await refusal(made, f"http://127.0.0.1:{port}/") in ("protocol", "reset")
    listening.close()


async def test_compressed_bodies_are_not_opened() -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)
    async with serving(head + bomb) as server, sender() as made:
        assert (await post(made, f"http://127.0.0.1:{server.port}/")).excerpt == ""


@pytest.mark.parametrize(
    ("body", "excerpt"),
    [(b"a\0b", "a\ufffdb"), (b"\xff\xfe", "\ufffd\ufffd"), (b"", ""), (b"x" * 2000, "x" * 1024)],
)
async def test_an_excerpt_fits_into_the_database(body: bytes, excerpt: str) -> None:
    head = b"HTTP/1.1 500 No\r\nretry-after: 7\r\ncontent-length: %d\r\n\r\n" % len(body)
    async with serving(head + body) as server, sender() as made:
        answer = await post(made, f"http://127.0.0.1:{server.port}/")
        assert answer == Answer(500, "7", excerpt)


async def test_informational_answers_are_passed_over() -> None:
    async with serving(b"HTTP/1.1 102 Wait\r\n\r\n" + OK) as server, sender() as made:
        assert (await post(made, f"http://127.0.0.1:{server.port}/")).status == 200


async def test_a_second_answer_that_nobody_asked_for_ends_the_connection() -> None:
    async with serving(OK + OK) as server, sender() as made:
        for _ in range(2):
            assert (await post(made, f"http://127.0.0.1:{server.port}/")).status == 200
        assert server.connections == 2


async def test_a_header_that_cannot_be_written_is_refused() -> None:
    async with serving(OK) as server, sender() as made:
        with pytest.raises(SendError) as caught:
            await made.post(
                f"http://127.0.0.1:{server.port}/", [(b"x", b"a\r\ny: b")], b"", seconds=10
            )
        assert caught.value.kind == "protocol"
        assert server.requests == []


# --- TLS -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def server_context(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


HOOKS = {"hooks.example": [["127.0.0.1"]], "other.example": [["127.0.0.1"]]}


async def test_tls_is_verified_for_the_name(authority: trustme.CA, ca_file: Path) -> None:
    context = server_context(authority, "hooks.example")
    async with serving(OK, tls=context) as server:
        async with sender(names=HOOKS, ca_file=ca_file) as made:
            for _ in range(2):
                answer = await post(made, f"https://hooks.example:{server.port}/")
                assert answer.status == 200
            assert server.connections == 1
            assert await refusal(made, f"https://other.example:{server.port}/") == "tls"
            assert await refusal(made, f"https://127.0.0.1:{server.port}/") == "tls"
        async with sender(names=HOOKS) as made:
            assert await refusal(made, f"https://hooks.example:{server.port}/") == "tls"
        assert len(server.requests) == 2


async def test_tls_to_an_address_that_the_certificate_names(
    authority: trustme.CA, ca_file: Path
) -> None:
    context = server_context(authority, "127.0.0.1")
    async with serving(OK, tls=context) as server, sender(ca_file=ca_file) as made:
        assert (await post(made, f"https://127.0.0.1:{server.port}/")).status == 200


async def test_a_server_without_tls(ca_file: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad\r\n\r\n")
        writer.close()

    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with sender(names=HOOKS, ca_file=ca_file) as made:
        assert await refusal(made, f"https://hooks.example:{port}/") == "tls"
    listening.close()


# --- several addresses -----------------------------------------------------------------------


async def test_the_next_address_is_tried() -> None:
    async with serving(OK) as server:
        names = {"shop.example": [["127.0.0.99", "127.0.0.1"]]}
        async with sender(names=names) as made:
            assert (await post(made, f"http://shop.example:{server.port}/")).status == 200


# --- what a message says ---------------------------------------------------------------------


async def test_messages_name_no_address() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        async with sender() as made:
            with pytest.raises(SendError) as caught:
                await post(made, f"http://127.0.0.1:{port}/secret?token=t")
    assert str(caught.value) == "no connection: Connection refused"


def test_a_target_is_parsed_once_and_for_all() -> None:
    target = parse_target("https://BÜCHER.example:444/a b?c=d#e")
    assert (target.host, target.port, target.tls) == ("xn--bcher-kva.example", 444, True)
    assert (target.authority, target.path) == (b"xn--bcher-kva.example:444", b"/a%20b?c=d")
