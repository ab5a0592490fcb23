"use strict";
// Keep the verdicts of the page, move from row to row, and save all rows as CSV. A row is a triplet,
// or a sentence of a draft; a row without buttons takes a comment alone.
(() => {
  const KEYS = JSON.parse(document.body.dataset.keys);
  const columns = JSON.parse(document.body.dataset.columns);
  const fieldsets = [...document.querySelectorAll("fieldset")];
  const judged = fieldsets.filter((row) => row.querySelector("input[type=radio]"));
  const progress = document.getElementById("progress");
  let unsaved = false;

  const verdictOf = (row) => (row.querySelector("input:checked") || { value: "" }).value;

  function count() {
    const done = judged.filter(verdictOf).length;
    progress.value = done;
    document.getElementById("count").textContent = `${done} of ${judged.length} judged`;
  }

  function judge(row) {
    if (verdictOf(row)) row.dataset.verdict = verdictOf(row);
    unsaved = true;
    count();
  }

  function go(row) {
    if (!row) return;
    (row.querySelector("input:checked") || row.querySelector("input")).focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  // The two ends of the triplet at hand, marked in the report.
  function attend(event) {
    for (const mark of document.querySelectorAll("mark.on")) mark.classList.remove("on");
    const row = event.target.closest("fieldset");
    if (!row) return;
    for (const id of [row.dataset.head, row.dataset.tail]) {
      for (const mark of document.querySelectorAll(`mark[data-entity="${id}"]`)) mark.classList.add("on");
    }
  }

  function press(event) {
    const row = event.target.closest("fieldset");
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = fieldsets.indexOf(row);
    const isText = event.target.type === "text";
    const verdict = isText || !judged.includes(row) ? undefined : KEYS[event.key];
    if (verdict) {
      row.querySelector(`input[value="${verdict}"]`).checked = true;
      judge(row);
    }
    if (verdict || event.key === (isText ? "Enter" : "n")) go(fieldsets[at + 1] || row);
    else if (event.key === "p" && !isText) go(fieldsets[at - 1]);
    else return;
    event.preventDefault();
  }

  // As radkg/schema/cells.py: what a spreadsheet would take for a formula gets an apostrophe.
  const NUMBER = /^-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$/;
  const BEGINNING = /(?<=^|[;\t\r\n])(?='*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])/g;
  const escape = (text) => (NUMBER.test(text) ? text : text.replace(BEGINNING, "'"));
  const quote = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

  function csv() {
    const rows = fieldsets.map((fieldset) => {
      const row = JSON.parse(fieldset.dataset.row);
      row[columns.indexOf("verdict")] = verdictOf(fieldset);
      row[columns.indexOf("comment")] = fieldset.querySelector("input[type=text]").value;
      return row;
    });
    return [columns, ...rows].map((row) => `${row.map(escape).map(quote).join(",")}\r\n`).join("");
  }

  function save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(["\ufeff", csv()], { type: "text/csv" }));
    link.download = `${document.body.dataset.name}-filled.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
    unsaved = false;
  }

  for (const row of fieldsets) {
    row.addEventListener("change", () => judge(row));
    row.addEventListener("keydown", press);
    row.addEventListener("focusin", attend);
    row.addEventListener("pointerenter", attend);
  }
  document.getElementById("save").addEventListener("click", save);
  document.getElementById("open").addEventListener("click", () => go(judged.find((row) => !verdictOf(row))));
  window.addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  count();
})();
