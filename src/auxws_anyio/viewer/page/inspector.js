// What is known of one event, or of one message.

const inspector = $("inspector");
let isPretty = true;

function fact(name, value) {
  return value === null || value === undefined || value === "" ? []
    : [make("dt", { textContent: name }), make("dd", { textContent: String(value) })];
}

function closeInspector() {
  inspector.hidden = true;
  inspector.replaceChildren();
  $("list").focus({ preventScroll: true });
  resized();
}

function heading(text) {
  const close = make("button", { type: "button", className: "close", textContent: "✕", title: "Close (Esc)" });
  close.setAttribute("aria-label", "Close the details");
  close.addEventListener("click", closeInspector);
  return make("header", {}, make("h2", { id: "inspector-title", textContent: text }), close);
}

function inspectRow(row) {
  const way = row.source === row.target ? LANES[row.source] : `${LANES[row.source]} → ${LANES[row.target]}`;
  const facts = make("dl", { className: "facts" },
    ...fact("Time", clock(row.at, 6)), ...fact("UTC", timeOfDay(row.at)),
    ...fact("Size", row.size === null ? "" : `${count(row.size)} bytes`),
    ...fact("Event type", row.event), ...fact("Event id", row.eventId), ...fact("Send", row.sendId),
    ...fact("Message type", row.type), ...fact("Transport", row.transport),
    ...fact("Transfer", row.transfer), ...fact("URL", row.url),
    ...row.facts.flatMap(([name, value]) => fact(name, value)));
  const parts = [heading(row.label), make("p", { className: "way", textContent: way }), facts];
  if (row.span !== null) parts.push(...legsOf(spans[row.span]));
  if (row.payload) parts.push(...payloadOf(row));
  parts.push(jumpsOf(row));
  showInspector(parts);
}

function inspectSpan(span) {
  const facts = make("dl", { className: "facts" },
    ...fact("Began", clock(span.start, 6)), ...fact("UTC", timeOfDay(span.start)),
    ...fact("Took", span.isOver ? duration(span.end - span.start) : "not over"),
    ...fact("Size", span.size === null ? "" : `${count(span.size)} bytes`),
    ...fact("Way", span.path), ...fact("Outcome", span.outcome), ...fact("Send", span.sendId),
    ...fact("Event ids", span.eventIds.join(", ")));
  const parts = [heading(span.type || "Message"),
    make("p", { className: "way", textContent: span.direction === "out" ? "sent" : "received" }),
    facts, ...legsOf(span)];
  const best = rows.slice(span.first, span.last + 1).find((row) => row.span === span.index && row.payload
    && (row.kind === "message" || row.source === 3));
  if (best) parts.push(...payloadOf(best));
  showInspector(parts);
}

function showInspector(parts) {
  inspector.replaceChildren(...parts.filter(Boolean));
  inspector.scrollTop = 0;
  if (inspector.hidden) {
    inspector.hidden = false;
    resized();
  }
}

function legsOf(span) {
  const took = span.end - span.start;
  const title = make("h3", {}, `Message, ${span.isOver ? duration(took) : "not over"}`,
    make("span", { textContent: [span.size === null ? "" : bytes(span.size), span.path, span.outcome.toLowerCase()].filter(Boolean).join(" · ") }));
  const list = make("ol", { className: "legs" });
  for (const leg of span.legs) {
    const bar = make("span", { className: "bar" });
    const share = (t) => (took > 0 ? ((t - span.start) / took) * 100 : 0);
    bar.style.left = `${Math.min(99, share(leg.start))}%`;
    bar.style.width = `${Math.max(0, share(leg.end) - share(leg.start))}%`;
    bar.style.background = `var(--${leg.ok ? LEG_COLORS[leg.name] ?? "wait" : "error"})`;
    const button = make("button", { type: "button", title: "Go to its first event" },
      make("span", { textContent: leg.ok ? leg.name : `${leg.name} ✕` }),
      make("span", { className: "track" }, bar),
      make("span", { className: "took", textContent: duration(leg.end - leg.start) }));
    button.addEventListener("click", () => goToRow(leg.first));
    list.append(make("li", {}, button));
  }
  return [title, list];
}

function pretty(text) {
  try {
    return spelled(JSON.stringify(JSON.parse(text), null, 2));
  } catch {
    return text;
  }
}

function payloadOf(row) {
  const block = make("pre", { tabIndex: 0 });
  block.setAttribute("aria-label", "Payload");
  const button = make("button", { type: "button", className: "small", textContent: "Indent" });
  const copy = make("button", { type: "button", className: "small", textContent: "Copy" });
  const show = () => {
    button.setAttribute("aria-pressed", String(isPretty));
    block.textContent = isPretty ? pretty(row.payload) : row.payload;
  };
  button.addEventListener("click", () => { isPretty = !isPretty; show(); });
  copy.addEventListener("click", () => {
    const range = document.createRange();
    range.selectNodeContents(block);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    copy.textContent = document.execCommand("copy") ? "Copied" : "Selected";
    setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  });
  show();
  const parts = [make("h3", {}, "Payload", make("span"), button, copy), block];
  if (row.payloadSize !== null) {
    parts.push(make("p", { className: "elided", textContent: `A part of ${count(row.payloadSize)} bytes; the rest is not in this page.` }));
  }
  return parts;
}

function jumpsOf(row) {
  const jump = (text, act) => {
    const button = make("button", { type: "button", className: "small", textContent: text });
    button.addEventListener("click", act);
    return button;
  };
  return make("div", { className: "jumps" },
    jump("Time from here", () => showTime(row.at, filter.until)),
    jump("Time until here", () => showTime(filter.from, row.at)),
    ...(row.type ? [jump("Only this type", () => { filter.type = row.type; refresh(); })] : []));
}
