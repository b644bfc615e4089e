// The page as a whole: what is shown, and where one is.

const list = $("list");
const sheet = $("sheet");
const holder = $("rows");
const MARGIN = 500;
const errorRows = rows.filter(isError);
const drawn = new Map();
let selected = null;
let isStale = true;
let edges = [0, 0];
let isScheduled = false;

const isSequence = () => layout.view === "sequence";

// Drawing. Whatever changes calls `schedule`; one frame draws once.

function schedule() {
  if (isScheduled) return;
  isScheduled = true;
  requestAnimationFrame(() => { isScheduled = false; draw(); });
}

function draw() {
  const top = list.scrollTop, height = list.clientHeight;
  const canvasTop = Math.max(0, Math.floor(top - MARGIN));
  const needed = top < edges[0] + 40 && edges[0] > 0 || top + height > edges[1] - 40 && edges[1] < layout.height;
  if (isStale || needed) {
    const canvasBottom = Math.min(Math.max(layout.height, height), top + height + MARGIN);
    edges = [canvasTop, canvasBottom];
    const from = layout.items.length ? itemAt(canvasTop) : 0;
    const until = layout.items.length ? itemAt(canvasBottom) + 1 : 0;
    drawRows(from, until);
    paint(canvasTop, canvasBottom - canvasTop, from, until, selected);
    isStale = false;
  }
  const some = layout.items.length > 0;
  const first = some && layout.items[itemAt(top + 8)], last = some && layout.items[itemAt(top + height - 8)];
  paintOverview(some && isSequence() ? [first.at, last.at] : null);
}

function drawRows(from, until) {
  const kin = isSequence() && selected !== null ? rows[selected].span : null;
  for (const [place, element] of drawn) {
    if (place < from || place >= until) {
      element.remove();
      drawn.delete(place);
    }
  }
  const fresh = document.createDocumentFragment();
  for (let place = from; place < until; place++) {
    const item = layout.items[place];
    let element = drawn.get(place);
    if (!element) {
      element = isSequence() ? rowElement(item, place) : spanElement(item, place);
      drawn.set(place, element);
      fresh.append(element);
    }
    element.classList.toggle("active", item.index === selected);
    element.classList.toggle("kin", kin !== null && item.span === kin);
    element.setAttribute("aria-selected", String(item.index === selected));
  }
  holder.append(fresh);
  if (selected !== null && holder.querySelector(".active")) list.setAttribute("aria-activedescendant", `item-${selected}`);
  else list.removeAttribute("aria-activedescendant");
}

// What is shown.

function refresh({ keep = true } = {}) {
  const anchor = keep && layout.items.length && list.scrollTop > 8 ? layout.items[firstVisible()] : null;
  const items = isSequence() ? shownRows() : shownSpans();
  place(items);
  sheet.style.height = `${layout.height}px`;
  holder.replaceChildren();
  drawn.clear();
  list.classList.toggle("tiny", layout.rowHeight < 18);
  if (anchor) list.scrollTop = layout.tops[Math.min(lowerBound(items, anchor.index, (item) => item.index), items.length)] - 8;
  isStale = true;
  $("empty").hidden = items.length > 0;
  tell();
  drawHeads();
  drawControls();
  schedule();
}

function tell() {
  const all = isSequence() ? rows.length : spans.length;
  const word = isSequence() ? "events" : "messages";
  const shown = layout.items.length;
  const time = isTimeWhole() ? "" : `, from ${clock(timeWindow()[0])} to ${clock(timeWindow()[1])}`;
  $("status").textContent = `${count(shown)} of ${count(all)} ${word}${time}${data.notes.length ? `. ${data.notes.join(" ")}` : ""}`;
}

function resized() {
  measure(list.clientWidth);
  refresh();
}

function showTime(from, until) {
  filter.from = from <= 0 ? 0 : from;
  filter.until = until >= data.duration ? Infinity : Math.max(until, from);
  refresh({ keep: isSequence() });
}

function setView(view) {
  if (layout.view === view) return;
  const row = view === "messages" && selected !== null ? rows[selected].span : selected;
  const target = view === "messages" ? row : row === null ? null : spans[row].first;
  layout.view = view;
  selected = target;
  list.setAttribute("aria-label", view === "sequence" ? "Events in the order of time" : "Messages in the order of time");
  list.scrollTop = 0;
  refresh({ keep: false });
  if (target !== null) select(placeOf(target), { open: !inspector.hidden });
}

function zoom(step) {
  if (isSequence()) {
    layout.zoom = Math.max(0, Math.min(ZOOMS.length - 1, layout.zoom + step));
    refresh();
    if (selected !== null) reveal(placeOf(selected));
    return;
  }
  const [from, until] = timeWindow();
  const center = selected !== null ? Math.min(until, Math.max(from, spans[selected].start)) : (from + until) / 2;
  const half = ((until - from) / 2) * (step > 0 ? .5 : 2);
  showTime(center - half, center + half);
}

// Where one is.

function placeOf(index) {
  const at = lowerBound(layout.items, index, (item) => item.index);
  return at < layout.items.length && layout.items[at].index === index ? at : null;
}

const firstVisible = () => Math.min(layout.items.length - 1, lowerBound(layout.tops, list.scrollTop));

function reveal(place) {
  if (place === null) return;
  const top = layout.tops[place], bottom = top + layout.rowHeight;
  if (top < list.scrollTop + 8) list.scrollTop = top - Math.min(60, list.clientHeight / 4);
  else if (bottom > list.scrollTop + list.clientHeight - 8) list.scrollTop = bottom - list.clientHeight + Math.min(60, list.clientHeight / 4);
}

function select(place, { open = !inspector.hidden } = {}) {
  if (place === null || !layout.items.length) return;
  const item = layout.items[Math.max(0, Math.min(layout.items.length - 1, place))];
  selected = item.index;
  if (open) (isSequence() ? inspectRow : inspectSpan)(item);
  reveal(placeOf(selected));
  isStale = true;
  // The option that is pointed at must be there before it is announced.
  draw();
}

function goTo(time) {
  if (!isSequence() || !layout.items.length) return;
  const place = Math.min(layout.items.length - 1, lowerBound(layout.items, time, (row) => row.at));
  list.scrollTop = layout.tops[place] - list.clientHeight / 3;
  select(place);
}

function goToRow(index) {
  if (!isSequence()) setView("sequence");
  if (placeOf(index) === null) {
    clearFilter();
    refresh({ keep: false });
  }
  select(placeOf(index), { open: true });
}

function next(wanted) {
  const here = selected === null ? -1 : placeOf(selected) ?? lowerBound(layout.items, selected, (item) => item.index) - 1;
  const many = layout.items.length;
  for (let step = 1; step <= many; step++) {
    const place = (here + step) % many;
    if (wanted(layout.items[place])) return select(place);
  }
}
