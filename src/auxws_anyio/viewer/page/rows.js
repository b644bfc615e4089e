// The rows as elements: what is read, by people and by screen readers, on top of what is painted.
// Only those that are visible, and a margin around them, are there.

function element(item, place, name, label) {
  const row = make("div", { className: `row ${name}`, id: `item-${item.index}`, role: "option" });
  row.setAttribute("role", "option");
  row.setAttribute("aria-posinset", place + 1);
  row.setAttribute("aria-setsize", layout.items.length);
  row.setAttribute("aria-label", label);
  row.style.transform = `translateY(${layout.tops[place]}px)`;
  row.style.height = `${layout.rowHeight}px`;
  row.dataset.place = place;
  return row;
}

function cell(name, text, left, width, top) {
  const span = make("span", { className: name, textContent: text });
  span.style.left = `${left}px`;
  span.style.width = `${width}px`;
  span.style.top = `${top}px`;
  return span;
}

function rowElement(row, place) {
  const node = element(row, place, `${row.kind} ${row.tone}`, describe(row));
  if (layout.rowHeight < 18) return node;
  const isLow = layout.rowHeight < 26;
  const time = (at) => clock(at, layout.isNarrow ? 2 : 3);
  // A time that is the same as above is said once.
  if (!place || time(layout.items[place - 1].at) !== time(row.at)) {
    node.append(cell("time", time(row.at), 0, layout.time - 4, isLow ? 6 : 13));
  }
  const lane = Math.min(row.source, row.target);
  const shift = lane === 1 ? (layout.isNarrow ? 14 : 26) : 9;
  const left = layout.lanes[lane] + shift;
  const label = cell("label", "", left, Math.max(40, layout.sizeLeft - left - 8), isLow ? 0 : 3);
  const [head, ...rest] = row.label.split(" ");
  label.append(make("b", { textContent: head }), rest.length ? ` ${rest.join(" ")}` : "");
  const id = row.eventId !== null ? `#${row.eventId}` : row.sendId !== null && !row.target ? `send ${row.sendId}` : "";
  if (id) label.append(make("i", { textContent: id }));
  node.append(label);
  if (row.size !== null) {
    node.append(cell(row.size > MARK ? "size large" : "size", bytes(row.size), layout.sizeLeft, layout.size, isLow ? -2 : 2));
  }
  return node;
}

function spanElement(span, place) {
  const node = element(span, place, span.tone, describeSpan(span));
  const wide = layout.bars - 24;
  if (layout.isNarrow) {
    node.append(cell("label", `${span.direction === "out" ? "→" : "←"} ${span.type || "message"}`, 10, wide, 6));
  } else {
    node.append(
      cell("time", clock(span.start), 0, 76, 7),
      cell("label", "", 90, layout.bars - 174, 6), cell(span.size > MARK ? "size large" : "size", span.size === null ? "" : bytes(span.size), layout.bars - 84, 68, 6));
    node.children[1].append(`${span.direction === "out" ? "→" : "←"} `, make("b", { textContent: span.type || "message" }),
      make("i", { textContent: span.sendId !== null ? `send ${span.sendId}` : "" }));
  }
  const tone = span.tone === "bad" ? "bad" : span.tone === "warn" ? "warn" : span.isOver ? "good" : "open";
  const words = layout.isNarrow ? duration(span.end - span.start)
    : `${span.outcome ? span.outcome.toLowerCase() : "under way"} · ${duration(span.end - span.start)}`;
  node.append(cell(`outcome ${tone}`, words, layout.barsRight + 8, layout.width - layout.barsRight - 18, 6));
  return node;
}

function drawHeads() {
  const heads = $("heads");
  const spot = (name, text, x) => {
    const span = make("span", { className: name, textContent: text });
    span.style.left = `${x}px`;
    return span;
  };
  if (isSequence()) {
    const short = { "Application": "App", "Object store": "Store" };
    heads.replaceChildren(
      ...LANES.map((lane, i) => spot("lane", layout.isNarrow ? short[lane] ?? lane : lane, layout.lanes[i])),
      spot("", layout.isNarrow ? "" : "Time", 14),
      spot("mark32", layout.isNarrow ? bytes(MARK) : count(MARK), sizeX(MARK)));
    return;
  }
  const [from, until] = timeWindow();
  const { step, at } = ticks(from, until, layout.isNarrow ? 3 : 8);
  const digits = step >= 1 ? 0 : Math.min(6, Math.ceil(-Math.log10(step) - 1e-9));
  heads.replaceChildren(spot("", layout.isNarrow ? "Message" : "Start", 14),
    ...(layout.isNarrow ? [] : [spot("", "Message", 90), spot("", "Outcome", layout.width - 78)]),
    ...at.filter((t) => timeX(t) > layout.bars - 4 && timeX(t) < layout.barsRight - 30).map((t) => spot("", clock(t, digits), timeX(t) + 3)));
}
