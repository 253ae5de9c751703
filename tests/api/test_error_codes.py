"""The errors of module api are all declared, and all met by a test of this folder."""

import re
from pathlib import Path

from tests.helpers import Connection, rows


def test_every_code_is_declared_with_its_status(db: Connection) -> None:
    found = rows(db, "select * from dbkit.error_codes where sqlstate like 'KD1%%' order by 1")
    statuses = {f["sqlstate"]: f["http_status"] for f in found}
    assert statuses == {
        "KD101": 404,
        "KD102": 400,
        "KD103": 410,
        "KD104": 426,
        "KD105": 422,
        "KD106": 400,
        "KD107": 409,
        "KD108": 400,
        "KD109": 409,
        "KD110": 422,
        "KD111": 409,
        "KD112": 409,
        "KD113": 409,
        "KD114": 503,
        "KD115": 400,
        "KD116": 409,
        "KD117": 404,
        "KD120": 400,
        "KD121": 405,
        "KD122": 404,
        "KD123": 400,
        "KD124": 409,
        "KD125": 429,
        "KD126": 400,
        "KD140": 400,
        "KD141": 400,
        "KD142": 404,
        "KD143": 400,
    }


def test_every_code_is_raised_and_tested() -> None:
    here = Path(__file__).parent
    tests = "".join(f.read_text() for f in here.glob("test_*.py") if f != Path(__file__))
    sql = "".join(f.read_text() for f in (here.parents[1] / "sql" / "api" / "functions").iterdir())
    raised = set(re.findall(r"'(KD1\d\d)'", sql))
    assert raised == {f"KD1{n:02}" for n in (*range(1, 18), *range(20, 27), *range(40, 44))}
    assert raised <= set(re.findall(r'"(KD1\d\d)"', tests))
