// The named queries: a form for the parameters, the answer as chart and table.
import { $, ask, element, say, turn } from "/static/ask.js";

let known = [];

export function startQuestions(queries) {
  known = queries;
  $("question").replaceChildren(
    ...queries.map((query) => element("option", { value: query.name }, query.question)),
  );
  $("question").addEventListener("change", parameters);
  $("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    answer();
  });
  parameters();
}

function parameters() {
  const query = known.find((one) => one.name === $("question").value);
  $("parameters").replaceChildren(
    ...query.parameters.map((parameter) => {
      const input = element("input", { name: parameter.name, value: parameter.default ?? "", maxlength: 500 });
      input.required = parameter.default === null;
      return element("label", { title: parameter.meaning }, `${parameter.name} `, input);
    }),
  );
}

async function answer() {
  const given = new URLSearchParams();
  for (const [name, value] of new FormData($("ask"))) if (value !== "") given.append(name, value);
  $("answer-of").replaceChildren();
  say("Asking ...");
  const current = turn();
  const html = await ask(`/api/answer/${$("question").value}?${given}`);
  if (!current()) return;
  $("answer-of").innerHTML = html; // escaped by the server
  say(`Answered: ${document.querySelectorAll("#answer-of tbody tr").length} rows`);
}
