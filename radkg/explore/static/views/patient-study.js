// One study: sentence, statement and claim light each other, and buttons or keys give verdicts.
import { ask, say } from "/static/ask.js";
import { startViewers } from "/static/views/patient-viewer.js";

const KEYS = { a: "accept", r: "reject", u: "unsure" };

export function startStudy(root) {
  startViewers(root);
  root.addEventListener("focusin", (event) => light(root, event.target));
  root.addEventListener("mouseover", (event) => light(root, event.target));
  root.addEventListener("mouseleave", () => light(root, document.activeElement));
  root.addEventListener("click", (event) => {
    const verdict = event.target.dataset.verdict;
    if (verdict) judge(event.target.closest("[data-triplet]"), verdict);
  });
  root.addEventListener("keydown", (event) => press(root, event));
}

const entitiesIn = (node) => [...node.querySelectorAll("mark")].map((mark) => mark.dataset.entity);
const lightsOf = (node) => (node.dataset.lights ? node.dataset.lights.split(" ") : []);

// Lights what belongs together: a statement or claim its words, a sentence (or a word) its statements.
function light(root, target) {
  const about = root.contains(target) ? target.closest("[data-lights]") : null;
  const sentence = root.contains(target) && !about ? target.closest(".sentence") : null;
  const mark = sentence && target.closest("mark");
  const words = new Set(about ? lightsOf(about) : []);
  const within = new Set(mark ? entitiesIn(mark).concat(mark.dataset.entity) : sentence ? entitiesIn(sentence) : []);
  for (const each of root.querySelectorAll("mark")) each.classList.toggle("on", words.has(each.dataset.entity));
  for (const each of root.querySelectorAll(".sentence")) {
    each.classList.toggle("on", each === sentence || entitiesIn(each).some((entity) => words.has(entity)));
  }
  for (const each of root.querySelectorAll("[data-triplet]")) {
    each.classList.toggle("on", each === about || lightsOf(each).some((entity) => within.has(entity)));
  }
  for (const box of root.querySelectorAll(".box")) box.classList.toggle("on", box.claim === about);
}

function press(root, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const triplet = event.target.closest("[data-triplet]");
  const sentence = event.target.closest(".sentence");
  if (triplet && KEYS[event.key]) judge(triplet, KEYS[event.key]);
  else if (triplet && event.key === "s") sentenceOf(root, triplet)?.focus();
  else if (triplet && ["ArrowDown", "ArrowUp"].includes(event.key)) step(root, triplet, event.key === "ArrowDown" ? 1 : -1);
  else if (sentence && event.key === "Enter") root.querySelector("[data-triplet].on button")?.focus();
  else return;
  event.preventDefault();
}

function sentenceOf(root, triplet) {
  const [entity] = lightsOf(triplet);
  return [...root.querySelectorAll(".sentence")].find((each) => entitiesIn(each).includes(entity));
}

function step(root, triplet, by) {
  const all = [...root.querySelectorAll("[data-triplet]")];
  all[all.indexOf(triplet) + by]?.querySelector("button").focus();
}

async function judge(triplet, verdict) {
  const pressed = triplet.querySelector(`[data-verdict="${verdict}"]`);
  const given = pressed.getAttribute("aria-pressed") === "true" ? null : verdict;
  const said = {
    study_id: triplet.closest("article").dataset.study,
    triplet: Number(triplet.dataset.triplet),
    verdict: given,
  };
  await ask("/api/verdict", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(said),
  });
  for (const button of triplet.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.verdict === given));
  }
  say(`Statement ${said.triplet}: ${given ?? "no verdict"}, saved`);
}
