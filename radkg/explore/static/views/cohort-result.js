// What is found: the count, the cohort beside all studies, the list, and ways to take it along.
import { ask, element, say } from "/static/ask.js";
import { bars, card, columns, count, percent, ratios, times } from "/static/charts.js";
import { agePairs, cohortAddress, nameAge, nameDay, plural, studyAddress } from "/static/words.js";

export function makeResult(found, picker) {
  const head = element("section", { class: "card found", "aria-label": "Count" },
    element("p", { class: "count" }, element("strong", {}, count(found.studies)), ` ${found.studies === 1 ? "study" : "studies"}`),
    element("p", { class: "note" }, `of ${plural(found.patients, "patient")}; ${percent(found.rate)} of ${plural(found.of, "study", "studies")}`),
    chips(found),
    ...found.notes.map((note) => element("p", { class: "status" }, note)),
    actions(found, picker),
    learn(found),
  );
  if (!found.studies) {
    return [head, element("p", { class: "status" }, "No study is like this. Take one of the criteria away, or ask for less of it.")];
  }
  return [head, charts(found), list(found)];
}

// Each criterion, with a way to the cohort without it.
function chips({ criteria }) {
  if (!criteria.length) return element("p", { class: "note" }, "All studies that were read. Choose a finding to begin.");
  return element("ul", { class: "chips", "aria-label": "Criteria" }, ...criteria.map((each) => {
    const others = new URLSearchParams(criteria.filter((other) => other !== each).map((other) => [other.parameter, other.value]));
    const remove = element("a", { href: `#/cohort?${others}`, "aria-label": `Without the criterion: ${each.words}` }, "\u00d7");
    return element("li", {}, each.words, " ", remove);
  }));
}

function copier(text, what, name) {
  const button = element("button", { type: "button" }, name);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(typeof text === "function" ? text() : text);
      say(`${what} is copied.`);
    } catch {
      say(`The browser does not let the page copy: mark ${what.toLowerCase()} and copy it.`, true);
    }
  });
  return button;
}

function actions(found, picker) {
  const name = element("input", { name: "name", maxlength: 200, required: "", "aria-label": "Name of the cohort", placeholder: "Name" });
  const save = element("form", { class: "save" }, name, element("button", {}, "Save"));
  save.addEventListener("submit", async (event) => {
    event.preventDefault();
    await picker.keep(name.value.trim(), found.query);
    name.value = "";
  });
  const address = () => `${location.origin}/#/cohort?${found.query}`;
  const csv = element("a", { class: "button", href: `/api/population/cohort.csv?${found.query}`, download: "cohort.csv" }, "Studies as CSV");
  return element("div", { class: "choices" }, copier(address, "The address", "Copy address"), csv, save);
}

function learn(found) {
  const file = element("a", { class: "button", href: `/api/population/cohort.cypher?${found.query}`, download: "cohort.cypher" }, "Download");
  const part = (title, text, ...more) => [element("h3", {}, title), element("pre", { tabindex: 0 }, text), element("p", { class: "choices" }, copier(text, title, "Copy"), ...more)];
  return element("details", { class: "learn" },
    element("summary", {}, "The same on the command line and as Cypher"),
    ...part("Command", found.command),
    ...part("Cypher", found.cypher, file),
  );
}

function charts(found) {
  const { findings, unusual, over_time: time, ages, sexes, views, details } = found.charts;
  const to = (pairs) => cohortAddress(pairs, found.query);
  const has = (name) => found.criteria.some((each) => each.name === name);
  const beside = (row) => `${percent(row.rate)}, all ${percent(row.overall)}`;
  const row = (name, each, href) => ({ name, value: each.rate, overall: each.overall, text: beside(each), href });
  const made = [];
  const add = (title, content, note) => made.push(card(title, content, { note }));
  const telling = unusual.filter((each) => !has(each.finding) && each.ratio).slice(0, 10);
  const common = findings.filter((each) => !has(each.finding)).slice(0, 10);
  const isKnown = (rows, name) => rows.some((each) => each[name] !== null && each[name] !== "unknown" && each.all_studies);
  if (found.criteria.length && telling.length) {
    const said = telling.map((each) => ({ ...each, name: each.finding, href: to([["finding", `${each.finding}:present`]]), text: `${times(each.ratio)} (${each.low.toFixed(1)} to ${each.high.toFixed(1)})` }));
    add("What sets it apart", ratios(said), "How much more often than in all studies, with the 95 % interval.");
  }
  if (common.length) {
    add("Also found", bars(common.map((each) => row(each.finding, each, to([["finding", `${each.finding}:present`]])))), "Bar: this cohort. Line: all studies. A click narrows the cohort.");
  }
  for (const each of details) add(`How ${each.finding} is described`, described(each, found));
  if (time.rows.length) {
    add("Over time", columns(time.rows.map((each) => row(nameDay(each.period), each, to([["since", each.since], ["until", each.until]]))), { label: "Share of the cohort by time" }), "Share of the cohort in each period; line: of all studies.");
  }
  if (isKnown(ages, "age_from")) {
    add("Age", columns(ages.filter((each) => each.age_from !== null).map((each) => row(nameAge(each), each, to(agePairs(each)))), { label: "Share of the cohort by age" }), "Line: all studies.");
  }
  if (isKnown(sexes, "sex")) add("Sex", bars(sexes.map((each) => row(each.sex, each, to([["sex", each.sex]])))), "Line: all studies.");
  if (isKnown(views, "view")) add("View", bars([...views].sort((a, b) => b.studies - a.studies).map((each) => row(each.view, each, to([["view", each.view]])))), "Line: all studies.");
  return element("div", { class: "cards" }, ...made);
}

// The severities, sides and places of a finding that was picked; one that is clicked replaces the
// criterion that the finding is present.
function described({ finding, severity, sides, sites }, { criteria, studies }) {
  const others = criteria.filter((each) => each.name !== finding || each.state !== "present");
  const query = new URLSearchParams(others.map((each) => [each.parameter, each.value]));
  const to = (name, value) => cohortAddress([["finding", `${finding}:present:${name}=${value}`]], query);
  const parts = [["severity", "Severity", severity], ["side", "Side", sides], ["site", "Place", sites.slice(0, 6)]];
  return element("div", {}, ...parts.filter(([, , rows]) => rows.length).flatMap(([name, title, rows]) => [
    element("h3", {}, title),
    bars(rows.map((each) => ({ name: each[name], value: each.studies, text: count(each.studies), href: to(name, each[name]) })), { most: studies }),
  ]));
}

function list(found) {
  const head = ["Study", "Patient", "Date", "Age", "Sex", "Views"].map((name) => element("th", { scope: "col" }, name));
  const body = element("tbody", {});
  const more = element("button", { type: "button" }, "More studies");
  let next = found.next;
  const show = (rows) => body.append(...rows.map((each) => {
    const age = each.age === null ? "" : each.age >= 90 ? "90+" : each.age;
    const cells = [element("a", { href: studyAddress(each.study_id) }, each.study_id), each.subject_id, each.study_date ?? "", age, each.sex ?? "", each.views.join(", ")];
    return element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));
  }));
  more.addEventListener("click", async () => {
    const page = await ask(`/api/population/cohort?${found.query}&skip=${next}&charts=false`);
    show(page.list);
    next = page.next;
    more.hidden = next === null;
    say(`${count(body.children.length)} of ${plural(found.studies, "study", "studies")} are listed.`);
  });
  more.hidden = next === null;
  show(found.list);
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...head)), body);
  return card("Studies", element("div", {}, element("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": "Studies of the cohort" }, table), element("p", { class: "choices" }, more)));
}
