// The nights that were published, the latest first.
import { ask, element } from "/static/ask.js";

export const title = "Nights";

export async function show(root) {
  const { nights } = await ask("/api/population/start");
  const head = ["Night", "Studies", "Read by", ""].map((name) => element("th", { scope: "col" }, name));
  const rows = nights.map((night) => {
    const cells = [night.day, night.studies.toLocaleString("en"), night.extractor, night.in_graph ? "shown on this page" : ""];
    return element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));
  });
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows));
  root.append(element("h1", {}, "Nights"), element("div", { class: "card" }, table));
}
