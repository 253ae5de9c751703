"""`dbkit serve`: HTTP in front of the calls. A part of `dbkit.cli`."""

from __future__ import annotations

import os
import secrets
from functools import partial
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from dbkit.cli_parts import CliError, Url, compact, target_url


def serve(
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="0: any free one.")
    ] = 8000,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            max=256,
            help="Processes. If there are several, SIGHUP restarts them one by one.",
        ),
    ] = 1,
    drain: Annotated[
        float,
        typer.Option(
            "--drain",
            metavar="SECONDS",
            min=0,
            max=300,
            help="When told to stop: how long to go on serving as not ready, so that load "
            "balancers notice.",
        ),
    ] = 1.0,
    grace: Annotated[
        int,
        typer.Option(
            "--grace",
            metavar="SECONDS",
            min=0,
            max=3600,
            help="After that: how long requests under way may take.",
        ),
    ] = 20,
    trust_proxy: Annotated[
        str,
        typer.Option(
            "--trust-proxy",
            metavar="ADDRESSES",
            help="Proxies whose X-Forwarded-For and X-Forwarded-Proto count, comma-separated.",
        ),
    ] = "127.0.0.1",
    verbose: Annotated[bool, typer.Option("--verbose", help="Log more.")] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print one line of JSON when listening: url and pid."),
    ] = False,
    url: Url = None,
) -> None:
    """Serve every registered call over HTTP, until SIGTERM or SIGINT.

    POST /rpc/NAME with the payload as body; /docs shows the rest. All other settings come from the
    environment (docs/guides/gateway.md): DBKIT_GATEWAY_…, and DBKIT_JWT_… for tokens. The login in
    the URL needs no rights of its own but membership in the roles that requests take
    (`dbkit_gateway`). Logs go to stderr, as JSON when that is no terminal.
    """
    import uvicorn

    from dbkit.gateway_processes import (
        CannotListen,
        address,
        application,
        listen,
        run_one,
        run_several,
    )
    from dbkit.settings import settings

    _check_settings()
    # Child processes read the environment too.
    os.environ["DATABASE_URL"] = target_url(url)
    # Addresses must have the same hash in all of them.
    os.environ.setdefault("DBKIT_GATEWAY_ADDRESS_SECRET", secrets.token_hex(32))
    os.environ["DBKIT_GATEWAY_DRAIN"] = str(drain)
    # They were read to find the URL, and are read again by the application.
    settings.cache_clear()
    config = uvicorn.Config(
        partial(application, verbose),
        factory=True,
        workers=workers,
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        proxy_headers=bool(trust_proxy),
        forwarded_allow_ips=trust_proxy,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=grace,
        timeout_worker_healthcheck=10,
        http="httptools",
        ws="none",
        lifespan="on",
    )
    try:
        listener = listen(host, port)
    except CannotListen as error:
        raise CliError(
            f"cannot listen on {host}, port {port}: {error}", "Choose another --port or --host."
        ) from None
    where = address(listener)
    if as_json:
        print(compact({"url": where, "pid": os.getpid()}), flush=True)
    typer.echo(f"{where}  (docs: /docs, health: /health)", err=True)
    if workers == 1:
        started = run_one(config, listener)
    else:
        # Processes add up their figures in files, so that each of them can answer for all.
        with TemporaryDirectory(prefix="dbkit-gateway-") as figures:
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = figures
            started = run_several(config, listener)
    if not started:
        raise typer.Exit(1)


def _check_settings() -> None:
    """Say what is wrong before any process starts; without the value, which may be a secret."""
    from pydantic import ValidationError

    from dbkit.gateway_jwt import BadKeys, KeySource
    from dbkit.settings import GatewaySettings

    try:
        KeySource(GatewaySettings())
    except ValidationError as error:
        wrong = "; ".join(f"{e['loc'][0]}: {e['msg']}" for e in error.errors(include_input=False))
        raise CliError(f"a setting of the gateway is wrong: {wrong}") from None
    except BadKeys as error:
        raise CliError(f"a setting of the gateway is wrong: {error}") from None
