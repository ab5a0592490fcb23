// The type-ahead: a combobox with a list (arrows, Enter, Escape).
import { $, ask, element, say, turns } from "/static/ask.js";

const letter = turns();
let chosen = -1;

export function startSearch(choose) {
  const input = $("text");
  const list = $("options");
  const items = () => [...list.children];

  function close() {
    letter(); // what is still on its way opens nothing
    list.hidden = true;
    chosen = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function point(index) {
    chosen = index;
    items().forEach((item, i) => item.setAttribute("aria-selected", i === index));
    if (index >= 0) {
      input.setAttribute("aria-activedescendant", `option-${index}`);
      items()[index].scrollIntoView({ block: "nearest" });
    }
  }

  function take(item) {
    input.value = item.dataset.name;
    close();
    choose(item.dataset.key);
  }

  input.addEventListener("input", async () => {
    const current = letter();
    const found = await ask(`/api/concepts?${new URLSearchParams({ text: input.value })}`);
    if (!current()) return; // a later letter was faster, or the list was closed
    list.replaceChildren(
      ...found.map((concept, i) => {
        const about = element("small", {}, ` ${concept.kind}, ${concept.mentions} mentions`);
        const option = element("li", { role: "option", id: `option-${i}` }, concept.name, about);
        Object.assign(option.dataset, { key: concept.key, name: concept.name });
        return option;
      }),
    );
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    point(found.length ? 0 : -1);
    if (input.value.trim()) say(`${found.length || "No"} ${found.length === 1 ? "concept" : "concepts"} with "${input.value.trim()}"`);
  });
  input.addEventListener("keydown", (event) => {
    const count = list.hidden ? 0 : items().length;
    if (event.key === "Escape") close();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && count) {
      event.preventDefault();
      point((chosen + step + count) % count);
    }
  });
  $("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const item = items()[chosen];
    if (item && !list.hidden) take(item);
  });
  list.addEventListener("mousedown", (event) => {
    event.preventDefault();
    const item = event.target.closest("li");
    if (item) take(item);
  });
  input.addEventListener("blur", close);
}
