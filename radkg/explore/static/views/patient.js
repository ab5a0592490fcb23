// A patient: the course of their studies, and one study or two side by side.
import { ask, element, say, turns } from "/static/ask.js";
import { count } from "/static/charts.js";
import { makeCourse } from "/static/views/patient-course.js";
import { startStudy } from "/static/views/patient-study.js";
import { nameDay, studyAddress } from "/static/words.js";

export const title = "Patient";

const showing = turns();

export async function show(root, id, query) {
  if (!id) return showChoice(root);
  const course = await ask(`/api/patient?${new URLSearchParams({ study_id: id })}`);
  const pair = element("div", { class: "pair" });
  const place = element("div");
  root.append(element("h1", {}, `Patient ${course.patient}`), element("p", { class: "lead" }, sum(course)), place, pair);
  const first = element("div", { class: "half", "data-side": "study" });
  pair.append(first);
  await fill(first, id, "study");
  root.course = course;
  await update(root, id, query);
  first.querySelector("h2").focus({ preventScroll: true });
  return `Study ${id}`;
}

// Only the study beside the first one changed.
export async function update(root, id, query) {
  const current = showing();
  const beside = query.get("beside");
  const known = root.course.studies.some((study) => study.study_id === beside);
  const second = known && beside !== id ? beside : null;
  const table = makeCourse(root.course, id, second);
  const at = document.activeElement?.dataset?.beside;
  root.children[2].replaceChildren(table);
  if (at !== undefined) [...table.querySelectorAll("[data-beside]")].find((each) => each.dataset.beside === at)?.focus();
  const pair = root.querySelector(".pair");
  pair.querySelector("[data-side='beside']")?.remove();
  pair.classList.toggle("two", second !== null);
  if (second === null) return;
  const half = element("div", { class: "half", "data-side": "beside" });
  pair.append(half);
  await fill(half, second, "beside");
  if (!current()) half.remove();
}

async function fill(half, id, side) {
  half.innerHTML = await ask(`/api/study?${new URLSearchParams({ study_id: id, side })}`); // escaped by the server
  startStudy(half);
}

function sum({ studies, of }) {
  const days = studies.map((study) => study.day).filter(Boolean);
  const number = of === 1 ? "The only study of this patient" : `${count(of)} studies of this patient`;
  const shown = studies.length < of ? `, of which ${count(studies.length)} around this one are shown` : "";
  if (!days.length) return `${number}${shown}, without a date.`;
  const [first, last] = [nameDay(days[0]), nameDay(days.at(-1))];
  return first === last ? `${number}${shown}, ${first}.` : `${number}${shown}, ${first} to ${last}.`;
}

// Without a study in the address: how one gets here.
function showChoice(root) {
  const input = element("input", { id: "study-id", maxlength: 200, required: "", autocomplete: "off" });
  const form = element("form", { class: "choices" }, element("label", { for: "study-id" }, "Study"), input, element("button", {}, "Open"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    location.hash = studyAddress(input.value.trim());
  });
  const way = element("p", {}, "Type the number of a study, or find one: a ", element("a", { href: "#/cohort" }, "cohort"), " lists its studies, and so does each answer under ", element("a", { href: "#/ask" }, "Ask"), ".");
  root.append(element("h1", {}, "Patient"), element("section", { class: "card blank" }, element("h2", {}, "No study is chosen"), way, form));
  say("");
}
