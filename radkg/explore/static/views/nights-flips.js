// The findings that changed between two nights, each with the studies that show it.
import { element } from "/static/ask.js";
import { count, percent } from "/static/charts.js";
import { studyAddress } from "/static/words.js";

const CAUSES = {
  data: "new, gone or changed study",
  model: "another model read it",
  vocabulary: "words have other names",
  code: "another version of radkg",
  unknown: "read otherwise, cause unknown",
};
const FIRST = 12; // findings before a person asks for more
const STATES = { ok: "read", empty: "nothing found", failed: "failed", absent: "denied" };
const CLASSES = { present: "obs-dp", uncertain: "obs-u", absent: "obs-da" };

export const nameCause = (cause) => CAUSES[cause] ?? cause;
export const nameState = (state) => STATES[state] ?? state;

// Returns the heading, the causes to choose from, and the findings.
export function listFindings(found, chosen) {
  const { findings, changed_findings: all } = found;
  const heading = element("h2", {}, all ? `Findings that changed (${count(all)})` : "No finding changed");
  if (!all) return [heading];
  const causes = [...new Set(findings.flatMap((each) => each.evidence.flatMap(({ cause }) => cause)))];
  const list = element("div", { class: "flips" });
  const fill = (cause) => {
    const shown = cause ? findings.filter((each) => each.evidence.some((one) => one.cause.includes(cause))) : findings;
    const made = shown.map((each, i) => makeFinding(each, cause, i === 0));
    list.replaceChildren(...made.slice(0, FIRST));
    const rest = made.slice(FIRST);
    if (!rest.length) return;
    const more = element("button", { type: "button" }, `Show ${rest.length} more`);
    more.addEventListener("click", () => {
      more.replaceWith(...rest);
      rest[0].querySelector("summary").focus();
    });
    list.append(more);
  };
  fill(causes.includes(chosen) ? chosen : null);
  const parts = [heading];
  if (causes.length > 1) parts.push(makeChoice(causes, chosen, fill));
  parts.push(list);
  if (all > findings.length) parts.push(element("p", { class: "note" }, `The ${findings.length} that changed most; ${count(all - findings.length)} more changed less.`));
  return parts;
}

function makeChoice(causes, chosen, fill) {
  const buttons = [null, ...causes].map((cause) => {
    const isOn = cause === (causes.includes(chosen) ? chosen : null);
    const button = element("button", { type: "button", "aria-pressed": String(isOn) }, cause ? nameCause(cause) : "any cause");
    button.addEventListener("click", () => {
      for (const each of buttons) each.setAttribute("aria-pressed", String(each === button));
      fill(cause);
      keep(cause);
    });
    return button;
  });
  return element("div", { class: "choices", role: "group", "aria-label": "Evidence by cause" }, ...buttons);
}

// Writes the cause into the address, without a new view.
function keep(cause) {
  const query = new URLSearchParams(location.hash.split("?")[1] ?? "");
  if (cause) query.set("cause", cause);
  else query.delete("cause");
  history.replaceState(null, "", `#/nights?${query}`);
}

function makeFinding(change, cause, isOpen) {
  const flips = Object.entries(change.flips).map(([flip, number]) => element("li", {}, ...arrow(flip), ` ${count(number)}`));
  if (change.added) flips.push(element("li", {}, `newly mentioned ${count(change.added)}`));
  if (change.removed) flips.push(element("li", {}, `no longer mentioned ${count(change.removed)}`));
  const flipped = change.flipped ? `${count(change.flipped)} of ${count(change.before)} flipped (${percent(change.share)})` : `${count(change.before)} → ${count(change.after)} studies`;
  const summary = element("summary", {}, element("span", { class: "name" }, change.finding), element("span", { class: "number" }, flipped), element("ul", {}, ...flips));
  const shown = change.evidence.filter((each) => !cause || each.cause.includes(cause));
  const none = element("p", { class: "empty" }, "No study can be shown as evidence.");
  const made = element("details", { class: "flip card" }, summary, ...(shown.length ? shown.map(makeEvidence) : [none]));
  made.open = isOpen;
  return made;
}

const arrow = (change) => change.split(" to ").flatMap((state, i) => [i ? " → " : "", mark(state)]);
const mark = (state) => element("span", { class: `entity ${CLASSES[state] ?? ""}` }, nameState(state));

function makeEvidence({ study_id: id, at_hand: isHere, change, cause, before, after }) {
  const name = isHere ? element("a", { href: studyAddress(id) }, `Study ${id}`) : element("span", {}, `Study ${id}`);
  const what = { added: "newly mentioned", removed: "no longer mentioned" }[change];
  const head = element("p", {}, name, " ", ...(what ? [what] : arrow(change)), " ", element("small", {}, cause.map(nameCause).join(", and ")));
  return element("article", { class: "evidence" }, head, element("dl", {}, ...makeSide("Before", before), ...makeSide("After", after)));
}

function makeSide(when, mention) {
  const text = element("dd", { dir: "auto" });
  if (!mention) text.append(element("span", { class: "note" }, "not mentioned"));
  else {
    text.append(mark(mention.state), " ");
    const said = element("span", { class: "said" });
    if (mention.sentence) said.innerHTML = mention.sentence; // escaped by the server, the words marked
    else said.append(`"${mention.words}"`);
    text.append(said, " ", element("small", {}, mention.section));
  }
  return [element("dt", {}, when), text];
}
