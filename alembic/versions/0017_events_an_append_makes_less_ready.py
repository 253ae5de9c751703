"""an append makes less ready."""

from dbkit.migrations import apply_frozen, revert_frozen

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_frozen(revision)


def downgrade() -> None:
    revert_frozen(revision)
