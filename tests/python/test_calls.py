"""The shipped wrappers against a migrated database: every statement is understood, and what comes
back is what the wrappers promise, also where columns have no value yet."""

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from dbkit import calls
from dbkit.call import Call
from dbkit.calls import api, core, deployments, regions, v1, v2, v3
from dbkit.errors import ClientTooOld, Forbidden, VersionMismatch
from tests.helpers import Connection, become


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(calls.__path__):
        yield import_module(f"dbkit.calls.{found.name}")


def wrappers() -> Iterator[tuple[str, Any]]:
    for module in modules():
        for name, found in vars(module).items():
            if inspect.isfunction(found) and found.__module__ == module.__name__:
                yield f"{module.__name__.removeprefix('dbkit.calls.')}.{name}", found


WRAPPERS = dict(wrappers())


def built(wrapper: Any) -> Call[Any]:
    """The call with None for everything that has no default."""
    parameters = inspect.signature(wrapper).parameters.values()
    return wrapper(**{p.name: None for p in parameters if p.default is p.empty})  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", WRAPPERS)
def test_the_server_understands_every_statement(db: Connection, name: str) -> None:
    call = built(WRAPPERS[name])
    statement = call.sql
    for number in range(1, len(call.params) + 1):
        statement = statement.replace("%s", f"${number}", 1)
    result = db.pgconn.prepare(b"", statement.replace("%%", "%").encode())
    assert result.status == 1, f"{name}: {result.error_message.decode()}"
    assert WRAPPERS[name].__doc__


def test_deployments(db: Connection) -> None:
    assert deployments.get_last_successful_deployment().run(db) == []
    first = deployments.log_deployment("1.0.0", details={"by": "test"}).run(db)
    (row,) = deployments.update_deployment_status(first, "success", True).run(db)
    assert (row.status, row.smoke_test_passed) == ("success", True)
    (last,) = deployments.get_last_successful_deployment().run(db)
    assert (last.deployment_id, last.commit_sha, last.details) == (first, None, {"by": "test"})
    second = deployments.log_deployment("1.1.0", commit_sha="abcdef0").run(db)
    (failed,) = deployments.update_deployment_status(second, "failed").run(db)
    assert failed.smoke_test_passed is None
    (rollback,) = deployments.log_rollback(second, "slow").run(db)
    assert (rollback.target_deployment_id, rollback.target_commit_sha) == (first, None)


def test_regions(db: Connection) -> None:
    health = regions.get_region_health().run(db)
    assert {row.latency_ms for row in health} == {None}
    (row,) = regions.update_region_health("us-east-1", False).run(db)
    assert (row.healthy, row.consecutive_failures, row.latency_ms) == (False, 1, None)
    (row,) = regions.update_region_health("us-east-1", True, 20).run(db)
    assert (row.consecutive_failures, row.latency_ms) == (0, 20)
    (sync,) = regions.update_region_sync_status("us-east-1", "us-west-2", None, None).run(db)
    assert (sync.lag_ms, sync.lag_bytes) == (None, None)
    assert "unknown" in [s.status for s in regions.get_region_sync_status().run(db)]
    assert regions.get_failover_region("us-east-1").run(db)
    regions.register_client_region("web_1", "eu-west-1", "web", "1.4.2").run(db)
    sent = regions.log_realtime_fanout("custom", "us-east-1", ["us-west-2"], {"a": 1}).run(db)
    assert sent > 0


def test_versions(db: Connection) -> None:
    (active,) = api.get_active_api_version().run(db)
    assert active.deployment_id is None
    switched = api.switch_api_version("v3", "v2", active.revision).run(db)
    assert (switched.success, switched.revision) == (True, active.revision + 1)
    assert api.get_best_api_version("1.3.0").run(db) == "v2"
    assert api.get_best_api_version("0.0.1").run(db) is None
    assert api.can_use_api_version("1.4.0", "v3").run(db)
    assert {row.required_role for row in api.list_rpcs("v3").run(db)} >= {None, "authenticated"}
    assert api.explain_route("place_order", {}, "v3").run(db).served_version == "v3"
    api.pin_consumer("web_1", "v2", "slow client").run(db)
    api.pin_consumer("web_1", None).run(db)
    api.log_api_request("get_order", "v3", 200, 5).run(db)
    api.rollup_api_version_usage().run(db)
    assert [row.calls for row in api.get_version_adoption().run(db)] == [1]
    assert api.get_sunset_readiness("v1").run(db).consumers == []
    assert not api.unregister_rpc("no_such_call", "v1").run(db)


def test_an_order_through_three_versions(db: Connection) -> None:
    with pytest.raises(ClientTooOld) as caught, db.transaction():
        core.set_request_context({"app_version": "0.9.0"}).run(db)
        v1.check_compatibility().run(db)
    assert caught.value.http_status == 426
    become(db, "anon", app_version="1.2.0")
    assert v2.get_menu_items().run(db).meta.version == "v2"
    with pytest.raises(VersionMismatch):
        v3.get_menu_items().run(db)
    become(db, "anon", app_version="1.4.2")
    assert v3.get_menu_items().run(db).data.categories == []
    assert {r.region_id for r in v3.get_region_health().run(db).data.regions} >= {"us-east-1"}
    with pytest.raises(Forbidden):
        v3.list_orders().run(db)
