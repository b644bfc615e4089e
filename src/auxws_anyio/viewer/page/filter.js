// What is shown: a filter over rows and over spans.

const filter = {
  text: "", type: "", direction: "", kinds: new Set(KINDS.map(([kind]) => kind)),
  from: 0, until: Infinity,
};
filter.kinds.delete("ping");

const isError = (row) => row.tone === "bad";
const isTimeWhole = () => filter.from <= 0 && filter.until >= data.duration;

// Terms are joined by "and"; "#12" is a number of an event or of a send, all else is text.
function compile(text) {
  return text.trim().toLowerCase().split(/\s+/).filter(Boolean).map((term) => {
    const number = /^#(-?\d+)$/.exec(term);
    if (number) {
      const id = Number(number[1]);
      const ofSpan = (span) => span.sendId === id || span.eventIds.includes(id);
      return {
        row: (row) => row.eventId === id || row.sendId === id
          || (row.span !== null && ofSpan(spans[row.span])),
        span: ofSpan,
      };
    }
    return {
      row: (row) => (row.text ??= `${row.label}\n${row.type}\n${row.payload}`.toLowerCase()).includes(term),
      span: (span) => `${span.type}\n${span.path}\n${span.outcome}`.toLowerCase().includes(term),
    };
  });
}

function shownRows() {
  const terms = compile(filter.text);
  const shown = [];
  const start = lowerBound(rows, filter.from, (row) => row.at);
  for (let i = start; i < rows.length; i++) {
    const row = rows[i];
    if (row.at > filter.until) break;
    // An error is an error whatever it is about.
    if (!filter.kinds.has(row.kind) && !(isError(row) && filter.kinds.has("error"))) continue;
    if (filter.type && row.type !== filter.type) continue;
    if (filter.direction && row.direction !== filter.direction) continue;
    if (terms.length && !terms.every((term) => term.row(row))) continue;
    shown.push(row);
  }
  return shown;
}

function shownSpans() {
  const terms = compile(filter.text);
  const wanted = (span) => (
    (span.path === "upload" ? filter.kinds.has("upload")
      : span.path === "download" ? filter.kinds.has("download")
        : filter.kinds.has("message")) || (span.tone === "bad" && filter.kinds.has("error"))
  );
  return spans.filter((span) => span.end >= filter.from && span.start <= filter.until
    && wanted(span)
    && (!filter.type || span.type === filter.type)
    && (!filter.direction || span.direction === filter.direction)
    && terms.every((term) => term.span(span)));
}

function clearFilter() {
  Object.assign(filter, { text: "", type: "", direction: "", from: 0, until: Infinity });
  filter.kinds = new Set(KINDS.map(([kind]) => kind));
}
