"""Right and wrong requests against three object stores that check signatures."""

from __future__ import annotations

import pytest

from tests.interop.conftest import Recorder
from tests.interop.requests_table import DIFFERENCES, ROWS, Row
from tests.interop.stores import STORES, Presign, StorePeer

pytestmark = pytest.mark.interop

TITLE = "3b. Requests to object stores"
TEXT = """\
What the same stores answer to right and wrong requests, made by hand, beside what S3 answers by
its documentation. Our own store answers all of them as S3 does; the notes tell where another one
differs."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_requests(
    row: Row, stores: dict[str, StorePeer], presigners: dict[str, Presign], record: Recorder
) -> None:
    answers = {
        name: str(row.attempt(store, presigners["AWS SDK for JavaScript"]))
        for name, store in stores.items()
    }
    differences = {
        name: DIFFERENCES[name, row.title] for name in STORES if (name, row.title) in DIFFERENCES
    }

    assert answers == dict.fromkeys(STORES, row.expected) | {
        name: answer for name, (answer, _) in differences.items()
    }
    assert answers["auxws"] == row.expected
    record.put("all three", row.title, "S3, as documented", row.expected)
    for name, answer in answers.items():
        record.put("all three", row.title, name, answer)
    for _, reason in differences.values():
        record.note(reason)
