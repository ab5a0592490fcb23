// Two nights compared: the gate's verdict, what changed by cause, and findings with their evidence.
import { ask, element, say, turns } from "/static/ask.js";
import { card, count, percent } from "/static/charts.js";
import { listFindings, nameCause, nameState } from "/static/views/nights-flips.js";
import { conceptAddress, nameDay, plural } from "/static/words.js";

export const title = "Nights";

const comparing = turns();

export async function show(root, rest, query) {
  const nights = await ask("/api/nights");
  root.append(element("h1", {}, "Nights"));
  if (nights.length < 2) {
    root.append(makeFirstNight(nights[0]));
    return;
  }
  root.nights = nights;
  root.append(
    element("p", { class: "lead" }, "What the reading of the same studies says after one night and after another."),
    element("form", { class: "picker", "aria-label": "Nights to compare" }),
    element("div", { class: "compared" }),
  );
  await update(root, rest, query);
}

export async function update(root, rest, query) {
  if (!root.nights) return;
  const current = comparing();
  const [newest, older] = root.nights;
  const asked = { before: query.get("before") || older.night, after: query.get("after") || newest.night, gate: query.get("gate") || "0.05" };
  fillForm(root.querySelector("form"), root.nights, asked);
  const place = root.querySelector(".compared");
  place.setAttribute("aria-busy", "true");
  say("Comparing ...");
  try {
    const found = await ask(`/api/nights/compare?${new URLSearchParams(asked)}`);
    if (!current()) return;
    place.replaceChildren(...describe(found, query.get("cause")));
    say("");
  } finally {
    place.removeAttribute("aria-busy");
  }
}

const nameNight = ({ day, night, studies, reader }, nights) => {
  const isTwin = nights.filter((each) => each.day === day).length > 1;
  return `${nameDay(day)}${isTwin ? ` (${night.slice(0, 6)})` : ""}: ${plural(studies, "study", "studies")}, read by ${reader}`;
};

function fillForm(form, nights, asked) {
  const choice = (name, text) => {
    const options = nights.map((night) => element("option", { value: night.night }, nameNight(night, nights)));
    const select = element("select", { name }, ...options);
    const chosen = nights.find((night) => night.night.startsWith(asked[name]) || night.day === asked[name]);
    select.value = chosen?.night ?? "";
    return element("label", {}, text, select);
  };
  const gate = element("input", { name: "gate", type: "number", min: 0, max: 100, step: "any", value: +(100 * asked.gate).toPrecision(6), required: "" });
  const focused = document.activeElement?.form === form ? document.activeElement.name : null;
  form.replaceChildren(choice("before", "Before"), choice("after", "After"), element("label", {}, "Gate", gate, "%"));
  if (focused) form.elements[focused]?.focus();
  form.onsubmit = (event) => event.preventDefault();
  form.onchange = () => {
    if (!form.reportValidity()) return;
    const chosen = { before: form.elements.before.value, after: form.elements.after.value, gate: form.elements.gate.value / 100 };
    location.hash = `#/nights?${new URLSearchParams(chosen)}`;
  };
}

function describe(found, cause) {
  if (found.before === found.after) {
    return [element("p", { class: "card empty" }, "Before and after are the same night: choose another one to compare with.")];
  }
  const { added, removed, changed, same } = found.studies;
  const numbers = { "came": added, "went": removed, "changed": changed, "the same": same };
  const figures = element("dl", { class: "figures big" }, ...Object.entries(numbers).map(([name, number]) => element("div", {}, element("dt", {}, `Studies ${name}`), element("dd", {}, count(number)))));
  const parts = [makeVerdict(found.gate), figures];
  if (!added && !removed && !changed) {
    parts.push(element("p", { class: "card empty" }, "Both nights read all studies alike: nothing changed."));
    return parts;
  }
  parts.push(element("div", { class: "cards" }, makeCauses(found.causes), makeStatuses(found.statuses)));
  parts.push(...listFindings(found, cause));
  return parts;
}

function makeVerdict({ share, min_support: least, failing }) {
  const isShut = failing.length > 0;
  const rule = `more than ${percent(share)} of the studies that had it`;
  const made = element("section", { class: `card verdict ${isShut ? "shut" : "open"}` });
  made.append(element("h2", {}, isShut ? "The gate is shut" : "The gate is open"));
  if (!isShut) {
    made.append(element("p", {}, `No finding changed between present, uncertain and denied in ${rule}. Findings of fewer than ${least} studies are not judged.`));
    return made;
  }
  const list = failing.map(({ finding, flipped, of }) => element("li", {}, element("a", { href: conceptAddress(finding) }, finding), `: ${count(flipped)} of ${count(of)} studies (${percent(flipped / of)})`));
  made.append(element("p", {}, `${failing.length === 1 ? "A finding" : `${failing.length} findings`} changed between present, uncertain and denied in ${rule}: look at the evidence before this night is used.`), element("ul", {}, ...list));
  return made;
}

function table(names, rows) {
  const head = element("tr", {}, ...names.map((name) => element("th", { scope: "col" }, name)));
  const body = rows.map(([name, ...numbers]) => element("tr", {}, element("th", { scope: "row" }, name), ...numbers.map((number) => element("td", { class: "number" }, count(number)))));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
}

function makeCauses(causes) {
  const rows = Object.entries(causes).map(([cause, numbers]) => [cause.split("+").map(nameCause).join(", and "), numbers.studies, numbers.read_differently, numbers.flipped]);
  return card("Why studies changed", table(["Cause", "Studies", "Read otherwise", "Findings that flipped"], rows), { className: "causes" });
}

function makeStatuses(statuses) {
  const rows = Object.entries(statuses).map(([change, number]) => [change.split(" to ").map(nameState).join(" → "), number]);
  const content = rows.length ? table(["Change", "Studies"], rows) : null;
  return card("Whether they could be read", content, { empty: "As before in all studies." });
}

// One night alone: what will stand here, and how it comes.
function makeFirstNight(night) {
  const made = element("section", { class: "card blank" });
  if (!night) {
    made.append(element("h2", {}, "No night stands"), element("p", {}, "Nothing is published that could be shown: run the extraction again."));
    return made;
  }
  made.append(
    element("h2", {}, "One night, and nothing to compare it with yet"),
    element("p", {}, `${night.day ? `On ${nameDay(night.day)} the reader ` : "The reader "}"${night.reader}" read ${plural(night.studies, "study", "studies")}. A second night comes when studies arrive, or are read again:`),
    element("ul", {},
      element("li", {}, "each evening by itself, with ", element("code", {}, "radkg nightly"), " in the calendar of the machine;"),
      element("li", {}, "or now, by running the extraction once more with another reader (", element("code", {}, "--extractor"), ") or with more studies (", element("code", {}, "--limit"), ").")),
    element("p", {}, "Then this page shows:"),
    element("ul", { class: "promises" },
      element("li", {}, element("strong", {}, "What flipped. "), "Findings that one night calls present and the other uncertain or denied, each with its sentence."),
      element("li", {}, element("strong", {}, "Why. "), "The study changed, another model read it, or words got another name."),
      element("li", {}, element("strong", {}, "Whether to trust it. "), "The gate: shut where a finding flipped in too many studies.")),
    element("p", { class: "choices" }, element("a", { class: "button", href: "#/today" }, "Back to today")),
  );
  return made;
}
