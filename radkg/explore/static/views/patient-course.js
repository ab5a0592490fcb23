// The course of a patient: a column for each study, a row for each finding, and what changed.
import { element } from "/static/ask.js";
import { conceptAddress, studyAddress } from "/static/words.js";

const SIGNS = { present: "●", uncertain: "◐", absent: "○" };
const WORDS = { present: "present", uncertain: "uncertain", absent: "denied" };

const conceptOf = (name) => element("a", { href: conceptAddress(name) }, name);

// Returns the card with the course; `id` is the study that is shown, `beside` the second or null.
export function makeCourse(course, id, beside) {
  const made = element("section", { class: "card course", "aria-label": "Findings over time" });
  made.append(course.studies.length === 1 ? makeList(course) : makeTable(course, id, beside));
  return made;
}

// One study has no course: its findings stand in three lines.
function makeList({ lanes }) {
  const list = element("dl", { class: "states" });
  for (const state of Object.keys(SIGNS)) {
    const own = lanes.filter((lane) => lane.marks[0].state === state);
    if (!own.length) continue;
    const names = own.flatMap((lane, i) => [i ? ", " : "", conceptOf(lane.finding)]);
    list.append(element("div", {}, element("dt", {}, sign(state), ` ${WORDS[state]}`), element("dd", {}, ...names)));
  }
  return lanes.length ? list : element("p", { class: "empty" }, "Nothing was found or denied in this study.");
}

function makeTable({ studies, lanes }, id, beside) {
  const head = element("tr", {}, element("th", { scope: "col" }, "Finding"), ...studies.map((study) => headOf(study, id, beside)));
  head.addEventListener("keydown", walk);
  const isSaid = (lane) => lane.marks.some((mark) => mark && mark.state !== "absent");
  const said = lanes.filter(isSaid);
  const denied = lanes.filter((lane) => !isSaid(lane));
  const rows = (those) => those.map((lane) => rowOf(lane, studies, id, beside));
  const rest = element("tbody", {}, ...rows(denied));
  rest.hidden = said.length > 0;
  const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows(said)), rest);
  const scroll = element("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Findings over time, as a table" }, table);
  const box = element("div", {}, scroll, legend());
  if (rest.hidden && denied.length) box.append(makeToggle(rest, denied.length));
  requestAnimationFrame(() => scroll.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" }));
  return box;
}

function makeToggle(rest, number) {
  const name = () => `${rest.hidden ? "Show" : "Hide"} ${number} ${number === 1 ? "finding that is" : "findings that are"} only denied`;
  const button = element("button", { type: "button", "aria-expanded": "false" }, name());
  button.addEventListener("click", () => {
    rest.hidden = !rest.hidden;
    button.setAttribute("aria-expanded", String(!rest.hidden));
    button.textContent = name();
  });
  return element("p", { class: "choices" }, button);
}

function headOf(study, id, beside) {
  const own = study.study_id;
  const link = element("a", { href: studyAddress(own) }, study.day ?? "no date");
  if (own === id) link.setAttribute("aria-current", "true");
  const facts = [study.status === "failed" ? "failed" : "", study.views.join(", ")].filter(Boolean).join(", ");
  const cell = element("th", { scope: "col", class: own === id ? "here" : own === beside ? "beside" : "", title: `Study ${own}` }, link);
  if (facts) cell.append(element("small", {}, facts));
  if (own !== id) cell.append(besideLink(own, id, own === beside));
  return cell;
}

// A link, so that the address always says what is shown.
function besideLink(own, id, isShown) {
  const query = isShown ? "" : `?${new URLSearchParams({ beside: own })}`;
  return element("a", { class: "compare", href: `${studyAddress(id)}${query}`, "data-beside": own, "aria-label": `${isShown ? "Close" : "Compare"} study ${own}` }, isShown ? "close" : "compare");
}

function rowOf(lane, studies, id, beside) {
  const cells = lane.marks.map((mark, i) => {
    const own = studies[i].study_id;
    const cell = element("td", { class: own === id ? "here" : own === beside ? "beside" : "" });
    if (mark) cell.append(...describe(mark));
    return cell;
  });
  return element("tr", {}, element("th", { scope: "row" }, conceptOf(lane.finding)), ...cells);
}

function describe({ state, severity, side, change }) {
  const more = [severity, side].filter((word) => word !== "unstated").join(", ");
  const made = [sign(state), element("span", { class: "unseen" }, WORDS[state])];
  if (more) made.push(element("small", {}, more));
  if (change) made.push(element("span", { class: `change ${change}` }, change));
  return made;
}

const sign = (state) => element("span", { class: `sign ${state}`, "aria-hidden": "true" }, SIGNS[state]);

function legend() {
  const items = Object.keys(SIGNS).map((state) => element("li", {}, sign(state), ` ${WORDS[state]}`));
  items.push(element("li", {}, "empty: not mentioned"), element("li", {}, "without statements of normality"));
  return element("ul", { class: "legend-line" }, ...items);
}

// The arrows go from study to study.
function walk(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const links = [...event.currentTarget.querySelectorAll("a:not(.compare)")];
  const at = links.indexOf(document.activeElement);
  if (!step || at < 0 || !links[at + step]) return;
  event.preventDefault();
  links[at + step].focus();
}
