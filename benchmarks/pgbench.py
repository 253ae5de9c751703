"""Two or more statements measured in turn by pgbench, so that a drifting machine hits all alike."""

from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dbkit.server import find_binaries


@dataclass(frozen=True)
class Sample:
    """Medians over the rounds of one statement."""

    latency_us: float
    tps: float
    transactions: int = 0
    """Of one run; 0 for medians."""


def interleave(
    url: str, statements: Mapping[str, str], *, clients: int, rounds: int, seconds: int
) -> dict[str, Sample]:
    """Run each statement in each round on prepared connections; medians by statement name."""
    tps = take_turns(
        list(statements),
        lambda name, _: (
            run_script(url, statements[name] + ";\n", clients=clients, seconds=seconds).tps
        ),
        rounds=rounds,
    )
    return {name: _sample(value, clients) for name, value in tps.items()}


def take_turns(
    names: Sequence[str], measure: Callable[[str, int], float], *, rounds: int
) -> dict[str, float]:
    """The median of each over the rounds; every round begins with another one."""
    seen: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in (*names[first:], *names[:first]):
            seen[name].append(measure(name, number))
    return {name: statistics.median(values) for name, values in seen.items()}


def run_script(
    url: str,
    script: str,
    *,
    clients: int,
    seconds: int,
    variables: Mapping[str, str | int] | None = None,
) -> Sample:
    """One run on prepared connections. Raises RuntimeError when a statement failed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.sql"
        path.write_text(script, "utf-8")
        arguments = command(url, path, clients=clients, seconds=seconds, variables=variables or {})
        try:
            done = subprocess.run(arguments, capture_output=True, text=True, timeout=seconds + 60)
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"pgbench did not end: {script}") from error
    return _read(done, clients)


def command(
    url: str, script: Path, *, clients: int, seconds: int, variables: Mapping[str, str | int]
) -> list[str]:
    # A thread of pgbench stands still while it prepares a pipeline's statements: were the table
    # locked by another client of the same thread, both would wait for ever.
    threads = clients if "\\startpipeline" in script.read_text("utf-8") else min(clients, 2)
    given = [part for name, value in variables.items() for part in ("-D", f"{name}={value}")]
    return [
        find_binaries().tool("pgbench"),
        *("-n", "-M", "prepared", "-c", str(clients), "-j", str(threads)),
        *("-T", str(seconds), *given, "-f", str(script), url),
    ]


def _read(done: subprocess.CompletedProcess[str], clients: int) -> Sample:
    tps = re.search(r"tps = ([\d.]+)", done.stdout)
    processed = re.search(r"actually processed: (\d+)", done.stdout)
    if done.returncode != 0 or tps is None or processed is None:
        raise RuntimeError(f"pgbench said: {done.stderr}{done.stdout}")
    return _sample(float(tps[1]), clients, int(processed[1]))


def _sample(tps: float, clients: int, transactions: int = 0) -> Sample:
    return Sample(latency_us=1_000_000 / tps * clients, tps=tps, transactions=transactions)
