// Free Cypher, read only: for who knows the graph. The address keeps the statement; it runs by a click.
import { ask, element, say } from "/static/ask.js";
import { showAnswer } from "/static/views/ask-answer.js";

const EXAMPLE = "MATCH (s:Study)-[f:HAS_FINDING {label: 'OBS-DP'}]->(c:Concept)\nRETURN c.name AS finding, count(s) AS studies\nORDER BY studies DESC\nLIMIT 10";

// Returns the fold; `query` holds the statement of an address, or is null.
export function makeCypher(limits, query) {
  const statement = element("textarea", { id: "statement", rows: 6, maxlength: 20000, spellcheck: "false", required: "" });
  statement.value = query?.get("statement") ?? EXAMPLE;
  const values = element("input", { id: "values", maxlength: 2000, placeholder: '{"name": "effusion"}', spellcheck: "false" });
  values.value = query?.get("values") ?? "";
  const run = element("button", { class: "primary" }, "Run");
  const place = element("div", {});
  const form = element("form", {},
    element("label", { for: "statement" }, "Statement in Cypher"), statement,
    element("label", { for: "values" }, "Values of its $parameters, as JSON"), values,
    element("p", { class: "choices" }, run, element("small", {}, "Ctrl and Enter runs it too")));
  const send = async () => {
    if (!form.reportValidity()) return;
    let parameters = {};
    try {
      parameters = values.value.trim() ? JSON.parse(values.value) : {};
    } catch {
      place.replaceChildren(element("p", { class: "status failed" }, 'The values are no JSON: write them as {"name": "effusion"}.'));
      return;
    }
    keep(statement.value, values.value.trim());
    run.disabled = true;
    say("Asking ...");
    try {
      const body = JSON.stringify({ statement: statement.value, parameters });
      showAnswer(place, await ask("/api/cypher", { method: "POST", headers: { "content-type": "application/json" }, body }));
    } catch (error) {
      place.replaceChildren(element("p", { class: "status failed" }, error.message));
    } finally {
      run.disabled = false;
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
  });
  const rules = `Only reading is possible: what would write is refused. A statement is stopped after ${limits.timeout_s} seconds, and cut off after ${limits.most_rows.toLocaleString("en")} rows.`;
  const fold = element("details", { class: "card cypher" }, element("summary", {}, element("h2", {}, "Your own question, in Cypher")), element("p", { class: "note" }, rules), form, place);
  fold.open = query !== null;
  return fold;
}

// Writes the statement into the address, without a new view.
function keep(statement, values) {
  const query = new URLSearchParams(values ? { statement, values } : { statement });
  history.replaceState(null, "", `#/ask/cypher?${query}`);
}
