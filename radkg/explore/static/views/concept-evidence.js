// The sentences behind a row of a chart, in a sheet at the side.
import { ask, element } from "/static/ask.js";
import { studyAddress } from "/static/words.js";

const KINDS = { co_occurs: [["observation", "observation"]], modify: [["observation", "observation"], ["anatomy", "anatomy"], ["observation", "anatomy"], ["anatomy", "observation"]], located_at: [["observation", "anatomy"]], suggestive_of: [["observation", "observation"]] };
const LABELS = { suggestive_of: ["OBS-DP", "OBS-U", "ANAT-DP"] }; // as the charts count
const PRESENT = ["OBS-DP", "ANAT-DP"];

// Asks for one page of passages; a word may describe a finding or a place: the first kind with
// sentences is the one that is meant.
async function findPassages({ head, relation, tail }, skip, kinds = KINDS[relation]) {
  for (const [first, second] of kinds) {
    const asked = new URLSearchParams({ head: `${first}:${head}`, relation, tail: `${second}:${tail}`, skip });
    for (const label of LABELS[relation] ?? PRESENT) asked.append("label", label);
    const found = await ask(`/api/evidence?${asked}`);
    if (found.passages.length) return { ...found, kinds: [[first, second]] };
  }
  return { passages: [], next: null, kinds };
}

export async function showEvidence(edge, title) {
  const close = element("button", { type: "button", class: "quiet", "aria-label": "Close" }, "\u00d7");
  const body = element("div", { class: "passages", tabindex: 0, role: "group", "aria-label": "Sentences" }, element("p", { class: "empty" }, "Looking for the sentences ..."));
  const sheet = element("dialog", { class: "sheet", "aria-labelledby": "sheet-title" }, element("div", { class: "line" }, element("h2", { id: "sheet-title" }, title), close), body);
  close.addEventListener("click", () => sheet.close());
  sheet.addEventListener("click", (event) => {
    if (event.target === sheet || event.target.closest("a")) sheet.close();
  });
  sheet.addEventListener("close", () => sheet.remove());
  document.body.append(sheet);
  sheet.showModal();
  try {
    let { passages, next, kinds } = await findPassages(edge, 0);
    body.replaceChildren(...passages.map(write));
    if (!passages.length) body.append(element("p", { class: "empty" }, "No sentence says it in so many words."));
    const more = element("button", { type: "button" }, "More studies");
    more.hidden = next === null;
    more.addEventListener("click", async () => {
      const page = await findPassages(edge, next, kinds);
      more.before(...page.passages.map(write));
      next = page.next;
      more.hidden = next === null;
    });
    body.append(more);
  } catch (error) {
    body.replaceChildren(element("p", { class: "status failed" }, error.message));
  }
}

function write(passage) {
  const made = element("article", { class: "passage" });
  const name = `Study ${passage.study_id}${passage.study_date ? `, ${passage.study_date}` : ""}`;
  made.append(passage.at_hand ? element("a", { href: studyAddress(passage.study_id) }, name) : name);
  for (const sentence of passage.sentences) {
    const line = element("p", { dir: "auto" });
    line.innerHTML = sentence; // escaped by the server, entities marked
    made.append(line);
  }
  if (passage.problem) made.append(element("p", { class: "status" }, passage.problem));
  return made;
}
