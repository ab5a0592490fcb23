// Light or dark: what the system says, unless the person chose. Runs before the page is drawn.
"use strict";

const chooseTheme = (() => {
  const SYSTEM = "(prefers-color-scheme: dark)";
  const rules = [];
  for (const sheet of document.styleSheets) {
    for (const rule of sheet.cssRules) {
      if (rule instanceof CSSMediaRule && rule.media.mediaText.includes(SYSTEM)) {
        rules.push([rule, rule.media.mediaText]);
      }
    }
  }
  const system = matchMedia(SYSTEM);

  function apply() {
    const chosen = localStorage.getItem("radkg-theme");
    for (const [rule, written] of rules) {
      rule.media.mediaText = { dark: "screen", light: "not all" }[chosen] ?? written;
    }
    document.documentElement.style.colorScheme = chosen ?? "";
    dispatchEvent(new Event("themechange"));
  }

  // "dark", "light" or null for what the page shows now.
  apply.isDark = () => (localStorage.getItem("radkg-theme") ?? (system.matches ? "dark" : "light")) === "dark";

  // What the system says anyway is not remembered: the page follows the system again.
  apply.toggle = () => {
    const wanted = apply.isDark() ? "light" : "dark";
    if (wanted === (system.matches ? "dark" : "light")) localStorage.removeItem("radkg-theme");
    else localStorage.setItem("radkg-theme", wanted);
    apply();
  };
  system.addEventListener("change", apply);
  apply();
  return apply;
})();
