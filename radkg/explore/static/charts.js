// Charts of plain elements: each says its numbers in text, so that nothing depends on the eye.
import { element } from "/static/ask.js";

export const count = (number) => number.toLocaleString("en");

// Returns a share in [0, 1] as percent: two digits that tell, and never 0 % for what is there.
export function percent(share) {
  if (share === null || share === undefined) return "unknown";
  const value = 100 * share;
  if (value > 0 && value < 0.1) return "< 0.1 %";
  return `${value.toFixed(value < 9.95 && value > 0 ? 1 : 0)} %`;
}

// Returns an interval as percent, both ends with the same digits: "2.6 to 5.1 %".
export function between({ low, high }) {
  const digits = high < 0.2 ? 1 : 0;
  return `${(100 * low).toFixed(digits)} to ${(100 * high).toFixed(digits)} %`;
}

// Returns a ratio as times: "4.3 times".
export function times(ratio) {
  return ratio === null ? "" : `${ratio >= 9.95 ? ratio.toFixed(0) : ratio.toFixed(1)}\u00d7`;
}

const linked = (name, href) => (href ? element("a", { href }, name) : element("span", {}, name));

function piece(kind, from, to, attributes = {}) {
  const clamp = (value) => Math.min(1, Math.max(0, value));
  const [left, right] = [clamp(from), clamp(to)];
  const style = `left: ${(100 * left).toFixed(2)}%; width: ${(100 * (right - left)).toFixed(2)}%`;
  return element("span", { class: kind, style, ...attributes });
}

// Horizontal bars. A row: {name, value, text, href?, low?, high?, overall?, more?, kind?}. Bars are
// as long as value / most; [low, high] is a line, `overall` a mark, `more` an element at the end.
export function bars(rows, { most } = {}) {
  const known = rows.flatMap((row) => [row.value, row.high, row.overall]).filter((value) => value > 0);
  const top = most ?? Math.max(...known, 1e-9);
  return element("ul", { class: "bars" }, ...rows.map((row) => {
    const track = element("span", { class: "track" }, piece(`bar ${row.kind ?? ""}`, 0, (row.value ?? 0) / top));
    if (row.low !== null && row.low !== undefined) track.append(piece("interval", row.low / top, row.high / top));
    if (row.overall !== null && row.overall !== undefined) track.append(mark(row.overall / top));
    const value = element("span", { class: "value" }, row.text);
    if (row.more) value.append(" ", row.more);
    return element("li", {}, linked(row.name, row.href), track, value);
  }));
}

function mark(at) {
  return element("span", { class: "overall", style: `left: ${(100 * Math.min(1, at)).toFixed(2)}%` });
}

// Ratios with intervals around 1, on a logarithmic scale. A row: {name, ratio, low, high, text, href?}.
export function ratios(rows) {
  const far = Math.max(2, ...rows.flatMap((row) => [row.high, 1 / (row.low || 1)]).filter(Number.isFinite));
  const place = (ratio) => 0.5 + Math.log(ratio) / Math.log(Math.min(far, 100)) / 2;
  const list = element("ul", { class: "bars ratios" }, ...rows.map((row) => {
    const track = element("span", { class: "track" }, element("span", { class: "even" }));
    if (row.ratio) {
      track.append(piece("interval", place(row.low || 1e-9), place(row.high || 1e9)));
      const at = Math.min(1, Math.max(0, place(row.ratio)));
      track.append(element("span", { class: "dot", style: `left: ${(100 * at).toFixed(2)}%` }));
    }
    return element("li", {}, linked(row.name, row.href), track, element("span", { class: "value" }, row.text));
  }));
  const scale = element("p", { class: "scale", "aria-hidden": "true" }, element("span", {}, "rarer"), element("span", {}, "as in all studies"), element("span", {}, "more often"));
  return element("div", {}, list, scale);
}

// Columns over time or age. A row: {name, value, text, href?, low?, high?, overall?}. Each column is
// a list item that says name and text; the scale begins at 0.
export function columns(rows, { label }) {
  const top = Math.max(...rows.flatMap((row) => [row.value, row.high, row.overall]).filter((value) => value > 0), 1e-9);
  const tall = (value) => `${((100 * value) / top).toFixed(2)}%`;
  const widest = Math.max(...rows.map((row) => row.name.length));
  const every = Math.max(1, Math.ceil((rows.length * widest) / 36)); // names that do not meet
  const items = rows.map((row, i) => {
    const plot = element("span", { class: "plot-area" }, element("span", { class: "bar", style: `height: ${tall(row.value ?? 0)}` }));
    if (row.low !== null && row.low !== undefined) {
      plot.append(element("span", { class: "interval", style: `bottom: ${tall(row.low)}; height: ${tall(row.high - row.low)}` }));
    }
    if (row.overall !== null && row.overall !== undefined) {
      plot.append(element("span", { class: "overall", style: `bottom: ${tall(row.overall)}` }));
    }
    const axis = element("span", { class: "name", "aria-hidden": "true" }, i % every ? "\u00a0" : row.name);
    const inner = row.href ? element("a", { href: row.href }) : element("span", {});
    inner.append(plot, axis, element("span", { class: "unseen" }, `${row.name}: ${row.text}`));
    inner.title = `${row.name}: ${row.text}`;
    return element("li", {}, inner);
  });
  return element("ol", { class: "columns-chart", "aria-label": label }, ...items);
}

// One bar of shares with its legend. A part: {name, value, text, kind?, href?}.
export function shares(parts, { label }) {
  const all = parts.reduce((sum, part) => sum + part.value, 0) || 1;
  let from = 0;
  const pieces = parts.map((part, i) => {
    const made = piece(`bar ${part.kind ?? `part-${i}`}`, from / all, (from + part.value) / all);
    from += part.value;
    return made;
  });
  const legend = parts.map((part, i) =>
    element("li", {}, element("span", { class: `key ${part.kind ?? `part-${i}`}`, "aria-hidden": "true" }), linked(part.name, part.href), " ", element("span", { class: "value" }, part.text)),
  );
  const track = element("div", { class: "track tall", "aria-hidden": "true" }, ...pieces);
  return element("div", { class: "shares" }, track, element("ul", { "aria-label": label }, ...legend));
}

// A card with a heading; nothing to show is said.
export function card(title, content, { note = "", className = "", empty = "" } = {}) {
  const made = element("section", { class: `card ${className}` }, element("h2", {}, title));
  if (note) made.append(element("p", { class: "note" }, note));
  made.append(content ?? element("p", { class: "empty" }, empty));
  return made;
}
