// Show the view that the part of the address behind # names, so that Back and bookmarks work.
import { $, ask, element, say, turn } from "/static/ask.js";
import { RELATIONS, showNeighbourhood, shownConcept } from "/static/neighbourhood.js";
import { startQuestions } from "/static/questions.js";
import { startSearch } from "/static/search.js";
import { showStudy, startStudy } from "/static/study.js";

// Returns the view that the address names, and its concept, study or question.
function place() {
  const [, view, rest] = location.hash.match(/^#\/(\w*)\/?(.*)$/) ?? ["", "", ""];
  return [view, decodeURIComponent(rest)];
}

async function show() {
  turn();
  const [view, rest] = place();
  for (const id of ["concepts", "study", "query"]) {
    $(id).hidden = id !== (["study", "query"].includes(view) ? view : "concepts");
  }
  for (const link of document.querySelectorAll("nav a")) {
    const current = link.hash === (view === "query" ? "#/query" : "#/");
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (view === "study") await showStudy(rest);
  if (view === "concept" && rest !== shownConcept()) await showNeighbourhood(rest);
}

function checkboxes(id, name, options) {
  $(id).replaceChildren(
    ...options.map(([value, text, on]) => {
      const box = element("input", { type: "checkbox", name, value });
      box.defaultChecked = on;
      return element("label", {}, box, text);
    }),
  );
}

const about = await ask("/api/about");
$("about").replaceChildren(
  ...[`${about.studies.toLocaleString("en")} studies of ${about.archive}`, `extractor ${about.extractor}`, `snapshot ${about.night}`, `graph ${about.engine}`, `verdicts go to ${about.review}`].map((fact) => element("span", {}, fact)),
);
checkboxes("labels", "label", Object.entries(about.meaning).map(([label, text]) => {
  const mark = element("span", { class: `entity ${label.toLowerCase()}` }, text);
  return [label, mark, label !== "OBS-DA"];
}));
checkboxes("relations", "relation", RELATIONS.map((name) => [name, element("span", { class: `relation ${name}` }, name), true]));
startQuestions(about.queries);
startStudy();
startSearch((key) => {
  location.hash = `#/concept/${encodeURIComponent(key)}`;
});
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("filters").addEventListener("change", async () => {
  if (!document.querySelector("#labels :checked") || !document.querySelector("#relations :checked")) {
    turn();
    say("Choose at least one label and one relation.", true);
  } else if ($("filters").reportValidity() && place()[0] === "concept") {
    await showNeighbourhood(place()[1]);
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.matches("input:not([type=checkbox]), select, textarea")) {
    event.preventDefault();
    location.hash = location.hash.startsWith("#/concept") ? location.hash : "#/";
    setTimeout(() => $("text").focus()); // after the view has changed
  }
});
addEventListener("hashchange", show);
await show();
