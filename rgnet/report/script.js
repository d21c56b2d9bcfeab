// Two things move in a report: the theme, and the configurations under their sliders.
"use strict";
(() => {
  const find = (id) => document.getElementById(id);
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const button = find("theme");
  let redraw = () => {};

  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches);
  const name = () => { button.textContent = isDark() ? "Light" : "Dark"; };
  button.hidden = false;
  name();
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; name(); redraw(); });
  prefersDark.addEventListener("change", () => { name(); redraw(); });

  const data = find("shots");
  if (!data) return;
  const networks = JSON.parse(data.textContent).networks;
  const [level, coupling, network, shown, greys] = ["level", "coupling", "network", "shown", "greys"].map(find);
  const SIZE = 1024; // pixels of a canvas along a row, about; the browser fits it to the page

  // Each site's value in 0 … 255, where 255 is +1 or the largest
  const decode = (picture) => {
    const bytes = Uint8Array.from(atob(picture.bits ?? picture.bytes), (c) => c.charCodeAt(0));
    if (picture.bytes !== undefined) return bytes;
    return Uint8Array.from({ length: picture.rows * picture.columns }, (_, i) => ((bytes[i >> 3] >> (7 - (i & 7))) & 1) * 255);
  };

  // The style sheet writes these with six digits
  const colour = (variable) => {
    const text = getComputedStyle(root).getPropertyValue(variable).trim();
    return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  };

  // Both canvases have the pixels of level 0 times a whole number: blocks are squares of sites
  const draw = (canvas, picture, finest) => {
    const chain = finest.rows === 1;
    const cell = Math.max(1, Math.round(SIZE / finest.columns));
    canvas.width = finest.columns * cell;
    canvas.height = chain ? 64 : finest.rows * cell;
    const up = colour("--up"), down = colour("--down"), values = decode(picture);
    const image = new ImageData(picture.columns, picture.rows);
    values.forEach((value, i) => {
      const pixel = down.map((d, c) => d + ((up[c] - d) * value) / 255);
      image.data.set([...pixel, 255], 4 * i);
    });
    const small = document.createElement("canvas");
    small.width = picture.columns;
    small.height = picture.rows;
    small.getContext("2d").putImageData(image, 0, 0);
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
  };

  const caption = (element, picture, k) => {
    const scale = k === 0 ? "" : `blocks of ${picture.scale}, `;
    element.textContent = `Level ${k}: ${scale}${picture.shape}, m = ${picture.m}`;
  };

  // K, K_c and h as the symbols they are
  const typeset = (element, text) => {
    element.replaceChildren(...text.split(/\b(K_c|K|h)\b/).map((piece, i) => {
      if (i % 2 === 0) return document.createTextNode(piece);
      const whole = document.createElement("span");
      const [letter, index] = piece.split("_");
      whole.append(Object.assign(document.createElement("var"), { textContent: letter }));
      if (index) whole.append(Object.assign(document.createElement("sub"), { textContent: index }));
      return whole;
    }));
  };

  const show = () => {
    const points = networks[network ? network.value : 0].points;
    if (coupling) coupling.max = points.length - 1;
    const point = points[coupling ? coupling.value : 0];
    if (level) level.max = point.levels.length - 1;
    const k = level ? Number(level.value) : 0;
    const finest = point.levels[0], picture = point.levels[k];
    find("viewer").querySelector(".panes").classList.toggle("strips", finest.rows * 4 <= finest.columns);
    draw(find("original-canvas"), finest, finest);
    draw(find("blocked-canvas"), picture, finest);
    caption(find("original-caption"), finest, 0);
    caption(find("blocked-caption"), picture, k);
    const which = networks[network ? network.value : 0].name;
    typeset(shown, `${point.label}; network ${which}, level ${k}${point.note ? `. Shown: ${point.note}` : ""}`);
    if (coupling) coupling.setAttribute("aria-valuetext", point.said);
    if (level) level.setAttribute("aria-valuetext", `level ${k} of ${point.levels.length - 1}`);
    greys.textContent = picture.bytes === undefined ? "" : `  (greys between; at this level black is +${picture.limit})`;
  };

  redraw = show;
  for (const control of [level, coupling, network]) control?.addEventListener("input", show);
  addEventListener("beforeprint", show);
  show();
})();
