"""dbkit.gateway_jwt: which tokens are good, and which keys they are verified with."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from dbkit import gateway_jwt
from dbkit.gateway_jwt import (
    BadKeys,
    BadToken,
    KeysMissing,
    KeySource,
    Tokens,
    Verified,
    read_keys,
)
from tests.gateway.tokens import (
    ASYMMETRIC,
    SECRET,
    START,
    Clock,
    Source,
    claims,
    forged,
    key_set,
    part,
    private_key,
    public_jwk,
    public_pem,
    settings,
    signed,
)

URL = "https://issuer.example/jwks"


class Bench:
    """Tokens and keys with one clock and one source."""

    def __init__(self, source: Source | None = None, **given: Any) -> None:
        self.clock = Clock()
        self.source = source or Source()
        chosen = settings(**given)
        self.keys = KeySource(chosen, get=self.source.get, monotonic=self.clock)
        self.tokens: Tokens[Verified] = Tokens(chosen, self.keys, lambda v: v, now=self.clock)

    async def good(self, token: bytes) -> Verified:
        return await self.tokens.verify(token)

    async def bad(self, token: bytes) -> BadToken:
        with pytest.raises(BadToken) as caught:
            await self.tokens.verify(token)
        assert self.tokens.known(token) is None
        return caught.value


def shared(**given: Any) -> Bench:
    return Bench(jwt_secret=SECRET, **given)


async def with_set(*jwks: dict[str, Any], **given: Any) -> Bench:
    bench = Bench(Source(key_set(*jwks)), jwks=URL, **given)
    await bench.keys.tick()
    return bench


# --- algorithms ------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
async def test_a_shared_secret_verifies(alg: str) -> None:
    found = await shared().good(signed(alg))
    assert (found.role, found.subject) == ("authenticated", "ada")


@pytest.mark.parametrize("alg", ASYMMETRIC)
async def test_a_public_key_verifies_what_its_private_key_signed(alg: str) -> None:
    bench = await with_set(public_jwk(alg, kid="k1"))
    assert (await bench.good(signed(alg, kid="k1"))).subject == "ada"
    assert (await bench.good(signed(alg))).subject == "ada"


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
async def test_another_key_of_the_same_kind_does_not(alg: str) -> None:
    bench = await with_set(public_jwk(alg, 0, kid="k1"))
    assert (await bench.bad(signed(alg, 1, kid="k1"))).reason == "signature"


def public_texts() -> list[bytes]:
    """Everything that an attacker could take for the text of the public key."""
    pem = public_pem("RS256")
    public = private_key("RS256").public_key()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pkcs1 = public.public_bytes(Encoding.PEM, PublicFormat.PKCS1)
    jwk = public_jwk("RS256", kid="k1")
    return [
        pem,
        pem.strip(),
        der,
        pkcs1,
        json.dumps(jwk).encode(),
        key_set(jwk),
        jwk["n"].encode(),
        str(jwk["e"]).encode(),
        b"",
    ]


@pytest.mark.parametrize("number", range(9))
@pytest.mark.parametrize("kid", [None, "k1"])
async def test_a_public_key_is_no_shared_secret(
    number: int, kid: str | None, tmp_path: Path
) -> None:
    header = {"alg": "HS256", "typ": "JWT"} | ({"kid": kid} if kid else {})
    token = forged(header, claims(), public_texts()[number])
    bench = await with_set(public_jwk("RS256", kid="k1"))
    assert (await bench.bad(token)).reason == "unknown_key"
    both = Bench(Source(key_set(public_jwk("RS256", kid="k1"))), jwks=URL, jwt_secret=SECRET)
    await both.keys.tick()
    assert (await both.bad(token)).reason == "signature"
    file = tmp_path / "key.pem"
    file.write_bytes(public_pem("RS256"))
    pem = Bench(jwks=str(file))
    await pem.keys.tick()
    assert (await pem.bad(token)).reason == "unknown_key"


async def test_the_control_of_that_would_be_fooled() -> None:
    """The same token is good for whoever takes the algorithm from it and any bytes for the key."""
    text = public_texts()[6]
    token = forged({"alg": "HS256"}, claims(), text)
    options: Any = {"verify_exp": False, "verify_iat": False}
    alg = jwt.get_unverified_header(token)["alg"]
    assert jwt.decode(token, text, algorithms=[alg], options=options)["sub"] == "ada"


@pytest.mark.parametrize(
    "alg",
    ["none", "None", "NONE", "nOnE", "", None, 0, True, ["HS256"], {"HS256": 1}, "HS257", "HS1"],
)
@pytest.mark.parametrize("secret", [None, b"", SECRET.encode()])
async def test_no_algorithm_but_those_of_the_list(alg: Any, secret: bytes | None) -> None:
    found = await shared().bad(forged({"alg": alg}, claims(), secret))
    assert found.reason == "algorithm"
    assert (await shared().bad(forged({}, claims(), secret))).reason == "algorithm"


async def test_a_signature_is_needed() -> None:
    header, body, _ = signed().split(b".")
    assert (await shared().bad(header + b"." + body + b".")).reason == "signature"


async def test_the_list_is_a_setting() -> None:
    bench = shared(jwt_algorithms="HS512, ES256")
    assert (await bench.good(signed("HS512"))).subject == "ada"
    assert (await bench.bad(signed("HS256"))).reason == "algorithm"


async def test_a_key_that_names_its_algorithm_is_for_that_alone() -> None:
    bench = await with_set(public_jwk("RS256", kid="k1") | {"alg": "RS256"})
    assert (await bench.good(signed("RS256", kid="k1"))).subject == "ada"
    assert (await bench.bad(signed("PS256", kid="k1"))).reason == "unknown_key"


async def test_a_curve_has_one_algorithm() -> None:
    bench = await with_set(public_jwk("ES256", kid="k1"))
    assert (await bench.bad(signed("ES384", kid="k1"))).reason == "unknown_key"


# --- settings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"jwt_secret": "short"},
        {"jwt_secret": "x" * 31},
        {"jwt_secret": SECRET, "jwt_algorithms": "none"},
        {"jwt_secret": SECRET, "jwt_algorithms": "HS256,nope"},
        {"jwt_secret": SECRET, "jwt_algorithms": ""},
        {"jwks": "http://issuer.example/jwks"},
        {"jwks": "ftp://issuer.example/jwks"},
        {"jwks": "https://"},
        {"jwks": "http://127.0.0.1.issuer.example/jwks"},
    ],
)
def test_settings_that_would_be_weak_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(BadKeys):
        KeySource(settings(**given))


def test_a_private_or_public_key_is_no_secret() -> None:
    with pytest.raises(BadKeys) as caught:
        KeySource(settings(jwt_secret=public_pem("RS256").decode()))
    assert "BEGIN" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://localhost:1/x", "http://127.0.0.1/x", "http://[::1]:8/x"])
def test_plain_http_is_for_this_machine(url: str) -> None:
    assert KeySource(settings(jwks=url)).configured


async def test_a_shorter_secret_is_for_hs256_alone() -> None:
    bench = Bench(jwt_secret="s" * 32)
    token = jwt.encode(claims(), "s" * 32, "HS256").encode()
    assert (await bench.good(token)).subject == "ada"
    assert (await bench.bad(forged({"alg": "HS512"}, claims(), b"s" * 32))).reason == "unknown_key"


async def test_without_keys_no_token_is_good() -> None:
    assert (await Bench().bad(signed())).reason == "not_accepted"


# --- headers of tokens -----------------------------------------------------------------------

TRICKS = [
    "../../../../etc/passwd",
    "/dev/null",
    "https://attacker.example/jwks",
    "k1' or '1'='1",
    "k1\x00",
    "K1",
    "k1 ",
    "",
    "x" * 1000,
]


@pytest.mark.parametrize("kid", TRICKS)
async def test_a_kid_is_a_name_and_nothing_else(kid: str) -> None:
    bench = await with_set(public_jwk("RS256", kid="k1"))
    assert (await bench.bad(signed("RS256", kid=kid))).reason == "unknown_key"
    assert bench.source.urls == [URL]


@pytest.mark.parametrize("kid", [1, ["k1"], {"k1": 1}, True])
async def test_a_kid_is_text(kid: Any) -> None:
    bench = await with_set(public_jwk("RS256", kid="k1"))
    header, body, mac = signed("RS256", kid="k1").split(b".")
    told = json.loads(jwt.utils.base64url_decode(header)) | {"kid": kid}
    assert (await bench.bad(part(told) + b"." + body + b"." + mac)).reason == "malformed"


async def test_a_token_of_one_key_with_the_name_of_another() -> None:
    bench = await with_set(public_jwk("RS256", 0, kid="k1"), public_jwk("RS256", 1, kid="k2"))
    assert (await bench.good(signed("RS256", 1, kid="k2"))).subject == "ada"
    assert (await bench.bad(signed("RS256", 1, kid="k1"))).reason == "signature"


async def test_keys_that_a_token_brings_along_are_not_looked_at() -> None:
    bench = await with_set(public_jwk("RS256", 0, kid="k1"))
    evil = {"jwk": public_jwk("RS256", 1), "jku": "https://attacker.example", "x5u": "https://a"}
    for kid in ({"kid": "k1"}, {"kid": "evil"}, {}):
        token = jwt.encode(claims(), private_key("RS256", 1), "RS256", headers=evil | kid)
        await bench.bad(token.encode())
    assert set(bench.source.urls) == {URL}


async def test_what_a_token_calls_critical_must_be_understood() -> None:
    more: dict[str, Any]
    for more in ({"crit": ["exp"], "exp": 1}, {"crit": []}, {"b64": False, "crit": ["b64"]}):
        token = forged({"alg": "HS256", **more}, claims(), SECRET.encode())
        assert (await shared().bad(token)).reason == "malformed"


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b".",
        b"..",
        b"...",
        b"a.b",
        b"a.b.c.d.e",
        b"e30.e30.e30.",
        b" e30.e30.e30",
        b"\xff\xfe.e30.e30",
        b"e30=.e30.e30",
        b"e+/.e30.e30",
        part([]) + b".e30.e30",
        part(b"{" * 900) + b".e30.e30",
        part(b'{"alg":' + b"[" * 900) + b".e30.e30",
        b"A" * 2049 + b".e30.e30",
    ],
)
async def test_what_is_no_token_is_refused(token: bytes) -> None:
    assert (await shared().bad(token)).reason in ("malformed", "algorithm")


@pytest.mark.parametrize(
    "body", [b"[]", b'"x"', b"1", b"{", b"", b"[" * 3000, b"\xff\xfe", b"{}{}"]
)
async def test_a_body_is_a_json_object(body: bytes) -> None:
    token = forged({"alg": "HS256"}, body, SECRET.encode())
    assert (await shared().bad(token)).reason == "malformed"


async def test_a_long_token_is_refused_unread() -> None:
    bench = shared()
    assert (await bench.bad(signed(filler="x" * 9000))).message == "The token is too long."
    assert (await bench.bad(b"a" * 10_000_000)).message == "The token is too long."
    longer = shared(jwt_max_bytes=20_000)
    assert (await longer.good(signed(filler="x" * 9000))).subject == "ada"


# --- claims ----------------------------------------------------------------------------------


async def test_expiry_has_a_leeway_and_ends_after_it() -> None:
    bench = shared(jwt_leeway=10)
    token = signed(exp=int(START))
    bench.clock.at = START + 9.9
    assert (await bench.good(token)).until == START + 10
    bench.clock.at = START + 10
    assert (await bench.bad(token)).reason == "expired"


@pytest.mark.parametrize("name", ["nbf", "iat"])
async def test_a_token_of_the_future_has_the_same_leeway(name: str) -> None:
    bench = shared(jwt_leeway=10)
    later: dict[str, Any] = {name: int(START) + 11}
    token = signed(**later)
    assert (await bench.bad(token)).reason == "not_yet"
    bench.clock.at = START + 1
    assert (await bench.good(token)).subject == "ada"


async def test_an_expiry_is_needed_unless_a_setting_says_otherwise() -> None:
    assert (await shared().bad(signed(exp=None))).reason == "claims"
    assert (await shared(jwt_require_exp=False).good(signed(exp=None))).until == float("inf")


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "value", ["1900000000", True, [], {}, 1e300, -1e300, 10**400, float("nan"), float("inf")]
)
async def test_a_time_is_a_number(name: str, value: Any) -> None:
    token = forged({"alg": "HS256"}, claims(**{name: value}), SECRET.encode())
    assert (await shared().bad(token)).reason == "claims"


async def test_a_time_of_null_is_none() -> None:
    body = claims() | {"exp": None}
    assert (await shared().bad(forged({"alg": "HS256"}, body, SECRET.encode()))).reason == "claims"


async def test_the_audience_is_one_of_ours() -> None:
    bench = shared(jwt_audience="api, admin")
    given: Any
    for given in ("api", ["other", "admin"]):
        assert (await bench.good(signed(aud=given))).subject == "ada"
    for given in ("other", ["other"], "AP", "api,admin", 5, {"api": 1}, [["api"]]):
        token = forged({"alg": "HS256"}, claims(aud=given), SECRET.encode())
        assert (await bench.bad(token)).reason == "audience"
    assert (await bench.bad(signed())).reason == "claims"


async def test_a_token_for_an_audience_is_not_for_those_who_have_none() -> None:
    assert (await shared().bad(signed(aud="api"))).reason == "audience"


async def test_the_issuer_is_one_of_ours() -> None:
    bench = shared(jwt_issuer="https://a.example,https://b.example")
    assert (await bench.good(signed(iss="https://b.example"))).subject == "ada"
    for given in ("https://c.example", "https://a.example/", "https://a.example,https://b.example"):
        assert (await bench.bad(signed(iss=given))).reason == "issuer"
    assert (await bench.bad(signed())).reason == "claims"


@pytest.mark.parametrize(
    ("name", "given", "role"),
    [
        ("role", {"role": "service_role"}, "service_role"),
        ("app.role", {"app": {"role": "anon"}, "role": "service_role"}, "anon"),
        ("https://x.example/role", {"https://x.example/role": "anon"}, "anon"),
        (
            "realm.roles",
            {"realm": {"roles": ["x", "service_role", "authenticated"]}},
            "authenticated",
        ),
        ("realm.roles", {"realm": {"roles": ["x"]}}, ""),
        ("realm.roles", {"realm": {"roles": []}}, ""),
        ("realm.roles", {"realm": "roles"}, "authenticated"),
        ("realm.roles", {}, "authenticated"),
        ("role", {"role": "super_admin"}, "super_admin"),
    ],
)
async def test_where_the_role_is(name: str, given: dict[str, Any], role: str) -> None:
    bench = shared(jwt_role_claim=name)
    assert (await bench.good(signed(**{"role": None, **given}))).role == role


@pytest.mark.parametrize("value", [5, True, {"a": 1}])
async def test_a_role_is_text(value: Any) -> None:
    assert (await shared().bad(signed(role=value))).reason == "claims"


async def test_the_organization_is_where_the_setting_says_and_nowhere_else() -> None:
    """The database reads organization_id of the claims: one that the issuer lets users write must
    not take the place of the one that counts."""
    bench = shared(jwt_organization_claim="app_metadata.org")
    forged_one = await bench.good(signed(organization_id="victim"))
    assert forged_one.organization_id is None
    assert "organization_id" not in json.loads(forged_one.claims)
    found = await bench.good(signed(organization_id="victim", app_metadata={"org": "mine"}))
    assert found.organization_id == "mine"
    assert json.loads(found.claims)["organization_id"] == "mine"


async def test_claims_for_the_database_name_the_role_it_takes() -> None:
    bench = shared(jwt_role_claim="app.role")
    found = json.loads((await bench.good(signed(role="super_admin", app={"role": "anon"}))).claims)
    assert (found["role"], found["sub"]) == ("anon", "ada")


@pytest.mark.parametrize("name", ["sub", "organization_id"])
@pytest.mark.parametrize("value", ["x" * 201, "a\nb", "a\x00", 5, ["a"], "\x9f", "a\u2028"])
async def test_names_are_printable(name: str, value: Any) -> None:
    token = forged({"alg": "HS256"}, claims(**{name: value}), SECRET.encode())
    assert (await shared().bad(token)).reason == "claims"


@pytest.mark.parametrize("body", [r'"\u0000"', r'"\ud800"', "NaN", "1e999", r'{"\u0000": 1}'])
async def test_claims_that_a_database_cannot_hold_are_refused(body: str) -> None:
    text = json.dumps(claims())[:-1] + f', "extra": {body}}}'
    token = forged({"alg": "HS256"}, text.encode(), SECRET.encode())
    assert (await shared().bad(token)).reason == "claims"


async def test_a_backslash_before_u0000_is_text_like_any_other() -> None:
    found = await shared().good(signed(extra="\\u0000"))
    assert json.loads(found.claims)["extra"] == "\\u0000"


# --- what is said ----------------------------------------------------------------------------


async def test_nothing_of_the_token_or_the_keys_is_said() -> None:
    bench = shared(jwt_audience="api", jwt_issuer="https://hidden.example")
    marked = "MARKED"
    tokens = [
        signed(aud=marked, iss="https://hidden.example"),
        signed(aud="api", iss=marked),
        signed(aud="api", iss="https://hidden.example", sub=marked * 50),
        forged({"alg": marked}, claims()),
        forged({"alg": "HS256", "kid": marked}, claims(), b"wrong"),
        forged({"alg": "HS256"}, marked.encode(), SECRET.encode()),
        marked.encode(),
    ]
    for token in tokens:
        said = (await bench.bad(token)).message
        assert marked not in said and SECRET not in said and "hidden" not in said
        assert '"' not in said and "\\" not in said and said.isascii() and said.isprintable()


# --- what is remembered ----------------------------------------------------------------------


async def test_a_token_is_verified_once() -> None:
    bench = shared()
    token = signed()
    first = await bench.good(token)
    assert bench.tokens.known(token) is first
    assert (bench.tokens.verified, bench.tokens.remembered) == (1, 1)


async def test_what_is_remembered_expires_with_the_token() -> None:
    bench = shared(jwt_leeway=0)
    token = signed(exp=int(START) + 5)
    await bench.good(token)
    bench.clock.at = START + 4.9
    assert bench.tokens.known(token) is not None
    bench.clock.at = START + 5
    assert bench.tokens.known(token) is None
    assert (await bench.bad(token)).reason == "expired"


async def test_a_token_with_another_signature_is_another_token() -> None:
    bench = shared()
    token = signed()
    await bench.good(token)
    for other in (token[:-1], token + b"A", token[:-2] + (b"AA" if token[-2:] != b"AA" else b"BB")):
        assert bench.tokens.known(other) is None
        await bench.bad(other)


async def test_so_many_are_remembered() -> None:
    bench = shared(jwt_cache=3)
    tokens = [signed(sub=f"user-{number}") for number in range(5)]
    for token in tokens:
        await bench.good(token)
    assert [bench.tokens.known(token) is not None for token in tokens] == [
        False,
        False,
        *[True] * 3,
    ]
    none = shared(jwt_cache=0)
    await none.good(tokens[0])
    assert none.tokens.known(tokens[0]) is None


# --- a key set behind a URL ------------------------------------------------------------------


async def test_a_new_key_is_found_by_the_first_token_that_names_it() -> None:
    bench = await with_set(public_jwk("RS256", 0, kid="old"))
    bench.clock.at += 31
    bench.source.body = key_set(
        public_jwk("RS256", 1, kid="new"), public_jwk("RS256", 0, kid="old")
    )
    assert (await bench.good(signed("RS256", 1, kid="new"))).subject == "ada"
    assert (await bench.good(signed("RS256", 0, kid="old"))).subject == "ada"
    assert bench.source.asked == 2


async def test_a_key_that_is_taken_away_ends_what_it_signed() -> None:
    bench = await with_set(public_jwk("RS256", 0, kid="old"))
    token = signed("RS256", 0, kid="old")
    await bench.good(token)
    bench.source.body = key_set(public_jwk("RS256", 1, kid="new"))
    bench.clock.at += 301
    await bench.keys.tick()
    assert bench.tokens.known(token) is None
    assert (await bench.bad(token)).reason == "unknown_key"


async def test_a_key_that_changes_under_its_name_ends_what_the_old_one_signed() -> None:
    bench = await with_set(public_jwk("RS256", 0, kid="k"))
    token = signed("RS256", 0, kid="k")
    await bench.good(token)
    bench.source.body = key_set(public_jwk("RS256", 1, kid="k"))
    bench.clock.at += 301
    await bench.keys.tick()
    assert (await bench.bad(token)).reason == "signature"


async def test_the_same_set_again_changes_nothing() -> None:
    bench = await with_set(public_jwk("RS256", 0, kid="k"))
    token = signed("RS256", 0, kid="k")
    await bench.good(token)
    bench.clock.at += 301
    await bench.keys.tick()
    assert bench.source.asked == 2
    assert bench.tokens.known(token) is not None


async def test_a_flood_of_unknown_names_is_no_flood_for_the_issuer() -> None:
    bench = await with_set(public_jwk("RS256", 0, kid="k"))
    for number in range(300):
        bench.clock.at += 0.2
        await bench.bad(signed("ES256", kid=f"made-up-{number}"))
    # A minute: one question each 30 seconds.
    assert bench.source.asked <= 1 + 60 / 30


async def test_unknown_names_at_one_time_share_a_question() -> None:
    bench = await with_set(public_jwk("RS256", 0, kid="k"))
    bench.clock.at += 31
    bench.source.gate, bench.source.begun = asyncio.Event(), asyncio.Event()
    bench.source.body = key_set(public_jwk("RS256", 1, kid="new"))
    token = signed("RS256", 1, kid="new")
    waiting = [asyncio.create_task(bench.good(token)) for _ in range(50)]
    await bench.source.begun.wait()
    waiting[0].cancel()
    await asyncio.sleep(0)
    bench.source.gate.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert all(isinstance(each, Verified) for each in found[1:])
    assert bench.source.asked == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": [1, null, {}]}',
        b"[" * 100_000,
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        key_set(*({"kty": "RSA", "n": "AQAB", "e": "AQAB"} for _ in range(40))),
        key_set({"kty": "oct", "k": "c2VjcmV0" * 10, "kid": "k"}),
    ],
)
async def test_garbage_leaves_the_last_good_set(body: bytes) -> None:
    bench = await with_set(public_jwk("RS256", 0, kid="k"))
    bench.source.body = body
    bench.clock.at += 301
    await bench.keys.tick()
    assert bench.keys.failures == 1
    assert (await bench.good(signed("RS256", 0, kid="k"))).subject == "ada"


async def test_while_the_source_is_away_the_last_good_set_stays_and_questions_get_rarer() -> None:
    bench = await with_set(public_jwk("RS256", 0, kid="k"))
    bench.source.down = True
    bench.clock.at += 301
    for _ in range(600):
        await bench.keys.tick()
        bench.clock.at += 1
    assert (await bench.good(signed("RS256", 0, kid="k"))).subject == "ada"
    # 1, 2, 4 … 60, 60 seconds apart.
    assert 10 <= bench.source.asked <= 18
    bench.source.down = False
    bench.source.body = key_set(public_jwk("RS256", 1, kid="new"))
    bench.clock.at += 61
    await bench.keys.tick()
    assert (await bench.good(signed("RS256", 1, kid="new"))).subject == "ada"


async def test_before_there_ever_was_a_set_nothing_can_be_said_of_a_token() -> None:
    bench = Bench(Source(down=True), jwks=URL, jwt_secret=SECRET)
    await bench.keys.tick()
    with pytest.raises(KeysMissing):
        await bench.tokens.verify(signed("RS256", kid="k"))
    # The secret needs no source.
    assert (await bench.good(signed("HS256"))).subject == "ada"


async def test_a_source_that_answers_too_slowly_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(Source(key_set(public_jwk("RS256"))), jwks=URL, jwks_timeout=0.02)
    bench.source.gate = asyncio.Event()
    await bench.keys.tick()
    assert (bench.keys.failures, bench.keys.loaded) == (1, False)


def test_keys_that_are_not_for_verifying_are_passed_over() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    weak: Any = RSAAlgorithm.to_jwk(short, as_dict=True)
    private: Any = RSAAlgorithm.to_jwk(private_key("RS256", 1), as_dict=True)
    good = public_jwk("RS256", kid="good")
    others = [
        weak,
        private,
        good | {"use": "enc"},
        good | {"key_ops": ["encrypt"]},
        good | {"key_ops": "verify"},
        good | {"kid": 5},
        good | {"alg": "HS256"},
        good | {"alg": "none"},
        good | {"alg": 7},
        good | {"n": "!!"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "X25519", "x": "AA"},
    ]
    found = read_keys(key_set(*others, good), gateway_jwt.KNOWN)
    assert [key.kid for key in found] == ["good"]


# --- a file ----------------------------------------------------------------------------------


async def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    bench = Bench(jwks=str(file))
    await bench.keys.tick()
    with pytest.raises(KeysMissing):
        await bench.tokens.verify(signed("RS256", 0, kid="a"))
    file.write_bytes(key_set(public_jwk("RS256", 0, kid="a")))
    assert (await bench.good(signed("RS256", 0, kid="a"))).subject == "ada"
    file.write_bytes(b"not yet written to its end")
    await bench.keys.tick()
    assert (await bench.good(signed("RS256", 0, kid="a"))).subject == "ada"
    other = tmp_path / "new"
    other.write_bytes(key_set(public_jwk("RS256", 1, kid="b")))
    os.replace(other, file)  # noqa: PTH105  (the point: at once, as config maps do)
    await bench.keys.tick()
    assert (await bench.bad(signed("RS256", 0, kid="a"))).reason == "unknown_key"
    assert (await bench.good(signed("RS256", 1, kid="b"))).subject == "ada"
    file.unlink()
    await bench.keys.tick()
    assert (await bench.good(signed("RS256", 1, kid="b"))).subject == "ada"


@pytest.mark.parametrize("alg", ASYMMETRIC)
async def test_a_pem_is_a_key_for_any_name(alg: str, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(public_pem(alg))
    bench = Bench(jwks=str(file))
    await bench.keys.tick()
    assert (await bench.good(signed(alg, kid="whatever"))).subject == "ada"


async def test_a_file_may_hold_shared_secrets_by_name(tmp_path: Path) -> None:
    """So a shared secret can be changed: both are good for a while."""
    file = tmp_path / "jwks.json"
    old = {"kty": "oct", "kid": "old", "k": part(b"o" * 32).decode()}
    new = {"kty": "oct", "kid": "new", "k": part(b"n" * 32).decode()}
    file.write_bytes(key_set(old, new))
    bench = Bench(jwks=str(file))
    await bench.keys.tick()
    for kid, key in (("old", b"o" * 32), ("new", b"n" * 32)):
        token = jwt.encode(claims(), key, "HS256", headers={"kid": kid}).encode()
        assert (await bench.good(token)).subject == "ada"
        wrong = forged({"alg": "HS256", "kid": "new" if kid == "old" else "old"}, claims(), key)
        assert (await bench.bad(wrong)).reason == "signature"


# --- HTTP ------------------------------------------------------------------------------------


class Served:
    """A small HTTP server that says just what the test wants."""

    def __init__(self) -> None:
        self.answer = b""
        self.paths: list[bytes] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.paths.append(head.split(b" ")[1])
            writer.write(self.answer)
            await writer.drain()
            await self.hold.wait()
        finally:
            writer.close()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    found = Served()
    server = await asyncio.start_server(found.handle, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"
    yield found
    found.hold.set()
    server.close()
    await server.wait_closed()


def answer(status: bytes, body: bytes, *headers: bytes) -> bytes:
    told = [
        b"HTTP/1.1 " + status,
        b"content-length: %d" % len(body),
        b"connection: close",
        *headers,
    ]
    return b"\r\n".join([*told, b"", body])


async def test_keys_come_over_http(served: Served) -> None:
    served.answer = answer(b"200 OK", key_set(public_jwk("ES256", kid="k")))
    keys = KeySource(settings(jwks=served.url))
    await keys.tick()
    assert [key.kid for key in keys.keys] == ["k"]


@pytest.mark.parametrize(
    ("status", "headers"),
    [(b"302 Found", [b"location: /other"]), (b"500 Oops", []), (b"404 None", []), (b"204 No", [])],
)
async def test_nothing_but_200_counts_and_nothing_is_followed(
    served: Served, status: bytes, headers: list[bytes]
) -> None:
    body = b"" if status.startswith(b"204") else key_set(public_jwk("ES256", kid="k"))
    served.answer = answer(status, body, *headers)
    keys = KeySource(settings(jwks=served.url))
    await keys.tick()
    assert (keys.loaded, keys.failures, served.paths) == (False, 1, [b"/jwks"])


async def test_a_set_has_a_largest_size(served: Served) -> None:
    served.answer = answer(b"200 OK", b" " * (gateway_jwt.MAX_SET_BYTES + 1))
    with pytest.raises(BadKeys):
        await gateway_jwt.fetch(served.url, 5)


async def test_a_source_that_never_ends_its_answer_is_given_up(served: Served) -> None:
    served.hold.clear()
    served.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"
    keys = KeySource(settings(jwks=served.url, jwks_timeout=0.1))
    await keys.tick()
    assert (keys.loaded, keys.failures) == (False, 1)


async def test_a_source_that_does_not_listen(served: Served) -> None:
    keys = KeySource(settings(jwks="http://127.0.0.1:1/jwks"))
    await keys.tick()
    assert (keys.loaded, keys.failures) == (False, 1)
    await keys.close()
