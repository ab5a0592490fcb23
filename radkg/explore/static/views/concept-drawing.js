// A concept and its neighbours as a network; the charts above hold the same numbers in words.
import { element } from "/static/ask.js";
import { showEvidence } from "/static/views/concept-evidence.js";
import { conceptAddress } from "/static/words.js";

// How each relation is drawn, and said in the legend.
const LOOKS = {
  co_occurs: ["solid", "--quiet", "found together"],
  modify: ["solid", "--modify", "describes"],
  located_at: ["dashed", "--located_at", "where"],
  suggestive_of: ["dotted", "--suggestive_of", "suggests"],
};
const MOST = 7; // neighbours of one kind: more cannot be told apart

let loading = null;

// Loads cytoscape when it is first needed: half a megabyte that most visits do without.
function loadCytoscape() {
  loading ??= new Promise((resolve, reject) => {
    const script = element("script", { src: "/static/cytoscape.min.js" });
    script.onload = () => resolve(window.cytoscape);
    script.onerror = () => reject(new Error("the drawing could not be loaded"));
    document.head.append(script);
  });
  return loading;
}

function listEdges({ name, ...found }) {
  const parts = [
    ["co_occurs", found.occurs_with, (row) => [name, row.finding]],
    ["modify", found.described, (row) => [row.word, name]],
    ["located_at", found.located, (row) => [name, row.site]],
    ["located_at", found.findings_there, (row) => [row.finding, name]],
    ["suggestive_of", found.suggests, (row) => [name, row.finding]],
    ["suggestive_of", found.suggested_by, (row) => [row.finding, name]],
  ];
  return parts.flatMap(([relation, rows, ends]) => rows.slice(0, MOST).map((row) => {
    const [head, tail] = ends(row);
    return { relation, head, tail, studies: row.studies };
  }));
}

export async function drawNeighbours(box, found) {
  const cytoscape = await loadCytoscape();
  const edges = listEdges(found).filter(({ head, tail }) => head !== tail);
  const others = [...new Set(edges.flatMap(({ head, tail }) => [head, tail]))].filter((name) => name !== found.name);
  const canvas = element("div", { class: "canvas", role: "img", "aria-label": `${found.name} and ${others.length} neighbours; the charts above hold the same numbers` });
  const legend = element("p", { class: "keys" }, ...Object.entries(LOOKS).map(([name, [, , said]]) => element("span", { class: `relation ${name}` }, said)));
  box.replaceChildren(element("div", { class: "card" }, element("h2", {}, "Neighbours"), element("p", { class: "note" }, "A line opens its sentences, a name its page. Numbers are studies."), canvas, legend));
  const draw = () => paint(cytoscape, canvas, found.name, others, edges);
  let drawing = draw();
  const again = () => {
    if (!canvas.isConnected) return removeEventListener("themechange", again);
    drawing.destroy();
    drawing = draw();
  };
  addEventListener("themechange", again);
}

function paint(cytoscape, container, centre, others, edges) {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const text = { color: colour("--ink"), "text-outline-color": colour("--paper"), "text-outline-width": 3 };
  const most = Math.max(...edges.map((edge) => edge.studies));
  const nodes = others.map((name, i) => {
    const angle = (2 * Math.PI * i) / others.length;
    const ring = i % 2 ? 1 : 0.68; // two rings, so that names do not meet
    return { data: { id: name, name }, position: { x: 430 * ring * Math.cos(angle), y: 280 * ring * Math.sin(angle) } };
  });
  nodes.push({ data: { id: centre, name: centre }, position: { x: 0, y: 0 }, classes: "centre" });
  const drawing = cytoscape({
    container,
    userZoomingEnabled: false,
    elements: {
      nodes,
      edges: edges.map(({ head, tail, studies, relation }, i) => ({ data: { id: `edge-${i}`, number: i, source: head, target: tail, studies, width: 1.5 + (5 * studies) / most }, classes: relation })),
    },
    layout: { name: "preset", padding: 30 },
    maxZoom: 1.6,
    style: [
      { selector: "node", style: { ...text, label: "data(name)", "font-size": 17, "background-color": colour("--bar"), width: 14, height: 14, "text-valign": "bottom", "text-margin-y": 3 } },
      { selector: ".centre", style: { width: 30, height: 30, "font-size": 22, "font-weight": "bold", "background-color": colour("--accent") } },
      { selector: "edge", style: { ...text, label: "data(studies)", width: "data(width)", "font-size": 14, "curve-style": "bezier", "target-arrow-shape": "triangle" } },
      ...Object.entries(LOOKS).map(([name, [line, tint]]) => ({ selector: `.${name}`, style: { "line-color": colour(tint), "target-arrow-color": colour(tint), "line-style": line } })),
      { selector: ".co_occurs", style: { "target-arrow-shape": "none" } },
    ],
  });
  drawing.on("tap", "edge", (event) => {
    const { relation, head, tail } = edges[event.target.data("number")];
    showEvidence({ relation, head, tail }, `${head} ${LOOKS[relation][2]} ${tail}`);
  });
  drawing.on("tap", "node", (event) => {
    location.hash = conceptAddress(event.target.id());
  });
  return drawing;
}
