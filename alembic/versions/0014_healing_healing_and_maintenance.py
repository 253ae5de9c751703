"""healing and maintenance."""

from dbkit.migrations import apply_frozen, revert_frozen

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_frozen(revision)


def downgrade() -> None:
    revert_frozen(revision)
