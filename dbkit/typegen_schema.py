"""Registered calls as Python: dataclasses and wrappers from their JSON Schemas."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from dbkit.typegen_catalog import Catalog
from dbkit.typegen_source import (
    Field,
    Module,
    TypegenError,
    argument_name,
    class_name,
    docstring,
    header,
    identifier,
    literal,
    unique,
)

Schema = dict[str, Any]

_SERVED = """
select r.name, r.version, r.access, r.request_schema::text as request,
  r.response_schema::text as response, r.description
from dbkit.api_routes t
join dbkit.api_rpcs r on r.rpc_id = t.rpc_id
where t.explicit and t.asked = %s and t.rank = 1
order by r.name collate "C"
"""
_FORMATS = {"date-time": "datetime.datetime", "date": "datetime.date", "uuid": "UUID"}
_SIMPLE = {"boolean": "bool", "integer": "int", "null": "None"}
_KEY = "idempotency_key"
_FREE = "        payload or {},\n"


@dataclass
class _Writer:
    """Writes classes for schemas; equal ones are written once."""

    module: Module
    version: str
    written: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def annotation(self, schema: Any, name: str, *, request: bool) -> str:
        anything = "JsonInput" if request else "JsonValue"
        if not isinstance(schema, dict):
            return anything
        found = cast("Schema", schema)
        values = found.get("enum", [found["const"]] if "const" in found else [])
        if values and all(value is None or isinstance(value, str) for value in values):
            return self._literal(values, str(found.get("title") or name))
        types = found.get("type")
        if types is None:
            return anything
        kinds = cast("list[str]", types if isinstance(types, list) else [types])
        kinds = sorted(kinds, key=_null_last)
        parts = [self._one(kind, found, name, request=request) for kind in kinds]
        return anything if anything in parts else " | ".join(dict.fromkeys(parts))

    def _literal(self, values: Sequence[str | None], name: str) -> str:
        """One or two words in place; more get an alias, the same for the same words."""
        words = [value for value in values if value is not None]
        if not words:
            return "None"
        inner = f"Literal[{', '.join(literal(word) for word in words)}]"
        if len(words) > 2:
            key = ("", inner)
            if key not in self.written:
                self.written[key] = unique(class_name(name), self.module.taken)
                self.module.add_literal(self.written[key], words)
            inner = self.written[key]
        return f"{inner} | None" if None in values else inner

    def _one(self, kind: str, schema: Schema, name: str, *, request: bool) -> str:
        if kind == "string":
            return _FORMATS.get(str(schema.get("format")), "str")
        if kind == "number":
            return "Decimal | int" if request else "Decimal"
        if kind == "array":
            return f"list[{self.annotation(schema.get('items'), f'{name}Item', request=request)}]"
        if kind == "object":
            return self._object(schema, name, request=request)
        return _SIMPLE[kind]

    def _object(self, schema: Schema, name: str, *, request: bool) -> str:
        if schema.get("properties"):
            return self._class(schema, name, request=request)
        values = schema.get("additionalProperties", True)
        return f"dict[str, {self.annotation(values, f'{name}Value', request=request)}]"

    def _class(self, schema: Schema, name: str, *, request: bool) -> str:
        title = class_name(str(schema.get("title") or name))
        key = (title, json.dumps([schema, request], sort_keys=True))
        if key not in self.written:
            chosen = title if title not in self.module.taken else class_name(f"{name}_{title}")
            self.written[key] = chosen = unique(chosen, self.module.taken)
            place = len(self.module.definitions)
            fields = self.fields(schema, chosen, request=request)
            doc = str(schema.get("description") or f"`{title}` of {self.version}.")
            self.module.definitions.insert(place, self.module.class_source(chosen, doc, fields))
        return self.written[key]

    def fields(self, schema: Schema, name: str, *, request: bool) -> list[Field]:
        taken: set[str] = set()
        required: Sequence[str] = schema.get("required", [])
        properties: dict[str, Any] = schema.get("properties", {})
        found: list[Field] = []
        # jsonb forgets the order of keys; the list of required ones remembers its author's.
        first = [key for key in required if key in properties]
        for key in dict.fromkeys([*first, *properties]):
            value = properties[key]
            inner = self.annotation(value, name + class_name(key), request=request)
            optional = key not in required
            known = cast("Schema", value) if isinstance(value, dict) else {}
            found.append(
                Field(
                    name=unique(identifier(key), taken),
                    annotation=_or_none(inner) if optional else inner,
                    json_name=key,
                    optional=optional,
                    doc=str(known.get("description", "")),
                )
            )
        return found

    def call(self, row: dict[str, Any], name: str) -> None:
        request: Any = json.loads(row["request"])
        response: Any = json.loads(row["response"]) if row["response"] else True
        camel = class_name(row["name"])
        answer = self.annotation(response, camel, request=False)
        parameters, payload = self._payload(request, camel, writes=row["access"] == "write")
        result = f"Call[Routed[{answer}]]"
        lines = [
            f'        "{row["name"]}",\n',
            f"        {literal(self.version)},\n",
            f"        RoutedAs({literal(row['version'])}, {answer}),\n",
            *payload,
            "        reads_only=True,\n" if row["access"] == "read" else "",
        ]
        for text in [*parameters, result, "route RoutedAs"]:
            self.module.use(text)
        stars = ["*", *parameters] if parameters and payload != [_FREE] else parameters
        doc = row["description"] or f"Calls {row['name']}."
        served = f"Served by {row['version']}."
        self.module.functions.append(
            header(f"def {name}", stars, f") -> {result}")
            + docstring(f"{doc}\n\n{served}", 4)
            + f"    return route(\n{''.join(lines)}    )\n"
        )

    def _payload(self, schema: Any, name: str, *, writes: bool) -> tuple[list[str], list[str]]:
        """Parameters, and the lines that build the payload from them."""
        known: Schema = cast("Schema", schema) if isinstance(schema, dict) else {}
        closed = known.get("additionalProperties") is False
        if not known.get("properties") and not closed:
            free = "payload: Mapping[str, JsonInput] | None = None"
            return [free], [_FREE]
        fields = self.fields(known, name, request=True)
        if writes and not closed and all(f.json_name != _KEY for f in fields):
            fields.append(Field(_KEY, "str | None", _KEY, optional=True))
        fields = _as_arguments(fields)
        fields.sort(key=lambda f: f.optional)
        parameters = [f"{f.name}: {f.annotation}{' = None' if f.optional else ''}" for f in fields]
        needed = [f for f in fields if not f.optional]
        optional = [f for f in fields if f.optional]
        lines = [_mapping("", needed)]
        if optional:
            lines.append(_mapping("optional=", optional))
        return parameters, lines


def _as_arguments(fields: Sequence[Field]) -> list[Field]:
    """Parameters drop a `p_` as every wrapper's do; two that become one keep theirs."""
    names = [argument_name(f.name) for f in fields]
    return [
        Field(n if names.count(n) == 1 else f.name, f.annotation, f.json_name, f.optional, f.doc)
        for n, f in zip(names, fields, strict=True)
    ]


def _mapping(prefix: str, fields: Sequence[Field]) -> str:
    if not fields:
        return f"        {prefix}{{}},\n"
    lines = "".join(f"            {literal(f.json_name or f.name)}: {f.name},\n" for f in fields)
    return f"        {prefix}{{\n{lines}        }},\n"


def _null_last(kind: str) -> bool:
    return kind == "null"


def _or_none(annotation: str) -> str:
    if annotation in ("JsonInput", "JsonValue") or annotation.endswith("None"):
        return annotation
    return f"{annotation} | None"


def registered_module(reader: Catalog, version: str, names: Iterable[str] | None) -> str:
    """A module with the calls that a version serves, each from the version that answers it."""
    if not reader.rows("select from dbkit.api_versions where version = %s", version):
        raise TypegenError(f"there is no API version {version}")
    wanted = None if names is None else set(names)
    rows = [r for r in reader.rows(_SERVED, version) if wanted is None or r["name"] in wanted]
    missing = sorted((wanted or set()) - {row["name"] for row in rows})
    if missing:
        raise TypegenError(f"{version} serves no call {', '.join(missing)}")
    module = Module(
        f"Registered calls of API version {version}.\n\n"
        "Generated by `dbkit typegen` from the registry: change a call's JSON Schemas instead."
    )
    writer = _Writer(module, version)
    # Functions take their names first: those are what users write.
    chosen = {row["name"]: unique(identifier(row["name"]), module.taken) for row in rows}
    for row in rows:
        writer.call(row, chosen[row["name"]])
    return module.source()
