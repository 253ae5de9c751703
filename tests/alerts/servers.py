"""Servers on loopback that receive what Apprise really sends: SMTP, HTTP as Slack and Twilio."""

from __future__ import annotations

import email
import email.policy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from aiosmtpd.controller import Controller


@dataclass
class Mailbox:
    port: int = 0
    got: list[bytes] = field(default_factory=list[bytes])
    refuses: bool = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuses:
            return "554 no thanks"
        self.got.append(envelope.content)
        return "250 taken"

    def messages(self) -> list[EmailMessage]:
        return [email.message_from_bytes(each, policy=email.policy.default) for each in self.got]

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.port}?from=alerts@example.org&to=ops@example.org"


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=0)
    # Port 0 is not known to aiosmtpd before it listens: it would connect to it.
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        controller.port = box.port = probe.getsockname()[1]
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


@dataclass
class Web:
    """Keeps (path, headers, body) of each POST; `answers` are statuses, the last one stays."""

    port: int = 0
    got: list[tuple[str, dict[str, str], bytes]] = field(
        default_factory=list[tuple[str, dict[str, str], bytes]]
    )
    answers: list[int] = field(default_factory=lambda: [200])
    location: str | None = None
    body: bytes = b"ok"
    hang: threading.Event | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def documents(self) -> list[Any]:
        return [json.loads(body) for _, _, body in self.got]

    def forms(self) -> list[dict[str, str]]:
        return [
            {name: values[0] for name, values in parse_qs(body.decode()).items()}
            for _, _, body in self.got
        ]


@contextmanager
def web_server() -> Iterator[Web]:
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            web.got.append((self.path, dict(self.headers), body))
            if web.hang is not None:
                web.hang.wait(30)
            status = web.answers.pop(0) if len(web.answers) > 1 else web.answers[0]
            self.send_response(status)
            if web.location:
                self.send_header("location", web.location)
            self.send_header("content-length", str(len(web.body)))
            self.end_headers()
            self.wfile.write(web.body)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
