"""Two or more statements measured in turn by pgbench, so that a drifting machine hits all alike."""

from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dbkit.server import find_binaries


@dataclass(frozen=True)
class Sample:
    """Medians over the rounds of one statement."""

    latency_us: float
    tps: float


def interleave(
    url: str, statements: Mapping[str, str], *, clients: int, rounds: int, seconds: int
) -> dict[str, Sample]:
    """Run each statement in each round on prepared connections; medians by statement name."""
    seen: dict[str, list[Sample]] = {name: [] for name in statements}
    with tempfile.TemporaryDirectory() as folder:
        for name, statement in statements.items():
            (Path(folder) / name).write_text(statement + ";\n", "utf-8")
        for _ in range(rounds):
            for name in statements:
                seen[name].append(_once(url, Path(folder) / name, clients, seconds))
    return {
        name: Sample(
            statistics.median(s.latency_us for s in samples),
            statistics.median(s.tps for s in samples),
        )
        for name, samples in seen.items()
    }


def _once(url: str, script: Path, clients: int, seconds: int) -> Sample:
    command: list[str | Path] = [
        find_binaries().bin_dir / "pgbench",
        *("-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2))),
        *("-T", str(seconds), "-f", script, url),
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    latency = re.search(r"latency average = ([\d.]+) ms", done.stdout)
    tps = re.search(r"tps = ([\d.]+)", done.stdout)
    if latency is None or tps is None:
        raise RuntimeError(f"pgbench said: {done.stdout}{done.stderr}")
    return Sample(1000 / float(tps[1]) * 1000 * clients, float(tps[1]))
