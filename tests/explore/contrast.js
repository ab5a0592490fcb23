// Returns the text of the page that its ground does not set off enough (WCAG 2.2, 1.4.3 AA):
// [[what, ratio, needed], ...], and how much text was measured.
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], ground) => [r, g, b].map((c, i) => c * a + ground[i] * (1 - a));
  const luminance = (colour) => {
    const [r, g, b] = colour.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const ancestors = (node) => (node ? [node, ...ancestors(node.parentElement)] : []);
  const ground = (node) =>
    ancestors(node)
      .reverse()
      .reduce((below, each) => over(rgba(getComputedStyle(each).backgroundColor), below), [255, 255, 255]);
  const opacity = (node) => ancestors(node).reduce((all, each) => all * Number(getComputedStyle(each).opacity), 1);

  const seen = [];
  const add = (node, what, style) => {
    const below = ground(node);
    const colour = rgba(node instanceof SVGElement ? style.fill : style.color);
    colour[3] *= opacity(node);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    seen.push([what, ratio(over(colour, below), below), large ? 3 : 4.5]);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    const what = walker.currentNode.textContent.trim();
    if (what && node.checkVisibility({ checkOpacity: false, checkVisibilityCSS: true }) && node.getClientRects().length) {
      add(node, `${node.tagName}.${node.getAttribute("class") ?? ""} ${what.slice(0, 40)}`, getComputedStyle(node));
    }
  }
  for (const node of document.querySelectorAll("input:not([type=checkbox]), select")) {
    if (!node.checkVisibility()) continue;
    add(node, `${node.tagName} ${node.name || node.id}`, getComputedStyle(node));
    if (node.placeholder) add(node, `placeholder of ${node.id}`, getComputedStyle(node, "::placeholder"));
  }
  return { measured: seen.length, failing: seen.filter(([, found, needed]) => found < needed) };
}
