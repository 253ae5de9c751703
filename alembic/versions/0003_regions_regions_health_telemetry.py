"""regions, health, telemetry."""

from dbkit.migrations import apply_frozen, revert_frozen

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    apply_frozen(revision)


def downgrade() -> None:
    revert_frozen(revision)
