// One study: a triplet or a claim highlights its entities, and buttons or keys give verdicts.
import { ask, element, say } from "/static/ask.js";

const KEYS = { a: "accept", r: "reject", u: "unsure" };

export const title = "Study";

export async function show(root, id) {
  const html = await ask(`/api/study?${new URLSearchParams({ study_id: id })}`);
  const back = element("button", { type: "button" }, "Back");
  back.addEventListener("click", () => history.back());
  const holder = element("div");
  holder.innerHTML = html; // escaped by the server
  root.append(back, ...holder.children);
  root.querySelector("#study-title").focus();
  const at = (event) => event.target.closest("[data-triplet]");
  root.addEventListener("focusin", light);
  root.addEventListener("mouseover", (event) => event.target.closest("[data-lights]") && light(event));
  root.addEventListener("click", (event) => {
    const verdict = event.target.dataset.verdict;
    if (verdict) judge(at(event), verdict);
  });
  root.addEventListener("keydown", (event) => {
    if (at(event) && KEYS[event.key] && !event.ctrlKey && !event.metaKey && !event.altKey) {
      judge(at(event), KEYS[event.key]);
    }
  });
  return `Study ${id}`;
}

// Highlights the entities in the report that a triplet, or a claim of a draft, is about.
function light(event) {
  const about = event.target.closest("[data-lights]");
  const lit = about ? about.dataset.lights.split(" ") : [];
  for (const mark of event.currentTarget.querySelectorAll("mark")) {
    mark.classList.toggle("on", lit.includes(mark.dataset.entity));
  }
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
  say(`Triplet ${said.triplet}: ${given ?? "no verdict"}, saved`);
}
