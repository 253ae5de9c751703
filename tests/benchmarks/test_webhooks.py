"""What the webhooks' figures are measured with counts rightly."""

from __future__ import annotations

import pytest

from benchmarks.webhooks import statements
from benchmarks.webhooks_http import Job, endpoint, post_all, whole_requests

HEAD = b"POST / HTTP/1.1\r\nhost: a\r\nContent-Length: 4\r\nx: content-length: 9\r\n\r\n"
REQUEST = HEAD + b"\r\n\r\n"


@pytest.mark.parametrize("cut", range(1, len(REQUEST)))
def test_a_request_counts_when_it_is_whole(cut: int) -> None:
    assert whole_requests(REQUEST[:cut]) == (0, REQUEST[:cut])
    assert whole_requests(REQUEST * 2 + REQUEST[:cut]) == (2, REQUEST[:cut])


def test_a_request_without_a_body_counts() -> None:
    assert whole_requests(b"GET / HTTP/1.1\r\n\r\n") == (1, b"")


def test_the_bare_client_posts_each_request_and_warms_up_with_one_a_connection() -> None:
    with endpoint() as to:
        job = Job(to.url, [({"webhook-id": "msg_1"}, b"x" * 100_000)] * 30, 4)
        assert post_all(job) > 0
        assert to.received == 34


def test_queries_are_told_from_the_log_of_the_server() -> None:
    prefix = "2026-01-01 00:00:00.000 UTC [7] postgres"
    log = "\n".join(
        [
            f"{prefix}@idle LOG:  statement: BEGIN",
            f"{prefix}@idle LOG:  statement: select 1",
            f"{prefix}@idle LOG:  execute <unnamed>: select a::int",
            f"{prefix}@idle DETAIL:  Parameters: $1 = '1'",
            f"{prefix}@idle LOG:  execute _pg3_0: COMMIT",
            f"{prefix}@other LOG:  statement: select 2",
        ]
    )
    assert statements(log, "idle") == ["select 1", "select a::int"]
