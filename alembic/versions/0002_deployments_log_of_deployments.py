"""log of deployments."""

from dbkit.migrations import apply_frozen, revert_frozen

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_frozen(revision)


def downgrade() -> None:
    revert_frozen(revision)
