"""The request context: what RequestContext says is what the database reads."""

from dataclasses import fields

import pytest

from dbkit import RequestContext, errors
from dbkit.call import Call
from dbkit.calls import core
from dbkit.codec import nothing
from dbkit.context import SET_CONTEXT
from tests.helpers import Connection, one

FULL = RequestContext(
    app_name="web",
    app_version="1.4.2",
    api_version="v3",
    client_id="web_1",
    region="us-east-1",
    request_id="req_ü1",
    user_id="u1",
    organization_id="o1",
    correlation_id="c1",
    causation_id="e1",
)


def set_context(context: RequestContext) -> Call[None]:
    return Call("set", SET_CONTEXT, (context.as_json(),), nothing)


def test_the_database_reads_every_key(db: Connection) -> None:
    set_context(FULL).run(db)
    assert core.request_context().run(db) == {
        field.name: getattr(FULL, field.name) for field in fields(FULL)
    }
    assert all(core.context_value(f.name).run(db) == getattr(FULL, f.name) for f in fields(FULL))


def test_its_keys_are_those_that_the_database_knows(db: Connection) -> None:
    with pytest.raises(errors.InvalidContext) as caught:
        core.set_request_context({"colour": "red"}).run(db)
    assert sorted(caught.value.detail["known"]) == sorted(f.name for f in fields(RequestContext))


def test_keys_without_a_value_are_left_out(db: Connection) -> None:
    set_context(FULL).run(db)
    set_context(RequestContext(app_name="ios")).run(db)
    assert one(db, "select dbkit.request_context()") == {"app_name": "ios"}
    assert core.context_value("user_id").run(db) is None


def test_a_bad_app_version_is_refused(db: Connection) -> None:
    with pytest.raises(errors.InvalidVersionNumber):
        set_context(RequestContext(app_version="one")).run(db)
