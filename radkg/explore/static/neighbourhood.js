// The neighbourhood of a concept: a drawing for the eye, a table for keyboard and screen reader.
import { $, ask, element, say, shorten, turn } from "/static/ask.js";

const LINES = { co_occurs: "solid", modify: "solid", located_at: "dashed", suggestive_of: "dotted" };
const COLOURS = { co_occurs: "--quiet", modify: "--modify", located_at: "--located_at", suggestive_of: "--suggestive_of" };
export const RELATIONS = Object.keys(LINES);

let shown = null;
let drawing = null;

// Returns the filters as parameters of an address.
function filters() {
  const given = new URLSearchParams();
  for (const [name, value] of new FormData($("filters"))) if (value !== "") given.append(name, value);
  return given;
}

// The key of the concept whose neighbourhood the page shows.
export const shownConcept = () => shown?.key;

// Co-occurring concepts arrive sooner than related ones: two requests, each shown on arrival.
function requests(key) {
  const all = filters();
  const chosen = all.getAll("relation");
  all.delete("relation");
  all.append("concept", key);
  const kinds = [chosen.filter((name) => name === "co_occurs"), chosen.filter((name) => name !== "co_occurs")];
  return kinds.filter((names) => names.length).map((names) => {
    const one = new URLSearchParams(all);
    for (const name of names) one.append("relation", name);
    return one;
  });
}

export async function showNeighbourhood(key) {
  const current = turn();
  const answers = requests(key).map((one) => ask(`/api/neighbourhood?${one}`));
  for (const answer of answers) answer.catch(() => {}); // said already, and thrown below
  const found = await answers[0];
  if (!current()) return;
  const mine = (shown = { key, found });
  $("text").value = found.concept.name;
  $("title").textContent = `${found.concept.name} (${found.concept.kind})`;
  $("evidence").replaceChildren(
    element("p", { class: "note" }, "Choose an edge to read the sentences behind it."),
  );
  table();
  draw();
  say(summary(answers.length > 1));
  for (const answer of answers.slice(1)) {
    const more = await answer;
    if (shown !== mine) return;
    found.edges.push(...more.edges);
    found.mentioned ??= more.mentioned;
    for (const name of RELATIONS) found.cut[name] += more.cut[name];
    rows(more.edges);
    draw();
    if (current()) say(summary(false));
  }
}

function summary(waiting) {
  const { edges, mentioned, found, cut } = shown.found;
  const counts = [
    mentioned === null ? "" : `${mentioned} studies mention it`,
    found === null ? "" : `${found} studies have it as a finding`,
  ];
  const rest = Object.entries(cut).filter(([, number]) => number).map(([name, number]) => `${number} more ${name}`);
  return (
    `${edges.length} edges. ${counts.filter(Boolean).join(", ")}.` +
    (rest.length ? ` Not shown: ${rest.join(", ")}.` : "") +
    (waiting ? " Looking for related words and places ..." : "")
  );
}

function table() {
  const head = ["Sentences", "Head", "Relation", "Tail", "Studies", "Share"];
  const top = element("tr", {}, ...head.map((name) => element("th", { scope: "col" }, name)));
  $("edges").replaceChildren(element("table", {}, element("thead", {}, top), element("tbody")));
  rows(shown.found.edges);
}

// Adds edges to the table; the focus stays in its row.
function rows(edges) {
  const made = edges.map((edge) => {
    const button = element("button", { type: "button" }, "Read");
    button.setAttribute("aria-label", `Read: ${shorten(edge.head)} ${edge.relation} ${shorten(edge.tail)}`);
    button.addEventListener("click", () => showEvidence(edge));
    const relation = element("span", { class: `relation ${edge.relation}` }, edge.relation);
    const share = edge.of ? `${((100 * edge.studies) / edge.of).toFixed(1)} %` : "";
    const cells = [button, end(edge.head), relation, end(edge.tail), `${edge.studies} of ${edge.of}`, share];
    return element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));
  });
  document.querySelector("#edges tbody").append(...made);
}

function end(key) {
  if (key === shown.key) return shorten(key);
  return element("a", { href: `#/concept/${encodeURIComponent(key)}` }, shorten(key));
}

function draw() {
  const { key, found } = shown;
  drawing?.destroy();
  drawing = null;
  $("canvas").replaceChildren();
  if (!found.edges.length) return;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const others = [...new Set(found.edges.flatMap((edge) => [edge.head, edge.tail]))].filter((id) => id !== key);
  const most = Math.max(...found.edges.map((edge) => edge.studies));
  const nodes = others.map((id, i) => {
    const angle = (2 * Math.PI * i) / others.length;
    const ring = i % 2 ? 1 : 0.68; // two rings, so that names do not meet
    return {
      data: { id, name: shorten(id) },
      position: { x: 430 * ring * Math.cos(angle), y: 280 * ring * Math.sin(angle) },
    };
  });
  nodes.push({ data: { id: key, name: shorten(key) }, position: { x: 0, y: 0 }, classes: "centre" });
  const edges = found.edges.map((edge, i) => ({
    data: { id: `edge-${i}`, source: edge.head, target: edge.tail, number: i, studies: edge.studies, width: 1.5 + (5 * edge.studies) / most },
    classes: edge.relation,
  }));
  drawing = window.cytoscape({
    container: $("canvas"),
    elements: { nodes, edges },
    layout: { name: "preset", padding: 30 },
    maxZoom: 1.6,
    style: [
      { selector: "node", style: { label: "data(name)", "font-size": 17, color: colour("--ink"), "text-outline-color": colour("--paper"), "text-outline-width": 3, "background-color": colour("--bar"), width: 14, height: 14, "text-valign": "bottom", "text-margin-y": 3 } },
      { selector: ".centre", style: { width: 30, height: 30, "font-size": 22, "font-weight": "bold", "background-color": colour("--accent") } },
      { selector: "edge", style: { label: "data(studies)", width: "data(width)", "font-size": 14, color: colour("--ink"), "text-outline-color": colour("--paper"), "text-outline-width": 3, "curve-style": "bezier", "target-arrow-shape": "triangle" } },
      ...RELATIONS.map((name) => ({ selector: `.${name}`, style: { "line-color": colour(COLOURS[name]), "target-arrow-color": colour(COLOURS[name]), "line-style": LINES[name] } })),
      { selector: ".co_occurs", style: { "target-arrow-shape": "none" } },
    ],
  });
  drawing.on("tap", "edge", (event) => showEvidence(found.edges[event.target.data("number")]));
  drawing.on("tap", "node", (event) => {
    location.hash = `#/concept/${encodeURIComponent(event.target.id())}`;
  });
}

// Also runs when this view is shown again.
new ResizeObserver(() => {
  if (!$("canvas").clientWidth) return;
  drawing?.resize();
  drawing?.fit(undefined, 30);
}).observe($("canvas"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shown && draw());

async function showEvidence(edge, skip = 0) {
  const asked = filters();
  for (const name of ["relation", "limit", "normal"]) asked.delete(name);
  for (const name of ["head", "relation", "tail"]) asked.append(name, edge[name]);
  asked.append("skip", skip);
  const current = turn();
  const found = await ask(`/api/evidence?${asked}`);
  if (!current()) return;
  const box = $("evidence");
  if (!skip) {
    const title = `${shorten(edge.head)} ${edge.relation} ${shorten(edge.tail)}`;
    box.replaceChildren(element("h2", {}, title), element("p", { class: "note" }, `${edge.studies} of ${edge.of} studies`));
    box.scrollTop = 0;
  }
  for (const passage of found.passages) box.append(passageOf(passage));
  if (found.next !== null) {
    const more = element("button", { type: "button" }, "More studies");
    more.addEventListener("click", () => {
      more.remove();
      showEvidence(edge, found.next);
    });
    box.append(more);
  }
  if (!skip) box.focus();
  say(`Sentences of ${found.passages.length} studies${found.next === null ? "" : ", and there are more"}.`);
}

function passageOf(passage) {
  const made = element("article", { class: "passage" });
  const name = `${passage.study_id} (${passage.study_date ?? "no date"})`;
  const address = `#/study/${encodeURIComponent(passage.study_id)}`;
  made.append(passage.at_hand ? element("a", { href: address }, `Study ${name}`) : `Study ${name}`);
  for (const sentence of passage.sentences) {
    const line = element("p", { dir: "auto" });
    line.innerHTML = sentence; // escaped by the server, entities marked
    made.append(line);
  }
  if (passage.problem) made.append(element("p", { class: "status" }, passage.problem));
  return made;
}
