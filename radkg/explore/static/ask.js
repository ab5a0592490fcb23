// Requests to the server, elements of the page, and messages to the person.

export const $ = (id) => document.getElementById(id);

export function say(text, failed = false) {
  $("status").textContent = text;
  $("status").classList.toggle("failed", failed);
}

// Returns a function that begins a turn and returns a test whether that turn is still the latest.
// Answers arrive in any order, and an answer to an earlier turn must not be shown.
export function turns() {
  let last = 0;
  return () => {
    const mine = ++last;
    return () => mine === last;
  };
}

export const turn = turns(); // of what the page shows

// Returns the answer of the server; a refusal is shown to the person and thrown.
export async function ask(path, options) {
  const answer = await fetch(path, options);
  if (answer.ok) {
    const isJson = answer.headers.get("content-type").startsWith("application/json");
    return isJson ? answer.json() : answer.text();
  }
  const body = await answer.text();
  let detail = body;
  try {
    detail = JSON.parse(body).detail;
  } catch {
    // not JSON: the text itself is the reason
  }
  if (typeof detail !== "string") {
    detail = detail.map((part) => `${part.loc.at(-1)}: ${part.msg}`).join("; ");
  }
  say(detail, true);
  throw new Error(detail);
}

// Returns an element with text, which is never read as HTML.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
