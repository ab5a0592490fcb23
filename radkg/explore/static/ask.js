// Requests to the server, elements, and what is said to the person.

export const $ = (id) => document.getElementById(id);

export function say(text, failed = false) {
  $("status").textContent = text;
  $("status").classList.toggle("failed", failed);
}

// Returns a function that begins a turn, and whose result tells later whether that is still the last.
// What a person left shows nothing any more: answers come in any order.
export function turns() {
  let last = 0;
  return () => {
    const mine = ++last;
    return () => mine === last;
  };
}

export const turn = turns(); // of what the page shows

// Returns the answer; what the server refuses is said, and thrown.
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
    // not JSON: the text itself says why
  }
  if (typeof detail !== "string") {
    detail = detail.map((part) => `${part.loc.at(-1)}: ${part.msg}`).join("; ");
  }
  say(detail, true);
  throw new Error(detail);
}

// Returns an element with text: text is never read as HTML.
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function shorten(key) {
  return key.slice(key.indexOf(":") + 1);
}
