"""The fenced blocks of a page, and how each kind is run.

    sql        psql runs it on the page's database
    python     a script in the page's folder
    console    lines that begin with `$ ` are commands, the others what they print
    text       right after an sql or python block: what that prints
    crontab    the commands, without their times
    sh         shown, not run; but each `make` target and `dbkit` command must exist
    ini        shown, not run
    mermaid    a picture

`file=NAME` writes an sql or python block into the page's folder and runs nothing; a diff block
with `file=NAME` edits that file (`*` stands for what a command made up). In expected output `…`
stands for any text, alone on a line for any lines. An sql block that shows what it prints may
fail; without shown output it must not.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

LANGUAGES = ("sql", "python", "console", "text", "crontab", "sh", "ini", "mermaid", "diff")
RUN = ("sql", "python", "console", "crontab")
_FENCE = re.compile(r"^```(\w*)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: where it is, what it holds, and the output that the page shows for it."""

    page: str
    line: int
    language: str
    file: str | None
    text: str
    shown: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: str, text: str) -> list[Block]:
    found = list(_FENCE.finditer(text))
    blocks = []
    for number, match in enumerate(found):
        after = found[number + 1] if number + 1 < len(found) else None
        shown = None
        if after and after[1] == "text" and not text[match.end() : after.start()].strip():
            shown = after[3]
        line = text.count("\n", 0, match.start()) + 1
        blocks.append(Block(page, line, match[1], match[2], match[3], shown))
    return blocks


def fits(expected: str, printed: str) -> bool:
    """Whether output is as a page shows it."""
    pattern = ""
    for line in _lines(expected):
        if line.strip() == "…":
            pattern += r"(?:[^\n]*\n)*"
        else:
            pattern += "[^\n]*".join(map(re.escape, line.split("…"))) + r"\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _lines(printed))) is not None


def _lines(text: str) -> list[str]:
    """Without blanks at the ends of lines, and without empty lines around them."""
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n").split("\n")


@dataclass(frozen=True)
class Runner:
    """Runs the blocks of one page, in order, in one folder, on one database."""

    folder: Path
    environment: Mapping[str, str]

    def run(self, block: Block) -> None:
        if block.file:
            self._write(block)
        elif block.language == "sql":
            self._sql(block)
        elif block.language == "python":
            script = self.folder / "example.py"
            script.write_text(block.text, "utf-8")
            self._compare(block, [sys.executable, "-W", "error", script.name], None, block.shown)
        elif block.language == "console":
            for command, shown in commands(block.text):
                self._compare(block, ["bash", "-c", command], None, shown, may_fail=True)
        elif block.language == "crontab":
            for command in scheduled(block.text):
                self._compare(block, ["bash", "-c", command], None, None)

    def output(self, argv: list[str], stdin: str | None = None) -> tuple[int, str]:
        """Exit code, and all that a command prints, errors too."""
        done = subprocess.run(
            argv,
            cwd=self.folder,
            env=dict(self.environment),
            input=stdin or "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout

    def _write(self, block: Block) -> None:
        if block.language != "diff":
            file = self.folder / (block.file or "")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, "utf-8")
            return
        (file,) = self.folder.glob(block.file or "")
        lines = block.text.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] != "+")
        new = "".join(line[1:] for line in lines if line[0] != "-")
        before = file.read_text("utf-8")
        assert before.count(old) == 1, f"{block}: {file.name} does not have these lines:\n{old}"
        file.write_text(before.replace(old, new), "utf-8")

    def _sql(self, block: Block) -> None:
        stop = "1" if block.shown is None else "0"
        argv = ["psql", "-X", "-q", "-v", f"ON_ERROR_STOP={stop}", "-v", "SHOW_CONTEXT=never"]
        self._compare(block, argv, block.text, block.shown)

    def _compare(
        self,
        block: Block,
        argv: list[str],
        stdin: str | None,
        shown: str | None,
        *,
        may_fail: bool = False,
    ) -> None:
        code, printed = self.output(argv, stdin)
        said = f"{block}: {argv[-1]}\n{printed}"
        assert may_fail or code == 0, said
        if may_fail and not shown:
            assert code == 0, said
        if shown is not None:
            assert fits(shown, printed), f"{said}\n--- the page shows\n{shown}"


def commands(text: str) -> Iterator[tuple[str, str | None]]:
    """Each command of a console block, with what the block shows after it; None: nothing said."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.split("\n")
        count = 1
        while not _complete("\n".join(lines[:count])):
            count += 1
        shown = "\n".join(lines[count:]).strip("\n")
        yield "\n".join(lines[:count]), shown or None


def _complete(command: str) -> bool:
    if command.endswith("\\"):
        return False
    try:
        shlex.split(command)
    except ValueError:
        return False
    return True


def scheduled(text: str) -> list[str]:
    """The commands of a crontab."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [line.split(maxsplit=5)[5] for line in lines]
