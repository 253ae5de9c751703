"""a route is part of the plan."""

from dbkit.migrations import apply_frozen, revert_frozen, run_sql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLE = """
alter table dbkit.active_api_version add column routes_revision bigint not null default 0;
comment on column dbkit.active_api_version.routes_revision is
  'The _routes_revision that the last switch saw; older routes are not used after it.';
"""


def upgrade() -> None:
    run_sql(TABLE)
    apply_frozen(revision)


def downgrade() -> None:
    revert_frozen(revision)
    run_sql("alter table dbkit.active_api_version drop column routes_revision;")
