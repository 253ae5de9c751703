"""guarded releases and steps of deployments."""

from dbkit.migrations import apply_frozen, revert_frozen, run_sql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql(
        """
        comment on column dbkit.active_api_version.has_pins is
          'Whether the version hangs on the consumer (a pin, a release): spares every call the look-up while not.';
        comment on column dbkit.active_api_version.fast_suffix is
          'End of api_routes.fast_key for a call that names no version; NULL while has_pins.';
        """
    )
    apply_frozen(revision)


def downgrade() -> None:
    revert_frozen(revision)
    run_sql(
        """
        comment on column dbkit.active_api_version.has_pins is
          'Whether any consumer is pinned: spares every call the look-up while none is.';
        comment on column dbkit.active_api_version.fast_suffix is
          'End of api_routes.fast_key for a call that names no version; NULL while anybody is pinned.';
        """
    )
