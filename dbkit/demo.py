"""The demo: three generations of an app order food while an operator switches the API version.

`staged` gives a migrated database that vanishes afterwards, `load_restaurant` fills it, `play` is
the story: customers of each app as threads, each call a transaction with the caller's role and
request context, and the operator in between. Every answer is checked: is its version one that the
app may get, and has it the shape that this version promises? Anything else counts as a failure.
"""

from __future__ import annotations

import random
import statistics
import threading
import time
import uuid
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias, cast

import psycopg

from dbkit.calls import api
from dbkit.context import RequestContext
from dbkit.database import Database
from dbkit.demo_data import load_restaurant, menu_size, restaurant
from dbkit.demo_stage import Stage

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

STORY = ((0.2, "v3", "v2"), (0.5, "v2", "v1"), (0.75, "v3", "v2"))
"""When (share of the time) the operator switches to which version, with which fallback."""

_SHOWN_ERRORS = 8


# --- a database for it -----------------------------------------------------------------------


@contextmanager
def staged(
    stage: Stage, database_url: str | None, prefer: str | None
) -> Generator[str, None, None]:
    """URL of a database at the newest revision: on a server of its own, else a new one on yours.

    It is dropped afterwards. The group roles that dbkit needs stay on your server.
    """
    from dbkit.server import temporary_server

    with temporary_server(database_url=database_url, prefer=prefer) as server:
        stage.say(f"server: {server.reason}")
        if server.kind != "external":
            _migrate(stage, server.url)
            yield server.url
            return
        with _own_database(stage, server.url) as url:
            _migrate(stage, url)
            yield url


@contextmanager
def _own_database(stage: Stage, url: str) -> Generator[str, None, None]:
    from urllib.parse import urlsplit

    from psycopg import sql

    name = f"dbkit_demo_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    stage.say(f"database: {name}, dropped at the end")
    try:
        yield urlsplit(url)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            drop = sql.SQL("drop database if exists {} with (force)")
            connection.execute(drop.format(sql.Identifier(name)))


def _migrate(stage: Stage, url: str) -> None:
    from alembic.script import ScriptDirectory

    from dbkit.migrations import alembic_config, migrate

    scripts = ScriptDirectory.from_config(alembic_config())
    for script in reversed(list(scripts.walk_revisions())):
        begin = time.perf_counter()
        with stage.working(f"revision {script.revision}: {script.doc}"):
            migrate(url, script.revision)
        seconds = time.perf_counter() - begin
        stage.say(f"revision {script.revision}: {script.doc} {seconds:.1f} s")


# --- what an answer must look like -----------------------------------------------------------


@dataclass(frozen=True)
class Promises:
    """What each version has promised, read from the registry before the story begins."""

    schemas: Mapping[tuple[str, str], Any]
    """(call, version) to the JSON Schema of its answer."""

    versions: Mapping[str, frozenset[str]]
    """App version to the API versions that it may be served in this story."""

    @classmethod
    def read(cls, connection: Connection, apps: set[str]) -> Promises:
        query = "select name, version, response_schema from dbkit.api_rpcs"
        schemas = {(name, version): schema for name, version, schema in connection.execute(query)}
        active = ["v2", *(version for _, version, _ in STORY)]
        best = {app: api.get_best_api_version(app).run(connection) or "v1" for app in apps}
        versions = {app: frozenset(min(one, top) for one in active) for app, top in best.items()}
        return cls(schemas, versions)

    def broken(self, app: str, answer: api.RouteApiCallResult) -> str | None:
        """What is wrong with an answer; None when it keeps its promise."""
        meta = answer.meta
        if meta.version not in self.versions[app]:
            return f"app {app} was served {meta.version}"
        return misfit(self.schemas[meta.rpc, meta.version], answer.data, "data")


def misfit(schema: Any, value: Any, path: str) -> str | None:
    """Where a value lacks what a JSON Schema requires; of lists only both ends are looked at."""
    kinds: Any = schema.get("type", "object") if schema else ""
    if "array" in kinds and isinstance(value, list):
        ends: list[Any] = [*value[:1], *value[1:][-1:]]
        found = (misfit(schema.get("items"), item, f"{path}[]") for item in ends)
        return next((problem for problem in found if problem), None)
    if "object" in kinds and isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        lacking = [key for key in schema.get("required", []) if key not in fields]
        if lacking:
            return f"{path} has no {', '.join(lacking)}"
        parts = schema.get("properties", {})
        found = (misfit(parts[key], fields[key], f"{path}.{key}") for key in parts if key in fields)
        return next((problem for problem in found if problem), None)
    if kinds in ("array", "object"):
        return f"{path} is no {kinds}"
    return None


def outline(value: Any) -> str:
    """The shape of JSON: keys, and of a list its first element."""
    if isinstance(value, list):
        items = cast("Sequence[Any]", value)
        return f"[{outline(items[0])}, …]" if items else "[]"
    if not isinstance(value, dict):
        return ""
    fields = cast("dict[str, Any]", value)
    inner = {key: outline(item) for key, item in fields.items()}
    return "{" + ", ".join(f"{key}: {text}" if text else key for key, text in inner.items()) + "}"


# --- the callers -----------------------------------------------------------------------------


@dataclass(frozen=True)
class App:
    """One generation of the client. None of them names an API version: the router decides."""

    version: str
    name: str
    region: str


APPS = (
    App("1.0.3", "phone app of the first year", "us-west-2"),
    App("1.2.0", "web shop", "eu-west-1"),
    App("1.4.2", "new phone app, kitchen tablet", "us-east-1"),
)


@dataclass(frozen=True)
class Sample:
    """One answered call."""

    app: str
    call: str
    version: str
    ms: float


@dataclass
class Worker:
    """A thread that calls as one person would, and keeps what it saw."""

    pause: ClassVar[float] = 0.01
    """Longest pause between two visits, in seconds."""

    app: App
    database: Database
    promises: Promises
    stores: list[int]
    role: str
    person: dict[str, str]
    random: random.Random = field(default_factory=random.Random)
    samples: list[Sample] = field(default_factory=list[Sample])
    errors: list[str] = field(default_factory=list[str])
    menus: dict[str, Any] = field(default_factory=dict[str, Any])

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.turn()
            except Exception as error:
                # Whatever it was: the app could not go on, and its user saw that.
                self.errors.append(f"app {self.app.version}: {type(error).__name__}: {error}")
            stop.wait(self.random.uniform(0.0, self.pause))

    def turn(self) -> None:
        """One visit: look at a menu, often order, then ask about the order or the app."""
        store_id = self.random.choice(self.stores)
        menu = self.ask("get_menu_items", {"store_id": store_id})
        self.menus.setdefault(self.samples[-1].version, menu)
        if self.random.random() < 0.6:
            order = self.ask("place_order", self.order(store_id, menu))
            token = order["guest_token"]
            self.ask(
                "get_order",
                {"order_id": order["order_id"], **({"guest_token": token} if token else {})},
            )
        if self.random.random() < 0.2:
            self.ask("check_compatibility", {})
        if self.random.random() < 0.2 and self.app.version != "1.0.3":
            self.ask("get_features", {})
        if self.random.random() < 0.2 and self.role == "authenticated":
            self.ask("list_orders", {"limit": 5})

    def ask(self, name: str, payload: dict[str, Any]) -> Any:
        """The data of an answer that keeps its promise; raises for any other."""
        context = RequestContext(
            app_name=self.app.name,
            app_version=self.app.version,
            client_id=f"demo-{self.app.version}-{self.role}",
            region=self.app.region,
            request_id=str(uuid.uuid4()),
            user_id=self.person.get("user_id"),
        )
        begin = time.perf_counter()
        call = api.route_api_call(name, payload)
        answer = self.database.run(call, context=context, role=self.role)
        ms = 1000 * (time.perf_counter() - begin)
        wrong = self.promises.broken(self.app.version, answer)
        if wrong:
            raise ValueError(f"{name} {answer.meta.version}: {wrong}")
        self.samples.append(Sample(self.app.version, name, answer.meta.version, ms))
        return answer.data

    def order(self, store_id: int, menu: Any) -> dict[str, Any]:
        """An order as this app has always written it, whatever version is active."""
        if self.app.version == "1.0.3":
            return {
                "store_id": store_id,
                "item_id": self.random.choice(menu)["id"],
                "quantity": self.random.randint(1, 3),
                "customer_name": self.person["name"],
                "customer_phone": self.person["phone"],
            }
        items = [i for c in menu["categories"] for i in c["items"] if i["available"]]
        chosen = self.random.sample(items, self.random.randint(1, 4))
        order: dict[str, Any] = {"store_id": store_id, "items": [self.line(i) for i in chosen]}
        if self.role == "anon":
            order["customer"] = {key: self.person[key] for key in ("name", "phone")}
        if self.app.version == "1.4.2":
            order["idempotency_key"] = str(uuid.uuid4())
        return order

    def line(self, item: Any) -> dict[str, Any]:
        """One item; where the menu shows what can be chosen (v3), with a choice."""
        line: dict[str, Any] = {"item_id": item["id"], "quantity": self.random.randint(1, 2)}
        if "customizations" in item:
            line["customizations"] = self.choice(item["customizations"])
        return line

    def choice(self, groups: Any) -> list[int]:
        chosen: list[int] = []
        for group in groups:
            options = [option for option in group["options"] if option["available"]]
            most = min(group["max_select"], len(options))
            count = self.random.randint(group["min_select"], most)
            for option in self.random.sample(options, count):
                chosen += [option["id"], *self.choice(option.get("customizations", []))]
        return chosen


NEXT_STATUS = {
    "pending": "confirmed",
    "confirmed": "preparing",
    "preparing": "ready",
    "ready": "completed",
}


@dataclass
class Kitchen(Worker):
    """The tablet in a kitchen: it moves the orders of its store along."""

    pause: ClassVar[float] = 0.3

    def turn(self) -> None:
        for status in NEXT_STATUS:
            wanted = {"store_id": self.stores[0], "status": status, "limit": 3}
            for order in self.ask("list_orders", wanted)["orders"]:
                self.ask(
                    "update_order_status",
                    {"order_id": order["order_id"], "status": NEXT_STATUS[status]},
                )


def _workers(
    connection: Connection, database: Database, promises: Promises, each: int
) -> list[Worker]:
    """For each app guests and customers with an account by turns, and one kitchen a store."""
    people = restaurant()["customers"]
    stores = [row[0] for row in connection.execute("select id from dbkit.stores order by id")]
    found: list[Worker] = []
    for app in APPS:
        for number in range(each):
            person = people[len(found) % len(people)]
            role = "authenticated" if number % 2 else "anon"
            if role == "anon":
                person = {key: person[key] for key in ("name", "phone")}
            found.append(Worker(app, database, promises, stores, role, person))
    query = """
        select distinct on (store_id) store_id, user_id from dbkit.user_profiles
        where store_id is not null order by store_id, id"""
    for store_id, user_id in connection.execute(query):
        person = {"user_id": user_id}
        found.append(Kitchen(APPS[2], database, promises, [store_id], "authenticated", person))
    return found


# --- the story -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Served:
    """What one app got from one version. Times in milliseconds, seen by the caller."""

    app_version: str
    app_name: str
    api_version: str
    calls: int
    p50_ms: float
    p95_ms: float
    menu: str


@dataclass(frozen=True)
class Switch:
    """A row of deployment_log."""

    at: str
    previous_version: str
    current_version: str
    fallback_version: str
    revision: int
    by: str
    deployment_id: str


@dataclass(frozen=True)
class Summary:
    """How it went."""

    seconds: float
    calls: int
    failures: int
    p50_ms: float
    p95_ms: float
    versions: dict[str, int]
    clients: list[Served]
    orders: dict[str, int]
    events: int
    orders_in_events: int
    switches: list[Switch]
    errors: list[str]


def play(stage: Stage, url: str, *, seconds: float, workers: int) -> Summary:
    """Let everybody order while the operator switches; `workers` customers of each app at once."""
    with (
        psycopg.connect(url, autocommit=True) as connection,
        Database(url, max_size=3 * workers + 4) as database,
    ):
        promises = Promises.read(connection, {app.version for app in APPS})
        crowd = _workers(connection, database, promises, workers)
        stop = threading.Event()
        threads = [threading.Thread(target=worker.run, args=(stop,)) for worker in crowd]
        begin = time.monotonic()
        try:
            for thread in threads:
                thread.start()
            _operate(stage, database, crowd, seconds)
        finally:
            stop.set()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
        return _summary(connection, crowd, time.monotonic() - begin)


def _operate(stage: Stage, database: Database, crowd: list[Worker], seconds: float) -> None:
    """The operator: switches at the appointed times, and watches in between."""
    todo = list(STORY)
    active = "v2"
    begin = time.monotonic()
    with stage.live() as show:
        while (passed := time.monotonic() - begin) < seconds:
            if todo and passed >= todo[0][0] * seconds:
                _, version, fallback = todo.pop(0)
                call = api.switch_api_version(version, fallback)
                done = database.run(call, role="super_admin")
                active = done.current_version
                moved = f"{done.previous_version} -> {active}, fallback {fallback}"
                stage.event(passed, f"the operator switches {moved}")
            show(passed, seconds, active, _standings(crowd))
            time.sleep(0.05)


def _standings(crowd: list[Worker]) -> list[tuple[str, str, int, int]]:
    """For each app: its version, what it was served last, calls, failures."""
    lines: list[tuple[str, str, int, int]] = []
    for app in APPS:
        mine = [worker for worker in crowd if worker.app is app]
        last = sorted({worker.samples[-1].version for worker in mine if worker.samples})
        calls = sum(len(worker.samples) for worker in mine)
        lines.append((app.version, "/".join(last), calls, sum(len(w.errors) for w in mine)))
    return lines


def _summary(connection: Connection, crowd: list[Worker], seconds: float) -> Summary:
    samples = [sample for worker in crowd for sample in worker.samples]
    errors = [error for worker in crowd for error in worker.errors]
    orders = {
        str(version): int(count)
        for version, count in connection.execute(
            "select api_version, count(*) from dbkit.orders group by 1 order by 1"
        )
    }
    errors += _lost(samples, orders)
    events, in_events = _events(connection)
    if in_events != sum(orders.values()):
        errors.append(f"{sum(orders.values())} orders are there, their events tell of {in_events}")
    p50, p95 = _percentiles([sample.ms for sample in samples])
    return Summary(
        seconds=round(seconds, 1),
        calls=len(samples) + sum(len(worker.errors) for worker in crowd),
        failures=len(errors),
        p50_ms=p50,
        p95_ms=p95,
        versions=dict(sorted(Counter(sample.version for sample in samples).items())),
        clients=_served(crowd),
        orders=orders,
        events=events,
        orders_in_events=in_events,
        switches=_switches(connection),
        errors=[f"{n} × {text}" for text, n in Counter(errors).most_common(_SHOWN_ERRORS)],
    )


def _events(connection: Connection) -> tuple[int, int]:
    """Events of orders, and the orders that the read model made from them counts."""
    # Reading the model brings it up to date.
    connection.execute("select dbkit.get_todays_orders(id) from dbkit.stores order by id limit 1")
    query = """
        select (select count(*) from dbkit.event_store where aggregate_type = 'order'),
          (select coalesce(sum((state ->> 'orders')::bigint), 0) from dbkit.event_projections
            where projection = 'todays_orders')"""
    events, orders = connection.execute(query).fetchall()[0]
    return int(events), int(orders)


def _lost(samples: list[Sample], orders: dict[str, int]) -> list[str]:
    """Orders that a client was told of and the tables lack, or the other way round."""
    told = Counter(sample.version for sample in samples if sample.call == "place_order")
    return [
        f"{version}: {told[version]} orders were confirmed, {orders.get(version, 0)} are there"
        for version in sorted({*told, *orders})
        if told[version] != orders.get(version, 0)
    ]


def _served(crowd: list[Worker]) -> list[Served]:
    lines: list[Served] = []
    for app in APPS:
        mine = [worker for worker in crowd if worker.app is app]
        times: dict[str, list[float]] = {}
        for worker in mine:
            for sample in worker.samples:
                times.setdefault(sample.version, []).append(sample.ms)
        menus = {version: menu for worker in mine for version, menu in worker.menus.items()}
        for version, ms in sorted(times.items()):
            p50, p95 = _percentiles(ms)
            menu = outline(menus.get(version))
            lines.append(Served(app.version, app.name, version, len(ms), p50, p95, menu))
    return lines


def _percentiles(ms: list[float]) -> tuple[float, float]:
    if len(ms) < 2:
        only = round(sum(ms), 2)
        return only, only
    cuts = statistics.quantiles(ms, n=20, method="inclusive")
    return round(cuts[9], 2), round(cuts[18], 2)


def _switches(connection: Connection) -> list[Switch]:
    query = """
        select to_char(deployed_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
          details ->> 'previous_version', version, details ->> 'fallback_version',
          (details ->> 'revision')::bigint, deployed_by, deployment_id
        from dbkit.deployment_log where kind = 'api_switch' order by id"""
    return [Switch(*row) for row in connection.execute(query)]


def run(
    stage: Stage, database_url: str | None, prefer: str | None, seconds: float, workers: int
) -> Summary:
    """All of it, from nothing to the summary."""
    with staged(stage, database_url, prefer) as url:
        with (
            psycopg.connect(url) as connection,
            stage.counting("menu items", menu_size()) as advance,
        ):
            counts = load_restaurant(connection, advance)
        names = {
            "stores": "stores",
            "menu_categories": "categories",
            "menu_items": "items",
            "menu_item_customizations": "groups and options",
            "customers": "customers",
            "user_profiles": "staff",
        }
        stage.say("restaurant: " + ", ".join(f"{counts[t]:,} {n}" for t, n in names.items()))
        stage.say(f"{seconds:g} s of orders by {len(APPS)} apps and the kitchens begin")
        return play(stage, url, seconds=seconds, workers=workers)
