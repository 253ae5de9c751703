"""versions, registry, routing, switch."""

from dbkit.migrations import apply_frozen, revert_frozen

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_frozen(revision)


def downgrade() -> None:
    revert_frozen(revision)
