"""`python -m dbkit.freeze "what it does"`: a revision from what changed in `sql/`.

Compares `sql/` with the newest frozen copies, writes the changed files below
`alembic/frozen/NNNN/`, their order and checksums, and a revision that ships them. `--amend` makes
the newest revision again as long as it is not released (`alembic/frozen/RELEASED`).
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from dbkit import migrations, sqltree
from dbkit.sqltree import ObjectId

REVISION = '''"""{title}."""

from dbkit.migrations import apply_frozen, revert_frozen

revision = "{revision}"
down_revision = {down}
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_frozen(revision)


def downgrade() -> None:
    revert_frozen(revision)
'''
TABLE_NOTE = """    # {path} changed: say here how a table that is there gets there.
"""


def released_file() -> Path:
    return migrations.frozen_root() / "RELEASED"


def released() -> dict[str, str]:
    """Revisions that users have, with the digest of their copies, which never change again."""
    file = released_file()
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return dict(line.split() for line in lines)


def digest(revision: str) -> str:
    """SHA-256 over the revision's lines of `checksums()`."""
    lines = [line for line in checksums().splitlines() if f"  {revision}/" in line]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def release() -> list[str]:
    """Declare every revision that is not released yet to be so; returns which."""
    new = [r for r in migrations.frozen_revisions() if r not in released()]
    with released_file().open("a", encoding="utf-8") as file:
        file.writelines(f"{revision} {digest(revision)}\n" for revision in new)
    return new


def changes(before: str | None = None) -> dict[ObjectId, str | None]:
    """Objects whose text in `sql/` differs from the newest copy; None for one that is gone.

    `before`: from the newest copy of the revisions before that one.
    """
    live = sqltree.read_tree(sqltree.shipped_root() / "sql")
    shipped = migrations.texts_before(before) if before else migrations.newest_texts()
    changed: dict[ObjectId, str | None] = {
        item: text for item, text in live.items() if shipped.get(item) != text
    }
    gone = dict.fromkeys(shipped.keys() - live.keys())
    return changed | gone


def freeze(title: str, *, only: Iterable[str] = (), amend: bool = False) -> str | None:
    """Write the next revision (or the newest one again) and return its id; None: no change."""
    wanted = _modules(only)
    revisions = migrations.frozen_revisions()
    newest = _amendable(revisions.pop()) if amend else None
    changed = {i: t for i, t in changes(newest).items() if i.module in wanted}
    if not changed and newest:
        raise SystemExit(f"{newest} would be left without a change; nothing was done")
    if not changed:
        return None
    if newest:
        shutil.rmtree(migrations.frozen_root() / newest)
    revision = f"{int(revisions[-1]) + 1 if revisions else 1:04d}"
    _write_copies(revision, changed)
    if not amend:
        _write_revision(revision, revisions[-1] if revisions else None, title, changed)
    write_checksums()
    return revision


def _modules(only: Iterable[str]) -> set[str]:
    wanted = set(only) or set(sqltree.MODULES)
    if unknown := wanted.difference(sqltree.MODULES):
        names = ", ".join(map(repr, sorted(unknown)))
        known = ", ".join(sqltree.MODULES)
        raise SystemExit(f"no module {names}; one --only for each of {known}")
    return wanted


def _amendable(revision: str) -> str:
    if revision in released():
        raise SystemExit(f"{revision} is released: its copies must not change; freeze a new one")
    return revision


def _write_copies(revision: str, changed: dict[ObjectId, str | None]) -> None:
    folder = migrations.frozen_root() / revision
    shipped = migrations.newest_texts()
    texts = {i: t if t is not None else shipped.get(i, "") for i, t in changed.items()}
    for item, text in changed.items():
        if text is not None:
            file = folder / item.path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    order = "".join(f"{item.path}\n" for item in sqltree.creation_order(texts))
    (folder / migrations.ORDER_FILE).write_text(order, "utf-8")


def _write_revision(
    revision: str, down: str | None, title: str, changed: dict[ObjectId, str | None]
) -> None:
    modules = sorted({item.module for item in changed}, key=sqltree.MODULES.index)
    slug = re.sub(r"\W+", "_", title.lower()).strip("_")
    name = f"{revision}_{'_'.join(modules)}_{slug}.py"
    quoted = f'"{down}"' if down else "None"
    text = REVISION.format(title=title.rstrip("."), revision=revision, down=quoted)
    earlier = migrations.texts_before(revision)
    altered = [i for i in changed if i.kind == "tables" and i in earlier]
    notes = "".join(TABLE_NOTE.format(path=item.path) for item in altered)
    text = text.replace("    apply_frozen(revision)\n", f"{notes}    apply_frozen(revision)\n")
    (sqltree.shipped_root() / "alembic" / "versions" / name).write_text(text, "utf-8")


def checksums() -> str:
    """One line for each frozen file, in the form that `sha256sum --check` reads."""
    root = migrations.frozen_root()
    files = sorted(f for r in migrations.frozen_revisions() for f in (root / r).rglob("*"))
    return "".join(
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(root).as_posix()}\n"
        for file in files
        if file.is_file()
    )


def checksum_file() -> Path:
    return migrations.frozen_root() / "SHA256SUMS"


def write_checksums() -> None:
    checksum_file().write_text(checksums(), "utf-8")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m dbkit.freeze", description=__doc__)
    parser.add_argument("title", nargs="?", default="", help="what the revision does")
    parser.add_argument("--only", action="append", default=[], help="a module; may repeat")
    parser.add_argument("--amend", action="store_true", help="make the newest revision again")
    parser.add_argument("--check", action="store_true", help="fail if sql/ is not frozen")
    parser.add_argument("--release", action="store_true", help="users get these revisions now")
    given = parser.parse_args(arguments)
    if given.check:
        stale = [item.path for item in changes()]
        sys.exit(f"not frozen: {', '.join(stale)}; run make freeze" if stale else 0)
    if given.release:
        print(f"released: {', '.join(release()) or 'nothing new'}")
        return
    if not given.title and not given.amend:
        parser.error("say what the revision does")
    revision = freeze(given.title, only=given.only, amend=given.amend)
    print(f"revision {revision}" if revision else "sql/ has no change")


if __name__ == "__main__":
    main()
