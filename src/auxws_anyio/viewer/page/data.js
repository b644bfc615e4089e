// The data, and how figures are written. Everything that came over the wire is put on the screen
// with textContent, never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const LANES = data.lanes;
const MARK = data.inlineLimit;

const rows = data.rows.map((r, index) => ({
  index, at: r[0], source: r[1], target: r[2], kind: r[3], direction: r[4], tone: r[5],
  label: r[6], type: r[7], event: r[8], eventId: r[9], sendId: r[10], transport: r[11],
  size: r[12], span: r[13], payload: r[14], payloadSize: r[15], transfer: r[16], url: r[17], facts: r[18],
}));
const spans = data.spans.map((s, index) => ({
  index, direction: s[0], type: s[1], size: s[2], path: s[3], start: s[4],
  end: s[5] ?? data.duration, isOver: s[5] !== null, first: s[6], last: s[7] ?? rows.length - 1,
  outcome: s[8], tone: s[9], sendId: s[10], eventIds: s[11], column: s[12],
  isLarge: s[3] === "upload" || s[3] === "download",
  legs: s[13].map(([name, start, end, first, last, ok]) => ({
    name, start, end: end ?? data.duration, first, last: last ?? rows.length - 1, ok,
  })),
}));
const bands = data.bands.map(([state, start, end, first, last, cause, isOutage]) => ({
  state, start, end: end ?? data.duration, first, last: last ?? rows.length - 1, cause, isOutage,
}));
const largeSpans = spans.filter((span) => span.isLarge);

const KINDS = [
  ["message", "Messages"], ["upload", "Uploads"], ["download", "Downloads"],
  ["outcome", "Outcomes"], ["connection", "Connection"], ["error", "Errors"], ["ping", "Pings"],
];
const LEG_COLORS = {
  "waits": "wait", "waits its turn": "wait", "URL request": "url", "PUT": "upload",
  "GET": "download", "announced": "outcome", "on its way": "message",
};

const $ = (id) => document.getElementById(id);

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const grouped = new Intl.NumberFormat("en");
const count = (number) => grouped.format(number);

function bytes(size) {
  for (const [unit, one] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (size >= one) return `${+(size / one).toPrecision(3)} ${unit}`;
  }
  return `${size} B`;
}

function duration(seconds) {
  if (seconds < 5e-7) return "0 ms";
  if (seconds < 0.0999995) return `${+(seconds * 1e3).toPrecision(3)} ms`;
  if (seconds < 0.9995) return `${Math.round(seconds * 1e3)} ms`;
  if (seconds < 59.95) return `${+seconds.toPrecision(3)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

// 0:07.250, 1:02:07.250: a place in the session.
function clock(seconds, digits = 3) {
  const sign = seconds < 0 ? "−" : "";
  const total = Math.abs(seconds).toFixed(digits);
  const whole = Math.floor(total);
  const rest = (whole % 60).toString().padStart(2, "0") + total.slice(total.length - digits - 1);
  const text = digits ? rest : rest.slice(0, 2);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${sign}${minutes}:${text}`;
  return `${sign}${Math.floor(minutes / 60)}:${(minutes % 60).toString().padStart(2, "0")}:${text}`;
}

function timeOfDay(seconds) {
  if (data.startedAt === null) return "";
  return new Date((data.startedAt + seconds) * 1e3).toISOString().replace("T", " ");
}

// What no one can see, spelled out; the same set as in _texts.py.
const UNSEEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;
const spelled = (text) => text.replace(UNSEEN, (unit) => {
  const code = unit.codePointAt(0);
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}`
    : `\\U${code.toString(16).padStart(8, "0")}`;
});

function lowerBound(list, value, key = (item) => item) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (key(list[middle]) < value) low = middle + 1; else high = middle;
  }
  return low;
}

function describe(row) {
  const way = row.source === row.target ? `at ${LANES[row.source]}`
    : `${LANES[row.source]} to ${LANES[row.target]}`;
  const parts = [clock(row.at), way, row.label];
  if (row.eventId !== null) parts.push(`id ${row.eventId}`);
  if (row.sendId !== null) parts.push(`send ${row.sendId}`);
  if (row.size !== null) parts.push(bytes(row.size));
  if (row.tone === "bad") parts.push("error");
  return parts.join(", ");
}

function describeSpan(span) {
  const took = span.isOver ? `took ${duration(span.end - span.start)}` : "not over";
  return [clock(span.start), span.direction === "out" ? "sent" : "received",
    span.type || "a message", span.size === null ? "" : bytes(span.size), span.path,
    span.outcome.toLowerCase(), took].filter(Boolean).join(", ");
}
