"""A registered list as a call over HTTP: its links, its cursors, and what marks make of answers."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from psycopg.conninfo import make_conninfo

from dbkit.server import Server
from tests.conftest import new_database
from tests.gateway.serving import Serving, serving
from tests.gateway.test_schemathesis import LIBRARY
from tests.helpers import connect, one

LIST = "/api/v2/rpc/list_books"
PRIVATE = re.compile(r"library\.|select |pg_|organization_id|hmac|secret|\.sql|plpgsql", re.I)


@dataclass
class Library:
    """A gateway over books of three organizations, and keys of two of them."""

    gateway: Serving
    url: str
    north: dict[str, str]
    south: dict[str, str]

    def get(self, target: str, key: dict[str, str] | None = None, **query: Any) -> httpx2.Response:
        return self.gateway.client.get(target, params=query or None, headers=key or self.north)


@pytest.fixture(scope="module")
def library(server: Server, template: str, gateway_login: tuple[str, str]) -> Iterator[Library]:
    user, password = gateway_login
    with new_database(server, template) as url:
        with connect(url) as conn:
            conn.execute(LIBRARY.read_bytes())
            keys = [
                {
                    "X-Api-Key": one(
                        conn,
                        "select dbkit.create_api_key(%s, p_organization_id => %s) ->> 'secret'",
                        f"client of {name}",
                        name,
                    )
                }
                for name in ("north", "south")
            ]
        with serving(make_conninfo(url, user=user, password=password)) as running:
            yield Library(running, url, *keys)


def titles(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    items = body["data"] if "success" in body else body["data"]["items"]
    return [item["title"] for item in items]


def refused(answer: httpx2.Response, *codes: str) -> None:
    """A 400 with one of these codes that tells nothing of the inside."""
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["code"] in codes, error
    assert not PRIVATE.search(answer.text), answer.text
    assert "north" not in answer.text and "south" not in answer.text
    assert answer.headers["x-request-id"] == answer.json()["meta"]["requestId"]


# --- Walking ---


@pytest.mark.parametrize("sort", ["-added_at", "price", "-price,added_at"])
@pytest.mark.parametrize("limit", [7, 25])
def test_links_lead_over_every_item_and_back(library: Library, sort: str, limit: int) -> None:
    answer = library.get(LIST, sort=sort, limit=limit)
    forward = [titles(answer)]
    last = answer
    while (target := last.json()["links"].get("next")) is not None:
        last = library.get(target)
        forward.append(titles(last))
    everything = [title for page in forward for title in page]
    assert len(everything) == len(set(everything)) == 50
    assert all(title.endswith("of north") for title in everything)
    backward = [titles(last)]
    while (target := last.json()["links"].get("prev")) is not None:
        last = library.get(target)
        backward.insert(0, titles(last))
    assert backward == forward
    links = answer.json()["links"]
    assert titles(library.get(links["first"])) == forward[0]
    assert set(titles(library.get(links["last"]))) == set(everything[-limit:])


def test_links_by_offset_where_the_request_went_by_it(library: Library) -> None:
    answer = library.get(LIST, offset=10, limit=20, count="exact")
    links = answer.json()["links"]
    assert {name: re.findall(r"offset=(\d+)", links.get(name, "")) for name in links} == {
        "self": ["10"],
        "next": ["30"],
        "prev": ["0"],
        "first": [],
        "last": ["40"],
    }
    assert len(titles(library.get(links["last"]))) == 10
    assert answer.json()["meta"]["pagination"]["total"] == 50


def test_the_header_link_says_the_same(library: Library) -> None:
    for version in ("v1", "v2", "v3"):
        answer = library.get(f"/api/{version}/rpc/list_books", limit=20)
        found = dict(re.findall(r'<([^>]+)>; rel="([a-z]+)"', answer.headers["link"]))
        by_name = {name: target for target, name in found.items()}
        assert {"next", "first"} <= set(by_name)
        assert not set(titles(answer)) & set(titles(library.get(by_name["next"])))


def test_filter_and_search_stay_with_the_links(library: Library) -> None:
    query = {"filter.genre.eq": "poetry", "filter.price.gte": "6", "search": "volume", "limit": "4"}
    answer = library.gateway.client.get(LIST, params=query, headers=library.north)
    seen = titles(answer)
    while (target := answer.json()["links"].get("next")) is not None:
        answer = library.get(target)
        seen += titles(answer)
    with connect(library.url) as conn:
        there = one(
            conn,
            "select count(*) from library.books where organization_id = 'north'"
            " and genre = 'poetry' and price >= 6",
        )
    assert len(seen) == len(set(seen)) == there > 4


def test_a_list_by_post_has_the_same_links(library: Library) -> None:
    payload = {"limit": 10, "filter": {"genre": {"in": ["novel", "travel"]}}}
    answer = library.gateway.client.post(LIST, json=payload, headers=library.north)
    first = titles(answer)
    after = titles(library.get(answer.json()["links"]["next"]))
    assert len(after) == 10 and not set(first) & set(after)


def test_the_same_list_in_the_plain_form(library: Library) -> None:
    body = library.get("/api/v3/rpc/list_books", limit=3).json()
    assert set(body) == {"data", "meta"}
    assert set(body["data"]) == {"items", "page"}
    assert body["data"]["page"]["has_next"] is True


# --- Cursors ---


def cursor_of(library: Library, key: dict[str, str] | None = None, **query: Any) -> str:
    page = library.get(LIST, key, limit=5, **query).json()["meta"]["pagination"]
    return str(page["next_cursor"])


def tampered(cursor: str) -> Iterator[str]:
    """Every character changed once, and what text of each kind of byte makes of it."""
    for n, letter in enumerate(cursor):
        yield cursor[:n] + ("B" if letter == "A" else "A") + cursor[n + 1 :]
    yield from (cursor[:n] for n in range(0, len(cursor), 7))
    for byte in ("\x00", "\t", "\n", " ", '"', "'", "%", "+", "/", "=", "é", "😀", "\u202e", "~"):
        yield cursor[:9] + byte + cursor[10:]
        yield cursor + byte
    yield from (cursor * 2, cursor.swapcase(), cursor[::-1], "", "null", "{}", "x" * 4000)
    body = base64.urlsafe_b64decode(cursor[65:] + "=" * (-len(cursor[65:]) % 4))
    changed = body.replace(b"1", b"2").replace(b"a", b"b")
    yield cursor[:65] + base64.urlsafe_b64encode(changed).decode().rstrip("=")


def test_no_changed_cursor_is_taken(library: Library) -> None:
    """Control: the cursor as it was is taken before and after."""
    cursor = cursor_of(library)
    after = titles(library.get(LIST, limit=5, cursor=cursor))
    counted = 0
    for changed in tampered(cursor):
        if changed == cursor:
            continue
        answer = library.gateway.client.post(
            LIST, json={"limit": 5, "cursor": changed}, headers=library.north
        )
        if answer.status_code == 422:  # \u0000 in JSON, or longer than the schema allows
            assert answer.json()["error"]["code"] == "INVALID_PAYLOAD"
        else:
            refused(answer, "INVALID_LIST_CURSOR", "INVALID_LIST_REQUEST")
        counted += 1
    print(f"\n{counted} changed cursors refused")
    assert counted > 200
    assert titles(library.get(LIST, limit=5, cursor=cursor)) == after


def test_a_cursor_is_good_for_one_tenant(library: Library) -> None:
    cursor = cursor_of(library)
    refused(library.get(LIST, library.south, limit=5, cursor=cursor), "INVALID_LIST_CURSOR")
    anonymous = library.gateway.client.get(LIST, params={"limit": 5, "cursor": cursor})
    refused(anonymous, "INVALID_LIST_CURSOR")
    assert all(title.endswith("of south") for title in titles(library.get(LIST, library.south)))


@pytest.mark.parametrize(
    "other",
    [
        {"sort": "price"},
        {"search": "volume"},
        {"filter.genre.eq": "novel"},
        {"filter": '{"price": {"gte": 0}}'},
    ],
)
def test_a_cursor_is_good_for_one_sort_and_filter(library: Library, other: dict[str, str]) -> None:
    query = {"limit": "5", "cursor": cursor_of(library), **other}
    answer = library.gateway.client.get(LIST, params=query, headers=library.north)
    refused(answer, "INVALID_LIST_CURSOR")


@pytest.mark.parametrize("version", ["v1", "v3"])
def test_a_cursor_is_good_for_one_version(library: Library, version: str) -> None:
    target = f"/api/{version}/rpc/list_books"
    refused(library.get(target, limit=5, cursor=cursor_of(library)), "INVALID_LIST_CURSOR")


def test_a_context_header_does_not_change_the_tenant(library: Library) -> None:
    """The organization is the key's, whatever else is said."""
    said = {"X-Organization-Id": "south", "X-Client-Id": "client of south"}
    answer = library.gateway.client.get(LIST, headers={**library.north, **said})
    assert all(title.endswith("of north") for title in titles(answer))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"filter.organization_id.eq": "south"}, "filter"),
        ({"filter": '{"organization_id": {"eq": "south"}}'}, "filter"),
        ({"sort": "organization_id"}, "sort"),
        ({"filter.title.eq": "x"}, "filter.title"),
        ({"filter.price.gte": "1 or 1=1"}, "filter.price.gte"),
        ({"filter.genre.eq": "x' or '1'='1", "limit": "-1"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"offset": "-1"}, "offset"),
        ({"offset": "1", "last": "true"}, ""),
        ({"fields": "organization_id"}, "fields"),
    ],
)
def test_what_a_list_does_not_allow(library: Library, query: dict[str, str], field: str) -> None:
    answer = library.gateway.client.get(LIST, params=query, headers=library.north)
    assert answer.status_code in (400, 422), answer.text
    error = answer.json()["error"]
    assert error["code"] in ("INVALID_LIST_REQUEST", "INVALID_PAYLOAD")
    assert error["field"].startswith(field.partition(".")[0])
    assert "library." not in answer.text and "Volume" not in answer.text


def test_sql_in_a_filter_is_a_value(library: Library) -> None:
    for value in ("x' or '1'='1", "'; drop table library.books; --", "%' or true --", "\\"):
        query = {"filter.genre.eq": value}
        answer = library.gateway.client.get(LIST, params=query, headers=library.north)
        assert titles(answer) == []
    assert len(titles(library.get(LIST, limit=100))) == 50


# --- Marks ---


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_created_with_its_place(library: Library, version: str) -> None:
    client = library.gateway.client
    path = f"/api/{version}/rpc/"
    made = client.post(path + "add_book", json={"title": "New"}, headers=library.south)
    assert made.status_code == 201
    book = made.json()["data"]["id"]
    assert made.headers["location"] == f"{path}get_book?id={book}"
    found = library.get(made.headers["location"], library.south)
    assert found.json()["data"]["title"] == "New"
    assert library.get(made.headers["location"], library.north).status_code == 404
    if version == "v2":
        assert made.json()["links"]["related"] == {"book": f"{path}get_book?id={book}"}
    gone = client.post(path + "remove_book", json={"id": book}, headers=library.south)
    assert (gone.status_code, gone.content) == (204, b"")
    assert "content-type" not in gone.headers and "content-length" not in gone.headers
    assert library.get(made.headers["location"], library.south).status_code == 404


def test_accepted_with_its_place(library: Library) -> None:
    path = "/api/v2/rpc/"
    answer = library.gateway.client.post(path + "reindex_book", json={"id": 7})
    assert (answer.status_code, answer.json()["success"]) == (202, True)
    assert answer.headers["location"] == f"{path}get_book?id=7"


def test_a_handlers_own_status(library: Library) -> None:
    """PT404 of get_book: its message, its detail, and the problem's form."""
    told = {"Accept": "application/problem+json, application/json"}
    answer = library.gateway.client.get("/rpc/get_book?id=999999", headers=told)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (404, "NOT_FOUND")
    assert problem["detail"] == "there is no such book"
    assert problem["details"] == {"id": 999999}
    assert json.dumps(problem).count("PT404") == 0
