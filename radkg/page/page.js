"use strict";
// Show one study at a time, lay the arcs of its relations over the report, and show what an entity
// is under the pointer or focus. All data stands in the document: marks and rows of the triplets.
(() => {
  const LANE = 15; // px from one arc to the next above it
  const LABEL = 6.3; // px, mean width of a letter of a label on an arc
  const all = (root, selector) => [...root.querySelectorAll(selector)];
  const studies = all(document, ".study");
  const tip = document.getElementById("tip");
  const tips = new Map();

  for (const mark of all(document, "mark[title]")) {
    tips.set(mark, mark.title);
    mark.setAttribute("aria-description", mark.title);
    mark.removeAttribute("title");
  }

  // ---- arcs ----

  // Where the entities of a report stand: centre, top and bottom in px, and the line of text.
  function places(report) {
    const origin = report.getBoundingClientRect();
    const found = all(report, "mark[id]").map((mark) => {
      const box = mark.getClientRects()[0];
      return {
        mark, id: mark.id, block: mark.closest("p"), ports: [],
        x: (box.left + box.right) / 2 - origin.left, width: box.width,
        top: box.top - origin.top, middle: (box.top + box.bottom) / 2,
      };
    }).sort((a, b) => a.middle - b.middle);
    let line = -1, last = null;
    for (const place of found) {
      if (!last || last.block !== place.block || place.middle - last.middle > 12) line += 1;
      place.line = line;
      last = place;
    }
    return { width: origin.width, of: new Map(found.map((place) => [place.id, place])) };
  }

  // The ends of an arc that share an entity stand side by side, in the order of where they lead.
  function spreadPorts(arcs) {
    for (const arc of arcs) {
      arc.from.ports.push({ arc, end: "x1", other: arc.to });
      arc.to.ports.push({ arc, end: "x2", other: arc.from });
    }
    for (const place of new Set(arcs.flatMap((arc) => [arc.from, arc.to]))) {
      const where = (port) => (port.other.line - place.line) * 1e5 + port.other.x;
      place.ports.sort((a, b) => where(a) - where(b));
      const step = Math.min(8, place.width / (place.ports.length + 1));
      place.ports.forEach((port, i) => {
        port.arc[port.end] = place.x + (i - (place.ports.length - 1) / 2) * step;
      });
    }
  }

  // An arc is one bracket over its line, or two that run off the edge where its ends are apart.
  function bracketsOf(arc, width) {
    const half = (arc.words.length * LABEL) / 2;
    const bracket = (place, left, right, legs) => {
      const centre = Math.min(Math.max((left + right) / 2, half), width - half);
      return { place, left, right, legs, centre, hasTail: place === arc.to || legs === "both",
        from: Math.min(left, centre - half) - 3, to: Math.max(right, centre + half) + 3 };
    };
    const { from, to, x1, x2 } = arc;
    if (from.line === to.line) {
      arc.brackets = [bracket(from, Math.min(x1, x2), Math.max(x1, x2), "both")];
    } else {
      const [upper, lower] = from.line < to.line ? [[from, x1], [to, x2]] : [[to, x2], [from, x1]];
      arc.brackets = [bracket(...upper, width, "left"), bracket(lower[0], 0, lower[1], "right")];
    }
    const widest = Math.max(...arc.brackets.map((b) => b.right - b.left));
    arc.named = arc.brackets.filter((b) => b.right - b.left >= Math.min(widest, 2 * half + 24));
    return arc.brackets;
  }

  // Short brackets lie low; none shares its lane with one that it would touch.
  function stackLanes(brackets) {
    const lanes = new Map();
    for (const bracket of brackets.sort((a, b) => (a.to - a.from) - (b.to - b.from))) {
      const line = lanes.get(bracket.place.line) || [];
      lanes.set(bracket.place.line, line);
      let lane = 0;
      while ((line[lane] || []).some((b) => b.from < bracket.to && bracket.from < b.to)) lane += 1;
      (line[lane] = line[lane] || []).push(bracket);
      bracket.lane = lane;
    }
  }

  // A bracket with its feet at `top` of the words and an arrow head where it reaches the tail.
  function pathOf({ left, right, legs, hasTail, lane }, tailX, top) {
    const y = heightOf(lane, top);
    const bend = Math.min(5, (right - left) / 2);
    const up = legs === "right" ? `M${left} ${y}`
      : `M${left} ${top}V${y + bend}Q${left} ${y} ${left + bend} ${y}`;
    const down = legs === "left" ? `H${right}`
      : `H${right - bend}Q${right} ${y} ${right} ${y + bend}V${top}`;
    const head = `M${tailX - 3.5} ${top - 6}L${tailX} ${top}L${tailX + 3.5} ${top - 6}`;
    return up + down + (hasTail ? head : "");
  }

  function heightOf(lane, top) {
    return top - 12 - lane * LANE;
  }

  function drawArcs(study) {
    const report = study.querySelector(".report");
    const svg = report.querySelector(".arcs");
    const blocks = all(report, "p");
    blocks.forEach((block) => block.style.removeProperty("--gap"));
    svg.replaceChildren();
    const { width, of } = places(report);
    const arcs = all(study, "tr[data-head]").map((row) => ({
      row, relation: row.dataset.relation, words: row.dataset.words,
      from: of.get(row.dataset.head), to: of.get(row.dataset.tail),
    }));
    spreadPorts(arcs);
    stackLanes(arcs.flatMap((arc) => bracketsOf(arc, width)));
    for (const block of blocks) {
      const lanes = arcs.flatMap((arc) => arc.brackets)
        .filter((bracket) => bracket.place.block === block).map((bracket) => bracket.lane + 1);
      if (lanes.length) block.style.setProperty("--gap", `${Math.max(...lanes) * LANE + 2}px`);
    }
    const tops = places(report).of;
    for (const arc of arcs) {
      const topOf = (bracket) => tops.get(bracket.place.id).top - 1;
      const d = arc.brackets.map((b) => pathOf(b, arc.x2, topOf(b))).join("");
      const group = append(svg, "g", { class: `arc ${arc.relation}` });
      append(group, "path", { d });
      for (const bracket of arc.named) {
        const y = heightOf(bracket.lane, topOf(bracket)) + 3.5;
        append(group, "text", { x: bracket.centre, y }).textContent = arc.words;
      }
      group.dataset.head = arc.row.dataset.head;
      group.dataset.tail = arc.row.dataset.tail;
      group.classList.toggle("on", arc.row.classList.contains("on"));
    }
  }

  function append(parent, name, attributes) {
    const element = document.createElementNS(parent.namespaceURI, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return parent.appendChild(element);
  }

  // ---- what is under the pointer or focus ----

  function choose(study, isChosen) {
    const svg = study.querySelector(".arcs");
    const linked = new Set();
    for (const link of all(study, "[data-head]")) {
      const on = isChosen(link);
      link.classList.toggle("on", on);
      if (on) linked.add(link.dataset.head).add(link.dataset.tail);
    }
    svg.classList.toggle("chosen", linked.size > 0);
    for (const mark of all(study, "mark")) {
      mark.classList.toggle("on", linked.has(mark.dataset.entity));
    }
  }

  function showTip(mark) {
    tip.textContent = tips.get(mark);
    tip.hidden = false;
    const box = mark.getClientRects()[0];
    const right = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(8, Math.min(box.left, right)) + window.scrollX}px`;
    tip.style.top = `${box.bottom + 8 + window.scrollY}px`;
  }

  function rest() {
    tip.hidden = true;
    for (const study of studies) choose(study, () => false);
  }

  function attend(event) {
    const study = event.target.closest(".study");
    const mark = event.target.closest("mark");
    const row = event.target.closest("tr[data-head]");
    rest();
    if (mark) {
      const id = mark.dataset.entity;
      choose(study, (link) => link.dataset.head === id || link.dataset.tail === id);
      showTip(mark);
    } else if (row) {
      const { head, tail, relation } = row.dataset;
      choose(study, (link) => link.dataset.head === head && link.dataset.tail === tail
        && (link === row || link.classList.contains(relation)));
    }
  }

  // ---- which study is shown ----

  const picker = document.getElementById("picker");
  const shelf = document.getElementById("reports");
  const select = document.getElementById("choice");
  const search = document.getElementById("search");
  const options = select ? [...select.options] : [];

  // A closed page of studies has no places for arcs: they are drawn as soon as it opens.
  function show(id) {
    rest();
    select.value = id;
    for (const study of studies) study.classList.toggle("away", study.id !== id);
    if (shelf.open) drawArcs(document.getElementById(id));
  }

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matching = options.filter((option) => {
      const study = document.getElementById(option.value);
      const concepts = all(study, "mark").map((mark) => tips.get(mark)).join(" ");
      const text = `${study.textContent} ${concepts}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    const current = select.value;
    select.replaceChildren(...matching);
    document.getElementById("found").textContent = `${matching.length} of ${options.length}`;
    const next = matching.find((option) => option.value === current) || matching[0];
    if (next) show(next.value);
  }

  function step(by) {
    const count = select.options.length;
    if (count) show(select.options[(select.selectedIndex + by + count) % count].value);
  }

  // The address may name a study or an entity: page.html#study-1-entity-4
  function follow() {
    const target = document.getElementById(location.hash.slice(1));
    const study = target && target.closest(".study");
    if (!study) return;
    shelf.open = true;
    show(study.id);
    target.scrollIntoView();
    if (target !== study) target.focus();
  }

  // ---- all questions at once ----

  const everything = document.getElementById("all");
  everything.parentElement.hidden = false;
  everything.addEventListener("click", () => {
    const opens = everything.getAttribute("aria-pressed") === "false";
    for (const each of all(document, "main details")) each.open = opens;
    everything.setAttribute("aria-pressed", String(opens));
  });

  if (!studies.length) return;
  picker.hidden = false;
  shelf.addEventListener("toggle", () => {
    if (shelf.open && select.value) drawArcs(document.getElementById(select.value));
  });
  picker.addEventListener("submit", (event) => event.preventDefault());
  select.addEventListener("change", () => show(select.value));
  search.addEventListener("input", filter);
  document.getElementById("previous").addEventListener("click", () => step(-1));
  document.getElementById("next").addEventListener("click", () => step(1));
  for (const study of studies) {
    study.addEventListener("pointerover", attend);
    study.addEventListener("pointerleave", rest);
    study.addEventListener("focusin", attend);
    study.addEventListener("focusout", rest);
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") rest(); });
  // Drawing changes the height; only another width asks for other arcs.
  let width = document.body.clientWidth;
  new ResizeObserver(() => requestAnimationFrame(() => {
    if (document.body.clientWidth === width) return;
    width = document.body.clientWidth;
    if (select.value && shelf.open) drawArcs(document.getElementById(select.value));
  })).observe(document.body);
  window.addEventListener("beforeprint", () => {
    if (!shelf.open) return;
    document.documentElement.classList.add("printing");
    studies.forEach(drawArcs);
  });
  window.addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    if (select.value && shelf.open) drawArcs(document.getElementById(select.value));
  });
  window.addEventListener("hashchange", follow);
  show(options[0].value);
  follow();
})();
