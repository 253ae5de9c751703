"""health of orders, alerts."""

from alembic import op
from dbkit.migrations import apply_frozen, revert_frozen, run_sql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

WIDEN = (
    """
    alter table dbkit.order_status_transitions
      drop constraint order_status_transitions_actor_check,
      add check (actor in ('customer', 'staff', 'manager', 'service', 'auto_heal'));
    """,
    """
    alter table dbkit.order_status_history
      drop constraint order_status_history_actor_check,
      add check (actor in ('customer', 'staff', 'manager', 'service', 'auto_heal')) not valid;
    """,
    "alter table dbkit.order_status_history validate constraint order_status_history_actor_check;",
)


def upgrade() -> None:
    # Short transactions of their own, that may be repeated, in the order in which calls lock: the
    # view is filled afterwards.
    with op.get_context().autocommit_block():
        for statement in WIDEN:
            run_sql(statement)
    run_sql(
        """
        comment on column dbkit.order_status_transitions.actor is
          'customer: whose order it is, a guest with the token included; staff, manager: by user_profiles, where
manager also stands for admin and may all that staff may; service: service_role and super_admin; auto_heal:
the heal rules (what undoes them needs no row).';
        """
    )
    apply_frozen(revision)


def downgrade() -> None:
    revert_frozen(revision)
    run_sql(
        """
        update dbkit.order_status_history set actor = 'service' where actor = 'auto_heal';
        alter table dbkit.order_status_history
          drop constraint order_status_history_actor_check,
          add check (actor in ('customer', 'staff', 'manager', 'service'));
        alter table dbkit.order_status_transitions
          drop constraint order_status_transitions_actor_check,
          add check (actor in ('customer', 'staff', 'manager', 'service'));
        comment on column dbkit.order_status_transitions.actor is
          'customer: whose order it is, a guest with the token included; staff, manager: by user_profiles, where
manager also stands for admin and may all that staff may; service: service_role and super_admin.';
        """
    )
