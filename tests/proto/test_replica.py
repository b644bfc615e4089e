"""What can go wrong with a shared document, in words and in copies."""

from __future__ import annotations

import pickle

from auxws_proto import CorruptUpdate, DocumentFault, NotSynced
from auxws_proto._replica import unexpected


def test_a_corrupt_update_says_where_it_is() -> None:
    error = CorruptUpdate(("record", "lobby", "shared"), "x" * 1_000, "it is no base64")

    assert str(error) == (
        "an update of 1,000 characters in branch 'shared' of inst 'lobby' is no Yjs update, and "
        "was left out: it is no base64"
    )


def test_a_corrupt_update_survives_a_pickle() -> None:
    error = CorruptUpdate((None, "lobby", "shared"), "x", "bad")

    copy = pickle.loads(pickle.dumps(error))

    assert (copy.key, copy.update, copy.reason) == ((None, "lobby", "shared"), "x", "bad")
    assert str(copy) == str(error)


def test_what_can_be_tried_again() -> None:
    assert (NotSynced("x").retryable, DocumentFault("x").retryable) == (True, False)


def test_a_defect_is_told_with_its_cause() -> None:
    cause = ZeroDivisionError("oh")

    fault = unexpected(cause)

    assert (fault.__cause__, "ZeroDivisionError('oh')" in str(fault)) == (cause, True)
