// Lines, arrows and bars, on a canvas that covers what is visible and a margin around it. It lies in
// the scrolled sheet, so that a scroll moves it together with the labels.

const canvas = $("paint");
const pen = canvas.getContext("2d");
const COLUMN_SHIFT = [0, 9, -9, 18, -18];
let colors = {};

function readColors() {
  const style = getComputedStyle(document.documentElement);
  const names = ["sheet", "ink", "soft", "faint", "hair", "life", "accent", "wait", "outage",
    "outage-edge", "kin", "mark", "good", "warn", "url", "sunken", ...KINDS.map(([kind]) => kind)];
  colors = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  colors.sans = style.getPropertyValue("--sans");
}

function fit(element, context, width, height) {
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (element.width !== w || element.height !== h) {
    element.width = w;
    element.height = h;
    element.style.width = `${width}px`;
    element.style.height = `${height}px`;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
}

function paint(top, height, from, until, selected) {
  fit(canvas, pen, layout.width, height);
  canvas.style.transform = `translateY(${top}px)`;
  pen.save();
  pen.translate(0, -top);
  if (layout.view === "sequence") paintSequence(top, top + height, from, until, selected);
  else paintMessages(top, top + height, from, until, selected);
  pen.restore();
}

function line(x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}

function pill(x, y, width, height, radius) {
  pen.beginPath();
  pen.roundRect(x, y, width, height, Math.min(radius, Math.abs(width) / 2, Math.abs(height) / 2));
  pen.fill();
}

// The sequence diagram.

function paintSequence(top, bottom, from, until, selected) {
  const right = layout.sizeLeft - 4;
  for (const band of bands) {
    if (!band.isOutage) continue;
    const y1 = rowY(band.first), y2 = rowY(band.last);
    if (y2 < top || y1 > bottom || y2 - y1 < 1) continue;
    pen.fillStyle = colors.outage;
    pen.fillRect(layout.time + 6, y1, right - layout.time - 6, y2 - y1);
    pen.fillStyle = colors["outage-edge"];
    pen.fillRect(layout.time + 6, y1, 3, y2 - y1);
    if (y2 - y1 > 24) {
      pen.font = `11px ${colors.sans}`;
      pen.textAlign = "right";
      pen.fillStyle = colors.warn;
      pen.fillText(`${band.state} ${duration(band.end - band.start)}`, right - 6,
        Math.min(Math.max(y1, top + 420) + 14, y2 - 6));
    }
  }
  const chosen = selected !== null && rows[selected].span !== null ? spans[rows[selected].span] : null;
  paintRuler(top, bottom, from, until);
  pen.lineWidth = 1.25;
  pen.strokeStyle = colors.life;
  for (const x of layout.lanes) line(Math.round(x) + .5, top, Math.round(x) + .5, Math.min(bottom, layout.height));
  paintSpans(top, bottom, chosen);
  for (let i = from; i < until; i++) paintArrow(i, chosen);
  paintSizes(top, bottom, from, until);
}

function paintRuler(top, bottom, from, until) {
  const x = layout.time + 6.5;
  pen.lineWidth = 1;
  pen.strokeStyle = colors.hair;
  line(x, top, x, Math.min(bottom, layout.height));
  pen.textAlign = "right";
  pen.font = `10.5px ${colors.sans}`;
  for (let i = from; i < until; i++) {
    const y = layout.tops[i] + arrowY();
    pen.strokeStyle = colors.life;
    line(x - (layout.rowHeight < 20 ? 2 : 4), y, x, y);
    if (!i) continue;
    const gap = layout.tops[i] - layout.tops[i - 1] - layout.rowHeight;
    const took = layout.items[i].at - layout.items[i - 1].at;
    if (gap < 16) continue;
    const middle = layout.tops[i] - gap / 2 + 2;
    if (gap >= GAP_BOUND - .5) paintBreak(x, middle);
    pen.fillStyle = colors.faint;
    pen.fillText(`+${duration(took)}`, layout.time - 4, middle + 4);
  }
}

// The axis is cut: more time went by than it has room for.
function paintBreak(x, y) {
  pen.fillStyle = colors.sheet;
  pen.fillRect(x - 4, y - 5, 9, 10);
  pen.strokeStyle = colors.life;
  pen.beginPath();
  pen.moveTo(x, y - 5);
  pen.lineTo(x - 4, y - 2);
  pen.lineTo(x + 4, y + 2);
  pen.lineTo(x, y + 5);
  pen.stroke();
}

function paintSpans(top, bottom, chosen) {
  for (const span of largeSpans) {
    const y1 = rowY(span.first), y2 = rowY(span.last);
    if (y2 < top || y1 > bottom) continue;
    const isChosen = span === chosen;
    const narrow = layout.isNarrow ? .55 : 1;
    const dot = layout.rowHeight < 18 ? 2 : 3.5;
    const x = layout.lanes[1] + COLUMN_SHIFT[span.column] * narrow;
    pen.globalAlpha = chosen && !isChosen ? .35 : 1;
    for (const leg of span.legs) {
      const a = rowY(leg.first), b = Math.max(rowY(leg.last), a + 2);
      if (b < top || a > bottom) continue;
      const isWait = leg.name.startsWith("waits");
      const half = (isWait ? 1 : isChosen ? 4 : 3) * (layout.isNarrow ? .8 : 1);
      pen.fillStyle = leg.ok ? colors[LEG_COLORS[leg.name] ?? "wait"] : colors.error;
      pill(x - half, a, half * 2, b - a, 3);
    }
    pen.fillStyle = span.tone === "bad" ? colors.error : colors[span.path];
    pen.beginPath();
    pen.arc(x, y1, dot, 0, 7);
    pen.fill();
    pen.beginPath();
    pen.arc(x, y2, dot, 0, 7);
    pen.fill();
    pen.globalAlpha = 1;
  }
}

function paintArrow(i, chosen) {
  const row = layout.items[i];
  const y = layout.tops[i] + arrowY();
  const x1 = layout.lanes[row.source], x2 = layout.lanes[row.target];
  const color = row.tone === "bad" ? colors.error : row.tone === "warn" ? colors.warn : colors[row.kind];
  const isKin = chosen !== null && row.span === chosen.index;
  pen.strokeStyle = pen.fillStyle = color;
  pen.lineWidth = isKin ? 2.25 : 1.4;
  pen.globalAlpha = chosen !== null && !isKin ? .45 : 1;
  if (row.source === row.target) {
    pen.beginPath();
    pen.arc(x1, y, layout.rowHeight < 18 ? 2 : 4, 0, 7);
    pen.fill();
  } else {
    const way = Math.sign(x2 - x1), head = layout.rowHeight < 10 ? 3 : layout.rowHeight < 18 ? 4 : 6;
    pen.setLineDash(row.kind === "ping" ? [2, 3] : row.kind === "outcome" || row.event === null && row.kind !== "message" ? [5, 3] : []);
    line(x1, y, x2 - way * head, y);
    pen.setLineDash([]);
    pen.beginPath();
    pen.moveTo(x2, y);
    pen.lineTo(x2 - way * head * 1.3, y - head * .62);
    pen.lineTo(x2 - way * head * 1.3, y + head * .62);
    pen.fill();
  }
  pen.globalAlpha = 1;
}

function paintSizes(top, bottom, from, until) {
  const x = Math.round(sizeX(MARK)) + .5;
  pen.strokeStyle = colors.mark;
  pen.globalAlpha = .5;
  pen.lineWidth = 1;
  pen.setLineDash([2, 3]);
  line(x, top, x, Math.min(bottom, layout.height));
  pen.setLineDash([]);
  pen.globalAlpha = 1;
  for (let i = from; i < until; i++) {
    const row = layout.items[i];
    if (row.size === null) continue;
    const thick = layout.rowHeight < 18 ? Math.max(2, layout.rowHeight - 4) : 5;
    const y = layout.tops[i] + arrowY() - thick / 2;
    const large = row.size > MARK;
    pen.fillStyle = large ? colors.upload : colors.message;
    if (row.kind === "download") pen.fillStyle = colors.download;
    pen.globalAlpha = large ? 1 : .55;
    pill(layout.sizeLeft, y, layout.size * sizeShare(row.size), thick, 2.5);
    pen.globalAlpha = 1;
  }
}

// The messages, each on its own line, along one time axis.

function timeX(t) {
  const [from, until] = timeWindow();
  return layout.bars + ((t - from) / (until - from)) * (layout.barsRight - layout.bars);
}

function timeWindow() {
  const from = Math.max(0, filter.from), until = Math.min(data.duration, filter.until);
  return until - from > 1e-9 ? [from, until] : [from, from + 1e-3];
}

function paintMessages(top, bottom, from, until, selected) {
  const [start, end] = timeWindow();
  const low = Math.min(bottom, layout.height);
  pen.save();
  pen.beginPath();
  pen.rect(layout.bars - 6, top, layout.barsRight - layout.bars + 12, bottom - top);
  pen.clip();
  for (const band of bands) {
    if (!band.isOutage || band.end < start || band.start > end) continue;
    pen.fillStyle = colors.outage;
    const x = Math.floor(timeX(band.start));
    pen.fillRect(x, top, Math.max(1, Math.ceil(timeX(band.end)) - x), low - top);
  }
  pen.strokeStyle = colors.hair;
  pen.lineWidth = 1;
  for (const t of ticks(start, end, layout.isNarrow ? 3 : 8).at) {
    const x = Math.round(timeX(t)) + .5;
    line(x, top, x, low);
  }
  for (let i = from; i < until; i++) paintLegs(layout.items[i], layout.tops[i] + layout.rowHeight / 2, selected);
  pen.restore();
}

function paintLegs(span, y, selected) {
  const isChosen = span.index === selected;
  const begin = timeX(span.start), finish = Math.max(timeX(span.end), begin + 3);
  pen.fillStyle = colors.wait;
  pill(begin, y - 1, finish - begin, 2, 1);
  if (!span.legs.length) {
    // Delivered as it came.
    pen.fillStyle = colors.message;
    pill(begin, y - 4, 3, 8, 1.5);
  }
  for (const leg of span.legs) {
    const x1 = timeX(leg.start), x2 = Math.max(timeX(leg.end), x1 + 2);
    const isWait = leg.name.startsWith("waits");
    const half = isWait ? 2 : isChosen ? 7 : 6;
    pen.fillStyle = leg.ok ? colors[LEG_COLORS[leg.name] ?? "wait"] : colors.error;
    pill(x1, y - half, x2 - x1, half * 2, 3);
  }
  if (span.tone === "bad" || span.tone === "warn") {
    pen.fillStyle = span.tone === "bad" ? colors.error : colors.warn;
    pen.beginPath();
    pen.moveTo(finish + 3, y - 5);
    pen.lineTo(finish + 8, y);
    pen.lineTo(finish + 3, y + 5);
    pen.lineTo(finish - 2, y);
    pen.fill();
  }
}
