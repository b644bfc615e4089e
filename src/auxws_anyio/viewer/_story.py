"""A trace's story as a timeline: one machine's records, from first to last.

It knows a trace as `read_trace` gives it. It must not know what a record means, nor how anything is
drawn.
"""

from __future__ import annotations

from typing import Final

from auxws_proto import (
    MAX_MESSAGE_SIZE,
    Role,
    Trace,
    TraceAction,
    TraceError,
    TraceInput,
    TraceNote,
)

from ._reading import Reading
from ._teller import PAYLOAD_LIMIT, Teller, lay_columns
from ._texts import bare_url, line
from ._timeline import Timeline
from ._values import number_of

_LONGEST: Final = 1e9
"""Seconds; a session is not longer, whatever a file says."""

_LAST_MOMENT: Final = 250_000_000_000.0
"""Seconds since 1970, in the year 9892: what every kind of date can say."""


def tell(
    trace: Trace,
    *,
    machine: str | None = None,
    title: str = "auxws trace",
    payload_limit: int = PAYLOAD_LIMIT,
) -> Timeline:
    """The timeline of one machine of a trace; without a name, of the first client.

    Payloads are kept up to ``payload_limit`` characters each. Raises `TraceError` if the trace has
    no such machine, or a line that is not as the format has it.
    """
    name = machine if machine is not None else _first(trace)
    if name not in trace.machines:
        known = ", ".join(map(repr, trace.machines)) or "none"
        raise TraceError(f"the trace has no machine {line(repr(name))}; it has {line(known)}")
    made = trace.machines[name]
    timeline = Timeline(
        title=line(title),
        machine=line(name),
        role=made.role.value,
        url=bare_url(made.url, with_path=not trace.header.is_redacted),
    )
    limit = made.config.get("inline_limit")
    timeline.inline_limit = limit if isinstance(limit, int) and limit > 0 else MAX_MESSAGE_SIZE
    teller = Teller(timeline, payload_limit=payload_limit, is_redacted=trace.header.is_redacted)
    _tell(trace, name, teller)
    lay_columns(timeline.spans, len(timeline.rows) - 1)
    return timeline


def _first(trace: Trace) -> str:
    clients = (name for name, made in trace.machines.items() if made.role is Role.CLIENT)
    return next(clients, next(iter(trace.machines), "client"))


def _tell(trace: Trace, name: str, teller: Teller) -> None:
    timeline, reading = teller.timeline, Reading(teller)
    began: float | None = None
    for record in trace.records:
        match record:
            case TraceInput(machine=of) | TraceAction(machine=of) if of == name:
                time = number_of(record.time)
                if time is not None:
                    began = time if began is None else began
                    # Clocks do not run backwards; a file can say so, and is drawn in its order.
                    teller.at = max(teller.at, min(time - began, _LONGEST))
                _read(reading, record)
            case TraceNote(fields={"failure": str(failure)}) if failure:
                timeline.notes.append(line(f"A promise was broken: {failure}"))
            case _:
                pass
    timeline.duration = teller.at
    started, clock = number_of(trace.header.started), number_of(trace.header.clock)
    if started is not None and clock is not None and began is not None:
        moment = started + began - clock
        timeline.started_at = moment if 0 <= moment < _LAST_MOMENT else None
    if trace.is_torn:
        timeline.notes.append("The last line of the trace is torn.")
    elif not trace.is_complete and trace.header.is_redacted:
        timeline.notes.append("The trace has no end: the program was killed, or still runs.")


def _read(reading: Reading, record: TraceInput | TraceAction) -> None:
    try:
        if isinstance(record, TraceInput):
            reading.call(record.door, record.arguments, record.gave, record.raised)
        else:
            reading.act(record.kind, record.fields)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TraceError(
            f"line {record.line} is not as the format has it: {type(error).__name__}"
        ) from None
