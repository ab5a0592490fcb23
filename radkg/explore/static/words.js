// Words for what the numbers are about, and the addresses that they lead to.

export const STATES = {
  present: "has it",
  possible: "has it or may have it",
  uncertain: "may have it",
  absent: "denies it",
  without: "is without it",
  mentioned: "mentions it",
  unmentioned: "does not mention it",
};

export const conceptAddress = (name) => `#/concept/${encodeURIComponent(name)}`;
export const studyAddress = (id) => `#/patient/${encodeURIComponent(id)}`;
export const nightsAddress = (before, after) => `#/nights?${new URLSearchParams({ before, after })}`;

// The address of a cohort: `query` (parameters so far) with more pairs of names and values:
// another finding is added, everything else is replaced.
export function cohortAddress(pairs, query = "") {
  const asked = new URLSearchParams(query);
  for (const [name, value] of pairs) {
    if (name === "finding") asked.append(name, value);
    else asked.set(name, value);
  }
  return `#/cohort?${asked}`;
}

// The words and the parameters of a group of ages; unknown ages cannot be asked for.
export function nameAge({ age_from: from, age_to: to }) {
  if (from === null) return "unknown";
  return to === null ? `${from}+` : `${from}\u2013${to}`;
}

export function agePairs({ age_from: from, age_to: to }) {
  if (from === null) return null;
  return to === null ? [["age_from", from]] : [["age_from", from], ["age_to", to]];
}

// "2026-12-01" as "1 December 2026", "2014-03" as "Mar 2014", "2014" as itself.
export function nameDay(day) {
  if (!day) return "an unknown day"; // a night that was published before nights had days
  const [year, month, date] = day.split("-").map(Number);
  const at = new Date(Date.UTC(year, (month || 1) - 1, date || 1));
  const form = date ? { day: "numeric", month: "long", year: "numeric" } : month ? { month: "short", year: "numeric" } : { year: "numeric" };
  return at.toLocaleDateString("en-GB", { ...form, timeZone: "UTC" });
}

export const plural = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
