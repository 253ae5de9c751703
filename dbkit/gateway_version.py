"""Which version of the API a request asks for, and what its answers say about that version's life.

Five sources may name a version. The first in this order counts, and all that speak must agree:

1. the path, `/api/v2/rpc/…`
2. `Accept: application/vnd.dbkit.v2+json`, also a list with q-values
3. `X-API-Version: v2`, or `2`
4. `?api_version=v2`, or `2`
5. the field `version` of the body of `POST /api`

`Accept` may leave a choice: another source then picks one of what it accepts. A client that accepts
plain JSON as well accepts every version. No source at all leaves the version to the database: the
consumer's pin, a release's share, or the active one. Whether a version is sunset is the
database's word too. No function here does I/O.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, NamedTuple

from dbkit.gateway_errors import Pairs, Refused

_MAX_HEADER = 2048
"""Bytes of an `Accept` or `X-API-Version` that are read; no honest client sends more."""

_CACHED = 512
"""Different values of `Accept` that are remembered: a client sends the same one every time."""

_NUMBER = re.compile(r"[vV]?([1-9][0-9]{0,3})")
_CALL = re.compile(r"[a-z][a-z0-9_]{0,62}")
_MEDIA = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_WEIGHT = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


class Negotiated(NamedTuple):
    """What a request asks for."""

    version: str | None
    """None: nothing asked for a version, the database decides."""
    source: str | None
    """path, accept, header, query or body: the first that named the version."""
    problem: bool = False
    """Errors as application/problem+json (RFC 9457)."""
    vendor: bool = False
    """The answer is of the vendor's media type, because `Accept` named it."""


@dataclass(frozen=True, slots=True)
class Version:
    """A row of the versions of `gateway_catalog()`."""

    name: str
    status: str = "active"
    deprecated_at: datetime | None = None
    sunset_at: datetime | None = None
    successor: str | None = None
    min_app_version: str | None = None

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Version:
        return cls(
            name=row["version"],
            status=row.get("status") or "active",
            deprecated_at=_moment(row.get("deprecated_at")),
            sunset_at=_moment(row.get("sunset_at")),
            successor=row.get("successor"),
            min_app_version=row.get("min_app_version"),
        )

    @property
    def number(self) -> int:
        return int(self.name[1:])


class _Accepted(NamedTuple):
    """What a value of `Accept` allows."""

    versions: Mapping[str, float]
    """Known versions that the vendor's media type names, with their weights above 0."""
    plain: float
    """Weight of JSON that names no version; with it every version is acceptable."""
    problem: bool
    refused: frozenset[str]
    """Versions with q=0, as far as nothing else accepts them."""
    unknown: tuple[str, ...]
    """Versions that the vendor's media type names and that do not exist."""
    empty: bool
    """Nothing in it can be read as a media range: as if the header were absent."""


class Versions:
    """The versions that exist: made anew when the catalog changes, read by every request."""

    def __init__(
        self,
        rows: Iterable[Version],
        *,
        active: str | None = None,
        vendor: str = "dbkit",
        docs: str = "/docs",
    ) -> None:
        """`docs` is the URL of the pages for people, `vendor` the name in media types."""
        self.rows = {row.name: row for row in sorted(rows, key=lambda row: row.number)}
        self.names = tuple(self.rows)
        self.active = active
        self.docs = docs.rstrip("/")
        self.vendor = vendor
        self.media_types = {
            name: f"application/vnd.{vendor}.{name}+json".encode() for name in self.names
        }
        self._vendor_type = re.compile(
            rf"application/vnd\.{re.escape(vendor)}(?:\.v([0-9]{{1,9}}))?\+json"
        )
        self._accepted: dict[bytes, _Accepted] = {}
        self._life = {name: self._life_of(row) for name, row in self.rows.items()}
        self._of_call: dict[tuple[str, str], Pairs] = {}

    @classmethod
    def from_catalog(
        cls, catalog: Mapping[str, Any], *, vendor: str = "dbkit", docs: str = "/docs"
    ) -> Versions:
        """From the answer of `gateway_catalog()`."""
        rows = (Version.read(row) for row in catalog["versions"])
        return cls(rows, active=catalog.get("active_version"), vendor=vendor, docs=docs)

    def accepted(self, value: bytes) -> _Accepted:
        """A value of `Accept`, read once."""
        found = self._accepted.get(value)
        if found is None:
            found = self._read_accept(value)
            if len(self._accepted) >= _CACHED:
                self._accepted.clear()
            if len(value) <= 256:
                self._accepted[value] = found
        return found

    def headers(self, version: str | None, call: str | None = None) -> Pairs:
        """`Deprecation`, `Sunset` and `Link` for answers in a version, also for its errors.

        `call` is what the link to the successor names; without a known one it names the docs.
        """
        if version is None:
            return ()
        life = self._life.get(version)
        if not life:
            return ()
        if call is None or not _CALL.fullmatch(call):
            return self._with_links(version, life, None)
        found = self._of_call.get((version, call))
        if found is None:
            if len(self._of_call) >= 4096:
                self._of_call.clear()
            found = self._of_call[version, call] = self._with_links(version, life, call)
        return found

    def is_sunset(self, version: str, now: float) -> bool:
        """Whether its time is over by the gateway's clock: only for choosing among several."""
        row = self.rows[version]
        return row.sunset_at is not None and row.sunset_at.timestamp() <= now

    def _life_of(self, row: Version) -> Pairs:
        found: list[tuple[bytes, bytes]] = []
        if row.deprecated_at is not None:
            found.append((b"deprecation", f"@{int(row.deprecated_at.timestamp())}".encode()))
        if row.sunset_at is not None:
            found.append((b"sunset", format_datetime(row.sunset_at, usegmt=True).encode()))
        return tuple(found)

    def _with_links(self, version: str, life: Pairs, call: str | None) -> Pairs:
        page = f"{self.docs}/{version}"
        links = [f'<{page}>; rel="{name.decode()}"; type="text/html"' for name, _ in life]
        successor = self.rows[version].successor
        if successor is not None:
            target = f"/api/{successor}/rpc/{call}" if call else f"{self.docs}/{successor}"
            links.insert(0, f'<{target}>; rel="successor-version"')
        return (*life, (b"link", ", ".join(links).encode()))

    def _read_accept(self, value: bytes) -> _Accepted:
        versions: dict[str, float] = {}
        refused: set[str] = set()
        unknown: list[str] = []
        plain: dict[int, float] = {}
        problem = False
        empty = True
        for kind, weight in _media_ranges(value):
            empty = False
            vendor = self._vendor_type.fullmatch(kind)
            if vendor is not None and vendor[1] is not None:
                name = f"v{vendor[1]}"
                if name not in self.rows:
                    unknown.append(name)
                elif weight > 0:
                    versions[name] = max(weight, versions.get(name, 0.0))
                else:
                    refused.add(name)
            elif vendor is not None:
                plain[3] = max(weight, plain.get(3, 0.0))
            elif kind == "application/problem+json":
                problem = problem or weight > 0
            elif kind in _PLAIN:
                rank = _PLAIN[kind]
                plain[rank] = max(weight, plain.get(rank, 0.0))
        best = plain[max(plain)] if plain else 0.0
        # Who accepts nothing but problems still wants the answer where there is none.
        if problem and not plain and not versions and not refused and not unknown:
            best = 0.001
        return _Accepted(
            versions, best, problem, frozenset(refused - versions.keys()), tuple(unknown), empty
        )


_PLAIN = {"application/json": 2, "application/*": 1, "*/*": 0}
"""Media ranges that mean JSON of any version; the more specific one's weight counts (RFC 9110)."""

_NOTHING = Negotiated(None, None)


def negotiate(
    path_version: str | None,
    headers: Mapping[bytes, bytes],
    query: Mapping[str, str],
    known: Versions,
    body_version: object = None,
) -> Negotiated:
    """The version that a request asks for.

    Header names in lower case, repeated headers joined by a comma. Raises Refused: 400 for a
    version that does not exist and for sources that disagree, 406 for an `Accept` that allows
    nothing that exists.
    """
    accept = headers.get(b"accept")
    header = headers.get(b"x-api-version")
    asked = query.get("api_version") if query else None
    if path_version is None and header is None and asked is None and body_version is None:
        return _NOTHING if accept is None or accept == b"*/*" else _by_accept(accept, known)
    named: list[tuple[str, str]] = []
    if path_version is not None:
        named.append(("path", _known(path_version, "path", known)))
    if header is not None:
        named.extend(("header", name) for name in _listed(header, known))
    if asked is not None:
        named.extend(("query", _known(v, "query", known)) for v in asked.split(","))
    if body_version is not None:
        named.append(("body", _known(body_version, "body", known)))
    source, version = named[0]
    for other, name in named:
        if name != version:
            raise _disagree(source, version, other, name)
    if accept is None:
        return Negotiated(version, source)
    return _within_accept(version, source, accept, known)


def _by_accept(value: bytes, known: Versions) -> Negotiated:
    """`Accept` is the only source: the heaviest version, the newest of equals."""
    accepted = _read(value, known)
    if accepted.versions:
        now = time.time()
        best = max(
            accepted.versions,
            key=lambda v: (not known.is_sunset(v, now), accepted.versions[v], known.rows[v].number),
        )
        if accepted.versions[best] >= accepted.plain:
            return Negotiated(best, "accept", accepted.problem, True)
    if accepted.plain > 0 or accepted.empty:
        return Negotiated(None, None, accepted.problem)
    raise _not_acceptable(known, accepted)


def _within_accept(version: str, source: str, value: bytes, known: Versions) -> Negotiated:
    """Another source named the version; `Accept` must allow it."""
    accepted = _read(value, known)
    if version in accepted.versions:
        first = source if source == "path" else "accept"
        return Negotiated(version, first, accepted.problem, True)
    if accepted.plain > 0 or accepted.empty:
        return Negotiated(version, source, accepted.problem)
    if accepted.versions:
        best = max(accepted.versions, key=lambda v: (accepted.versions[v], known.rows[v].number))
        raise _disagree(source, version, "accept", best)
    raise _not_acceptable(known, accepted)


def _read(value: bytes, known: Versions) -> _Accepted:
    if len(value) > _MAX_HEADER:
        raise Refused(431, "HEADER_TOO_LARGE", f"Accept is longer than {_MAX_HEADER} bytes.")
    return known.accepted(value)


def _listed(header: bytes, known: Versions) -> list[str]:
    """`X-API-Version`: proxies join repeated headers with commas, so all of a list must agree."""
    if len(header) > _MAX_HEADER:
        raise Refused(431, "HEADER_TOO_LARGE", f"X-API-Version is longer than {_MAX_HEADER} bytes.")
    return [_known(v, "header", known) for v in header.decode("latin-1").split(",")]


def _known(value: object, source: str, known: Versions) -> str:
    """`v2` or `2` as the name of a version that exists."""
    if isinstance(value, str):
        if value in known.rows:
            return value
        found = _NUMBER.fullmatch(value.strip(" \t"))
        if found is not None and (name := f"v{found[1]}") in known.rows:
            return name
    raise Refused(
        400,
        "UNKNOWN_VERSION",
        f"The {_WORDS[source]} asks for an API version that does not exist.",
        details={
            "version": value[:40] if isinstance(value, str) else None,
            "source": source,
            "versions": list(known.names),
        },
        field=_FIELDS.get(source),
        hint=f"Ask for one of {', '.join(known.names)}." if known.names else None,
    )


_WORDS = {
    "path": "path",
    "accept": "header Accept",
    "header": "header X-API-Version",
    "query": "parameter api_version",
    "body": "field version of the body",
}
_FIELDS = {"header": "X-API-Version", "query": "api_version", "body": "version"}


def _disagree(source: str, version: str, other: str, name: str) -> Refused:
    return Refused(
        400,
        "VERSION_CONFLICT",
        f"The {_WORDS[source]} asks for {version} and the {_WORDS[other]} for {name}.",
        details={
            "sources": [{"source": source, "version": version}, {"source": other, "version": name}]
        },
        hint="Name the version once, or the same one everywhere.",
    )


def _not_acceptable(known: Versions, accepted: _Accepted) -> Refused:
    types = ["application/json", *(kind.decode() for kind in known.media_types.values())]
    unknown = ", ".join(accepted.unknown[:5])
    return Refused(
        406,
        "NOT_ACCEPTABLE",
        f"Accept asks for {unknown}, which does not exist."
        if unknown
        else "Accept allows nothing that there is.",
        details={"versions": list(known.names), "media_types": types},
        hint="Accept application/json, or one of the media types in the details.",
    )


def _media_ranges(value: bytes) -> Iterable[tuple[str, float]]:
    """Media ranges and weights; members that are none are left out, as RFC 9110 lets a server."""
    text = value.decode("latin-1")
    if '"' in text:
        text = _QUOTED.sub("quoted", text)
    for member in text.split(","):
        kind, *parameters = member.split(";")
        kind = kind.strip(" \t").lower()
        if _MEDIA.fullmatch(kind) is None:
            continue
        weight: float | None = 1.0
        for parameter in parameters:
            name, _, given = parameter.partition("=")
            if name.strip(" \t").lower() == "q":
                given = given.strip(" \t")
                weight = float(given) if _WEIGHT.fullmatch(given) else None
                break
        if weight is not None:
            yield kind, weight


def _moment(value: object) -> datetime | None:
    """A timestamptz in JSON; None for none, and for infinity, which is no date of an end."""
    if not isinstance(value, str) or "infinity" in value:
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):  # after the year 9999
        return None
