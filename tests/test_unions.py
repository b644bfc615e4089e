"""Where no type checker looks, every action and event has its place too.

`Action` and `Event` are closed unions, and each ``match`` on one ends with ``assert_never``. Tables
by class or by name, and the tables of the documentation, are held against them here: whoever adds
an action or event is told of each. CONTRIBUTING.md has the whole way.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any, get_args

import pytest

import auxws_sync._roles
from auxws_anyio.viewer._reading import Reading
from auxws_anyio.viewer._teller import Teller as Artist
from auxws_anyio.viewer._timeline import Timeline
from auxws_proto import (
    Action,
    ActionRun,
    AnswerUploadRequest,
    Event,
    HttpFailed,
    HttpFailure,
    HttpProgressed,
    HttpResponded,
    LoginUnavailable,
    ReportProgress,
    SendBytes,
    UploadGranted,
    UploadRefused,
)
from auxws_proto import _dialogue_websocket as dialogue_websocket
from auxws_proto import _dialogues as dialogues
from auxws_proto._trace_values import Scribe, load
from auxws_proto.observe._observation import Observation
from auxws_proto.observe._teller import Teller

ROOT = Path(__file__).parents[1]
ACTIONS: dict[str, Any] = {kind.__name__: kind for kind in get_args(Action)}
EVENTS: dict[str, Any] = {kind.__name__: kind for kind in get_args(Event)}

NOT_OBSERVED = {AnswerUploadRequest, ReportProgress, SendBytes}
"""What `Observation` leaves out, and says why."""
NOT_DRAWN = {"HttpProgressed", "ReportProgress"}
"""What moves nothing that a picture of a session could show."""

EXAMPLES: list[Event] = [
    HttpResponded(transfer_id=1, status=200, headers=[("etag", "x")], body=b"body"),
    HttpFailed(transfer_id=1, error=HttpFailure(kind="connect", transient=False)),
    HttpProgressed(transfer_id=1, done=1, total=2),
    UploadGranted(request_id=1, url="https://b.example/k", headers={"a": "b"}),
    UploadRefused(request_id=1, error="not_supported"),
    LoginUnavailable(transport=1, error="no key"),
]


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


def rows(text: str, head: str) -> list[list[str]]:
    """The cells of the table below this head."""
    table = text.partition(f"\n{head}\n")[2].partition("\n\n")[0]
    return [line.strip("| ").split(" | ") for line in table.splitlines()[1:]]


def words(text: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`(\w+)`", text)


def reference_section(heading: str) -> set[str]:
    """What a section of the reference of actions documents."""
    section = page("reference/actions.md").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\.\. autoclass:: (\w+)$", section, re.MULTILINE))


FOR_IO = reference_section("Actions for whoever does the I/O")
FOR_THE_APPLICATION = reference_section("Actions for the application")


def test_every_action_is_for_one_of_two() -> None:
    assert sorted([*FOR_IO, *FOR_THE_APPLICATION]) == sorted(ACTIONS)


def test_every_event_is_in_its_section() -> None:
    assert reference_section("Events") >= set(EVENTS)


def test_what_is_for_the_application_is_what_a_driver_reports() -> None:
    reports = {kind.__name__ for kind in get_args(auxws_sync._roles.Report)}
    runs = {kind.__name__ for kind in get_args(ActionRun)}

    assert reports - runs == FOR_THE_APPLICATION


def test_what_is_for_the_application_reaches_its_dialogues() -> None:
    known = {kind.__name__ for kind in get_args(dialogues.Report)}

    assert known == FOR_THE_APPLICATION - {"ReportProgress"}
    assert known == {kind.__name__ for kind in dialogue_websocket._REPORTS}


def test_the_page_about_embedding_says_what_to_do_for_each_action() -> None:
    table = rows(page("how-to/embedding.md"), "| action | do | then feed |")

    assert sorted(name for row in table for name in words(row[0])) == sorted(ACTIONS)


def test_the_format_of_traces_names_each_action_with_its_fields() -> None:
    table = rows(page("traces.md"), "| action | fields |")
    left = dict(ACTIONS)

    for names, fields in table:
        kinds = [left.pop(name) for name in words(names)]
        known = {field.name for kind in kinds for field in dataclasses.fields(kind)}
        # What stands behind the semicolon are no fields.
        assert set(words(fields.partition(";")[0])) == known, names
    assert left == {}


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_a_trace_reads_an_event_again(event: Event) -> None:
    written = Scribe().dump(event)

    assert Scribe().dump(load(written)) == written
    assert type(load(written)) is type(event)


def test_every_event_has_an_example() -> None:
    assert {type(event).__name__ for event in EXAMPLES} == set(EVENTS)


def test_every_action_is_observed_or_left_out_on_purpose() -> None:
    observation = Observation(Teller([], print), client="", url_lifetime=1.0)

    assert observation._handlers.keys() | NOT_OBSERVED == set(ACTIONS.values())


def test_every_action_and_event_is_drawn_or_left_out_on_purpose() -> None:
    drawn = Reading(Artist(Timeline()))._handlers.keys()

    assert {*ACTIONS, *EVENTS} - drawn == NOT_DRAWN
