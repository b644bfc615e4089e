// The controls above the board, the keys and the pointer.

function drawControls() {
  $("find").value !== filter.text && ($("find").value = filter.text);
  $("type").value = filter.type;
  for (const button of document.querySelectorAll("[data-direction]")) {
    button.setAttribute("aria-pressed", String(button.dataset.direction === filter.direction));
  }
  for (const button of document.querySelectorAll("[data-kind]")) {
    button.setAttribute("aria-pressed", String(filter.kinds.has(button.dataset.kind)));
  }
  $("view-sequence").setAttribute("aria-pressed", String(isSequence()));
  $("view-messages").setAttribute("aria-pressed", String(!isSequence()));
  const [from, until] = timeWindow();
  $("zoom-level").textContent = isSequence() ? ZOOMS[layout.zoom].name : duration(until - from);
  $("zoom-out").disabled = isSequence() ? layout.zoom === 0 : isTimeWhole();
  $("zoom-in").disabled = isSequence() && layout.zoom === ZOOMS.length - 1;
}

function fillControls() {
  $("title").textContent = data.title;
  $("subtitle").textContent = [data.url, timeOfDay(0).slice(0, 19)].filter(Boolean).join(" · ");
  const large = largeSpans.length;
  const outage = bands.filter((band) => band.isOutage).reduce((sum, band) => sum + band.end - band.start, 0);
  const total = (direction) => spans.filter((span) => span.direction === direction).reduce((sum, span) => sum + (span.size ?? 0), 0);
  const figures = [
    ["duration", duration(data.duration)], ["messages", count(spans.length)], ["over the store", count(large), "extra"],
    ["sent", bytes(total("out")), "extra"], ["received", bytes(total("in")), "extra"],
    ["offline", duration(outage), outage ? "bad" : ""], ["errors", count(errorRows.length), errorRows.length ? "bad" : ""],
  ];
  $("figures").replaceChildren(...figures.map(([name, value, kind]) => make("div", { className: kind ?? "" },
    make("dt", { textContent: name }), make("dd", { textContent: value }))));
  const types = new Map();
  for (const row of rows) if (row.type) types.set(row.type, (types.get(row.type) ?? 0) + 1);
  $("type").replaceChildren(make("option", { value: "", textContent: "All types" }),
    ...[...types].sort((a, b) => b[1] - a[1]).slice(0, 500).map(([type, many]) => make("option", { value: type, textContent: `${type} (${count(many)})` })));
  $("kinds").replaceChildren(...KINDS.map(([kind, name]) => {
    const many = kind === "error" ? errorRows.length : rows.filter((row) => row.kind === kind).length;
    const button = make("button", { type: "button" }, name, make("small", { textContent: count(many) }));
    button.dataset.kind = kind;
    button.style.setProperty("--tint", `var(--${kind})`);
    button.addEventListener("click", () => {
      filter.kinds.has(kind) ? filter.kinds.delete(kind) : filter.kinds.add(kind);
      refresh();
    });
    return button;
  }));
  $("legend").replaceChildren(...[["waits", "wait"], ["URL request", "url"], ["PUT", "upload"], ["GET", "download"], ["announced", "outcome"], ["offline", "outage-edge"]]
    .map(([name, color]) => {
      const item = make("span", { textContent: name });
      item.style.setProperty("--tint", `var(--${color})`);
      return item;
    }));
}

const KEYS = {
  ArrowDown: () => select(selected === null ? firstVisible() : (placeOf(selected) ?? -1) + 1),
  ArrowUp: () => select(selected === null ? 0 : (placeOf(selected) ?? 1) - 1),
  PageDown: () => select((placeOf(selected ?? -1) ?? firstVisible()) + Math.max(1, Math.floor(list.clientHeight / layout.rowHeight) - 2)),
  PageUp: () => select((placeOf(selected ?? -1) ?? 0) - Math.max(1, Math.floor(list.clientHeight / layout.rowHeight) - 2)),
  Home: () => select(0),
  End: () => select(layout.items.length - 1),
  Enter: () => {
    if (selected === null) select(firstVisible());
    select(placeOf(selected), { open: true });
    inspector.focus({ preventScroll: true });
  },
  m: () => {
    const span = isSequence() && selected !== null ? rows[selected].span : null;
    if (span !== null) next((row) => row.span === span);
  },
  e: () => next((item) => item.tone === "bad"),
  "[": () => selected !== null && showTime(startOf(selected), filter.until),
  "]": () => selected !== null && showTime(filter.from, startOf(selected)),
  "+": () => zoom(1), "=": () => zoom(1), "-": () => zoom(-1), 0: () => showTime(0, Infinity),
  "/": () => $("find").focus(),
  v: () => setView(isSequence() ? "messages" : "sequence"),
  "?": () => $("keys").showModal(),
};
const startOf = (index) => (isSequence() ? rows[index].at : spans[index].start);

function listen() {
  list.addEventListener("scroll", schedule, { passive: true });
  list.addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (row) select(Number(row.dataset.place), { open: true });
  });
  list.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1 : -1);
  }, { passive: false });
  list.addEventListener("focus", () => {
    // Not for the pointer: it is about to choose for itself, and nothing may move under it.
    if (selected === null && list.matches(":focus-visible")) select(firstVisible(), { open: false });
  });
  document.addEventListener("keydown", (event) => {
    if ($("keys").open || event.altKey || event.metaKey || event.ctrlKey) return;
    const isTyping = event.target.closest("input, select, pre");
    if (event.key === "Escape") {
      if (!inspector.hidden) closeInspector(); else list.focus();
      return;
    }
    const isNear = event.target === list || event.target === document.body;
    const isMove = event.key.length > 1;
    if (isTyping || (isMove && !isNear) || (!isNear && event.target.closest("button"))) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!Object.hasOwn(KEYS, key)) return;
    event.preventDefault();
    KEYS[key]();
  });
  $("find").addEventListener("input", () => { filter.text = $("find").value; refresh(); });
  $("find").addEventListener("keydown", (event) => { if (event.key === "Enter") list.focus(); });
  $("type").addEventListener("change", () => { filter.type = $("type").value; refresh(); });
  for (const button of document.querySelectorAll("[data-direction]")) {
    button.addEventListener("click", () => { filter.direction = button.dataset.direction; refresh(); });
  }
  $("view-sequence").addEventListener("click", () => setView("sequence"));
  $("view-messages").addEventListener("click", () => setView("messages"));
  $("zoom-in").addEventListener("click", () => zoom(1));
  $("zoom-out").addEventListener("click", () => zoom(-1));
  $("zoom-fit").addEventListener("click", () => showTime(0, Infinity));
  $("clear").addEventListener("click", () => { clearFilter(); refresh(); });
  $("help").addEventListener("click", () => $("keys").showModal());
  $("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    recolor();
  });
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) matchMedia(query).addEventListener("change", recolor);
  new ResizeObserver(resized).observe(list);
  listenToOverview();
}

function recolor() {
  readColors();
  forgetOverview();
  isStale = true;
  schedule();
}

layout.zoom = fittingZoom();
readColors();
fillControls();
measure(list.clientWidth);
refresh({ keep: false });
listen();
