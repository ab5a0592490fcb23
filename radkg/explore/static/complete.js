// A text field that completes: a combobox with a list (arrows, Enter, Escape).
import { element, say, turns } from "/static/ask.js";
import { plural } from "/static/words.js";

let made = 0;

// Makes `input` complete. `find(text)` returns a promise of [{name, studies, note}], best first;
// `choose(name)` is called with what the person takes. The list stands behind `input`.
export function complete(input, { find, choose }) {
  const letter = turns();
  const id = `options-${++made}`;
  const list = element("ul", { id, class: "options", role: "listbox", "aria-label": "Suggestions" });
  let chosen = -1;
  list.hidden = true;
  input.after(list);
  for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": id, "aria-autocomplete": "list", autocomplete: "off" })) {
    input.setAttribute(name, value);
  }
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
      input.setAttribute("aria-activedescendant", items()[index].id);
      items()[index].scrollIntoView({ block: "nearest" });
    }
  }

  function take(item) {
    input.value = item.dataset.name;
    close();
    choose(item.dataset.name);
  }

  async function open() {
    const current = letter();
    const found = await find(input.value);
    if (!current()) return; // a later letter was faster, or the list was closed
    list.replaceChildren(
      ...found.map(({ name, studies, note }, i) => {
        const about = note ?? (studies === null || studies === undefined ? "" : plural(studies, "study", "studies"));
        const option = element("li", { role: "option", id: `${id}-${i}` }, name, " ", element("small", {}, about));
        option.dataset.name = name;
        return option;
      }),
    );
    list.hidden = !found.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    point(found.length && input.value.trim() ? 0 : -1);
    if (input.value.trim()) say(found.length ? "" : `Nothing is called "${input.value.trim()}".`);
  }

  input.addEventListener("input", open);
  input.addEventListener("keydown", (event) => {
    const count = list.hidden ? 0 : items().length;
    if (event.key === "Escape") close();
    if (event.key === "ArrowDown" && list.hidden) open();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && count) {
      event.preventDefault();
      point(chosen < 0 && step < 0 ? count - 1 : (chosen + step + count) % count);
    }
    if (event.key !== "Enter") return;
    if (items()[chosen] && !list.hidden) {
      event.preventDefault(); // the form is not sent: the suggestion is taken
      take(items()[chosen]);
    } else {
      close(); // what is still on its way comes too late
    }
  });
  list.addEventListener("mousedown", (event) => {
    event.preventDefault();
    const item = event.target.closest("li");
    if (item) take(item);
  });
  input.addEventListener("blur", close);
}
