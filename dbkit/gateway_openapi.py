"""OpenAPI 3.1 of one version, from the registry: what that version really answers to each call.

A call has a POST, and a GET where it reads: the properties of its payload are parameters there, as
`gateway_query` reads them. A call that the version gets from an older one has the older one's
schemas and form, since that is what is answered. No function here does I/O.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias, cast

from dbkit.gateway_answers import ENVELOPED, PLAIN, Shape, Template, shape_of
from dbkit.gateway_errors import CODES, OWN_CODES, refused_by_database
from dbkit.gateway_examples import NO_EXAMPLE, example_of
from dbkit.gateway_query import RESERVED
from dbkit.gateway_version import Version, Versions

Json: TypeAlias = dict[str, Any]

_LONG = 2**63
_SCALARS = {"null", "boolean", "integer", "number", "string"}
_PHRASES = {
    400: "The request cannot be read, or its parts contradict each other.",
    401: "A token or key is missing, or not valid.",
    403: "The caller may not do this.",
    404: "There is no such call, or not what the request names.",
    406: "Accept allows nothing that there is.",
    409: "It contradicts what is stored, or a request that is under way.",
    410: "The version has been sunset.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "A value is not acceptable; `field` says which.",
    426: "The app is too old; the details have the oldest that is served.",
    429: "The consumer's limit of calls is reached.",
    431: "A header is too large.",
    500: "A fault of the server. The request id finds it in the logs.",
    503: "Not available now: no capacity, or an announced pause of a deprecated version.",
    504: "It took longer than its deadline.",
}
_SEMVER = (
    r"^((0|[1-9]\d{0,18})\.(0|[1-9]\d{0,18})\.(0|[1-9]\d{0,18})"
    r"(-((0|[1-9]\d{0,18}|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
    r"(\.(0|[1-9]\d{0,18}|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(\+([0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*))?)?$"
)
"""A semantic version, as `dbkit.semver_key` takes it, or nothing: an empty header is none."""
_PRINTABLE: Json = {"type": "string", "maxLength": 200, "pattern": "^[ -~]*$"}


class Call(NamedTuple):
    """A row of the registry that a version serves."""

    name: str
    version: str
    access: str
    description: str
    required_role: str | None
    request: Json
    response: Any
    shape: Shape


def served_calls(catalog: Mapping[str, Any], version: str, now: float | None = None) -> list[Call]:
    """What a version answers, by name: the newest row up to it, as the database routes calls.

    A write comes from an older version only where that names this one in compatible_with; nothing
    comes from a version that was sunset before `now`.
    """
    versions = {row["version"]: Version.read(row) for row in catalog["versions"]}
    number = versions[version].number
    found: dict[str, Call] = {}
    rows = cast("list[Json]", catalog["calls"])
    for row in sorted(rows, key=lambda row: versions[row["version"]].number):
        own = versions[row["version"]]
        over = own.sunset_at is not None and now is not None and own.sunset_at.timestamp() <= now
        foreign = own.name != version and row["access"] == "write"
        if own.number > number or over:
            continue
        if foreign and version not in row.get("compatible_with", ()):
            continue
        found[row["name"]] = _call(row)
    return [found[name] for name in sorted(found)]


def _call(row: Json) -> Call:
    try:
        shape = shape_of(row.get("response_schema"))
    except ValueError:
        shape = PLAIN
    return Call(
        row["name"],
        row["version"],
        row["access"],
        row.get("description") or "",
        row.get("required_role"),
        _request_schema(row.get("request_schema")),
        row.get("response_schema"),
        shape,
    )


def openapi(
    catalog: Mapping[str, Any],
    version: str,
    *,
    versions: Versions | None = None,
    title: str = "API",
    base_url: str = "",
    now: float | None = None,
) -> Json:
    """The document of a version of `gateway_catalog()`. `base_url` is what the gateway is under."""
    known = versions if versions is not None else Versions.from_catalog(catalog)
    row = known.rows[version]
    calls = served_calls(catalog, version, now)
    names = {call.name: call for call in calls}
    about: Json = {row["version"]: row for row in catalog["versions"]}[version]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": version,
            "summary": about.get("description") or f"{title}, {version}",
            "description": _introduction(row, known),
        },
        "servers": [{"url": f"{base_url.rstrip('/')}/api/{version}"}],
        "paths": {f"/rpc/{call.name}": _path(call, row, known, names) for call in calls},
        "components": {
            "schemas": _shared_schemas(version),
            "parameters": _shared_parameters(),
            "headers": _shared_headers(),
            "responses": {
                f"Error{status}": _error_response(status, version) for status in _PHRASES
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _introduction(row: Version, known: Versions) -> str:
    said = [
        "Every call takes its payload as the JSON body of a POST. Calls that read take it as the "
        "query of a GET too: lists repeat their name (`ids=1&ids=2`), fields of objects are "
        "written with dots (`filter.status=paid`) or as JSON.",
        f"The version may be named by the path, by `Accept: {known.media_types[row.name].decode()}`"
        ", by the header `X-API-Version`, or by the parameter `api_version`; all that are there "
        "must agree.",
        "`POST /api` takes the name of the call in its body too: `{rpc, payload, version}`.",
    ]
    if row.deprecated_at is not None:
        said.append(f"This version is deprecated since {row.deprecated_at:%Y-%m-%d}.")
    if row.sunset_at is not None:
        said.append(f"It answers 410 from {row.sunset_at:%Y-%m-%d %H:%M} UTC.")
    if row.successor is not None:
        said.append(f"Its successor is {row.successor}.")
    return "\n\n".join(said)


# --- Calls -----------------------------------------------------------------------------------


def _path(call: Call, row: Version, known: Versions, names: Mapping[str, Call]) -> Json:
    path: Json = {}
    if call.access == "read" and call.request.get("type") == "object":
        path["get"] = _operation(call, row, known, names, by_query=True)
    path["post"] = _operation(call, row, known, names, by_query=False)
    return path


def _operation(
    call: Call, row: Version, known: Versions, names: Mapping[str, Call], *, by_query: bool
) -> Json:
    writes = call.access == "write"
    found: Json = {
        "operationId": f"{call.name}_by_query" if by_query else call.name,
        "summary": call.description.partition(".")[0] or call.name,
        "description": _about(call, row),
        "tags": ["writes" if writes else "reads"],
        "parameters": [
            *(_query_parameters(call) if by_query else ()),
            *_common_parameters(writes=writes, by_query=by_query),
        ],
        "responses": _responses(call, row, known, names, by_query=by_query),
        "security": [{"token": []}, {"key": []}],
    }
    if call.required_role is None or call.required_role == "anon":
        found["security"].insert(0, {})
    if row.deprecated_at is not None or row.status != "active":
        found["deprecated"] = True
    if not by_query:
        body: Json = {"schema": call.request}
        example = example_of(call.request)
        if example is not NO_EXAMPLE:
            body["example"] = example
        found["requestBody"] = {
            "required": bool(call.request.get("required")),
            "content": {"application/json": body},
        }
    return found


def _about(call: Call, row: Version) -> str:
    said = [call.description] if call.description else []
    if call.version != row.name:
        said.append(f"As in {call.version}: {row.name} has no other.")
    if call.required_role is not None:
        said.append(f"Needs the role `{call.required_role}`.")
    return "\n\n".join(said) or call.name


def _common_parameters(*, writes: bool, by_query: bool) -> list[Json]:
    names = ["AppName", "AppVersion", "ClientRegion", "ClientId", "RequestId", "TraceParent"]
    names.append("Prefer")
    if writes:
        names.append("IdempotencyKey")
    if by_query:
        names.append("IfNoneMatch")
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _query_parameters(call: Call) -> Iterable[Json]:
    required = call.request.get("required", [])
    properties: dict[str, Any] = call.request.get("properties", {})
    for name, given in properties.items():
        if name in RESERVED or given is False:
            continue
        schema: Json = {} if given is True else given
        found: Json = {"name": name, "in": "query", "required": name in required}
        if "description" in schema:
            found["description"] = schema["description"]
        if _as_json(schema):
            found["content"] = {"application/json": {"schema": schema}}
        else:
            found |= {"schema": _in_text(schema), "style": "form", "explode": True}
        yield found


def _as_json(schema: Json) -> bool:
    """Whether a parameter is one JSON text, rather than plain text or several."""
    types = _types_of(schema)
    if not types or types == {"array"}:
        return not _types_of(schema.get("items")) & _SCALARS
    return not types & _SCALARS


def _in_text(schema: Json) -> Json:
    """Without null where text is allowed: the word null is text there."""
    types = _types_of(schema)
    if "null" in types and "string" in types:
        left = [t for t in schema["type"] if t != "null"]
        return schema | {"type": left[0] if len(left) == 1 else left}
    return schema


def _types_of(schema: object) -> set[str]:
    if not isinstance(schema, dict):
        return set()
    given = cast("Json", schema).get("type")
    if isinstance(given, list):
        return set(cast("list[str]", given))
    if given is None and ("enum" in schema or "const" in schema):
        return {"string"}
    return {given} if isinstance(given, str) else set()


# --- Answers ---------------------------------------------------------------------------------


def _responses(
    call: Call, row: Version, known: Versions, names: Mapping[str, Call], *, by_query: bool
) -> Json:
    writes = call.access == "write"
    headers: Json = {"X-Request-Id": _header("RequestId"), "X-API-Version": _header("ApiVersion")}
    if row.deprecated_at is not None:
        headers["Deprecation"] = _header("Deprecation")
    if row.sunset_at is not None:
        headers["Sunset"] = _header("Sunset")
    if row.deprecated_at is not None or row.sunset_at is not None or call.shape.is_list:
        headers["Link"] = _header("Link")
    if call.shape.location is not None:
        headers["Location"] = _header("Location")
    if by_query:
        headers["ETag"] = _header("ETag")
    success: Json = {"description": _success_words(call.shape.status), "headers": headers}
    if call.shape.status != 204:
        schema = _answer_schema(call)
        kinds = ("application/json", known.media_types[call.version].decode())
        success["content"] = {kind: {"schema": schema} for kind in kinds}
    links = _links(call, names)
    if links:
        success["links"] = links
    found: Json = {str(call.shape.status): success}
    if by_query:
        found["304"] = {
            "description": "What If-None-Match names is still what is answered.",
            "headers": {"ETag": _header("ETag")},
        }
    skipped = {413, 415} if by_query else set[int]()
    if not writes:
        skipped.add(409)
    for status in _PHRASES:
        if status not in skipped:
            found[str(status)] = {"$ref": f"#/components/responses/Error{status}"}
    for status in _chosen_statuses(call.response):
        found.setdefault(str(status), _error_response(status, row.name))
    return found


def _chosen_statuses(response_schema: object) -> list[int]:
    """`"x-dbkit-errors": [402, 418]`: statuses that the handler raises as PT402 and PT418."""
    if not isinstance(response_schema, dict):
        return []
    given: object = cast("Json", response_schema).get("x-dbkit-errors")
    if not isinstance(given, list):
        return []
    return [s for s in cast("list[object]", given) if isinstance(s, int) and 400 <= s < 500]


def _success_words(status: int) -> str:
    return {201: "It was made.", 202: "It will be done.", 204: "It was done."}.get(status, "Done.")


def _header(name: str) -> Json:
    return {"$ref": f"#/components/headers/{name}"}


def _answer_schema(call: Call) -> Json:
    """The call's own schema in the form of the version that answers."""
    data = _without_marks(call.response)
    if call.version not in ENVELOPED:
        return {
            "type": "object",
            "required": ["data", "meta"],
            "properties": {"data": data, "meta": _schema("PlainMeta")},
        }
    meta: Any = _schema("Meta")
    if call.shape.is_list and isinstance(data, dict):
        parts = cast("Json", data).get("properties", {})
        data = parts.get("items", {"type": "array"})
        page = parts.get("page", {"type": "object"})
        meta = {"allOf": [meta, {"type": "object", "properties": {"pagination": page}}]}
    return {
        "type": "object",
        "required": ["success", "data", "meta", "links"],
        "properties": {
            "success": {"const": True},
            "data": data,
            "meta": meta,
            "links": _schema("Links"),
        },
    }


def _without_marks(schema: object) -> Any:
    if not isinstance(schema, dict):
        return {} if schema is None else schema
    items = cast("Json", schema).items()
    return {name: value for name, value in items if not name.startswith("x-dbkit-")}


def _links(call: Call, names: Mapping[str, Call]) -> Json:
    """Which calls go on from an answer, for clients and testers that walk an API."""
    templates = list(call.shape.related)
    if call.shape.location is not None:
        templates.insert(0, ("location", call.shape.location))
    found: Json = {}
    at = "$response.body#/data/"
    for name, template in templates:
        target = _target_of(template)
        if target is None or target[0] not in names:
            continue
        other = names[target[0]]
        known = other.request.get("properties", {})
        if other.access != "read" or not target[1].keys() <= known.keys():
            continue
        found[name] = {
            "operationId": f"{other.name}_by_query",
            "parameters": {f"query.{p}": at + field for p, field in target[1].items()},
        }
    return found


def _target_of(template: Template) -> tuple[str, dict[str, str]] | None:
    """Call and parameters of a target whose query is all fields: `get_order?order_id={id}`."""
    text = template.parts[0] + "".join(
        f"{{{name}}}{part}" for name, part in zip(template.fields, template.parts[1:], strict=True)
    )
    name, _, query = text.partition("?")
    pairs = dict(re.findall(r"([^=&]+)=\{([^}]+)\}", query))
    whole = "&".join(f"{p}={{{field}}}" for p, field in pairs.items()) == query
    return (name, pairs) if whole and "{" not in name else None


# --- What all calls share --------------------------------------------------------------------


def _schema(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: str, **properties: Any) -> Json:
    return {"type": "object", "required": required.split(), "properties": properties}


def _shared_schemas(version: str) -> Json:
    text: Json = {"type": "string"}
    milliseconds: Json = {"type": "number", "minimum": 0, "description": "Milliseconds."}
    error = _object(
        "code message",
        code={"type": "string", "examples": ["UNKNOWN_CALL"], "pattern": "^[A-Z][A-Z0-9_]*$"},
        message=text,
        details={"type": "object"},
        field={"type": "string", "description": "What of the payload is wrong: `items/0/id`."},
        hint={"type": "string", "description": "What to do about it."},
    )
    meta = _object(
        "version timestamp requestId processingTime",
        version=text,
        timestamp={"type": "string", "format": "date-time"},
        requestId=text,
        processingTime=milliseconds,
        warnings={"type": "array", "items": text},
        replayed={"type": "boolean", "description": "The answer of an idempotency key."},
    )
    plain_meta = _object(
        "rpc version executionTime requestId",
        rpc=text,
        version={"type": "string", "description": "The version that was served."},
        requested_version={"type": ["string", "null"]},
        fallback={"type": "boolean", "description": "An older version than asked for."},
        deprecated={"type": "boolean"},
        sunset_at={"type": ["string", "null"]},
        warnings={"type": "array", "items": text},
        replayed={"type": "boolean", "description": "The answer of an idempotency key."},
        region=text,
        executionTime=milliseconds,
        requestId=text,
    )
    links = _object(
        "self",
        **dict.fromkeys(("self", "next", "prev", "first", "last"), text),
        related={"type": "object", "additionalProperties": text},
    )
    problem = _object(
        "type title status detail instance code requestId",
        **dict.fromkeys(("type", "title", "detail", "instance", "code", "requestId"), text),
        status={"type": "integer"},
        field=text,
        hint=text,
        details={"type": "object"},
    )
    if version in ENVELOPED:
        whole = _object(
            "success error meta links",
            success={"const": False},
            error=_schema("Error"),
            meta=_schema("Meta"),
            links=_schema("Links"),
        )
    else:
        error_meta = _object(
            "version executionTime requestId",
            version={"type": ["string", "null"]},
            region=text,
            executionTime=milliseconds,
            requestId=text,
        )
        whole = _object("error meta", error=_schema("Error"), meta=error_meta)
    return {
        "Error": error,
        "ErrorAnswer": whole,
        "Links": links,
        "Meta": meta,
        "PlainMeta": plain_meta,
        "Problem": problem,
    }


def _shared_parameters() -> Json:
    def header(name: str, schema: Json, about: str) -> Json:
        return {"name": name, "in": "header", "schema": schema, "description": about}

    text: Json = {"type": "string"}
    return {
        "AppName": header("X-App-Name", _PRINTABLE, "The app that calls."),
        "AppVersion": header(
            "X-App-Version",
            {"type": "string", "maxLength": 100, "pattern": _SEMVER, "examples": ["1.4.0"]},
            "Its version (semver.org): it may be too old for some versions.",
        ),
        "ClientRegion": header("X-Client-Region", _PRINTABLE, "Where the client is."),
        "ClientId": header("X-Client-Id", _PRINTABLE, "Which client it is."),
        "RequestId": header("X-Request-Id", text, "An id of yours; else one is made."),
        "TraceParent": header("traceparent", text, "W3C trace context."),
        "Prefer": header("Prefer", text, "`wait=5`: end it after five seconds (RFC 7240)."),
        "IdempotencyKey": header(
            "Idempotency-Key",
            _PRINTABLE,
            "The same key and payload again: the same answer, and no second write.",
        ),
        "IfNoneMatch": header("If-None-Match", text, "An ETag: 304 while it is the same."),
    }


def _shared_headers() -> Json:
    def header(about: str, **schema: Any) -> Json:
        return {"description": about, "schema": {"type": "string"} | schema}

    return {
        "RequestId": header("The id of the request, in logs too."),
        "ApiVersion": header("The version that was served.", pattern="^v[1-9][0-9]*$"),
        "Deprecation": header("Since when the version is deprecated (RFC 9745).", pattern="^@"),
        "Sunset": header("When it ends (RFC 8594)."),
        "Link": header("Neighbouring pages, the successor and the docs (RFC 8288)."),
        "Location": header("Where the result is."),
        "ETag": header("What was answered, for If-None-Match."),
        "RetryAfter": {
            "description": "Seconds to wait.",
            "schema": {"type": "integer", "minimum": 1},
        },
    }


def _error_response(status: int, version: str) -> Json:
    codes = sorted(
        {code for code, s, _ in CODES.values() if s == status}
        | {code for code, (s, _) in OWN_CODES.items() if s == status}
        | ({refused_by_database(f"PT{status}").code} if status not in _PHRASES else set())
    )
    found: Json = {
        "description": f"{_PHRASES.get(status, 'The call says why.')} Codes: "
        + ", ".join(codes[:12])
        + (", …" if len(codes) > 12 else "."),
        "headers": {"X-Request-Id": _header("RequestId")},
        "content": {
            "application/json": {"schema": _schema("ErrorAnswer")},
            "application/problem+json": {"schema": _schema("Problem")},
        },
    }
    if status in (429, 503):
        found["headers"]["Retry-After"] = _header("RetryAfter")
    return found


# --- Schemas of payloads ---------------------------------------------------------------------


def _request_schema(schema: object) -> Json:
    """As the database checks it: its integers are of 64 bits."""
    if not isinstance(schema, dict) or not schema:
        return {"type": "object"}
    return cast("Json", _bounded(cast("Json", schema)))


def _bounded(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    found: Json = dict(cast("Json", schema))
    types = _types_of(found)
    if "integer" in types and "number" not in types:
        found.setdefault("format", "int64")
        if "exclusiveMinimum" not in found:
            found.setdefault("minimum", -_LONG)
        if "exclusiveMaximum" not in found:
            found.setdefault("maximum", _LONG - 1)
    if isinstance(found.get("properties"), dict):
        found["properties"] = {n: _bounded(s) for n, s in found["properties"].items()}
    for name in ("items", "additionalProperties"):
        if name in found:
            found[name] = _bounded(found[name])
    return found
