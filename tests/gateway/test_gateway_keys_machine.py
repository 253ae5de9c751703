"""Keys and tokens in any order of rotations, faults and time."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dbkit.gateway_jwt import RETRY_SECONDS, BadToken, KeysMissing, KeySource, Tokens, Verified
from tests.gateway.tokens import START, Clock, Source, key_set, public_jwk, settings, signed

COOLDOWN, REFRESH = 30.0, 300.0
KEYS = 4
_SETS = {number: public_jwk("ES256", number, kid=f"k{number}") for number in range(KEYS)}
_TOKENS = {
    (number, life): signed("ES256", number, kid=f"k{number}", exp=int(START) + life)
    for number in range(KEYS)
    for life in (200, 100_000)
}
GARBAGE = (b"", b"<html>", b'{"keys": []}', key_set({"kty": "EC"}))


class Rotations(RuleBasedStateMachine):
    """What is accepted is signed by a key of the set that was read last, and has not expired; the
    issuer is asked no more often than agreed, whatever tokens come."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = Clock()
        self.source = Source(key_set(_SETS[0]))
        chosen = settings(jwks="https://i.example/k", jwks_cooldown=COOLDOWN, jwks_refresh=REFRESH)
        self.keys = KeySource(chosen, get=self.source.get, monotonic=self.clock)
        self.tokens: Tokens[Verified] = Tokens(chosen, self.keys, lambda v: v, now=self.clock)
        self.published = {0}
        self.read: set[int] = set()
        self.began = self.clock.at
        self.failed = 0

    def teardown(self) -> None:
        self.loop.close()

    def _run(self, work: Any) -> Any:
        """Also keeps what a good answer holds: it is read whenever the source was asked."""
        before, failures = self.source.asked, self.keys.failures
        try:
            return self.loop.run_until_complete(work)
        finally:
            if self.source.asked > before and self.keys.failures == failures:
                self.read = set(self.published)
            self.failed += self.keys.failures - failures

    @rule(numbers=st.sets(st.integers(0, KEYS - 1), min_size=1))
    def the_issuer_publishes(self, numbers: set[int]) -> None:
        self.published = numbers
        self.source.body = key_set(*(_SETS[number] for number in sorted(numbers)))

    @rule(body=st.sampled_from(GARBAGE))
    def the_issuer_publishes_garbage(self, body: bytes) -> None:
        self.source.body = body

    @rule(down=st.booleans())
    def the_issuer_goes_and_comes(self, down: bool) -> None:
        self.source.down = down

    @rule(seconds=st.sampled_from([0.5, 1.0, 29.0, 31.0, 150.0, 301.0]))
    def time_goes_on(self, seconds: float) -> None:
        self.clock.at += seconds

    @rule()
    def a_tick(self) -> None:
        self._run(self.keys.tick())

    @rule(number=st.integers(0, KEYS - 1), life=st.sampled_from([200, 100_000]))
    def a_token_comes(self, number: int, life: int) -> None:
        token = _TOKENS[number, life]
        expired = START + life + 10 <= self.clock.at
        try:
            found = self.tokens.known(token) or self._run(self.tokens.verify(token))
        except KeysMissing:
            assert not self.read
        except BadToken as error:
            assert expired or (error.reason == "unknown_key" and number not in self.read)
        else:
            assert number in self.read and not expired
            assert json.loads(found.claims)["sub"] == "ada"

    @rule(kid=st.text(max_size=5), repeated=st.integers(1, 50))
    def a_flood_of_unknown_names(self, kid: str, repeated: int) -> None:
        for number in range(repeated):
            token = signed("ES384", kid=f"{kid}-{number}")
            try:
                self._run(self.tokens.verify(token))
            except (BadToken, KeysMissing):
                continue
            raise AssertionError("a made-up name was accepted")

    @invariant()
    def the_issuer_is_not_flooded(self) -> None:
        elapsed = self.clock.at - self.began
        rare = elapsed / COOLDOWN + elapsed / REFRESH + 2
        # Failures are tried again by ticks, at first sooner: 1, 2, 4 … seconds after each other.
        assert self.source.asked - self.failed <= rare
        assert self.failed <= rare + elapsed / RETRY_SECONDS[0]

    @invariant()
    def a_good_set_is_never_lost(self) -> None:
        assert {key.kid for key in self.keys.keys} == {f"k{number}" for number in self.read}


TestRotations = Rotations.TestCase
TestRotations.settings = hypothesis_settings(max_examples=30, stateful_step_count=40, deadline=None)
