"""Whatever stands in a trace: it is drawn, or the line is named; nothing else comes out."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from auxws_anyio.viewer import render_har, render_html, render_svg, render_text, summary, tell
from auxws_proto import Trace, TraceAction, TraceError, TraceInput, TraceRecord
from tests.viewer.traces import everyday

TRACE = everyday().trace()
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["$", "$u", "$b", "$e", "json", "head", "type", "text", "kind", "body"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where in a value there is something that can be replaced."""
    found = [path] if path else []
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            found += places(item, (*path, key))
    return found


FIELDS = [
    copy.deepcopy(record.arguments if isinstance(record, TraceInput) else record.fields)
    for record in TRACE.records
    if isinstance(record, TraceInput | TraceAction)
]
PLACES = [(number, path) for number, fields in enumerate(FIELDS) for path in places(fields)]
Change = tuple[tuple[int, tuple[Any, ...]], Any]


def changed(changes: list[Change]) -> Trace:
    """The trace with other values in some places."""
    every = copy.deepcopy(FIELDS)
    for (number, path), value in changes:
        target: Any = every[number]
        # An earlier change may have taken the place away.
        with contextlib.suppress(KeyError, IndexError, TypeError):
            for step in path[:-1]:
                target = target[step]
            target[path[-1]] = value
    fresh, records = iter(every), list[TraceRecord]()
    for record in TRACE.records:
        if isinstance(record, TraceInput):
            records.append(dataclasses.replace(record, arguments=next(fresh)))
        elif isinstance(record, TraceAction):
            records.append(dataclasses.replace(record, fields=next(fresh)))
        else:
            records.append(record)
    return dataclasses.replace(TRACE, records=tuple(records))


@given(st.lists(st.tuples(st.sampled_from(PLACES), ANYTHING), min_size=1, max_size=4))
@settings(deadline=None, max_examples=80)
def test_any_value_anywhere(changes: list[Change]) -> None:
    try:
        timeline = tell(changed(changes))
    except TraceError:
        return

    written = [
        render_html(timeline), render_svg(timeline), render_har(timeline),
        render_text(summary(timeline)),
    ]  # fmt: skip

    for text in written:
        text.encode("utf-8")


@given(st.lists(ANYTHING, min_size=6, max_size=6))
@settings(deadline=None, max_examples=40)
def test_any_value_around(values: list[Any]) -> None:
    header = dataclasses.replace(TRACE.header, started=values[0], clock=values[1], limit=values[2])
    made = dataclasses.replace(
        TRACE.machines["client"], url=values[3], config={"inline_limit": values[4]}
    )
    records = tuple(
        dataclasses.replace(record, time=values[5]) if isinstance(record, TraceAction) else record
        for record in TRACE.records
    )
    trace = dataclasses.replace(TRACE, header=header, machines={"client": made}, records=records)

    render_html(trace).encode("utf-8")
    render_har(trace).encode("utf-8")
