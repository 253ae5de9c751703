"""The role that calls, also seen from inside SECURITY DEFINER."""

from tests.helpers import Connection, one

CALLER = "select dbkit.caller_role()"
DEFINER = """
create schema guest; grant usage on schema guest to public;
create function guest.who() returns text language sql security definer
  return dbkit.caller_role() || ' as ' || current_user;
grant execute on function guest.who() to public"""


def test_is_the_role_switched_to_or_the_login(db: Connection) -> None:
    assert one(db, f"{CALLER} = session_user")
    for role in ("anon", "authenticated", "service_role", "super_admin"):
        db.execute(f"set local role {role}".encode())
        assert one(db, CALLER) == role
        db.execute("reset role")
    assert one(db, f"{CALLER} = session_user")


def test_sees_through_security_definer(db: Connection) -> None:
    db.execute(DEFINER)
    owner = one(db, "select current_user::text")
    db.execute("set local role anon")
    assert one(db, "select guest.who()") == f"anon as {owner}"


def test_is_the_login_when_no_role_is_taken(db: Connection) -> None:
    db.execute(DEFINER)
    db.execute("create role visitor login; grant anon to visitor")
    db.execute("set local session authorization visitor")
    assert one(db, "select guest.who()").startswith("visitor as ")
    db.execute("reset session authorization")


def test_claims_and_settings_do_not_change_it(db: Connection) -> None:
    db.execute("set local role anon")
    for name in ("request.jwt.claims", "dbkit.role", "dbkit.caller_role", "request.role"):
        db.execute('select set_config(%s, \'{"role": "super_admin"}\', true)', [name])
    assert one(db, CALLER) == "anon"


def test_odd_role_names(db: Connection) -> None:
    for name in ("None", "Odd Role", "none "):
        db.execute(f'create role "{name}"'.encode())
        db.execute(f'grant anon to "{name}"'.encode())
        db.execute(f'set local role "{name}"'.encode())
        assert one(db, CALLER) == name
        db.execute("reset role")
