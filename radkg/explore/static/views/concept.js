// A concept: how sure the reports are of it, and small charts of what it comes with; the sentences
// stand behind a click.
import { ask, element } from "/static/ask.js";
import { bars, between, card, columns, count, percent, ratios, shares, times } from "/static/charts.js";
import { drawNeighbours } from "/static/views/concept-drawing.js";
import { showEvidence } from "/static/views/concept-evidence.js";
import { agePairs, cohortAddress, conceptAddress, nameAge, nameDay, plural } from "/static/words.js";

export const title = "Concepts";

export async function show(root, rest, query) {
  const name = rest.replace(/^(observation|anatomy):/, ""); // addresses of before
  if (!name) return listConcepts(root);
  const night = query.get("night") ?? "";
  const found = await ask(`/api/population/concept?${new URLSearchParams({ name, night })}`);
  const cohort = (...pairs) => cohortAddress([...(night ? [["night", night]] : []), ...pairs]);
  root.append(element("h1", {}, found.name), ...found.notes.map((note) => element("p", { class: "status" }, note)));
  if (isFinding(found)) root.append(certainty(found, cohort));
  else root.append(element("p", { class: "lead" }, `${plural(found.mentioned, "study mentions", "studies mention")} it.`));
  root.append(element("div", { class: "cards" }, ...charts(found, cohort)), drawing(found));
  return found.name;
}

// A name may be a finding in some reports and a place in others: it is shown as what it mostly is.
function isFinding({ is_finding: isOne, findings_there: there, certainty: sure }) {
  return isOne && sure.mentioned > 0 && (there[0]?.studies ?? 0) <= sure.mentioned;
}

// Without a name: the findings and the places that most reports mention.
async function listConcepts(root) {
  const asked = (kind) => ask(`/api/population/choices?${new URLSearchParams({ kind, limit: 30 })}`);
  const [findings, sites] = await Promise.all([asked("finding"), asked("site")]);
  const list = (rows) => bars(rows.map((row) => ({ name: row.name, value: row.studies, text: count(row.studies), href: conceptAddress(row.name) })));
  const note = "Studies that mention it, whether they have it or deny it.";
  root.append(
    element("h1", {}, "Concepts"),
    element("p", { class: "lead" }, "What reports speak of most. Everything else is found by the search above."),
    element("div", { class: "cards two" },
      card("Findings", findings.length ? list(findings) : null, { note, empty: "No report mentions a finding." }),
      card("Places", sites.length ? list(sites) : null, { note: "Studies in which a finding is there.", empty: "No report names a place." })),
  );
}

function certainty({ name, certainty: sure }, cohort) {
  const to = (state) => cohort(["finding", `${name}:${state}`]);
  const parts = [
    ["have it", "present", sure.present, undefined],
    ["may have it", "uncertain", sure.uncertain, "obs-u"],
    ["deny it", "absent", sure.absent, "obs-da"],
    ["do not mention it", "unmentioned", sure.not_mentioned, "silent"],
  ];
  const rate = sure.corrected === null
    ? `${percent(sure.rate)} of ${plural(sure.of, "study", "studies")} that were read.`
    : `${percent(sure.corrected)} of studies (${between(sure)}), corrected for the errors of reading; ${percent(sure.rate)} as read.`;
  return element("section", { class: "card certainty", "aria-label": "How sure the reports are" },
    shares(parts.map(([said, state, value, kind]) => ({ name: `${count(value)} ${said}`, value, text: `(${percent(value / sure.of)})`, kind, href: value ? to(state) : undefined })), { label: `Of ${plural(sure.of, "study", "studies")}` }),
    element("p", { class: "note" }, `Of ${plural(sure.of, "study", "studies")}. `, rate),
    element("p", { class: "choices" }, element("a", { class: "button", href: to("present") }, "Cohort of those who have it")),
  );
}

// A button that opens the sentences behind a row: `edge` is head, relation and tail.
function reader(edge, title) {
  const button = element("button", { type: "button", class: "read", "aria-label": `Sentences: ${title}` }, "Read");
  button.addEventListener("click", () => showEvidence(edge, title));
  return button;
}

function charts(found, cohort) {
  const { name, certainty: sure } = found;
  const made = [];
  const add = (title, rows, chart, note) => rows.length && made.push(card(title, chart(rows), { note }));
  const have = `Of ${plural(sure.present, "study that has it", "studies that have it")}.`;
  const row = (each, said, href, edge, title) => ({
    name: said, href, value: each.rate, overall: each.overall, text: `${count(each.studies)} (${percent(each.rate)})`,
    more: edge ? reader(edge, title) : undefined,
  });
  const finding = (other) => conceptAddress(other);
  add("Found there", isFinding(found) ? [] : found.findings_there, (rows) => bars(rows.map((each) => row(each, each.finding, cohort(["finding", `${each.finding}:present:site=${name}`]), { head: each.finding, relation: "located_at", tail: name }, `${each.finding} at ${name}`))), "Findings that are present there.");
  if (!isFinding(found)) return made;
  add("Found together with", found.occurs_with, (rows) => bars(rows.map((each) => row(each, each.finding, finding(each.finding), { head: name, relation: "co_occurs", tail: each.finding }, `${name} with ${each.finding}`))), `${have} Line: share of all studies.`);
  add("More often than by chance", found.unusual.filter((each) => each.lift).slice(0, 10), (rows) => ratios(rows.map((each) => ({ ...each, name: each.finding, ratio: each.lift, href: finding(each.finding), text: `${times(each.lift)} (${each.low.toFixed(1)} to ${each.high.toFixed(1)})` }))), "How much more often than in all studies, with the 95 % interval.");
  add("Described as", found.described, (rows) => bars(rows.map((each) => row(each, each.word, undefined, { head: each.word, relation: "modify", tail: name }, `${each.word} ${name}`))), have);
  add("Where", found.located, (rows) => bars(rows.map((each) => row(each, each.site, cohort(["finding", `${name}:present:site=${each.site}`]), { head: name, relation: "located_at", tail: each.site }, `${name} at ${each.site}`))), have);
  add("Severity", found.severity, (rows) => bars(rows.map((each) => row(each, each.severity, cohort(["finding", `${name}:present:severity=${each.severity}`])))), have);
  add("Side", found.sides, (rows) => bars(rows.map((each) => row(each, each.side, cohort(["finding", `${name}:present:side=${each.side}`])))), have);
  add("Suggests", found.suggests, (rows) => bars(rows.map((each) => row(each, each.finding, finding(each.finding), { head: name, relation: "suggestive_of", tail: each.finding }, `${name} suggests ${each.finding}`))), "Of studies that have it or may have it.");
  add("Suggested by", found.suggested_by, (rows) => bars(rows.map((each) => row(each, each.finding, finding(each.finding), { head: each.finding, relation: "suggestive_of", tail: name }, `${each.finding} suggests ${name}`))), "Of studies that have it or may have it.");
  if (sure.present) made.push(...overGroups(found, cohort));
  return made;
}

// The share of studies that have it, by time, age, sex and view.
function overGroups({ name, trend, ages, sexes, views }, cohort) {
  const here = ["finding", `${name}:present`];
  const made = [];
  const said = (each) => `${percent(each.corrected ?? each.rate)}, ${count(each.studies)} of ${count(each.of)}`;
  const row = (label, each, pairs) => ({ name: label, value: each.corrected ?? each.rate, low: each.low, high: each.high, text: said(each), href: cohort(here, ...pairs) });
  const isCorrected = (rows) => rows.some((each) => each.corrected !== null);
  const note = (rows) => `Share of studies that have it${isCorrected(rows) ? ", corrected, with its 95 % interval" : ""}.`;
  const known = (rows, key) => rows.filter((each) => each[key] !== null && each[key] !== "unknown" && each.of);
  const show = (title, rows, chart) => rows.length && made.push(card(title, chart(rows), { note: note(rows) }));
  show("Over time", trend, (rows) => columns(rows.map((each) => row(nameDay(each.period), each, [["since", each.since], ["until", each.until]])), { label: `${name} over time` }));
  show("By age", known(ages, "age_from"), (rows) => columns(rows.map((each) => row(nameAge(each), each, agePairs(each))), { label: `${name} by age` }));
  show("By sex", known(sexes, "sex"), (rows) => bars(rows.map((each) => row(each.sex, each, [["sex", each.sex]]))));
  show("By view", known(views, "view"), (rows) => bars(rows.map((each) => row(each.view, each, [["view", each.view]]))));
  return made;
}

function drawing(found) {
  const box = element("div", { class: "drawing" });
  const button = element("button", { type: "button" }, "Draw its neighbours");
  button.addEventListener("click", async () => {
    button.disabled = true;
    await drawNeighbours(box, found);
    button.remove();
  });
  return element("section", { class: "neighbours", "aria-label": "Drawing" }, button, box);
}
