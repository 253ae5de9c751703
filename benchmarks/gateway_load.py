"""Load on one address over kept connections: by wrk, else by oha, else not at all.

wrk counts a stalled connection as all the requests that it would have sent meanwhile (coordinated
omission), so a single stall shows in its p99; oha does not.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Job:
    """The same POST again and again."""

    url: str
    body: str
    headers: Mapping[str, str]
    connections: int
    seconds: int


@dataclass(frozen=True)
class Loaded:
    """What a load saw."""

    answered: int
    failed: int
    """Other answers than 200, and connections that broke."""
    rate: float
    """Answers a second."""
    p99_ms: float


Load: TypeAlias = Callable[[Job], Loaded]

NONE = "needs wrk (a package of Debian and Ubuntu) or oha"

_SCRIPT = """
wrk.method = "POST"
wrk.body = %s
%s
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\n{"answered": %%d, "failed": %%d, "us": %%d, "p99_us": %%d}\\n',
    summary.requests, e.connect + e.read + e.write + e.timeout + e.status, summary.duration,
    latency:percentile(99)))
end
"""


def find_load() -> Load | None:
    """The tool that is there."""
    if shutil.which("wrk"):
        return wrk
    return oha if shutil.which("oha") else None


def wrk(job: Job) -> Loaded:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "post.lua"
        script.write_text(_lua(job), "utf-8")
        count = str(job.connections)
        said = _run(
            [
                *("wrk", "-t1", "-c", count, "-d", f"{job.seconds}s", "--timeout", "60s"),
                *("-s", str(script), job.url),
            ],
            job,
        )
    return read_wrk(said)


def _lua(job: Job) -> str:
    # JSON's strings are Lua's, as long as they are plain ASCII without an escape of \\u.
    headers = "\n".join(
        f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}"
        for name, value in job.headers.items()
    )
    return _SCRIPT % (json.dumps(job.body), headers)


def read_wrk(said: str) -> Loaded:
    """The line that the script above writes."""
    found = json.loads(said.strip().splitlines()[-1])
    rate = found["answered"] / (found["us"] / 1e6)
    return Loaded(found["answered"], found["failed"], rate, found["p99_us"] / 1000)


def oha(job: Job) -> Loaded:
    headers = [part for pair in job.headers.items() for part in ("-H", ": ".join(pair))]
    return read_oha(
        _run(
            [
                *("oha", "--no-tui", "--output-format", "json", "-m", "POST", *headers),
                *("-d", job.body, "-c", str(job.connections), "-z", f"{job.seconds}s", job.url),
            ],
            job,
        )
    )


def read_oha(said: str) -> Loaded:
    """Its JSON. Requests that were under way at the end are no failures."""
    found: dict[str, Any] = json.loads(said)
    statuses: dict[str, int] = found["statusCodeDistribution"]
    broken: dict[str, int] = found["errorDistribution"]
    answered = sum(statuses.values())
    return Loaded(
        answered,
        answered
        - statuses.get("200", 0)
        + sum(count for reason, count in broken.items() if "deadline" not in reason),
        found["summary"]["requestsPerSec"],
        found["latencyPercentiles"]["p99"] * 1000,
    )


def _run(command: list[str], job: Job) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=job.seconds + 60)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} said: {done.stderr}{done.stdout}")
    return done.stdout
