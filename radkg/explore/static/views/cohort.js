// A cohort: studies by what they say and whose they are, counted, listed and compared while one picks.
import { ask, element, say, turns } from "/static/ask.js";
import { makePicker } from "/static/views/cohort-picker.js";
import { makeResult } from "/static/views/cohort-result.js";

export const title = "Cohort";

let load = null; // brings the section that is shown to other parameters

export async function show(root, _, query) {
  const [start, saved] = await Promise.all([
    ask(`/api/population/start?${new URLSearchParams({ night: query.get("night") ?? "" })}`),
    ask("/api/population/cohorts"),
  ]);
  const result = element("div", { class: "result" });
  const picker = makePicker(start, saved, pick);
  const asking = turns();
  root.append(element("h1", {}, "Cohort"), element("div", { class: "cohort" }, picker.element, result));

  async function find(asked) {
    const current = asking();
    result.setAttribute("aria-busy", "true");
    try {
      const found = await ask(`/api/population/cohort?${asked}`);
      if (!current()) return null;
      result.replaceChildren(...makeResult(found, picker));
      say(`${found.studies.toLocaleString("en")} of ${found.of.toLocaleString("en")} studies`);
      return found;
    } finally {
      if (current()) result.removeAttribute("aria-busy");
    }
  }

  async function pick() {
    let found = null;
    try {
      found = await find(picker.read());
    } catch {
      return; // said already: the last answer stays
    }
    if (found && location.hash.startsWith("#/cohort")) history.pushState(null, "", `#/cohort?${found.query}`);
  }

  load = async (asked) => {
    const found = await find(asked);
    if (found) picker.fill(found);
  };
  await load(query);
}

export const update = (_root, _rest, query) => load(query);
