// Ask: images of the classes that are chosen; walks between classes and seeds; downloads.
import { html, useEffect, useMemo, useRef, useState } from "./vendor/preact-htm.js";
import { get, of, post, query, save } from "./api.js";
import { count, t } from "./words.js";

const MOST_ROWS_AT_FIRST = 20;
const MOST_SEED = 2 ** 31;
const random = () => Math.floor(Math.random() * 10_000);

// The shape of images: a number for squares, else "HEIGHTxWIDTH".
function shape(size) {
  const [height, width] = String(size).split("x").map(Number);
  document.documentElement.style.setProperty("--shape", String((width || height) / height));
}

function Row({ digest, label, name, size, columns, seed, truncation, open }) {
  const source = `/api/weights/${digest}/row.png?${query({ label, seed, count: columns, truncation, columns: label === null ? 10 : columns })}`;
  const across = label === null ? Math.min(10, columns) : columns, down = Math.ceil(columns / across);
  const [ready, setReady] = useState("");
  useEffect(() => { // the old row stays until the new one is there
    let ended = false;
    const image = new Image();
    image.src = source;
    image.decode().then(() => { if (!ended) setReady(source); }, () => {});
    return () => { ended = true; };
  }, [source]);
  const position = (index, many) => (many > 1 ? `${(100 * index) / (many - 1)}%` : "0%");
  return html`<div class="rowline">${label !== null && html`<span class="class" title=${name}>${name}</span>`}
    <div class="images" style=${{ "--n": across }} data-ready=${String(ready === source)}>${Array.from({ length: columns }, (_, index) => html`
      <button key=${index} aria-label=${t("{name}, image {n}", { name: name ?? t("image"), n: index + 1 })} onClick=${() => open({ label, name, index })}
        style=${{ backgroundImage: ready && `url("${ready}")`, backgroundSize: `${across * 100}% ${down * 100}%`,
    backgroundPosition: `${position(index % across, across)} ${position(Math.floor(index / across), down)}` }}></button>`)}</div></div>`;
}

function One({ digest, chosen, seed, truncation, close }) {
  const dialog = useRef(null);
  useEffect(() => dialog.current.showModal(), []);
  const address = `/api/weights/${digest}/row.png?${query({ label: chosen.label, seed, first: chosen.index, count: 1, truncation })}`;
  return html`<dialog ref=${dialog} onClose=${close} aria-label=${chosen.name ?? t("image")}>
    <img class="one" src=${address} alt=${t("{name}, image {n}", { name: chosen.name ?? t("image"), n: chosen.index + 1 })} />
    <div class="facts-line">${chosen.name !== undefined && html`<span>${t("class")} <b>${chosen.name}</b></span>`}
      <span>${t("seed")} <b>${seed}</b></span><span>${t("index")} <b>${chosen.index}</b></span></div>
    <p><small>${t("an address for ever")}</small></p>
    <div class="bar"><a class="button" href=${address} download=${`seed${seed}-${chosen.index}.png`}>${t("download PNG")}</a>
      <span class="gap"></span><button onClick=${close}>${t("close")}</button></div></dialog>`;
}

// An image that follows a slider: while one is fetched, the newest position waits and the others are dropped.
function Mixed({ source }) {
  const [shown, show] = useState(source);
  const wanted = useRef(source), busy = useRef(false);
  wanted.current = source;
  useEffect(() => {
    if (busy.current) return;
    busy.current = true;
    (async () => {
      for (let done = ""; done !== wanted.current;) {
        done = wanted.current;
        const image = new Image();
        image.src = done;
        await image.decode().then(() => show(done), () => {});
      }
      busy.current = false;
    })();
  }, [source]);
  return html`<img src=${shown} alt=${t("the image between")} data-mixture=${shown} />`;
}

function Walk({ digest, classes }) {
  const [labels, setLabels] = useState([0, Math.min(1, classes.length - 1)]);
  const [seeds, setSeeds] = useState([0, 1]);
  const [shares, setShares] = useState([0, 0]);
  const set = (setter, index) => (event) => { const { value } = event.target; setter((old) => old.map((each, at) => (at === index ? Number(value) : each))); };
  const isMany = classes.length > 1;
  const source = `/api/weights/${digest}/mixture.png?${query({ start: classes.length ? labels[0] : null, end: classes.length ? labels[1] : null,
    share: shares[0], seed: seeds[0], end_seed: seeds[1], seed_share: shares[1] })}`;
  const option = (name, index) => html`<option value=${index}>${name}</option>`;
  const slider = (index, label) => html`<input type="range" min="0" max="1" step="0.02" value=${shares[index]} aria-label=${label} onInput=${set(setShares, index)} />`;
  const seed = (index, label) => html`<input type="number" min="0" max=${MOST_SEED} step="1" value=${seeds[index]} aria-label=${label}
    onInput=${(event) => event.target.validity.valid && event.target.value !== "" && set(setSeeds, index)(event)} />`;
  return html`<section class="card"><h2>${t("walk")}</h2><div class="walk"><${Mixed} source=${source} />
    <div>${isMany && html`<h3>${t("from class to class")}</h3><div class="ends">
        <select aria-label=${t("first class")} value=${labels[0]} onChange=${set(setLabels, 0)}>${classes.map(option)}</select>
        ${slider(0, t("between the classes"))}
        <select aria-label=${t("second class")} value=${labels[1]} onChange=${set(setLabels, 1)}>${classes.map(option)}</select></div>`}
      <h3>${t("from seed to seed")}</h3><div class="ends">${seed(0, t("first seed"))}${slider(1, t("between the seeds"))}${seed(1, t("second seed"))}</div>
    </div></div></section>`;
}

export function Ask({ name, summary, fail }) {
  const [weights, setWeights] = useState(null);
  const [why, setWhy] = useState("");
  const [picked, pick] = useState(null); // positions of classes; null is all
  const [seed, setSeed] = useState(0);
  const [many, setMany] = useState(10);
  const [truncation, setTruncation] = useState(3);
  const [chosen, open] = useState(null);
  const [busy, setBusy] = useState("");
  const load = () => get(`${of(name)}/weights`).then((found) => { setWeights(found); setWhy(""); shape(found.size); }, (error) => setWhy(error.message));
  useEffect(() => { load(); }, [name, summary.state, summary.can_sample]);
  const labels = useMemo(() => (weights?.classes.length
    ? picked ?? weights.classes.map((_, index) => index).slice(0, MOST_ROWS_AT_FIRST) : [null]), [weights, picked]);
  if (why) return html`<div class="card empty"><p>${why}</p><button onClick=${load}>${t("look again")}</button></div>`;
  if (!weights) return html`<p class="pale">${t("loading")}</p>`;
  const { classes, digest } = weights;
  const cut = truncation >= 3 ? null : truncation;
  const toggle = (index) => pick(labels.includes(index) ? labels.filter((each) => each !== index) : [...labels, index].sort((a, b) => a - b));
  const download = (format) => async () => {
    setBusy(format);
    const asked = { digest, labels: classes.length ? labels.map((index) => classes[index]) : [], count: many, seed, truncation: cut, format };
    try { await save(await post("/api/sample", asked), `${name}-seed${seed}.${format}`); } catch (error) { fail(error); }
    setBusy("");
  };
  const range = (label, value, set, least, most, step, shown) => html`<label>${label}<output>${shown}</output>
    <input type="range" min=${least} max=${most} step=${step} value=${value} aria-valuetext=${String(shown)} onInput=${(event) => set(Number(event.target.value))} /></label>`;
  return html`<div class="ask"><section class="card set" aria-label=${t("what to draw")}>
      ${classes.length > 0 && html`<div class="bar"><h3>${t("classes")}</h3><span class="gap"></span>
          <button class="plain" onClick=${() => pick(classes.map((_, index) => index))}>${t("all")}</button>
          <button class="plain" onClick=${() => pick([])}>${t("none")}</button></div>
        <div class="chips">${classes.map((each, index) => html`<button aria-pressed=${String(labels.includes(index))} title=${each}
          onClick=${() => toggle(index)}>${each}</button>`)}</div>`}
      <label for="seed">${t("seed")}</label><div class="pair"><input id="seed" type="number" min="0" max=${MOST_SEED} step="1" value=${seed}
        onInput=${(event) => event.target.validity.valid && event.target.value !== "" && setSeed(Number(event.target.value))} />
        <button onClick=${() => setSeed(random())}>⚂ ${t("another")}</button></div>
      ${range(classes.length ? t("images of each") : t("how many"), many, setMany, 1, 32, 1, many)}
      ${range(t("truncation"), truncation, setTruncation, 0.2, 3, 0.1, cut ?? t("off"))}
      <small>${t("what truncation does")}</small>
      <h3 style=${{ marginTop: "1rem" }}>${t("download")}</h3><div class="bar">${["png", "zip", "npz"].map((format) => html`
        <button disabled=${busy !== "" || !labels.length} onClick=${download(format)}>${busy === format ? "…" : format.toUpperCase()}</button>`)}</div>
      <p><small>${t("weights after {n} images", { n: count(weights.images) })}${summary.state === "running" && html` · <button class="plain" onClick=${load}>${t("newer weights")}</button>`}</small></p>
    </section>
    <div style=${{ display: "grid", gap: "1rem" }}><section class="card rows" aria-label=${t("generated images")}>
      ${labels.map((label) => html`<${Row} key=${label} digest=${digest} label=${label} name=${label === null ? undefined : classes[label]}
        size=${weights.size} columns=${many} seed=${seed} truncation=${cut} open=${open} />`)}</section>
      <${Walk} key=${digest} digest=${digest} classes=${classes} /></div>
    ${chosen && html`<${One} digest=${digest} chosen=${chosen} seed=${seed} truncation=${cut} close=${() => open(null)} />`}</div>`;
}
