"""roles, request context, errors, clock."""

from dbkit.migrations import apply_frozen, revert_frozen

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_frozen(revision)


def downgrade() -> None:
    revert_frozen(revision)
