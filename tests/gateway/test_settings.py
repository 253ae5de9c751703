"""Every setting of the gateway is told in a guide, with the default that it has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from dbkit.settings import GatewaySettings

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
TEXT = "\n".join((GUIDES / name).read_text("utf-8") for name in ("gateway.md", "authentication.md"))
FIELDS = {str(f.validation_alias): f for f in GatewaySettings.model_fields.values()}


@pytest.mark.parametrize("name", FIELDS)
def test_a_guide_names_it(name: str) -> None:
    assert f"`{name}" in TEXT


def test_the_guides_name_no_other() -> None:
    named = set(re.findall(r"DBKIT_(?:GATEWAY|JWT)_[A-Z_]+[A-Z]", TEXT))
    assert named <= set(FIELDS)


def rows() -> dict[str, str]:
    """Name and default of each row of a table of settings."""
    found = re.findall(r"^\| `(DBKIT_\w+)` \|.*\| ([^|]+) \|$", TEXT, re.MULTILINE)
    return dict(found)


def shown(field: FieldInfo) -> str:
    default = field.default
    return f"{default:g}" if isinstance(default, float) else str(default).lower()


def test_the_tables_tell_the_defaults() -> None:
    words = {"none", "all of these", "a token that names any is refused", "not looked at"}
    words |= {"random at each start"}
    told = {name: default.strip("`") for name, default in rows().items() if default not in words}
    assert len(told) > 10
    assert told == {name: shown(FIELDS[name]) for name in told}
