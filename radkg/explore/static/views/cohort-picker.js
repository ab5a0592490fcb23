// What a cohort is picked with: findings with their state and details, and whose studies count.
import { ask, element, say } from "/static/ask.js";
import { count } from "/static/charts.js";
import { complete } from "/static/complete.js";
import { STATES, nameDay } from "/static/words.js";

const SEVERITIES = ["mild", "moderate", "severe", "unstated"];
const SIDES = ["left", "right", "both", "unstated"];
const BARE = ["without", "unmentioned"]; // these have no details

const find = (kind) => (text) => ask(`/api/population/choices?${new URLSearchParams({ kind, text })}`);

function choice(name, label, options, value) {
  const made = element("select", { name, "aria-label": label }, ...options.map(([key, text]) => element("option", { value: key }, text)));
  made.value = value ?? "";
  return made;
}

const field = (text, input) => element("label", { class: "field" }, element("span", {}, text), input);
const group = (legend, ...content) => element("fieldset", {}, element("legend", {}, legend), ...content);

// Returns {element, read, fill, keep}. `changed` is called after each change by the person.
export function makePicker(start, saved, changed) {
  const findings = element("ul", { class: "findings-picked" });
  const add = element("input", { id: "add", type: "search", placeholder: "Add a finding", "aria-label": "Add a finding", maxlength: 200 });
  const inputs = {
    since: element("input", { type: "date" }),
    until: element("input", { type: "date" }),
    age_from: element("input", { type: "number", min: 0, max: 90 }),
    age_to: element("input", { type: "number", min: 0, max: 90 }),
    confidence: element("input", { type: "range", min: 0, max: 1, step: 0.05, value: 0 }),
    night: choice("night", "Night", start.nights.map((night) => [night.current ? "" : night.snapshot_id, `${nameDay(night.day)}, ${night.extractor}`])),
  };
  const sure = element("output", {});
  const boxes = { sex: checkboxes("sex", start.sexes), view: checkboxes("view", [...start.views].sort((a, b) => b.studies - a.studies)) };
  const kept = element("ul", { class: "saved" });

  const isKnown = (rows, name) => rows.some((row) => row[name] !== null && row[name] !== "unknown" && row.studies);
  const ages = group("Age", element("div", { class: "pair" }, field("from", inputs.age_from), field("to", inputs.age_to)));
  const sexes = group("Sex", ...boxes.sex);
  ages.hidden = !isKnown(start.ages, "age_from");
  sexes.hidden = !isKnown(start.sexes, "sex");
  const form = element("form", {},
    group("Findings", findings, element("div", { class: "combo" }, add)),
    group("Study date", element("div", { class: "pair" }, field("from", inputs.since), field("to", inputs.until))),
    ages,
    sexes,
    group("View", ...boxes.view),
    group("Certainty of reading", field("A finding counts from", inputs.confidence), sure),
    group("Night", inputs.night),
  );
  const folded = element("details", { class: "filters card" }, element("summary", {}, element("h2", {}, "Choose")), form, group("Saved cohorts", kept));
  folded.open = !matchMedia("(max-width: 60rem)").matches;

  function checkboxes(name, rows) {
    return rows.map((row) => {
      const box = element("input", { type: "checkbox", name, value: row[name] });
      return element("label", { class: "check" }, box, row[name], " ", element("small", {}, count(row.studies)));
    });
  }

  function addFinding(criterion) {
    const { name, state = "present", severity, side, site } = criterion;
    const states = choice("state", `What a report says of ${name}`, Object.entries(STATES), state);
    const anyOf = (list) => [["", "any"], ...list.map((each) => [each, each])];
    const sites = element("input", { name: "site", value: site ?? "", maxlength: 200 });
    const details = element("details", {},
      element("summary", {}, "Severity, side, place"),
      field("severity", choice("severity", `Severity of ${name}`, anyOf(SEVERITIES), severity)),
      field("side", choice("side", `Side of ${name}`, anyOf(SIDES), side)),
      field("place", element("div", { class: "combo" }, sites)),
    );
    details.open = Boolean(severity || side || site);
    const remove = element("button", { type: "button", class: "quiet", "aria-label": `Remove ${name}` }, "\u00d7");
    const row = element("li", {}, element("div", { class: "line" }, element("strong", {}, name), remove), states, details);
    row.dataset.name = name;
    const fit = () => { details.hidden = BARE.includes(states.value); };
    states.addEventListener("change", fit);
    fit();
    remove.addEventListener("click", () => {
      row.remove();
      add.focus();
      changed();
    });
    complete(sites, { find: find("site"), choose: changed });
    findings.append(row);
  }

  function read() {
    const asked = new URLSearchParams();
    for (const row of findings.children) {
      const state = row.querySelector("[name=state]").value;
      const details = BARE.includes(state) ? [] : ["severity", "side", "site"].map((name) => [name, row.querySelector(`[name=${name}]`).value.trim()]);
      const said = details.filter(([, value]) => value).map(([name, value]) => `:${name}=${value}`);
      asked.append("finding", `${row.dataset.name}:${state}${said.join("")}`);
    }
    for (const [name, input] of Object.entries(inputs)) {
      if (input.value && input.checkValidity() && !(name === "confidence" && Number(input.value) === 0)) asked.set(name, input.value);
    }
    for (const box of form.querySelectorAll("[type=checkbox]:checked")) asked.append(box.name, box.value);
    return asked;
  }

  function fill({ criteria }) {
    const values = (name) => criteria.filter((each) => each.parameter === name);
    findings.replaceChildren();
    values("finding").forEach(addFinding);
    for (const [name, input] of Object.entries(inputs)) input.value = values(name)[0]?.value ?? (name === "confidence" ? 0 : "");
    for (const box of form.querySelectorAll("[type=checkbox]")) box.checked = values(box.name).some((each) => each.value === box.value);
    showSure();
  }

  function showSure() {
    const value = Number(inputs.confidence.value);
    sure.textContent = value ? value.toFixed(2) : "any";
  }

  function showSaved(list) {
    kept.replaceChildren(...list.map((each) => {
      const remove = element("button", { type: "button", class: "quiet", "aria-label": `Forget ${each.name}` }, "\u00d7");
      remove.addEventListener("click", async () => {
        showSaved(await ask(`/api/population/cohorts?${new URLSearchParams({ name: each.name })}`, { method: "DELETE" }));
        say(`${each.name} is forgotten.`);
      });
      return element("li", {}, element("a", { href: `#/cohort?${each.query}`, title: each.words }, each.name), remove);
    }));
    if (!list.length) kept.append(element("li", { class: "note" }, "None yet."));
  }

  async function keep(name, query) {
    const options = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ name, query }) };
    showSaved(await ask("/api/population/cohorts", options));
    say(`Saved as ${name}.`);
  }

  function take(name) {
    add.value = "";
    addFinding({ name });
    changed();
  }

  complete(add, { find: find("finding"), choose: take });
  form.addEventListener("submit", (event) => event.preventDefault());
  // A form of several fields is not sent by Enter: what was typed before a suggestion came counts.
  add.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.defaultPrevented && add.value.trim()) take(add.value.trim());
  });
  inputs.confidence.addEventListener("input", showSure);
  form.addEventListener("change", (event) => {
    if (event.target === add) return;
    if (event.target.reportValidity()) changed();
  });
  showSaved(saved);
  showSure();
  return { element: folded, read, fill, keep };
}
