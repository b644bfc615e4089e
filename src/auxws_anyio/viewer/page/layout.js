// Where things are: columns across, and rows down on an elastic time axis. A row keeps its height,
// so that no two labels meet; the time between two rows adds a gap, to scale up to a bound.

const GAP_BOUND = 110;
const ZOOMS = [
  { height: 5, scale: 0, name: "dense" }, { height: 10, scale: 0, name: "overview" },
  { height: 20, scale: 0, name: "compact" }, { height: 30, scale: 0, name: "rows" },
  { height: 30, scale: 10, name: "10 px/s" }, { height: 30, scale: 40, name: "40 px/s" },
  { height: 30, scale: 160, name: "160 px/s" }, { height: 30, scale: 640, name: "640 px/s" },
  { height: 30, scale: 2560, name: "2.6 px/ms" }, { height: 30, scale: 10240, name: "10 px/ms" },
];

const layout = {
  view: "sequence", zoom: 5, items: [], tops: new Float64Array(1), height: 0, rowHeight: 30,
  width: 0, lanes: [0, 0, 0, 0], time: 80, size: 0, sizeLeft: 0, right: 0, bars: 0, barsRight: 0,
};

function measure(width) {
  const isNarrow = width < 620;
  layout.width = width;
  layout.isNarrow = isNarrow;
  layout.time = isNarrow ? 58 : 84;
  layout.size = isNarrow ? 58 : Math.min(190, Math.max(110, width * 0.15));
  layout.sizeLeft = width - layout.size - 12;
  const left = layout.time + (isNarrow ? 26 : 56), right = layout.sizeLeft - (isNarrow ? 22 : 54);
  layout.lanes = [0, 1, 2, 3].map((lane) => left + ((right - left) * lane) / 3);
  layout.bars = isNarrow ? 148 : Math.max(330, width * 0.3);
  layout.barsRight = width - (isNarrow ? 62 : 150);
}

function place(items) {
  const { height, scale } = ZOOMS[layout.zoom];
  layout.items = items;
  layout.rowHeight = layout.view === "sequence" ? height : 28;
  const tops = new Float64Array(items.length + 1);
  let y = 8;
  for (let i = 0; i < items.length; i++) {
    if (i && scale && layout.view === "sequence") {
      y += Math.min(GAP_BOUND, (items[i].at - items[i - 1].at) * scale);
    }
    tops[i] = y;
    y += layout.rowHeight;
  }
  tops[items.length] = y;
  layout.tops = tops;
  layout.height = y + 24;
}

// The largest scale at which the gaps take no more room than the rows do.
function fittingZoom() {
  for (let zoom = 7; zoom > 3; zoom--) {
    const { height, scale } = ZOOMS[zoom];
    let gaps = 0;
    for (let i = 1; i < rows.length; i++) gaps += Math.min(GAP_BOUND, (rows[i].at - rows[i - 1].at) * scale);
    if (gaps <= rows.length * height * .75) return zoom;
  }
  return 3;
}

// The first item whose lower edge is below y.
function itemAt(y) {
  const found = lowerBound(layout.tops, y) - 1;
  return Math.max(0, Math.min(layout.items.length - 1, found));
}

// The middle of the arrow of a row; of a hidden row, the edge where it would be.
function rowY(index) {
  const at = lowerBound(layout.items, index, (row) => row.index);
  if (at >= layout.items.length) return layout.tops[layout.items.length];
  return layout.tops[at] + (layout.items[at].index === index ? arrowY() : 0);
}

const arrowY = () => (layout.rowHeight >= 26 ? 21.5 : layout.rowHeight >= 18 ? 15.5 : layout.rowHeight / 2);

// Sizes on a logarithmic scale: what is inline and what is uploaded can be seen side by side.
const SIZE_LOW = 10;
const sizeHigh = Math.max(1_000_000, rows.reduce((most, row) => Math.max(most, row.size ?? 0), 0));
const sizeShare = (size) => Math.max(0.015, Math.min(1,
  Math.log(Math.max(size, SIZE_LOW) / SIZE_LOW) / Math.log(sizeHigh / SIZE_LOW)));
const sizeX = (size) => layout.sizeLeft + layout.size * sizeShare(size);

function ticks(from, until, most) {
  const rough = Math.max((until - from) / most, 1e-6);
  const base = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 5, 10].map((n) => n * base).find((n) => n >= rough);
  if (rough > 10) step = [15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400].find((n) => n >= rough) ?? step;
  const found = [];
  for (let t = Math.ceil(from / step - 1e-9) * step; t <= until + step * 1e-6; t += step) found.push(t);
  return { step, at: found };
}
