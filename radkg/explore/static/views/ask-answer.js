// An answer of the server, put into the page.
import { element, say } from "/static/ask.js";
import { studyAddress } from "/static/words.js";

export function showAnswer(place, html) {
  place.innerHTML = html; // escaped by the server
  const number = linkStudies(place);
  say(number ? `${number.toLocaleString("en")} ${number === 1 ? "row" : "rows"}` : "No rows");
}

// A study in a table leads to its page. Returns the number of rows.
function linkStudies(place) {
  const names = [...place.querySelectorAll("thead th")].map((cell) => cell.textContent);
  const column = names.findIndex((each) => each === "study" || each === "study_id");
  const rows = [...place.querySelectorAll("tbody tr")];
  for (const row of column < 0 ? [] : rows) {
    const id = row.cells[column].textContent;
    row.cells[column].replaceChildren(element("a", { href: studyAddress(id) }, id));
  }
  return rows.length;
}
