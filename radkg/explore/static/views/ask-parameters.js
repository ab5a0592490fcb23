// The parameters of a named question: spoken in its heading, and a form that completes concepts.
import { ask, element } from "/static/ask.js";
import { complete } from "/static/complete.js";

const NAMES = {
  finding: "Finding", without: "Without", site: "Site", concept: "Concept", subject_id: "Patient", study_id: "Study",
  limit: "Most rows", ignore: "Leave out", min_studies: "Studies at least", below: "Below",
};
const TYPES = { integer: "number", float: "number", date: "date" };
const PLAIN = new Set(["limit", "ignore"]); // rarely changed: folded

// Returns the heading of a question with its values, or with the usual ones.
export function fillIn(question, values) {
  const usual = Object.fromEntries(question.parameters.map((each) => [each.name, each.default]));
  const nouns = { subject_id: "...", study_id: "..." };
  return question.heading.replace(/\{(\w+)\}/g, (_, name) => values[name] || usual[name] || nouns[name] || "...");
}

// Returns the form; `go` is called with the values that are not the usual ones.
export function makeForm(question, values, go) {
  const form = element("form", { class: "picker", "aria-label": "Parameters" });
  const send = () => {
    if (!form.reportValidity()) return;
    const given = new URLSearchParams();
    for (const parameter of question.parameters) {
      const value = form.elements[parameter.name].value.trim();
      if (value && value !== parameter.default) given.append(parameter.name, value);
    }
    go(given);
  };
  const fields = question.parameters.map((parameter) => [parameter, makeField(parameter, values[parameter.name], send)]);
  form.append(...fields.filter(([each]) => !PLAIN.has(each.name)).map(([, field]) => field));
  const more = fields.filter(([each]) => PLAIN.has(each.name)).map(([, field]) => field);
  if (more.length) form.append(element("details", { class: "more" }, element("summary", {}, "More settings"), ...more));
  form.append(element("button", { class: "primary" }, "Ask"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  return form;
}

function makeField(parameter, value, send) {
  const { name, type, meaning } = parameter;
  const id = `parameter-${name}`;
  const input = element("input", { id, name, type: TYPES[type] ?? "text", maxlength: 500, value: value ?? parameter.default ?? "", "aria-describedby": `${id}-meaning` });
  if (parameter.default === null) input.required = true;
  if (type === "integer") input.min = 0;
  if (type === "float") input.step = "any";
  if (type === "date" && input.value === "none") input.value = "";
  const field = element("div", { class: "field" }, element("label", { for: id }, NAMES[name] ?? name.replaceAll("_", " ")));
  const combo = element("div", { class: "combo" }, input);
  field.append(combo, element("small", { id: `${id}-meaning` }, meaning));
  if (type === "concept") {
    const kind = name === "site" ? "site" : "finding";
    complete(input, { find: (text) => ask(`/api/population/choices?${new URLSearchParams({ kind, text, limit: 10 })}`), choose: send });
  }
  return field;
}
