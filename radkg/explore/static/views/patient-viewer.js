// An X-ray as a canvas: window and level by dragging, zoom by wheel and keys, boxes of drafts over it.
import { element } from "/static/ask.js";

const MOST_ZOOM = 8;
const STEP = 8; // grey values, or percent of the side

export function startViewers(root) {
  for (const figure of root.querySelectorAll("figure[data-image]")) {
    const boxes = [...root.querySelectorAll("[data-box]")].filter((claim) => claim.dataset.image === figure.dataset.image);
    start(figure, boxes);
  }
}

async function start(figure, claims) {
  const image = figure.querySelector("img");
  try {
    await image.decode();
  } catch {
    image.replaceWith(element("p", { class: "status" }, "This image cannot be read."));
    return;
  }
  const canvas = element("canvas", { role: "img", "aria-label": image.alt });
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const original = context.getImageData(0, 0, canvas.width, canvas.height);
  const layer = element("div", { class: "layer" }, canvas, ...claims.map(boxOf));
  const frame = element("div", { class: "frame", tabindex: 0, role: "group", "aria-label": `${image.alt}: plus and minus zoom, arrows move, Shift with arrows changes brightness and contrast, 0 resets` }, layer);
  const view = new View(frame, layer, context, original);
  image.replaceWith(frame, makeTools(figure, view));
}

function boxOf(claim) {
  const [left, top, right, bottom] = claim.dataset.box.split(" ").map((share) => 100 * Number(share));
  const style = `left: ${left}%; top: ${top}%; width: ${right - left}%; height: ${bottom - top}%`;
  const box = element("span", { class: "box", style, title: claim.dataset.finding });
  box.claim = claim;
  return box;
}

// What of the image is shown: level and width of the window in grey values, zoom, and the place of
// the middle in shares of the sides.
class View {
  constructor(frame, layer, context, original) {
    Object.assign(this, { frame, layer, context, original });
    this.changed = () => {};
    this.reset();
    frame.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    frame.addEventListener("pointerdown", (event) => this.drag(event));
    frame.addEventListener("keydown", (event) => this.press(event));
  }

  reset() {
    Object.assign(this, { level: 128, width: 256, zoom: 1, x: 0.5, y: 0.5 });
    this.draw();
    this.move();
  }

  setWindow(level, width) {
    this.level = Math.min(255, Math.max(0, level));
    this.width = Math.min(512, Math.max(8, width));
    this.draw();
  }

  setZoom(zoom, x = this.x, y = this.y) {
    this.zoom = Math.min(MOST_ZOOM, Math.max(1, zoom));
    const half = 0.5 / this.zoom;
    this.x = Math.min(1 - half, Math.max(half, x));
    this.y = Math.min(1 - half, Math.max(half, y));
    this.move();
  }

  draw() {
    const low = this.level - this.width / 2;
    const table = Uint8ClampedArray.from({ length: 256 }, (_, grey) => (255 * (grey - low)) / this.width);
    const shown = new ImageData(new Uint8ClampedArray(this.original.data), this.original.width);
    const { data } = shown;
    for (let i = 0; i < data.length; i += 4) {
      data[i] = table[data[i]];
      data[i + 1] = table[data[i + 1]];
      data[i + 2] = table[data[i + 2]];
    }
    this.context.putImageData(shown, 0, 0);
    this.changed();
  }

  move() {
    this.layer.style.transform = `translate(${50 - 100 * this.zoom * this.x}%, ${50 - 100 * this.zoom * this.y}%) scale(${this.zoom})`;
    this.layer.style.setProperty("--zoom", this.zoom);
  }

  // The page scrolls over an image, unless the person chose the image first.
  wheel(event) {
    if (document.activeElement !== this.frame && !event.ctrlKey) return;
    event.preventDefault();
    const box = this.frame.getBoundingClientRect();
    const [dx, dy] = [(event.clientX - box.x) / box.width - 0.5, (event.clientY - box.y) / box.height - 0.5];
    const zoom = Math.min(MOST_ZOOM, Math.max(1, this.zoom * 2 ** (-event.deltaY / 300)));
    const gain = 1 / this.zoom - 1 / zoom; // what lies under the pointer stays there
    this.setZoom(zoom, this.x + dx * gain, this.y + dy * gain);
  }

  drag(event) {
    if (event.button !== 0) return;
    const { frame, level, width, x, y, zoom } = this;
    const from = [event.clientX, event.clientY];
    const isPan = event.shiftKey;
    frame.setPointerCapture(event.pointerId);
    const follow = (moved) => {
      const [dx, dy] = [moved.clientX - from[0], moved.clientY - from[1]];
      if (isPan) this.setZoom(zoom, x - dx / frame.clientWidth / zoom, y - dy / frame.clientHeight / zoom);
      else this.setWindow(level + dy / 2, width * 2 ** (dx / 120));
    };
    frame.addEventListener("pointermove", follow);
    frame.addEventListener("lostpointercapture", () => frame.removeEventListener("pointermove", follow), { once: true });
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    const far = STEP / 100 / this.zoom;
    if (event.key === "+" || event.key === "=") this.setZoom(1.25 * this.zoom);
    else if (event.key === "-") this.setZoom(this.zoom / 1.25);
    else if (event.key === "0") this.reset();
    else if (event.shiftKey && (dx || dy)) this.setWindow(this.level + STEP * dy, this.width * 2 ** (dx / 4));
    else if ((dx || dy) && this.zoom > 1) this.setZoom(this.zoom, this.x + dx * far, this.y + dy * far);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

function makeTools(figure, view) {
  const button = (text, name, act) => {
    const made = element("button", { type: "button", "aria-label": name, title: name }, text);
    made.addEventListener("click", act);
    return made;
  };
  const brightness = slider("Brightness", -127, 127, 1);
  const contrast = slider("Contrast", -1, 5, 0.1);
  const [light, steep] = [brightness, contrast].map((label) => label.querySelector("input"));
  const change = () => view.setWindow(128 - Number(light.value), 256 / 2 ** Number(steep.value));
  light.addEventListener("input", change);
  steep.addEventListener("input", change);
  view.changed = () => {
    light.value = 128 - view.level;
    steep.value = Math.log2(256 / view.width);
  };
  view.changed();
  return element(
    "div", { class: "viewer-tools" },
    button("−", "Zoom out", () => view.setZoom(view.zoom / 1.5)),
    button("+", "Zoom in", () => view.setZoom(1.5 * view.zoom)),
    button("Reset", "Reset the image", () => view.reset()),
    button("Large", "Full screen", () => (document.fullscreenElement ? document.exitFullscreen() : figure.requestFullscreen())),
    brightness, contrast,
  );
}

function slider(name, min, max, step) {
  return element("label", {}, name, element("input", { type: "range", min, max, step, value: 0 }));
}
