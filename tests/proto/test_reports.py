"""Reports are plain values."""

from __future__ import annotations

import dataclasses

import pytest

from auxws_proto._constants import State, Violation
from auxws_proto._errors import RemoteProtocolError
from auxws_proto._reports import ErrorReport, InternalError, Progress, StateChange, Stats, Tally


def test_reports_are_frozen_values() -> None:
    change = StateChange(previous=State.IDLE, current=State.CONNECTING)

    assert change == StateChange(previous=State.IDLE, current=State.CONNECTING, cause=None)
    with pytest.raises(dataclasses.FrozenInstanceError):
        change.current = State.OPEN  # type: ignore[misc]


def test_defaults() -> None:
    error = RemoteProtocolError(Violation.NOT_JSON)

    assert ErrorReport(error=error).is_gap is False
    assert Progress() == Progress(done=0, total=None)
    assert Stats().waiting == Tally(messages=0, bytes=0)
    assert Stats().sent == {}


def test_an_internal_error_shows_the_type_of_its_cause_alone() -> None:
    cause = KeyError("https://example.com/secret")

    error = InternalError(cause)

    assert str(error) == "the client has stopped: an unexpected KeyError"
    assert error.__cause__ is cause
    assert not error.connection_usable
