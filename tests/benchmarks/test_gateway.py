"""The gateway's figures can be taken: tiny ones, whose values say nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import time

import httpx2
import psycopg
import pytest

from benchmarks import events, gateway, gateway_load
from benchmarks.events_stores import Plan
from benchmarks.gateway_load import Job, Loaded, find_load, read_oha, wrk
from benchmarks.gateway_own import envelope_us
from benchmarks.gateway_servers import Running
from benchmarks.webhooks_http import endpoint
from dbkit.server import temporary_server


def loop(job: Job) -> Loaded:
    """Load where no tool is installed: a client of ours, which is slower than what it asks."""
    return asyncio.run(_loop(job))


async def _loop(job: Job) -> Loaded:
    statuses: list[int] = []
    begin = time.perf_counter()
    limits = httpx2.Limits(max_connections=4)
    async with httpx2.AsyncClient(limits=limits, trust_env=False, timeout=30) as client:

        async def ask() -> None:
            while not statuses or time.perf_counter() < begin + 0.2:
                answer = await client.post(job.url, content=job.body, headers=job.headers)
                statuses.append(answer.status_code)

        await asyncio.gather(*(ask() for _ in range(4)))
    seconds = time.perf_counter() - begin
    failed = sum(status != 200 for status in statuses)
    return Loaded(len(statuses), failed, len(statuses) / seconds, 1000 * seconds)


def test_gateway() -> None:
    settings = events.SETTINGS | {"shared_buffers": "64MB", "fsync": "off"}
    with temporary_server(settings=settings) as server:
        figures = gateway.run(Plan(server.url, 1, 1, 0.001, lambda _: None), loop)
    # A statement that no longer works, or an answer that is not the others', is a reason to skip.
    reasons = {f.skipped for f in figures} - {"", "there is no /proc", "the load was too short"}
    assert not reasons
    measured = [f for f in figures if not f.skipped]
    assert {f.row for f in measured} >= {"throughput", "latency", "own"}
    assert all(f.value is not None and f.value > 0 for f in measured)
    against = [f.target for f in figures if f.row == "throughput"]
    assert against == [3, 0.6, None] * 2


def test_without_a_tool_the_rest_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert find_load() is None
    ground = gateway.Ground("", "", "{}")
    monkeypatch.setattr(gateway, "_ground", lambda _: ground)
    monkeypatch.setattr(gateway, "_alone", lambda *_: [])
    found = gateway.run(Plan("", 1, 1, 0.001, lambda _: None))
    assert [f.skipped for f in found] == [gateway_load.NONE]


def test_what_cannot_be_measured_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> str:
        raise psycopg.OperationalError("the server is gone\nand more")

    monkeypatch.setattr(gateway, "create_store", gone)
    found = gateway.run(Plan("", 1, 1, 0.001, lambda _: None))
    assert [f.skipped for f in found] == ["the server is gone"]


def test_an_answer_that_is_another_is_no_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    class Client(httpx2.Client):
        def post(self, url: object, **_: object) -> httpx2.Response:
            answer = {"id": 1} if "direct" in str(url) else {"data": {"id": 2}}
            return httpx2.Response(200, json=answer)

    monkeypatch.setattr(httpx2, "Client", Client)
    running = Running("http://127.0.0.1:9", 0)
    both = {
        "gateway": gateway.Contestant(running),
        "handler": gateway.Contestant(running, "/direct/"),
    }
    with pytest.raises(RuntimeError, match="gateway answers bench_store with something else"):
        gateway._check_answers(both, "bench_store", "{}")


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_wrk_is_told_what_to_send_and_says_what_it_saw() -> None:
    with endpoint() as to:
        body = json.dumps({"text": 'a "quoted" one'})
        loaded = wrk(Job(to.url, body, {"x-a": 'b "c"'}, 2, 1))
        assert loaded.failed == 0
        assert 0 < loaded.answered <= to.received
        assert loaded.rate > 0
        assert loaded.p99_ms > 0


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_answers_that_are_errors_are_failures() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n{}"):
                writer.write(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    async def served() -> Loaded:
        server = await asyncio.start_server(refuse, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        try:
            return await asyncio.to_thread(wrk, Job(url, "{}", {}, 1, 1))
        finally:
            server.close()

    loaded = asyncio.run(served())
    assert loaded.failed == loaded.answered > 0


def test_what_oha_says() -> None:
    said = {
        "summary": {"requestsPerSec": 1234.5},
        "latencyPercentiles": {"p99": 0.0125},
        "statusCodeDistribution": {"200": 90, "503": 10},
        "errorDistribution": {"aborted due to deadline": 32, "connection refused": 2},
    }
    assert read_oha(json.dumps(said)) == Loaded(100, 12, 1234.5, 12.5)


def test_the_envelope_is_measured_with_its_links() -> None:
    assert envelope_us(count=1, rounds=1) > 0
