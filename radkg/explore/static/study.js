// One study: a triplet or a claim highlights its entities, and buttons or keys give verdicts.
import { $, ask, element, say, turn } from "/static/ask.js";

const KEYS = { a: "accept", r: "reject", u: "unsure" };

export async function showStudy(id) {
  const box = $("study");
  const current = turn();
  const html = await ask(`/api/study?${new URLSearchParams({ study_id: id })}`);
  if (!current()) return;
  const back = element("button", { type: "button" }, "Back");
  back.addEventListener("click", () => history.back());
  const holder = element("div");
  holder.innerHTML = html; // escaped by the server
  box.replaceChildren(back, ...holder.children);
  $("study-title").focus();
  say(`Study ${id}`);
}

// Highlights the entities in the report that a triplet, or a claim of a draft, is about.
function light(event) {
  const about = event.target.closest("[data-lights]");
  const lit = about ? about.dataset.lights.split(" ") : [];
  for (const mark of document.querySelectorAll("#study mark")) {
    mark.classList.toggle("on", lit.includes(mark.dataset.entity));
  }
}

async function judge(triplet, verdict) {
  const pressed = triplet.querySelector(`[data-verdict="${verdict}"]`);
  const given = pressed.getAttribute("aria-pressed") === "true" ? null : verdict;
  const said = {
    study_id: document.querySelector("#study article").dataset.study,
    triplet: Number(triplet.dataset.triplet),
    verdict: given,
  };
  const done = await ask("/api/verdict", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(said),
  });
  for (const button of triplet.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.dataset.verdict === given));
  }
  say(`Triplet ${said.triplet}: ${given ?? "no verdict"}, written to ${done.file}`);
}

export function startStudy() {
  const box = $("study");
  const at = (event) => event.target.closest("[data-triplet]");
  box.addEventListener("focusin", light);
  box.addEventListener("mouseover", (event) => event.target.closest("[data-lights]") && light(event));
  box.addEventListener("click", (event) => {
    const verdict = event.target.dataset.verdict;
    if (verdict) judge(at(event), verdict);
  });
  box.addEventListener("keydown", (event) => {
    if (at(event) && KEYS[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
      judge(at(event), KEYS[event.key]);
    }
  });
}
