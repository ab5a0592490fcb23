// The named questions as a gallery; one question with its parameters, chart and table.
import { ask, element, say, turns } from "/static/ask.js";
import { showAnswer } from "/static/views/ask-answer.js";
import { makeCypher } from "/static/views/ask-cypher.js";
import { fillIn, makeForm } from "/static/views/ask-parameters.js";

export const title = "Ask";

const asking = turns();

export async function show(root, name, query) {
  const { groups, ...limits } = await ask("/api/questions");
  const question = groups.flatMap((group) => group.questions).find((each) => each.name === name);
  if (name && name !== "cypher" && !question) throw new Error(`There is no question "${name}".`);
  if (!question) return showGallery(root, groups, limits, name === "cypher" ? query : null);
  root.question = question;
  const back = element("a", { href: "#/ask" }, "All questions");
  root.append(
    element("p", { class: "way" }, back),
    element("h1", {}),
    element("div", { class: "asked" }),
    element("div", { id: "answer-of" }),
  );
  return update(root, name, query);
}

export async function update(root, name, query) {
  const { question } = root;
  if (!question) return;
  const values = Object.fromEntries(query);
  root.querySelector("h1").textContent = fillIn(question, values);
  const go = (given) => {
    const wanted = `#/ask/${question.name}${given.size ? `?${given}` : ""}`;
    if (location.hash === wanted) answer(root, question, given);
    else location.hash = wanted;
  };
  const place = root.querySelector(".asked");
  const field = place.contains(document.activeElement) ? document.activeElement.id : "";
  place.replaceChildren(makeForm(question, values, go));
  if (field) place.querySelector(`#${field}`)?.focus();
  await answer(root, question, query);
  return fillIn(question, values);
}

async function answer(root, question, query) {
  const place = root.querySelector("#answer-of");
  const missing = question.parameters.filter((each) => each.default === null && !query.get(each.name));
  if (missing.length) {
    place.replaceChildren(element("p", { class: "card empty" }, `This question needs ${missing.map((each) => each.meaning).join(" and ")}: fill it in above.`));
    return;
  }
  const current = asking();
  place.setAttribute("aria-busy", "true");
  say("Asking ...");
  try {
    const html = await ask(`/api/answer/${question.name}?${query}`);
    if (!current()) return;
    showAnswer(place, html);
    place.append(makeCommand(question, query));
  } catch (error) {
    if (current()) place.replaceChildren(element("p", { class: "status failed" }, error.message));
  } finally {
    place.removeAttribute("aria-busy");
  }
}

// The same question on the command line.
function makeCommand({ name }, query) {
  const quote = (text) => (/^[\w=.,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  const parts = [...query].map(([key, value]) => `--param ${quote(`${key}=${value}`)}`);
  const code = element("code", {}, ["radkg query", name, ...parts].join(" "));
  return element("details", {}, element("summary", {}, "The same question on the command line"), element("p", {}, code));
}

function showGallery(root, groups, limits, cypher) {
  const total = groups.reduce((sum, group) => sum + group.questions.length, 0);
  const input = element("input", { id: "find-question", type: "search", maxlength: 100, placeholder: "severity, side, age ..." });
  const found = element("p", { class: "note", role: "status" });
  const cards = groups.map((group) => {
    const items = group.questions.map((each) => {
      const link = element("a", { href: `#/ask/${each.name}` }, fillIn(each, {}));
      const item = element("li", {}, link, element("small", {}, each.question));
      item.dataset.words = `${fillIn(each, {})} ${each.question} ${each.name} ${each.family} ${group.title}`.toLowerCase();
      return item;
    });
    return element("section", { class: "card", "aria-labelledby": `group-${group.identity}` }, element("h2", { id: `group-${group.identity}` }, group.title), element("ul", {}, ...items));
  });
  const gallery = element("div", { class: "gallery" }, ...cards);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let number = 0;
    for (const item of gallery.querySelectorAll("li")) {
      item.hidden = !words.every((word) => item.dataset.words.includes(word));
      number += !item.hidden;
    }
    for (const card of cards) card.hidden = !card.querySelector("li:not([hidden])");
    found.textContent = words.length ? (number ? `${number} of ${total} questions` : "No question has these words: try fewer, or write your own below.") : "";
  });
  root.append(
    element("h1", {}, "Ask"),
    element("p", { class: "lead" }, `${total} questions about the population, a patient or the reading. Each answer has an address that can be shared.`),
    element("div", { class: "picker" }, element("label", { for: "find-question" }, "Find a question"), input),
    found, gallery,
  );
  const fold = makeCypher(limits, cypher);
  if (cypher) root.querySelector(".lead").after(fold); // who follows a link sees its statement
  else root.append(fold);
}
