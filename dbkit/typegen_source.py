"""Python source text for `dbkit.typegen`: names, literals, docstrings, a module put together.

What comes out is what `ruff format` and `ruff check` would leave alone, without running them.
"""

from __future__ import annotations

import inspect
import itertools
import keyword
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

WIDTH = 100

_HOMES = {
    "Mapping": "collections.abc",
    "dataclass": "dataclasses",
    "Decimal": "decimal",
    "ClassVar": "typing",
    "Literal": "typing",
    "TypeAlias": "typing",
    "UUID": "uuid",
    "Call": "dbkit.call",
}
_CODEC = """
    UNSET HexBytes JsonInput JsonValue Routed RoutedAs Unset arguments json_as json_or_none
    json_value json_values jsons_as nothing route row_of rows_of scalar scalar_or_none scalars
    scalars_or_none to_json
"""
HOMES = _HOMES | dict.fromkeys(_CODEC.split(), "dbkit.codec")
"""What a generated module may import by name, and from where."""

BUILTINS = frozenset({"bool", "bytes", "dict", "float", "int", "list", "object", "str"})
RESERVED = frozenset(HOMES) | BUILTINS | {"datetime", "JSON_NAMES", "l", "O", "I"}
"""Names that generated code needs for itself: a column `list` becomes the field `list_`."""


class TypegenError(ValueError):
    """What cannot be written as Python; the message names the object."""


def width(text: str) -> int:
    """Columns that a text takes up: wide characters count twice, as they do for ruff."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


# --- names -----------------------------------------------------------------------------------


def identifier(name: str) -> str:
    """A Python name that reads like any SQL or JSON name."""
    text = re.sub(r"\W", "_", unicodedata.normalize("NFKC", name))
    if text.startswith("__") or not text.strip("_"):
        text = text.lstrip("_") or "unnamed"
    if not text.isidentifier():
        text = f"n{text}"
    return f"{text}_" if keyword.iskeyword(text) or text in RESERVED else text


def class_name(name: str) -> str:
    """CamelCase of a snake-case name or of a title; what is in capitals already stays."""
    parts = re.split(r"[\W_]+", unicodedata.normalize("NFKC", name))
    return identifier("".join(part[:1].upper() + part[1:] for part in parts))


def argument_name(name: str) -> str:
    """`p_store_id` is `store_id` in Python."""
    return identifier(re.sub(r"^p_(?=\w)", "", name))


def unique(name: str, taken: set[str]) -> str:
    """The name, with a number behind it where it is taken; taken from then on."""
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    taken.add(found)
    return found


# --- literals and docstrings -----------------------------------------------------------------


def _escaped(text: str, quote: str) -> str:
    escapes = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", quote: f"\\{quote}"}
    return "".join(escapes.get(sign) or _printable(sign) for sign in text)


def _printable(sign: str) -> str:
    if sign.isprintable():
        return sign
    number = ord(sign)
    if number < 256:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 65536 else f"\\U{number:08x}"


def literal(text: str) -> str:
    """A string literal in the quotes that need fewer escapes, double ones by preference."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return f"{quote}{_escaped(text, quote)}{quote}"


def long_literal(text: str, indent: int, tail: int = 1) -> str:
    """A string literal over as many lines as it needs, `tail` columns left free on the last."""
    room = WIDTH - indent
    if width(literal(text)) + tail <= room:
        return literal(text)
    pieces: list[str] = []
    piece = ""
    for word in re.findall(r"\S*\s+|\S+", text):
        for part in _cut(word, room - tail):
            if piece and width(literal(piece + part)) + tail > room:
                pieces.append(piece)
                piece = ""
            piece += part
    pieces.append(piece)
    return f"\n{' ' * indent}".join(literal(piece) for piece in pieces)


def _cut(word: str, room: int) -> Iterable[str]:
    part = ""
    for sign in word:
        if width(literal(part + sign)) > room:
            yield part
            part = ""
        part += sign
    yield part


def docstring(text: str, indent: int) -> str:
    """A docstring with any text in it, wrapped, and harmless."""
    clean = inspect.cleandoc(text.replace("\r\n", "\n"))
    lines = ["".join(_printable(s) for s in line.rstrip()) for line in _escape(clean).splitlines()]
    room = WIDTH - indent - 3
    if len(lines) == 1 and width(lines[0]) > room - 3:
        room -= 3
    body = "\n".join(_refilled(lines, room))
    if "\n" not in body:
        return f'{" " * indent}"""{body}"""\n'
    padded = "\n".join(f"{' ' * indent}{line}" if line else "" for line in body.split("\n"))
    return f'{" " * indent}"""{padded.lstrip()}\n{" " * indent}"""\n'


def _escape(text: str) -> str:
    """Backslashes, and quotes that would end the docstring or touch its own."""
    text = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    text = re.sub(r'^"', '\\\\"', text)
    return re.sub(r'(?<!\\)((?:\\\\)*)"$', r'\1\\"', text)


def _refilled(lines: Sequence[str], room: int) -> list[str]:
    """Paragraphs with a line that is too long are filled again; the others stay as they are."""
    found: list[str] = []
    for kind, group in itertools.groupby(lines, key=_paragraph):
        block = list(group)
        if all(width(line) <= room for line in block):
            found += block
        elif kind == "plain":
            found += _fill(" ".join(block), room)
        else:
            found += [part for line in block for part in _fill(line, room)]
    return found


def _paragraph(line: str) -> str:
    return "plain" if line and not line[0].isspace() and line[0] not in "-*+#|>" else "as it is"


def _fill(text: str, room: int) -> list[str]:
    return textwrap.wrap(
        text,
        # Wide characters take twice the room; breaking at half of it is rough but never too long.
        room if width(text) == len(text) else room // 2,
        subsequent_indent=" " * (len(text) - len(text.lstrip())),
        break_long_words=False,
        break_on_hyphens=False,
    )


def long_line(line: str) -> str:
    """A line that cannot be broken says so, where it is too long."""
    return f"{line}  # noqa: E501" if width(line) > WIDTH else line


def header(start: str, parts: Sequence[str], end: str) -> str:
    """`def` with one parameter a line."""
    lines = [f"{start}({end}:"] if not parts else [f"{start}("]
    if parts:
        lines += [f"    {part}," for part in parts] + [f"){end[1:]}:"]
    if all(width(line) <= WIDTH for line in lines):
        return "\n".join(lines) + "\n"
    marked = [long_line(line) for line in lines]
    # The formatter would break what is too long in ways of its own.
    marked[-1] = f"{lines[-1]}  # fmt: skip" + marked[-1].removeprefix(lines[-1])
    return "\n".join(marked) + "\n"


# --- classes and the module ------------------------------------------------------------------


@dataclass(frozen=True)
class Field:
    """One field of a generated dataclass."""

    name: str
    annotation: str
    json_name: str | None = None
    optional: bool = False
    doc: str = ""

    def source(self) -> str:
        line = f"    {self.name}: {self.annotation}{' = None' if self.optional else ''}"
        if width(line) > WIDTH:
            line += "  # fmt: skip  # noqa: E501"
        return f"{line}\n" + (docstring(self.doc, 4) if self.doc else "")


@dataclass
class Module:
    """A generated module in the making."""

    doc: str
    taken: set[str] = field(default_factory=lambda: set(RESERVED))
    imported: set[str] = field(default_factory=set[str])
    definitions: list[str] = field(default_factory=list[str])
    functions: list[str] = field(default_factory=list[str])

    def use(self, text: str) -> str:
        """The same text, with what it names imported."""
        words = set(re.findall(r"[A-Za-z_]\w*", text))
        self.imported |= words & (set(HOMES) | {"datetime"})
        return text

    def add_class(self, name: str, doc: str, fields: Sequence[Field]) -> None:
        self.definitions.append(self.class_source(name, doc, fields))

    def class_source(self, name: str, doc: str, fields: Sequence[Field]) -> str:
        self.use("dataclass")
        text = f"@dataclass(frozen=True, slots=True, kw_only=True)\nclass {name}:\n"
        text += docstring(doc, 4) + "\n"
        renamed = {f.name: f.json_name for f in fields if f.json_name not in (None, f.name)}
        if renamed:
            self.use("ClassVar Mapping")
            text += "    JSON_NAMES: ClassVar[Mapping[str, str]] = {\n"
            text += "".join(f'        "{k}": {literal(v or "")},\n' for k, v in renamed.items())
            text += "    }\n\n"
        text += "".join(field.source() for field in fields)
        for found in fields:
            self.use(found.annotation)
        return text.rstrip("\n") + "\n"

    def add_literal(self, name: str, values: Sequence[str]) -> None:
        """An alias for the labels of an enum."""
        self.use("TypeAlias Literal")
        line = f"{name}: TypeAlias = Literal[{', '.join(literal(v) for v in values)}]"
        if width(line) > WIDTH:
            rows = "".join(f"    {long_literal(v, 4)},\n" for v in values)
            line = f"{name}: TypeAlias = Literal[\n{rows}]"
        self.definitions.append(line + "\n")

    def source(self) -> str:
        names = sorted(self.imported)
        parts = [docstring(self.doc, 0), "from __future__ import annotations\n"]
        standard = ["import datetime\n"] if "datetime" in names else []
        homes = sorted({HOMES[name] for name in names if name in HOMES})
        ours = [home for home in homes if home.startswith("dbkit")]
        standard += [_import(home, names) for home in homes if home not in ours]
        parts += ["".join(standard)] if standard else []
        parts += ["".join(_import(home, names) for home in ours)] if ours else []
        body = "\n\n".join(["\n".join(parts), *self.definitions, *self.functions])
        return body if body.endswith("\n") else body + "\n"


def _import(home: str, names: Sequence[str]) -> str:
    # ruff sorts constants before classes before functions.
    wanted = sorted((n for n in names if HOMES.get(n) == home), key=_import_order)
    line = f"from {home} import {', '.join(wanted)}\n"
    if width(line) - 1 <= WIDTH:
        return line
    return f"from {home} import (\n" + "".join(f"    {name},\n" for name in wanted) + ")\n"


def _import_order(name: str) -> tuple[int, str]:
    if name.isupper() and len(name) > 1:
        return 0, name
    return (1, name) if name[0].isupper() else (2, name)
