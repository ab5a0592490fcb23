// Show the view that the part of the address behind # names: #/VIEW/REST?QUERY.
//
// A view is a module /static/views/VIEW.js. It exports `title`, and show(root, rest, query), which
// fills the empty section `root`; what it returns, if anything, is the title of the page. It may
// export update(root, rest, query), which is called in place of show() where only QUERY changed.
import { $, ask, element, say, turn } from "/static/ask.js";
import { complete } from "/static/complete.js";

const VIEWS = ["today", "cohort", "concept", "nights", "ask", "patient"];
const ALIASES = { study: "patient", query: "ask" };
let shown = { view: null, rest: null, root: null, module: null };

// Returns the view that the address names, what stands behind it, and its parameters.
export function readAddress(hash) {
  const [, name = "", rest = "", query = ""] = hash.match(/^#\/?([^/?]*)\/?([^?]*)\??(.*)$/) ?? [];
  const view = ALIASES[name] ?? (name || "today");
  return { view, rest: decodeURIComponent(rest), query: new URLSearchParams(query) };
}

async function show() {
  const current = turn();
  const isFirst = shown.root === null;
  const root = element("section", { class: "view", "aria-busy": "true" });
  say("");
  try {
    const { view, rest, query } = readAddress(location.hash);
    if (!VIEWS.includes(view)) throw new Error(`There is no page "${view}".`);
    mark(view);
    if (view === shown.view && rest === shown.rest && shown.module.update) {
      const title = await shown.module.update(shown.root, rest, query);
      if (title && current()) document.title = `${title} - radkg`;
      return;
    }
    root.classList.add(`view-${view}`);
    $("main").replaceChildren(root, skeleton());
    shown = { view: null, rest: null, root, module: null };
    if (!isFirst) scrollTo(0, 0);
    const module = await import(`/static/views/${view}.js`);
    document.title = `${module.title} - radkg`;
    const title = await module.show(root, rest, query);
    if (!current()) return;
    shown = { view, rest, root, module };
    document.title = `${title || module.title} - radkg`;
  } catch (error) {
    if (!current()) return;
    say("");
    document.title = "Not shown - radkg";
    root.replaceChildren(...explain(error));
    shown = { view: null, rest: null, root, module: null };
    $("main").replaceChildren(root);
  }
  for (const other of [...$("main").children]) if (other !== root) other.remove(); // root keeps the focus
  root.removeAttribute("aria-busy");
  if (!isFirst && !root.contains(document.activeElement)) focusTitle(root);
}

function focusTitle(root) {
  const title = root.querySelector("h1") ?? root;
  title.tabIndex = -1;
  title.focus({ preventScroll: true });
}

function mark(view) {
  for (const link of document.querySelectorAll("header nav a")) {
    if (link.hash === `#/${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function skeleton() {
  const made = element("div", { class: "skeleton", "aria-hidden": "true" });
  for (const kind of ["line", "block", "block", "block"]) made.append(element("span", { class: kind }));
  return made;
}

function explain(error) {
  const again = element("button", { type: "button" }, "Try again");
  again.addEventListener("click", show);
  return [
    element("h1", {}, "This cannot be shown"),
    element("p", { class: "card lead" }, error.message.charAt(0).toUpperCase() + error.message.slice(1)),
    element("p", { class: "choices" }, again, element("a", { class: "button", href: "#/today" }, "Go to Today")),
  ];
}

const phone = matchMedia("(max-width: 52rem)");

function fold() {
  $("menu").open = !phone.matches;
}

async function findConcepts(text) {
  const asked = (kind) => ask(`/api/population/choices?${new URLSearchParams({ kind, text, limit: 8 })}`);
  const [findings, sites] = await Promise.all([asked("finding"), asked("site")]);
  const known = new Set(findings.map((each) => each.name));
  return [...findings, ...sites.filter((each) => !known.has(each.name))].slice(0, 12);
}

function openConcept(name) {
  $("text").value = "";
  $("text").blur();
  location.hash = `#/concept/${encodeURIComponent(name)}`;
}

const hasShortcuts = () => localStorage.getItem("radkg-shortcuts") !== "off";

function press(event) {
  const isTyping = event.target.matches("input:not([type=checkbox]), select, textarea") || $("keys").open;
  if (isTyping || !hasShortcuts() || event.ctrlKey || event.metaKey || event.altKey) return;
  const link = document.querySelectorAll("header nav a")[Number(event.key) - 1];
  if (event.key === "/") $("text").focus();
  else if (event.key === "?") $("keys").showModal();
  else if (link) location.hash = link.hash;
  else return;
  event.preventDefault();
}

function showTheme() {
  $("theme").setAttribute("aria-pressed", String(chooseTheme.isDark()));
}

complete($("text"), { find: findConcepts, choose: openConcept });
$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  if ($("text").value.trim()) openConcept($("text").value.trim());
});
$("theme").addEventListener("click", chooseTheme.toggle);
addEventListener("themechange", showTheme);
showTheme();
$("help").addEventListener("click", () => $("keys").showModal());
$("shortcuts").checked = hasShortcuts();
$("shortcuts").addEventListener("change", (event) => localStorage.setItem("radkg-shortcuts", event.target.checked ? "on" : "off"));
document.addEventListener("keydown", press);
phone.addEventListener("change", fold);
fold();
addEventListener("hashchange", () => {
  if (phone.matches) $("menu").open = false;
  show();
});
await show();
