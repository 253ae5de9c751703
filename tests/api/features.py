"""Two flags: one that every client has, one for new apps only."""

from tests.api.conftest import platform_only
from tests.helpers import Connection


def two_flags(conn: Connection) -> None:
    platform_only(conn)
    conn.execute("""
        select dbkit.set_feature_flag('everyone', 'v1', p_description => 'for all'),
          dbkit.set_feature_flag('new_apps', 'v2', p_min_app_version => '1.4.0')""")
