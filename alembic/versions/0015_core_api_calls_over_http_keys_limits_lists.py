"""calls over HTTP, keys, limits, lists."""

from dbkit.migrations import apply_frozen, revert_frozen, run_sql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


_HASHES = """
alter table dbkit.api_request_log add column ip_hash text;
comment on column dbkit.api_request_log.ip_hash is
  'A keyed hash of the address, where the gateway is told to keep no addresses.';
"""


def upgrade() -> None:
    run_sql(_HASHES)
    # api/tables/api_request_log.sql changed: say here how a table that is there gets there.
    apply_frozen(revision)


def downgrade() -> None:
    revert_frozen(revision)
    run_sql("alter table dbkit.api_request_log drop column ip_hash;")
