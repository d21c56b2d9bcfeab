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
  const { networks, palettes } = JSON.parse(data.textContent);
  const [level, coupling, network, shown, greys] = ["level", "coupling", "network", "shown", "greys"].map(find);
  const [spins, colours] = ["spins", "colours"].map(find);
  const SIZE = 1024; // pixels of a canvas along a row, about; the browser fits it to the page

  // Each site's value in 0 … 255, where 255 is +1 or the largest
  const decode = (picture) => {
    const bytes = Uint8Array.from(atob(picture.bits ?? picture.bytes), (c) => c.charCodeAt(0));
    if (picture.bytes !== undefined) return bytes;
    return Uint8Array.from({ length: picture.rows * picture.columns }, (_, i) => ((bytes[i >> 3] >> (7 - (i & 7))) & 1) * 255);
  };

  // The style sheet and the palettes write colours with six digits
  const parse = (text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  const colour = (variable) => parse(getComputedStyle(root).getPropertyValue(variable).trim());

  // Both canvases have the pixels of level 0 times a whole number: blocks are squares of sites
  const draw = (canvas, picture, finest, marks) => {
    const chain = finest.rows === 1;
    const cell = Math.max(1, Math.round(SIZE / finest.columns));
    canvas.width = finest.columns * cell;
    canvas.height = chain ? 64 : finest.rows * cell;
    const up = colour("--up"), down = colour("--down"), values = decode(picture);
    const image = new ImageData(picture.columns, picture.rows);
    const palette = picture.palette && palettes[picture.palette].map(parse);
    values.forEach((value, i) => {
      const pixel = palette ? palette[value] : down.map((d, c) => d + ((up[c] - d) * value) / 255);
      image.data.set([...pixel, 255], 4 * i);
    });
    const small = document.createElement("canvas");
    small.width = picture.columns;
    small.height = picture.rows;
    small.getContext("2d").putImageData(image, 0, 0);
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
    for (const [row, column, sign] of marks ?? []) {
      context.beginPath(); // in the middle of the plaquette, whose first corner is the site
      context.arc((column + 1) * cell, (row + 1) * cell, Math.max(2, 0.38 * cell), 0, 2 * Math.PI);
      context.fillStyle = sign > 0 ? "white" : "black";
      context.strokeStyle = sign > 0 ? "black" : "white";
      context.lineWidth = Math.max(1, 0.12 * cell);
      context.fill();
      context.stroke();
    }
  };

  // What the colours mean: a swatch a state, or a scale
  const explain = (picture, marks) => {
    spins.hidden = Boolean(picture.palette);
    colours.replaceChildren();
    const add = (text, paint) => {
      if (paint) {
        const swatch = Object.assign(document.createElement("span"), { className: "swatch" });
        swatch.style.background = paint;
        colours.append(swatch);
      }
      colours.append(document.createTextNode(text));
    };
    if (!picture.palette) return;
    const palette = palettes[picture.palette];
    if (picture.palette === "states") palette.forEach((paint, state) => add(` ${state}  `, paint));
    else {
      const ends = picture.palette === "angles" ? ["−π ", " π"] : [`−${picture.limit} `, ` ${picture.limit}`];
      add(ends[0]);
      const scale = Object.assign(document.createElement("span"), { className: "swatch scale" });
      scale.style.background = `linear-gradient(to right, ${palette.filter((_, i) => i % 8 === 0).join(", ")})`;
      colours.append(scale, document.createTextNode(ends[1]));
    }
    if (marks?.length) add(`;  vortices: white turn to the left, black to the right; ${marks.length} here`);
  };

  const caption = (element, picture, k) => {
    const scale = k === 0 ? "" : `blocks of ${picture.scale}, `;
    const order = picture.m === undefined ? "" : `, ${picture.palette === "angles" ? "|m|" : "m"} = ${picture.m}`;
    element.textContent = `Level ${k}: ${scale}${picture.shape}${order}`;
  };

  // K, K_c and other couplings as the symbols they are
  const typeset = (element, text) => {
    element.replaceChildren(...text.split(/\b(K_c|[Khqrun]|D)\b(?= =|[;,.]|$)/).map((piece, i) => {
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
    draw(find("original-canvas"), finest, finest, point.marks);
    draw(find("blocked-canvas"), picture, finest);
    caption(find("original-caption"), finest, 0);
    caption(find("blocked-caption"), picture, k);
    find("blocked-canvas").parentElement.hidden = point.levels.length === 1;
    explain(picture, point.marks);
    const which = networks[network ? network.value : 0].name;
    const where = which ? `; network ${which}, level ${k}` : "";
    typeset(shown, `${point.label}${where}${point.note ? `. Shown: ${point.note}` : ""}`);
    if (coupling) coupling.setAttribute("aria-valuetext", point.said);
    if (level) level.setAttribute("aria-valuetext", `level ${k} of ${point.levels.length - 1}`);
    greys.textContent = picture.bytes === undefined || picture.palette ? "" : `  (greys between; at this level black is +${picture.limit})`;
  };

  redraw = show;
  for (const control of [level, coupling, network]) control?.addEventListener("input", show);
  addEventListener("beforeprint", show);
  show();
})();
