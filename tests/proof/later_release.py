"""Three revisions after the shipped ones, made in a copy of the tree by the shipped machinery.

The first changes handlers, the second adds columns and NOT VALID checks, the third validates,
widens a column that handlers read, and ships handlers that read the new columns: expand, then use.
Nothing in them rewrites a table: to a call that waited for a rewrite the table is empty (the
"Caveats" of MVCC in PostgreSQL's manual; a control in test_zero_downtime.py shows it). So a column
is never narrowed. Tables are locked in the order in which calls lock them: in another one call and
migration wait for each other, until the migration's lock_timeout ends it and it has to try again.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from dbkit import freeze, migrations, sqltree

TABLES = ("menu_items", "stores", "orders")

ADD_COLUMNS = """
alter table dbkit.active_api_version add column note text not null default '';
alter table dbkit.stores add column opened_on date default '2020-01-01';
alter table dbkit.menu_items add column prep_minutes int not null default 5;
alter table dbkit.menu_items add constraint menu_items_prep check (prep_minutes >= 0) not valid;
alter table dbkit.menu_items add column list_price numeric(14, 2);
alter table dbkit.orders add column tip numeric(12, 2) not null default 0;
alter table dbkit.orders add constraint orders_tip check (tip >= 0) not valid;
"""
DROP_COLUMNS = """
alter table dbkit.active_api_version drop column note;
alter table dbkit.stores drop column opened_on;
alter table dbkit.menu_items drop column prep_minutes, drop column list_price;
alter table dbkit.orders drop column tip;
"""
VALIDATE_AND_FILL = """
alter table dbkit.menu_items validate constraint menu_items_prep;
alter table dbkit.orders validate constraint orders_tip;
alter table dbkit.menu_items alter column price type numeric(14, 2);
update dbkit.menu_items set list_price = price where list_price is null;
"""
LEAVE_WIDE = "-- price stays as wide as it is: to narrow it would rewrite the table"


@dataclass(frozen=True)
class Release:
    """Revision ids: what is shipped, and the three after it."""

    shipped: str
    handlers: str
    columns: str
    readers: str


def make(root: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    """Copy the tree to `root`, let dbkit look there, and add the three revisions."""
    shipped = migrations.frozen_revisions()[-1]
    for item, text in migrations.newest_texts().items():
        file = root / "sql" / item.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    shutil.copytree(sqltree.shipped_root() / "alembic", root / "alembic")
    monkeypatch.setattr(sqltree, "shipped_root", lambda: root)
    assert freeze.changes() == {}

    for version in ("v2", "v3"):
        _edit(
            root, f"rpc_{version}_get_menu_items", "('categories',", "('release', 6, 'categories',"
        )
    for name in ("_place_order", "_open_store", "rpc_v1_place_order"):
        _edit(root, name, "\nbegin\n", "\nbegin\n  -- another text of the same\n")
    handlers = _freeze("other handlers")

    for table in TABLES:
        path = root / "sql" / "orders" / "tables" / f"{table}.sql"
        path.write_text(f"-- with more columns\n{path.read_text('utf-8')}", "utf-8")
    columns = _freeze("more columns")
    _by_hand(root, columns, ADD_COLUMNS, DROP_COLUMNS)

    for version in ("v2", "v3"):
        _edit(
            root,
            f"rpc_{version}_get_menu_items",
            "'price', i.price",
            "'prep_minutes', i.prep_minutes, 'price', coalesce(i.list_price, i.price)",
        )
        _edit(root, f"rpc_{version}_get_menu_items", "'release', 6", "'release', 8")
    readers = _freeze("handlers that read them")
    _by_hand(root, readers, VALIDATE_AND_FILL, LEAVE_WIDE)
    return Release(shipped, handlers, columns, readers)


def _edit(root: Path, function: str, old: str, new: str) -> None:
    path = root / "sql" / "orders" / "functions" / f"{function}.sql"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def _freeze(title: str) -> str:
    revision = freeze.freeze(title)
    assert revision is not None
    return revision


def _by_hand(root: Path, revision: str, up: str, down: str) -> None:
    """What a person writes into a revision: ALTERs before the copies, and undone after them."""
    (path,) = (root / "alembic" / "versions").glob(f"{revision}_*.py")
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("    #")]
    text = "\n".join(lines) + "\n"
    text = text.replace("apply_frozen, revert_frozen", "apply_frozen, revert_frozen, run_sql")
    text = text.replace("    apply_frozen(", f'    run_sql("""{up}""")\n    apply_frozen(')
    text += f'    run_sql("""{down}""")\n'
    path.write_text(text, "utf-8")
