// The whole session at a glance: bytes out above the line, bytes in below, outages, errors, and the
// part that is shown. A drag chooses a time, a click goes there.

const overview = $("overview");
const front = overview.getContext("2d");
let brush = front;
let drag = null;

const overviewX = (t) => 12 + (t / Math.max(data.duration, 1e-3)) * (overview.clientWidth - 24);
const overviewTime = (x) => Math.max(0, Math.min(data.duration,
  ((x - 12) / (overview.clientWidth - 24)) * data.duration));

// What does not change while one scrolls is drawn once and kept.
let kept = null;
function forgetOverview() { kept = null; }

function paintOverview(visible) {
  const width = overview.clientWidth, height = overview.clientHeight, axis = height - 19;
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (overview.width !== w || overview.height !== h) {
    overview.width = w;
    overview.height = h;
    kept = null;
  }
  brush = front;
  brush.setTransform(1, 0, 0, 1, 0, 0);
  brush.clearRect(0, 0, w, h);
  if (!kept) {
    kept = make("canvas", { width: w, height: h });
    brush = kept.getContext("2d");
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    paintSession(width, height, axis);
    brush = front;
  }
  if (w && h) brush.drawImage(kept, 0, 0);
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  paintChoice(width, axis, visible);
}

function paintSession(width, height, axis) {
  for (const band of bands) {
    if (!band.isOutage) continue;
    const x = Math.floor(overviewX(band.start)), wide = Math.max(2, Math.ceil(overviewX(band.end)) - x);
    brush.fillStyle = colors.outage;
    brush.fillRect(x, 0, wide, axis);
    brush.fillStyle = colors["outage-edge"];
    brush.fillRect(x, axis - 2, wide, 2);
  }
  paintHistogram(width, axis);
  brush.strokeStyle = colors.life;
  brush.lineWidth = 1;
  brush.beginPath();
  brush.moveTo(0, axis + .5);
  brush.lineTo(width, axis + .5);
  brush.stroke();
  paintOverviewTicks(axis, height, width);
  brush.fillStyle = colors.error;
  let before = -9;
  for (const row of errorRows) {
    const x = overviewX(row.at);
    if (x - before < 1) continue;
    before = x;
    brush.beginPath();
    brush.moveTo(x, axis - 1);
    brush.lineTo(x - 3.5, axis - 8);
    brush.lineTo(x + 3.5, axis - 8);
    brush.fill();
  }
}

function histogram(width) {
  const many = Math.max(1, Math.floor((width - 24) / 4));
  const out = new Float64Array(many), back = new Float64Array(many);
  for (const row of rows) {
    if (row.size === null || row.source === 0 || row.target === 0) continue;
    const bin = Math.min(many - 1, Math.floor((row.at / Math.max(data.duration, 1e-3)) * many));
    (row.direction === "out" ? out : back)[bin] += row.size;
  }
  return [out, back];
}

function paintHistogram(width, axis) {
  const [out, back] = histogram(width);
  const most = Math.max(...out, ...back, 1);
  const middle = axis / 2 + 3, room = middle - 8;
  const tall = (size) => (size ? Math.max(1.5, (Math.log10(1 + size) / Math.log10(1 + most)) * room) : 0);
  const step = (width - 24) / out.length;
  for (let i = 0; i < out.length; i++) {
    const x = 12 + i * step, wide = Math.max(1, step - 1);
    brush.fillStyle = colors.upload;
    brush.fillRect(x, middle - tall(out[i]), wide, tall(out[i]));
    brush.fillStyle = colors.download;
    brush.fillRect(x, middle + 1, wide, tall(back[i]) * .8);
  }
}

function paintOverviewTicks(axis, height, width) {
  const { step, at } = ticks(0, data.duration, Math.max(2, Math.floor(width / 110)));
  const digits = step >= 1 ? 0 : Math.min(6, Math.ceil(-Math.log10(step) - 1e-9));
  brush.fillStyle = colors.faint;
  brush.strokeStyle = colors.life;
  brush.font = `11px ${colors.sans}`;
  for (const t of at) {
    const x = Math.round(overviewX(t)) + .5;
    brush.beginPath();
    brush.moveTo(x, axis);
    brush.lineTo(x, axis + 4);
    brush.stroke();
    const text = clock(t, digits), wide = brush.measureText(text).width;
    brush.fillText(text, Math.max(3, Math.min(width - wide - 3, x - wide / 2)), height - 4);
  }
}

function paintChoice(width, axis, visible) {
  const choice = drag?.moved ? [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)]
    : isTimeWhole() ? null : timeWindow();
  if (choice) {
    const [x1, x2] = choice.map(overviewX);
    brush.fillStyle = colors.sheet;
    brush.globalAlpha = .72;
    brush.fillRect(0, 0, x1, axis);
    brush.fillRect(x2, 0, width - x2, axis);
    brush.globalAlpha = 1;
    brush.fillStyle = colors.accent;
    brush.fillRect(x1 - 1, 0, 2, axis);
    brush.fillRect(x2 - 1, 0, 2, axis);
  }
  if (visible) {
    const x1 = overviewX(visible[0]), x2 = Math.max(overviewX(visible[1]), x1 + 3);
    brush.globalAlpha = .16;
    brush.fillStyle = colors.accent;
    brush.fillRect(x1, 0, x2 - x1, axis);
    brush.globalAlpha = 1;
    brush.fillRect(x1, 0, x2 - x1, 2);
  }
}

function listenToOverview() {
  const at = (event) => overviewTime(event.clientX - overview.getBoundingClientRect().left);
  overview.addEventListener("pointerdown", (event) => {
    overview.setPointerCapture(event.pointerId);
    drag = { from: at(event), to: at(event), x: event.clientX, moved: false };
  });
  overview.addEventListener("pointermove", (event) => {
    $("hint").textContent = `${clock(at(event))}  drag to zoom, click to go there`;
    if (!drag) return;
    drag.to = at(event);
    drag.moved ||= Math.abs(event.clientX - drag.x) > 4;
    schedule();
  });
  overview.addEventListener("pointerup", () => {
    if (!drag) return;
    const { from, to, moved } = drag;
    drag = null;
    if (moved) showTime(Math.min(from, to), Math.max(from, to));
    else goTo(from);
  });
  overview.addEventListener("pointercancel", () => { drag = null; schedule(); });
  overview.addEventListener("pointerleave", () => { $("hint").textContent = ""; });
  overview.addEventListener("dblclick", () => showTime(0, Infinity));
}
