// The named queries: a form for the parameters, the answer as chart and table.
import { ask, element, say, turns } from "/static/ask.js";

export const title = "Ask";

export async function show(root) {
  const { queries } = await ask("/api/about");
  const choice = element("select", { id: "question" }, ...queries.map((query) => element("option", { value: query.name }, query.question)));
  const parameters = element("span", { id: "parameters" });
  const form = element("form", { class: "picker", id: "ask" }, element("label", {}, "Question ", choice), parameters, element("button", {}, "Ask"));
  const answer = element("div", { id: "answer-of" });
  root.append(element("h1", {}, "Ask"), form, answer);
  const asking = turns();

  function showParameters() {
    const query = queries.find((one) => one.name === choice.value);
    parameters.replaceChildren(
      ...query.parameters.map((parameter) => {
        const input = element("input", { name: parameter.name, value: parameter.default ?? "", maxlength: 500 });
        input.required = parameter.default === null;
        return element("label", { title: parameter.meaning }, `${parameter.name} `, input);
      }),
    );
  }

  choice.addEventListener("change", showParameters);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value !== "") given.append(name, value);
    answer.replaceChildren();
    say("Asking ...");
    const current = asking();
    const html = await ask(`/api/answer/${choice.value}?${given}`);
    if (!current()) return;
    answer.innerHTML = html; // escaped by the server
    say(`Answered: ${answer.querySelectorAll("tbody tr").length} rows`);
  });
  showParameters();
}
