"use strict";
// Keep the verdicts of the page, move from triplet to triplet, and save all rows as CSV.
(() => {
  const KEYS = { a: "accept", r: "reject", u: "unsure" };
  const columns = JSON.parse(document.body.dataset.columns);
  const triplets = [...document.querySelectorAll("fieldset")];
  const progress = document.getElementById("progress");
  let unsaved = false;

  const verdictOf = (triplet) => (triplet.querySelector("input:checked") || { value: "" }).value;

  function count() {
    const judged = triplets.filter(verdictOf).length;
    progress.value = judged;
    document.getElementById("count").textContent = `${judged} of ${triplets.length} judged`;
  }

  function judge(triplet) {
    triplet.dataset.verdict = verdictOf(triplet);
    unsaved = true;
    count();
  }

  function go(triplet) {
    if (!triplet) return;
    (triplet.querySelector("input:checked") || triplet.querySelector("input")).focus({ preventScroll: true });
    triplet.scrollIntoView({ block: "nearest" });
  }

  // The two ends of the triplet at hand, marked in the report.
  function attend(event) {
    for (const mark of document.querySelectorAll("mark.on")) mark.classList.remove("on");
    const triplet = event.target.closest("fieldset");
    if (!triplet) return;
    for (const id of [triplet.dataset.head, triplet.dataset.tail]) {
      for (const mark of document.querySelectorAll(`mark[data-entity="${id}"]`)) mark.classList.add("on");
    }
  }

  function press(event) {
    const triplet = event.target.closest("fieldset");
    if (!triplet || event.target.type === "text") return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = triplets.indexOf(triplet);
    const verdict = KEYS[event.key];
    if (verdict) {
      triplet.querySelector(`input[value="${verdict}"]`).checked = true;
      judge(triplet);
    }
    if (verdict || event.key === "n") go(triplets[at + 1] || triplet);
    else if (event.key === "p") go(triplets[at - 1]);
    else return;
    event.preventDefault();
  }

  const cell = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  // What a spreadsheet would take for a formula begins with an apostrophe.
  const comment = (text) => (/^[=+\-@\t]/.test(text) ? `'${text}` : text);

  function csv() {
    const rows = triplets.map((triplet) => {
      const row = JSON.parse(triplet.dataset.row);
      row[columns.indexOf("verdict")] = verdictOf(triplet);
      row[columns.indexOf("comment")] = comment(triplet.querySelector("input[type=text]").value);
      return row;
    });
    return [columns, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
  }

  function save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", csv()], { type: "text/csv" }));
    link.download = `${document.body.dataset.name}-filled.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
    unsaved = false;
  }

  for (const triplet of triplets) {
    triplet.addEventListener("change", () => judge(triplet));
    triplet.addEventListener("keydown", press);
    triplet.addEventListener("focusin", attend);
    triplet.addEventListener("pointerenter", attend);
  }
  document.getElementById("save").addEventListener("click", save);
  document.getElementById("open").addEventListener("click", () => go(triplets.find((t) => !verdictOf(t))));
  window.addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  count();
})();
