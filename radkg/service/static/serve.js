// Send the report, and the images, to the service that this page is from, and show the answer.
const $ = (id) => document.getElementById(id);
const LABELS = { present: "obs-dp", uncertain: "obs-u", absent: "obs-da" };

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

function say(text, failed = false) {
  $("status").textContent = text;
  $("status").classList.toggle("failed", failed);
}

function headers() {
  const token = $("token").value;
  return token ? { Authorization: `Bearer ${token}` } : {};
}

// Returns the answer, or throws what the service says in its place.
async function ask(path, options) {
  const answer = await fetch(path, { ...options, headers: { ...headers(), ...options.headers } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${answer.status}: ${body.detail}`);
  return body;
}

function box(title, ...children) {
  return element("section", { class: "study" }, element("h2", {}, title), ...children);
}

function table(heads, rows) {
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col" }, text)));
  const body = rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, cell))));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
}

// Returns the report with its entities marked. Offsets count characters, and not UTF-16 units.
function mark(report, entities) {
  const characters = Array.from(report);
  const shown = element("p", { class: "read", dir: "auto" });
  let place = 0;
  const found = entities.filter((each) => each.start !== null).sort((a, b) => a.start - b.start);
  for (const each of found) {
    if (each.start < place) continue; // inside of another one
    shown.append(characters.slice(place, each.start).join(""));
    const title = `${each.label}, ${each.concept}, confidence ${each.confidence.toFixed(2)}`;
    const words = characters.slice(each.start, each.end).join("");
    shown.append(element("mark", { class: `entity ${each.label.toLowerCase()}`, title }, words));
    place = each.end;
  }
  shown.append(characters.slice(place).join(""));
  return shown;
}

function named(text, state) {
  return element("span", { class: `entity ${LABELS[state] ?? ""}` }, text);
}

function showExtraction(report, answer) {
  const findings = answer.findings.map((each) => [
    named(each.finding, each.state),
    each.state,
    each.confidence.toFixed(2),
    [...each.modifiers, ...each.places].join(", "),
    each.evidence.source === "image" ? "image" : `${each.evidence.text} (${each.evidence.start})`,
  ]);
  const relations = answer.relations.map((each) => [
    answer.entities[each.head].text,
    element("span", { class: `relation ${each.relation}` }, each.relation),
    answer.entities[each.tail].text,
    each.confidence.toFixed(2),
  ]);
  const note = answer.reason ? element("p", { class: "note" }, answer.reason) : null;
  const model = `${answer.extractor}, model ${answer.model_id}, read from ${answer.condition}`;
  $("answer").replaceChildren(
    box("Report", mark(report, answer.entities), note, element("p", { class: "note" }, model)),
    box("Findings", table(["finding", "state", "confidence", "how and where", "evidence"], findings)),
    box("Relations", table(["head", "relation", "tail", "confidence"], relations)),
  );
}

function showDraft(answer) {
  const plan = answer.plan.map((each) => [
    named(each.finding, each.polarity),
    each.polarity,
    each.confidence.toFixed(2),
    [each.degree, each.side, each.site].filter(Boolean).join(" "),
  ]);
  const model = `${answer.status}${answer.reason ? `: ${answer.reason}` : ""}; ${answer.reporter}, model ${answer.model_id}`;
  $("answer").replaceChildren(
    box(
      "Draft",
      element("p", { class: "research" }, answer.notice),
      element("p", { class: "read", dir: "auto" }, answer.text),
      element("p", { class: "note" }, model),
    ),
    box("Plan", table(["finding", "state", "confidence", "how and where"], plan)),
  );
}

function showText(answer) {
  $("answer").replaceChildren(box("Answer", element("pre", {}, JSON.stringify(answer, null, 1))));
}

async function send(what) {
  const report = $("report").value;
  const files = [...$("images").files];
  const options = { method: "POST", headers: { Accept: $("form").value } };
  if (files.length || what === "draft") {
    options.body = new FormData();
    options.body.append("report", report);
    for (const file of files) options.body.append("image", file);
  } else {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify({ report });
  }
  const answer = await ask(`/v1/${what}`, options);
  if ($("form").value !== "application/json") showText(answer);
  else if (what === "draft") showDraft(answer);
  // a browser sends the lines of a form with CR and LF
  else showExtraction(files.length ? report.replace(/\r?\n/g, "\r\n") : report, answer);
}

async function describe() {
  try {
    const about = await ask("/about", {});
    const facts = Object.entries(about).map(([name, each]) => `${name} ${each.name}, model ${each.model_id}`);
    $("about").textContent = facts.join("; ");
    $("draft").hidden = !about.reporter;
    $("of-images").hidden = !Object.values(about).some((each) => each.images);
  } catch (error) {
    say(error.message, true);
  }
}

$("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  say("Reading ...");
  try {
    await send(event.submitter?.value ?? "extract");
    say("");
  } catch (error) {
    $("answer").replaceChildren();
    say(error.message, true);
  }
});
$("token").addEventListener("change", describe);
await describe();
