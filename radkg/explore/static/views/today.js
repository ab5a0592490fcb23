// The population at a glance; every number leads to the studies, the concept or the nights behind it.
import { ask, element } from "/static/ask.js";
import { bars, between, card, columns, count, percent, shares } from "/static/charts.js";
import { agePairs, cohortAddress, conceptAddress, nameAge, nameDay, nightsAddress, plural, studyAddress } from "/static/words.js";

export const title = "Today";

export async function show(root, _, query) {
  const night = query.get("night") ?? "";
  const found = await ask(`/api/population/start?${new URLSearchParams({ night })}`);
  const only = night ? [["night", night]] : [];
  const cohort = (...pairs) => cohortAddress([...only, ...pairs]);
  root.append(
    element("h1", {}, "The population today"),
    element("p", { class: "lead" }, `Archive ${found.night.archive}, as the extractor ${found.night.extractor} read it${found.night.day ? ` in the night of ${nameDay(found.night.day)}` : ""}.`),
    figures(found, cohort),
    element("div", { class: "today" },
      findings(found, cohort),
      overTime(found.over_time, cohort),
      changes(found.changes),
    ),
    element("div", { class: "cards" }, quality(found), ...people(found, cohort), viewsOf(found, cohort)),
  );
}

function figures(found, cohort) {
  const facts = [
    ["studies in the archive", found.studies, null],
    ["patients", found.patients, null],
    ["read", found.read, cohort()],
    ["without text", found.empty, null],
    ["failed", found.failed, null],
    ["retracted", found.retracted, null],
  ].filter(([name, number]) => number || ["failed", "read"].includes(name));
  return element("dl", { class: "figures big" }, ...facts.map(([name, number, href]) => {
    const said = name === "read" ? element("a", { href }, count(number)) : count(number);
    return element("div", {}, element("dt", {}, name), element("dd", {}, said));
  }));
}

// A row for each finding: how many have it, may have it, deny it, and the rate with its interval.
function findings({ findings: rows, read }, cohort) {
  if (!rows.length) return card("Most frequent findings", null, { className: "wide", empty: "No report mentions a finding." });
  const top = Math.max(...rows.map((row) => Math.max(row.rate ?? 0, row.high ?? 0, (row.present + row.uncertain) / (read || 1))));
  const width = (share) => `${((100 * share) / top).toFixed(2)}%`;
  const number = (row, state, value) => element("td", { class: "number" }, value ? element("a", { href: cohort(["finding", `${row.finding}:${state}`]) }, count(value)) : "0");
  const made = rows.map((row) => {
    const track = element("div", { class: "track", "aria-hidden": "true" },
      element("span", { class: "bar", style: `left: 0; width: ${width(row.present / read)}` }),
      element("span", { class: "bar obs-u", style: `left: ${width(row.present / read)}; width: ${width(row.uncertain / read)}` }),
    );
    if (row.corrected !== null) {
      track.append(element("span", { class: "interval", style: `left: ${width(row.low)}; width: ${width(row.high - row.low)}` }));
      track.append(element("span", { class: "corrected", style: `left: ${width(row.corrected)}` }));
    }
    const rate = row.corrected === null ? percent(row.rate) : `${percent(row.corrected)} (${between(row)})`;
    return element("tr", {},
      element("th", { scope: "row" }, element("a", { href: conceptAddress(row.finding) }, row.finding)),
      element("td", { class: "drawn" }, track),
      number(row, "present", row.present),
      number(row, "uncertain", row.uncertain),
      number(row, "absent", row.absent),
      element("td", { class: "number" }, rate),
    );
  });
  const isCorrected = rows.some((row) => row.corrected !== null);
  const head = ["Finding", "", "Have it", "May have it", "Deny it", isCorrected ? "Share, corrected" : "Share"];
  const table = element("table", { class: "findings" },
    element("thead", {}, element("tr", {}, ...head.map((name) => (name ? element("th", { scope: "col" }, name) : element("td", {}))))),
    element("tbody", {}, ...made),
  );
  const note = `Of ${plural(read, "study", "studies")} that were read.${isCorrected ? " The line is the share after correction for the errors of reading, with its 95 % interval." : ""}`;
  const keys = element("p", { class: "keys", "aria-hidden": "true" }, element("span", { class: "key read" }), "have it", element("span", { class: "key obs-u" }), "may have it");
  if (isCorrected) keys.append(element("span", { class: "key between" }), "corrected");
  const body = element("div", {}, keys, table, element("p", { class: "choices" }, element("a", { href: "#/concept" }, "All findings"), element("a", { href: cohort() }, "Choose a cohort")));
  return card("Most frequent findings", body, { className: "wide", note });
}

function overTime({ unit, rows, undated }, cohort) {
  const chart = rows.length && columns(
    rows.map((row) => ({ name: nameDay(row.period), value: row.studies, text: plural(row.studies, "study", "studies"), href: cohort(["since", row.since], ["until", row.until]) })),
    { label: `Studies by ${unit}` },
  );
  return card("Studies over time", chart || null, {
    note: undated ? `${plural(undated, "study has", "studies have")} no date.` : `By ${unit}.`,
    empty: "No study has a date.",
  });
}

function changes(found) {
  if (!found) return card("What changed last night", null, { empty: "This is the first night: there is none to compare it with." });
  const { before, after, studies } = found;
  const counts = [["new", studies.added], ["gone", studies.removed], ["read differently", studies.read_differently], ["as before", studies.same]];
  const facts = element("dl", { class: "figures" }, ...counts.map(([name, number]) => element("div", {}, element("dt", {}, name), element("dd", {}, count(number)))));
  const list = element("ul", { class: "plain" }, ...found.findings.slice(0, 6).map((row) => {
    const flips = Object.entries(row.flips).map(([name, number]) => `${number} from ${name}`).join(", ");
    const difference = row.after - row.before;
    const said = [difference ? `${difference > 0 ? "+" : "\u2212"}${count(Math.abs(difference))} studies` : "", flips].filter(Boolean).join("; ");
    return element("li", {}, element("a", { href: conceptAddress(row.finding) }, row.finding), ` ${said}`);
  }));
  const statuses = Object.entries(found.statuses).map(([name, number]) => element("li", {}, `${plural(number, "study", "studies")} from ${name}`));
  const more = element("p", { class: "choices" }, element("a", { href: nightsAddress(before.snapshot_id, after.snapshot_id) }, "Compare the two nights"));
  const body = element("div", {}, facts, list, ...(statuses.length ? [element("ul", { class: "plain" }, ...statuses)] : []), more);
  return card("What changed last night", body, { note: `${nameDay(before.day)} beside ${nameDay(after.day)}.` });
}

function quality({ quality: found, studies }) {
  const rows = [
    ...found.failed.map((row) => ({ name: row.meaning, studies: row.studies, ids: row.study_ids })),
    ...found.skipped.map((row) => ({ name: row.reason, studies: row.studies, ids: [] })),
    ...(found.empty ? [{ name: "no text to read", studies: found.empty, ids: [] }] : []),
  ];
  const list = rows.length && element("ul", { class: "plain reasons" }, ...rows.map((row) => {
    const line = element("li", {}, element("strong", {}, count(row.studies)), " ", row.name);
    row.ids.forEach((id, i) => line.append(i ? ", " : ": ", element("a", { href: studyAddress(id) }, id)));
    return line;
  }));
  return card("What could not be read", list || null, { note: `Of ${plural(studies, "study", "studies")}.`, empty: "Every study was read in full." });
}

const isUnknown = (rows, name) => rows.every((row) => row[name] === null || row[name] === "unknown" || !row.studies);

function people(found, cohort) {
  if (isUnknown(found.ages, "age_from") && isUnknown(found.sexes, "sex")) {
    return [card("Age and sex", null, { empty: "The archive tells neither." })];
  }
  return [ages(found, cohort), sexes(found, cohort)];
}

function ages({ ages: rows }, cohort) {
  if (isUnknown(rows, "age_from")) return card("Age", null, { empty: "The archive tells no ages." });
  const unknown = rows.find((row) => row.age_from === null)?.studies ?? 0;
  const known = rows.filter((row) => row.age_from !== null);
  return card("Age", columns(known.map((row) => ({ name: nameAge(row), value: row.studies, text: plural(row.studies, "study", "studies"), href: cohort(...agePairs(row)) })), { label: "Studies by age" }), {
    note: unknown ? `${plural(unknown, "study has", "studies have")} no age.` : "Years.",
  });
}

function sexes({ sexes: rows }, cohort) {
  if (isUnknown(rows, "sex")) return card("Sex", null, { empty: "The archive tells no sexes." });
  return card("Sex", shares(rows.map((row) => ({ name: row.sex, value: row.studies, text: count(row.studies), href: cohort(["sex", row.sex]), kind: row.sex === "unknown" ? "unknown" : undefined })), { label: "Studies by sex" }));
}

function viewsOf({ views: rows }, cohort) {
  if (isUnknown(rows, "view")) return card("Views", null, { empty: "The archive tells no views." });
  const sorted = [...rows].sort((a, b) => b.studies - a.studies);
  return card("Views", bars(sorted.map((row) => ({ name: row.view, value: row.studies, text: count(row.studies), href: cohort(["view", row.view]) }))), { note: "A study may have several." });
}
