"""What is stored of protected fields, who reads it, and the construction that hides it."""

import base64
import hashlib
import hmac
import json
import os
from typing import Any

import pytest

from tests.events.parts_integrity import (
    PERSON,
    append,
    behind_the_guards,
    data_of,
    problems,
    protect,
    stored,
)
from tests.helpers import Connection, become, one, raises, rows, unbecome

# RFC 4231, section 4: key, data, HMAC-SHA-256.
VECTORS = [
    ("0b" * 20, b"Hi There".hex(),
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (b"Jefe".hex(), b"what do ya want for nothing?".hex(),
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    ("aa" * 20, "dd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (bytes(range(1, 26)).hex(), "cd" * 50,
     "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
    ("aa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First".hex(),
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    ("aa" * 131, b"This is a test using a larger than block-size key and a larger than "
     b"block-size data. The key needs to be hashed before being used by the HMAC "
     b"algorithm.".hex(), "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"),
]  # fmt: skip


def sha256_hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


@pytest.mark.parametrize(("key", "data", "expected"), VECTORS)
def test_hmac_of_rfc_4231(db: Connection, key: str, data: str, expected: str) -> None:
    found = one(db, "select dbkit._hmac_sha256(%s, %s)", bytes.fromhex(key), bytes.fromhex(data))
    assert found.hex() == expected


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 63, 64, 65, 200])
def test_hmac_is_pythons(db: Connection, length: int) -> None:
    key, data = os.urandom(length), os.urandom(length * 3)
    assert one(db, "select dbkit._hmac_sha256(%s, %s)", key, data) == sha256_hmac(key, data)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 255, 256, 257, 264, 1000, 70001])
def test_exclusive_or(db: Connection, length: int) -> None:
    left, right = os.urandom(length), os.urandom(length)
    expected = bytes(a ^ b for a, b in zip(left, right, strict=True))
    assert one(db, "select dbkit._xor_bytes(%s, %s)", left, right) == expected


def test_every_key_is_another(db: Connection) -> None:
    found = rows(db, "select dbkit._new_subject_key() as key from generate_series(1, 100)")
    assert len({bytes(f["key"]) for f in found}) == 100
    assert {len(f["key"]) for f in found} == {32}


def test_stores_what_python_can_open(db: Connection) -> None:
    protect(db)
    append(db, "a", "Registered", {**PERSON, "customer": {"id": "cu-1", "name": "Ä" * 200}})
    sealed = stored(db, "a")["customer"]["name"]
    assert sealed["subject"] == "cu-1"
    box = base64.b64decode(sealed["$sealed"], validate=True)
    key = one(db, "select key from dbkit.event_subject_keys where subject = 'cu-1'")
    encryption = sha256_hmac(key, b"dbkit event field: encryption")
    authentication = sha256_hmac(key, b"dbkit event field: authentication")
    version, nonce, hidden, tag = box[:1], box[1:17], box[17:-32], box[-32:]
    place = b'["default", "Registered", ["customer", "name"]]'
    assert version == b"\x01"
    assert tag == sha256_hmac(authentication, place + box[:-32])
    stream = b"".join(
        sha256_hmac(encryption, nonce + n.to_bytes(4, "big")) for n in range(len(hidden) // 32 + 1)
    )
    assert json.loads(bytes(a ^ b for a, b in zip(hidden, stream, strict=False))) == "Ä" * 200


def test_stores_no_plain_text_and_reads_it_all_the_same(db: Connection) -> None:
    protect(db)
    append(db, "a", "Registered", PERSON)
    assert "Ada" not in json.dumps(stored(db, "a"))
    assert "example.org" not in json.dumps(stored(db, "a"))
    assert stored(db, "a")["plain"] == 1
    assert data_of(db, "a") == [PERSON]


@pytest.mark.parametrize("value", [None, False, 0, "", "x", [1, {"a": None}], {"b": "c" * 5000}])
def test_any_value_comes_back(db: Connection, value: Any) -> None:
    protect(db)
    event = {"customer": {"id": 17, "name": value}}
    append(db, "a", "Registered", event)
    assert "$sealed" in stored(db, "a")["customer"]["name"]
    assert data_of(db, "a") == [event]


def test_the_same_value_never_looks_the_same(db: Connection) -> None:
    protect(db)
    for stream in "ab":
        append(db, stream, "Registered", PERSON)
    assert stored(db, "a")["customer"]["name"] != stored(db, "b")["customer"]["name"]


def test_a_batch_is_protected_too(db: Connection) -> None:
    protect(db)
    batch = [{"event_type": "Registered", "event_data": PERSON}, {"event_type": "Other",
             "event_data": PERSON}]  # fmt: skip
    db.execute("select dbkit.append_events('thing', 'a', %s::jsonb)", [json.dumps(batch)])
    found = rows(db, "select event_data from dbkit.event_store order by version")
    assert "$sealed" in found[0]["event_data"]["customer"]["name"]
    assert found[1]["event_data"] == PERSON
    assert data_of(db, "a") == [PERSON, PERSON]


@pytest.mark.parametrize(
    "data", [{"n": 1}, {"customer": {}}, {"customer": {"id": ""}}, {"customer": {"id": None}},
             {"customer": {"id": ["cu-1"]}}, {"customer": {"id": "x" * 201}}]
)  # fmt: skip
def test_rejects_an_event_without_a_subject(db: Connection, data: dict[str, Any]) -> None:
    protect(db)
    with raises(db, "KD504") as caught:
        append(db, "a", "Registered", data)
    assert caught.detail["subject_path"] == ["customer", "id"]


def test_a_replay_returns_the_first_result(db: Connection) -> None:
    protect(db)
    again = (
        "select dbkit.append_event('thing', 'a', 'Registered', %s::jsonb,"
        " p_event_id => '00000000-0000-4000-8000-000000000001') ->> 'replayed'"
    )
    assert [one(db, again, json.dumps(PERSON)) for _ in range(2)] == ["false", "true"]
    with raises(db, "KD506"):
        one(db, again, json.dumps({**PERSON, "plain": 2}))


def test_every_changed_byte_is_told(db: Connection) -> None:
    key = os.urandom(32)
    sealed = one(db, "select dbkit._seal_value(%s, 'place', '\"Ada\"')", key)
    opened = "select dbkit._open_value(%s, %s, %s)"
    assert one(db, opened, key, "place", sealed) == "Ada"
    box = base64.b64decode(sealed)
    for n in range(len(box)):
        changed = box[:n] + bytes([box[n] ^ 1]) + box[n + 1 :]
        assert one(db, opened, key, "place", base64.b64encode(changed).decode()) is None
    for broken in ["", "!", "A", "AAAA", base64.b64encode(box[:40]).decode(), sealed + "AAAA"]:
        assert one(db, opened, key, "place", broken) is None
    assert one(db, opened, key, "elsewhere", sealed) is None
    assert one(db, opened, os.urandom(32), "place", sealed) is None


MOVED = {
    "another field": "update dbkit.event_store set event_data = jsonb_set(event_data,"
    " '{customer,name}', event_data #> '{customer,email}')",
    "another organization": "update dbkit.event_store set organization_id = 'other'",
    "another bit": "update dbkit.event_store set event_data = jsonb_set(event_data,"
    """ '{customer,name,$sealed}', '"AAAA"')""",
    "another subject": "update dbkit.event_store set event_data = jsonb_set(event_data,"
    """ '{customer,name,subject}', '"cu-2"')""",
}


@pytest.mark.parametrize("change", MOVED)
def test_a_changed_or_moved_value_is_marked_and_found(db: Connection, change: str) -> None:
    protect(db)
    append(db, "a", "Registered", PERSON)
    append(db, "b", "Registered", {"customer": {"id": "cu-2"}})
    append(db, "c")
    db.execute("insert into dbkit.event_subject_keys select 'other', subject,"
               " dbkit._new_subject_key(), now() from dbkit.event_subject_keys")  # fmt: skip
    behind_the_guards(db, MOVED[change] + " where aggregate_id = 'a'")
    read = one(db, "select event_data from dbkit.events where aggregate_id = 'a'")
    assert read["customer"]["name"] == {"$tampered": True}
    assert "sealed_field_unreadable" in problems(db)


def test_a_lost_key_is_found(db: Connection) -> None:
    protect(db)
    append(db, "a", "Registered", PERSON)
    assert problems(db) == set()
    db.execute("delete from dbkit.event_subject_keys")
    assert problems(db) == {"sealed_field_unreadable"}


def test_tenants_read_their_own_only(db: Connection) -> None:
    protect(db)
    become(db, "authenticated", organization_id="one")
    append(db, "a", "Registered", PERSON)
    assert data_of(db, "a") == [PERSON]
    unbecome(db)
    cipher = json.dumps(stored(db, "a"))
    open_it = "select dbkit._unseal_event_data(%s, 'Registered', %s::jsonb)"
    become(db, "authenticated", organization_id="two")
    assert data_of(db, "a") == []
    assert one(db, open_it, "one", cipher) == json.loads(cipher)
    assert one(db, open_it, "two", cipher)["customer"]["name"] == {"$forgotten": True}
    append(db, "a", "Registered", PERSON)
    assert one(db, open_it, "two", cipher)["customer"]["name"] == {"$tampered": True}
    with raises(db, "42501"):
        db.execute("select dbkit._open_fields('one', 'Registered', '{}')")
    with raises(db, "42501"):
        db.execute("select key from dbkit.event_subject_keys")
    become(db, "service_role")
    assert one(db, open_it, "one", cipher) == PERSON


@pytest.mark.parametrize("role", ["service_role", "super_admin"])
def test_no_role_reads_keys(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        db.execute("select key from dbkit.event_subject_keys")


def test_another_list_leaves_stored_events_readable(db: Connection) -> None:
    append(db, "plain", "Registered", PERSON)
    protect(db)
    append(db, "a", "Registered", PERSON)
    db.execute("select dbkit.protect_event_fields('Registered', '{plain}', '[[\"customer\"]]')")
    append(db, "b", "Registered", PERSON)
    assert stored(db, "plain") == PERSON
    assert stored(db, "b")["customer"]["subject"] == "1"
    assert [data_of(db, stream) for stream in ("plain", "a", "b")] == [[PERSON]] * 3


def test_types_that_are_not_protected_cost_nothing(db: Connection) -> None:
    protect(db)
    plan = (
        "explain (verbose, costs off) select dbkit._seal_event_data('o', 'a', 'b', event_type,"
        " event_data), dbkit._unseal_event_data('o', event_type, event_data) from dbkit.event_store"
    )
    text = str(rows(db, plan))
    assert "_seal_fields" in text, "inlined: one comparison with a constant"
    assert "_seal_event_data" not in text
    assert "_unseal_event_data" not in text
    append(db, "a", "Other", PERSON)
    assert one(db, "select count(*) from dbkit.event_subject_keys") == 0


@pytest.mark.parametrize(
    ("event_type", "path", "fields"),
    [
        ("", ["id"], [["name"]]),
        (None, ["id"], [["name"]]),
        ("x" * 101, ["id"], [["name"]]),
        ("T", [], [["name"]]),
        ("T", None, [["name"]]),
        ("T", ["id", None], [["name"]]),
        ("T", ["id"], []),
        ("T", ["id"], {}),
        ("T", ["id"], None),
        ("T", ["id"], ["name"]),
        ("T", ["id"], [[]]),
        ("T", ["id"], [["name", 1]]),
        ("T", ["id"], [["id"]]),
        ("T", ["c", "id"], [["c"]]),
        ("T", ["id"], [["c", "name"], ["c"]]),
        ("T", ["id"], [["name"], ["name"]]),
        ("T", ["id"], [[str(n)] for n in range(51)]),
    ],
)
def test_rejects_a_bad_registration(
    db: Connection, event_type: str | None, path: list[str] | None, fields: object
) -> None:
    register = "select dbkit.protect_event_fields(%s, %s, %s::jsonb)"
    with raises(db, "KD508"):
        db.execute(register, [event_type, path, json.dumps(fields) if fields is not None else None])


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_needs_super_admin(db: Connection, role: str) -> None:
    become(db, role)
    with raises(db, "42501"):
        protect(db)
    become(db, "super_admin")
    protect(db)
