// The page: classes, seeds, a grid, a walk. Names of classes and sets are only ever set as text, never as HTML.
"use strict";

(() => {
  const about = window.GANVAS;
  const [channels, height, width] = about.image;
  const classes = about.classes;
  const MOST_ROWS = 100;
  const STEPS = 8;
  const LARGEST_SEED = 2n ** 63n - 1n;
  const find = (id) => document.getElementById(id);
  const scale = Math.max(1, Math.round(64 / width));
  let chosen = null; // the index of a class; null for all
  let wanted = 0; // the number of the newest drawing: an older one that is still waiting is left out

  function element(name, text, attributes = {}) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  function seedOf(id) {
    const text = find(id).value.trim();
    const seed = /^[0-9]{1,19}$/.test(text) ? BigInt(text) : null;
    const valid = seed !== null && seed <= LARGEST_SEED;
    find(id).setCustomValidity(valid ? "" : "A seed is a whole number from 0.");
    return valid ? seed : null;
  }

  // Image number `index` of `data` on a canvas: grey, RGB or RGBA floats in [-1, 1], channel after channel.
  function paint(canvas, data, index, factor) {
    canvas.width = width;
    canvas.height = height;
    canvas.style.width = `${width * factor}px`;
    canvas.style.aspectRatio = `${width} / ${height}`;
    const pixels = new ImageData(width, height);
    const plane = width * height;
    const start = index * channels * plane;
    for (let at = 0; at < plane; at++) {
      for (let channel = 0; channel < 4; channel++) {
        const source = channels === 1 ? 0 : channel;
        const opaque = channel === 3 && channels < 4;
        pixels.data[4 * at + channel] = opaque ? 255 : Math.round((data[start + source * plane + at] + 1) * 127.5);
      }
    }
    canvas.getContext("2d").putImageData(pixels, 0, 0);
  }

  function oneHot(label, count) {
    if (!classes.length) return null;
    const weights = new Float32Array(count * classes.length);
    for (let row = 0; row < count; row++) weights[row * classes.length + label] = 1;
    return weights;
  }

  // Images 0 to count - 1 of a class under a seed: those of `ganvas sample --label CLASS --seed SEED`.
  function sample(label, seed, count) {
    const purpose = classes.length ? about.purposes[label] : about.purpose;
    const values = noise.block(seed, purpose, 0, about.noise).slice(0, count * about.noise);
    return generator.generate(values, oneHot(label, count), count);
  }

  // The image at a place from 0 to 1 between two labels and two seeds. Weights move in a line, noise on an arc, which
  // keeps its length.
  function between(from, to, fromSeed, toSeed, places) {
    const [start, end] = [fromSeed, toSeed].map((seed) => noise.row(seed, about.purpose, 0, about.noise));
    const values = new Float32Array(places.length * about.noise);
    const weights = classes.length ? new Float32Array(places.length * classes.length) : null;
    places.forEach((place, row) => {
      const [a, b] = fromSeed === toSeed ? [1, 0] : [Math.cos(place * Math.PI / 2), Math.sin(place * Math.PI / 2)];
      for (let at = 0; at < about.noise; at++) values[row * about.noise + at] = a * start[at] + b * end[at];
      if (weights) {
        weights[row * classes.length + from] += 1 - place;
        weights[row * classes.length + to] += place;
      }
    });
    return generator.generate(values, weights, places.length);
  }

  async function drawGrid() {
    const seed = seedOf("seed");
    if (seed === null) return;
    const number = ++wanted;
    const count = Number(find("count").value);
    const labels = chosen !== null ? [chosen] : classes.length ? [...classes.keys()].slice(0, MOST_ROWS) : [0];
    const rows = document.createDocumentFragment();
    const started = performance.now();
    find("grid").setAttribute("aria-busy", "true");
    for (const label of labels) {
      const data = await sample(label, seed, count);
      if (number !== wanted) return;
      const row = element("div", undefined, { class: "row" });
      if (classes.length) row.append(element("span", classes[label], { class: "name" }));
      for (let index = 0; index < count; index++) {
        const title = `${classes.length ? `${classes[label]}, ` : ""}seed ${seed}, image ${index}`;
        const canvas = element("canvas", undefined, { role: "img", "aria-label": title, title });
        paint(canvas, data, index, scale);
        row.append(canvas);
      }
      rows.append(row);
    }
    find("grid").replaceChildren(rows);
    find("grid").setAttribute("aria-busy", "false");
    const milliseconds = Math.round(performance.now() - started);
    const more = chosen === null && classes.length > MOST_ROWS ? `; the first ${MOST_ROWS} of ${classes.length}` : "";
    find("status").textContent = `${labels.length * count} images in ${milliseconds} ms${more}`;
  }

  let walking = false;
  let again = false;
  async function drawWalk() {
    const [fromSeed, toSeed] = [seedOf("from-seed"), seedOf("to-seed")];
    if (fromSeed === null || toSeed === null) return;
    if (walking) { again = true; return; } // one at a time: the newest place is drawn when this one is
    walking = true;
    do {
      again = false;
      const place = Number(find("place").value) / 100;
      const ends = [Number(find("from").value || 0), Number(find("to").value || 0)];
      const places = [place, ...Array.from({ length: STEPS }, (_, step) => step / (STEPS - 1))];
      const data = await between(...ends, seedOf("from-seed") ?? fromSeed, seedOf("to-seed") ?? toSeed, places);
      paint(find("here"), data, 0, 3 * scale);
      find("percent").textContent = `${find("place").value} %`;
      const row = element("div", undefined, { class: "row" });
      for (let step = 0; step < STEPS; step++) {
        const title = `Step ${step + 1} of ${STEPS}`;
        const canvas = element("canvas", undefined, { role: "img", "aria-label": title });
        paint(canvas, data, step + 1, scale);
        row.append(canvas);
      }
      find("strip").replaceChildren(row);
    } while (again);
    walking = false;
  }

  function savePng() {
    const canvases = [...find("grid").querySelectorAll("canvas")];
    if (!canvases.length) return;
    const columns = Number(find("count").value);
    const sheet = document.createElement("canvas");
    sheet.width = columns * (width + 2) + 2;
    sheet.height = Math.ceil(canvases.length / columns) * (height + 2) + 2;
    const context = sheet.getContext("2d");
    canvases.forEach((canvas, index) => {
      context.drawImage(canvas, 2 + (index % columns) * (width + 2), 2 + Math.floor(index / columns) * (height + 2));
    });
    sheet.toBlob((blob) => {
      const link = element("a", undefined, { href: URL.createObjectURL(blob), download: "images.png" });
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }

  function choose(label) {
    chosen = label;
    const pressed = label === null ? 0 : label + 1;
    [...find("classes").children].forEach((button, index) => button.setAttribute("aria-pressed", index === pressed));
    drawGrid();
  }

  function fill() {
    document.title = about.name;
    find("name").textContent = about.name;
    const buttons = ["All classes", ...classes].map((name, index) => {
      const button = element("button", name, { type: "button", "aria-pressed": index === 0 });
      button.addEventListener("click", () => choose(index === 0 ? null : index - 1));
      return button;
    });
    if (classes.length) find("classes").replaceChildren(...buttons);
    for (const id of ["from", "to"]) {
      find(id).replaceChildren(...classes.map((name, index) => element("option", name, { value: index })));
    }
    find("to").selectedIndex = Math.min(1, classes.length - 1);
    if (!classes.length) document.querySelectorAll(".labelled").forEach((label) => { label.hidden = true; });
    if (!classes.length) find("to-seed").value = "1";
    const rows = (cells) => cells.map((texts) => {
      const row = element("tr");
      row.append(...texts.map((text) => element("td", text)));
      return row;
    });
    find("figures").tBodies[0].replaceChildren(...rows(about.figures));
    find("figures").hidden = !about.figures.length;
    find("unmeasured").hidden = about.figures.length > 0;
    find("protocol").textContent = about.protocol;
    find("facts").tBodies[0].replaceChildren(...rows(about.facts));
  }

  async function start() {
    fill();
    try {
      await generator.load();
      await drawGrid();
      await drawWalk();
    } catch (error) {
      find("status").textContent = `This browser cannot run the generator: ${error.message || error}`;
      return;
    }
    find("seed").addEventListener("input", drawGrid);
    find("count").addEventListener("change", drawGrid);
    find("other").addEventListener("click", () => {
      find("seed").value = Math.floor(Math.random() * 1e6);
      drawGrid();
    });
    find("save").addEventListener("click", savePng);
    for (const id of ["from", "to", "from-seed", "to-seed", "place"]) find(id).addEventListener("input", drawWalk);
    document.body.dataset.ready = "true";
  }

  window.ganvas = { sample, between };
  start();
})();
