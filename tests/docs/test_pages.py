"""Every example of the documentation runs, and prints what the page says it prints."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dbkit.server import Server
from tests.conftest import new_database
from tests.docs.blocks import LANGUAGES, RUN, Runner, blocks_of, commands, fits, scheduled
from tests.docs.conftest import ROOT, end_servers, environment, page_blocks, with_database

OWN_SERVER = "README.md"
RECIPES = "CONTRIBUTING.md"
"""Run by test_recipes.py, in a copy of the checkout."""
LOADS_DATA = "docs/guides/README.md"
"""Run before every other page."""
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
)


@pytest.fixture(scope="session")
def restaurants(
    server: Server, template: str, programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Name of a database with the demo's restaurants; each page gets a clone."""
    folder = tmp_path_factory.mktemp("restaurants")
    with new_database(server, template) as url:
        runner = Runner(folder, with_database(environment(programs, ROOT), url))
        for block in page_blocks(LOADS_DATA):
            runner.run(block)
        yield str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


@pytest.fixture
def runner(
    request: pytest.FixtureRequest, page: str, tmp_path: Path, programs: Path
) -> Iterator[Runner]:
    """Where the examples of a page run."""
    if page == OWN_SERVER:
        surroundings = environment(programs, ROOT)
        try:
            yield Runner(tmp_path, surroundings)
        finally:
            end_servers(tmp_path)
            subprocess.run(["dbkit", "down"], cwd=tmp_path, env=surroundings, check=False)
        return
    server: Server = request.getfixturevalue("server")
    with new_database(server, request.getfixturevalue("restaurants")) as url:
        try:
            yield Runner(tmp_path, with_database(environment(programs, ROOT), url))
        finally:
            end_servers(tmp_path)


WITH_EXAMPLES = [
    page
    for page in PAGES
    if page not in (RECIPES, LOADS_DATA)
    and any(block.language in RUN for block in page_blocks(page))
]


@pytest.mark.parametrize("page", WITH_EXAMPLES)
def test_examples_run(page: str, runner: Runner) -> None:
    blocks = list(page_blocks(page))
    if shutil.which("curl") is None and any("curl " in block.text for block in blocks):
        pytest.skip("there is no curl; CI brings it")
    for block in blocks:
        runner.run(block)


@pytest.mark.parametrize("page", PAGES)
def test_blocks_say_their_language(page: str) -> None:
    wrong = [str(block) for block in page_blocks(page) if block.language not in LANGUAGES]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_are_only_shown_exist(page: str) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    source = (ROOT / "dbkit" / "cli.py").read_text("utf-8")
    groups = re.findall(r'^app\.add_typer\(.*name="(\w+)"\)', source, re.MULTILINE)
    groups += re.findall(r'^app\.command\("(\w+)"\)', source, re.MULTILINE)
    known = {*groups, *re.findall(r"^@app\.command\([^)]*\)\ndef (\w+)", source, re.MULTILINE)}
    shown = [b.text for b in page_blocks(page) if b.language == "sh"]
    text = "\n".join(shown)
    assert set(re.findall(r"\bmake ([a-z]+)", text)) <= targets
    assert set(re.findall(r"\bdbkit ([a-z]+)", text)) <= known


def anchors(page: Path) -> set[str]:
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    kept = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in kept}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = re.sub(r"`[^`\n]*`", "", (ROOT / page).read_text("utf-8"))
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        file = (ROOT / page).parent / path if path else ROOT / page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def test_every_page_of_docs_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        for target in re.findall(r"\]\(([^)\s#]+)", page.read_text("utf-8")):
            if "://" not in target and (page.parent / target).is_file():
                waiting.append((page.parent / target).resolve())
    assert {ROOT / page for page in PAGES} - seen == set()


# --- the runner itself: each of its checks can fail ------------------------------------------


@pytest.mark.parametrize(
    ("expected", "printed"),
    [
        ("a … c\n", "a b c\n"),
        ("a\n…\nc\n", "a\nb\nb\nc\n"),
        ("a\n…\nc\n", "a\nc\n"),
        (" a \n", " a    \n"),
    ],
)
def test_shown_output_fits(expected: str, printed: str) -> None:
    assert fits(expected, printed)


@pytest.mark.parametrize(
    ("expected", "printed"),
    [("a … c\n", "a b d\n"), ("a\n", "a\nb\n"), ("a\n…\nc\n", "a\nb\n"), ("a.c\n", "abc\n")],
)
def test_other_output_does_not_fit(expected: str, printed: str) -> None:
    assert not fits(expected, printed)


@pytest.mark.parametrize(
    "text",
    [
        "```python\nprint(1)\n```\n\n```text\n2\n```\n",
        "```python\nraise SystemExit(3)\n```\n",
        "```console\n$ echo a\nb\n```\n",
        "```console\n$ false\n```\n",
        "```crontab\n0 0 * * * false\n```\n",
        "```diff file=there\n-no such line\n+other\n```\n",
    ],
)
def test_a_wrong_example_is_found(text: str, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("text\n")
    runner = Runner(tmp_path, dict(os.environ))
    with pytest.raises(AssertionError):
        for block in blocks_of("page.md", text):
            runner.run(block)


def test_a_wrong_sql_example_is_found(database: str, programs: Path, tmp_path: Path) -> None:
    runner = Runner(tmp_path, with_database(environment(programs, ROOT), database))
    for text in ("```sql\nselect 1/0;\n```\n", "```sql\nselect 1;\n```\n\n```text\n2\n```\n"):
        with pytest.raises(AssertionError):
            runner.run(blocks_of("page.md", text)[0])


def test_commands_and_their_output() -> None:
    text = "$ one \\\n  more\nsays\n\n$ two\n$ three\n…\n"
    assert list(commands(text)) == [("one \\\n  more", "says"), ("two", None), ("three", "…")]


def test_crontab_lines() -> None:
    assert scheduled("# note\n*/5 * * * * psql -c 'select 1'\n") == ["psql -c 'select 1'"]
