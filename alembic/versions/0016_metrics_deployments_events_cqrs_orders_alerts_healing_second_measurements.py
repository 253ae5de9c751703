"""second measurements."""

from dbkit.migrations import apply_frozen, revert_frozen, run_sql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


# Only the batch that was shipped: another one is an operator's.
_BATCHES = """
update dbkit.heal_rules set batch_size = {size}
where rule in ('preparing_orders', 'ready_orders') and batch_size = {before};
"""


def upgrade() -> None:
    apply_frozen(revision)
    run_sql(_BATCHES.format(size=5, before=20))


def downgrade() -> None:
    run_sql(_BATCHES.format(size=20, before=5))
    revert_frozen(revision)
