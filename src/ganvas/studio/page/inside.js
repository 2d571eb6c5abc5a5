// Look inside: what D computes of an image, one value as a sum, where D looks, and what it says of swapped quadrants.
import { html, useEffect, useMemo, useRef, useState } from "./vendor/preact-htm.js";
import { get, of, post } from "./api.js";
import { figure, t } from "./words.js";
import { bytes, colours, Matrix, Plane, Raster, text } from "./planes.js";
import { Draw } from "./draw.js";

const KINDS = ["generated", "held-out", "drawn"];
const SIDES = ["above left", "above right", "below left", "below right"];
const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
const largest = (rows) => Math.max(...rows.flat().map(Math.abs));

// Runs `load` when `key` changes, one at a time, the newest last; the old answer stays until the new one is there.
function useNewest(key, load, fail) {
  const [found, set] = useState(null);
  const wanted = useRef(key), busy = useRef(false);
  wanted.current = key;
  useEffect(() => {
    if (busy.current) return;
    busy.current = true;
    (async () => {
      for (let done; done !== wanted.current;) {
        done = wanted.current;
        if (done === "") { set(null); continue; }
        try { set({ key: done, value: await load(JSON.parse(done)) }); } catch (error) { set(null); fail(error); }
      }
      busy.current = false;
    })();
  }, [key]);
  return found;
}

const asked = (path) => async (values) => (await post(path, values)).json();

function Shares({ classes }) {
  const shown = [...classes].sort((a, b) => b.share - a.share).slice(0, 10);
  return html`<ul class="shares">${shown.map((each) => html`<li key=${each.name}><span title=${each.name}>${each.name}</span>
    <meter min="0" max="1" value=${each.share} aria-label=${each.name}></meter><b class="numbers">${percent(each.share)}</b></li>`)}</ul>`;
}

// The image with its quadrants as buttons, the pixels that a unit sees, and where D looks.
function Subject({ view, levels, looks, showLooks, unit, swap, picked }) {
  const { width, height } = view.looks, most = view.looks.most;
  const percentOf = (part, whole) => `${(100 * part) / whole}%`;
  const seen = unit?.seen;
  return html`<div class="subject" style=${{ aspectRatio: `${width} / ${height}` }}>
    <${Raster} width=${width} height=${height} of=${levels} paint=${colours(levels, view.channels)} label=${t("the image")} data-label=${view.label} />
    ${showLooks && html`<${Raster} width=${width} height=${height} of=${looks} label=${t("where D looks")} class="looks"
      paint=${(index) => [255, 70, 20, most ? 235 * Math.max(0, (looks[index] - 128) / 127) : 0]} />`}
    <div class="quadrants" role="group" aria-label=${t("quadrants")}>${SIDES.map((side, place) => html`<button key=${side} aria-pressed=${String(picked === place)}
      aria-label=${t(side)} title=${t("click two quadrants to swap them")} onClick=${() => swap(place)}></button>`)}</div>
    ${seen && html`<div class="seen" data-seen=${seen.join(" ")} style=${{ top: percentOf(seen[0], height), left: percentOf(seen[1], width),
      height: percentOf(seen[2] - seen[0], height), width: percentOf(seen[3] - seen[1], width) }}></div>`}</div>`;
}

// The maps of a layer; a click, or arrows and the focus, chooses a unit and a place of its map.
function Layer({ layer, chosen, choose }) {
  const { name, maps } = layer, levels = useMemo(() => bytes(maps.levels), [maps.levels]);
  const is = chosen?.layer === name ? chosen : null;
  const clamp = (value, most) => Math.max(0, Math.min(most - 1, value));
  const pick = (unit) => (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const byKeyboard = event.detail === 0;
    const at = (share, most) => clamp(Math.floor(share * most), most);
    choose({ layer: name, unit,
      row: byKeyboard ? is?.row ?? maps.height >> 1 : at((event.clientY - box.top) / box.height, maps.height),
      column: byKeyboard ? is?.column ?? maps.width >> 1 : at((event.clientX - box.left) / box.width, maps.width) });
  };
  const move = (unit) => (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const from = is ?? { row: maps.height >> 1, column: maps.width >> 1 };
    choose({ layer: name, unit, row: clamp(from.row + step[0], maps.height), column: clamp(from.column + step[1], maps.width) });
  };
  return html`<section aria-label=${t(name)}><h3>${t(name)} · ${t("{n} maps of {h} × {w}", { n: maps.of, h: maps.height, w: maps.width })}</h3>
    <div class="maps">${Array.from({ length: maps.shown }, (_, unit) => html`<button key=${unit} aria-pressed=${String(is?.unit === unit)}
      aria-label=${t("map {n}", { n: unit })} onClick=${pick(unit)} onKeyDown=${move(unit)}>
      <${Plane} planes=${maps} levels=${levels} number=${unit} />
      ${is?.unit === unit && html`<i style=${{ top: `${(100 * is.row) / maps.height}%`, left: `${(100 * is.column) / maps.width}%`,
        height: `${100 / maps.height}%`, width: `${100 / maps.width}%` }}></i>`}</button>`)}</div></section>`;
}

function Sum({ unit, chosen }) {
  const most = Math.max(...unit.terms.map((term) => largest(term.kernel)));
  const reach = Math.max(...unit.terms.map((term) => largest(term.inputs)));
  const signed = (value) => `${value < 0 ? "−" : "+"} ${figure(Math.abs(value))}`;
  return html`<section class="card sum" aria-label=${t("the sum")}><h2>${t("the sum")}</h2>
    <p class="pale">${t("{layer}: map {unit}, row {row}, column {column}", { ...chosen, layer: t(chosen.layer) })}</p>
    <table class="numbers"><thead><tr><th>${t("channel")}</th><th>${t("what it sees")}</th><th></th><th>${t("kernel")}</th><th></th><th>${t("sum of products")}</th></tr></thead>
      <tbody>${unit.terms.map((term) => html`<tr key=${term.channel}><td>${term.channel}</td>
        <td><${Matrix} rows=${term.inputs} most=${reach} label=${t("what it sees")} /></td><td>×</td>
        <td><${Matrix} rows=${term.kernel} most=${most} label=${t("kernel")} /></td><td>=</td><td><b>${figure(term.total)}</b></td></tr>`)}</tbody></table>
    <p class="written numbers">${unit.terms.map((term, index) => (index ? ` ${signed(term.total)}` : figure(term.total))).join("")}
      ${unit.others > 0 && ` ${signed(unit.rest)} (${t("{n} more channels", { n: unit.others })})`} ${signed(unit.bias)} (${t("bias")}) = <b>${figure(unit.value)}</b></p>
    <details><summary>${t("every number")}</summary><pre tabindex="0">${unit.terms.map((term) =>
      term.inputs.map((row, y) => row.map((value, x) => `${value}×${term.kernel[y][x]}`).join(" + ")).join("\n+ ")).join("\n\n+ ")}</pre></details></section>`;
}

export function Inside({ name, summary, fail }) {
  const [weights, setWeights] = useState(null);
  const [why, setWhy] = useState("");
  const [kind, setKind] = useState("generated");
  const [label, setLabel] = useState(0);
  const [seed, setSeed] = useState(0);
  const [index, setIndex] = useState(0);
  const [row, setRow] = useState(0);
  const [drawn, setDrawn] = useState("");
  const [taken, setTaken] = useState(""); // for which class D is to take it; empty: its own
  const [quadrants, setQuadrants] = useState([0, 1, 2, 3]);
  const [picked, pick] = useState(null);
  const [showLooks, setLooks] = useState(false);
  const [chosen, choose] = useState(null);
  const load = () => get(`${of(name)}/weights`).then((found) => { setWeights(found); setWhy(""); }, (error) => setWhy(error.message));
  useEffect(() => { load(); }, [name, summary.state, summary.can_sample]);
  const classes = weights?.classes ?? [];
  const image = kind === "generated" ? { kind, label: classes.length ? label : null, seed, index }
    : kind === "held-out" ? { kind, index: row } : { kind, levels: drawn };
  const key = !weights || (kind === "drawn" && !drawn) ? ""
    : JSON.stringify({ digest: weights.digest, image, quadrants, label: classes.length && taken !== "" ? Number(taken) : null });
  const found = useNewest(key, asked("/api/inside"), fail);
  const view = found?.value;
  const unitKey = chosen && view && key ? JSON.stringify({ ...JSON.parse(key), ...chosen }) : "";
  const unit = useNewest(unitKey, asked("/api/inside/unit"), fail)?.value;
  const levels = useMemo(() => view && bytes(view.pixels), [view?.pixels]);
  const looks = useMemo(() => view && bytes(view.looks.levels), [view?.looks.levels]);
  const kernels = useMemo(() => view && bytes(view.kernels.levels), [view?.kernels.levels]);
  if (why) return html`<div class="card empty"><p>${why}</p><button onClick=${load}>${t("look again")}</button></div>`;
  if (!weights) return html`<p class="pale">${t("loading")}</p>`;
  const swap = (place) => {
    if (picked === null) return pick(place);
    const next = [...quadrants];
    [next[picked], next[place]] = [next[place], next[picked]];
    setQuadrants(next);
    return pick(null);
  };
  const isWhole = quadrants.every((quadrant, place) => quadrant === place);
  const number = (id, value, set, most) => html`<label for=${id}>${t(id)}</label><input id=${id} type="number" min="0" max=${most} step="1" value=${value}
    onInput=${(event) => event.target.validity.valid && event.target.value !== "" && set(Number(event.target.value))} />`;
  const options = classes.map((each, position) => html`<option value=${position}>${each}</option>`);
  return html`<div class="ask inside"><section class="card set" aria-label=${t("which image")}>
      <div class="chips" role="group" aria-label=${t("which image")}>${KINDS.map((each) => html`<button key=${each} aria-pressed=${String(each === kind)}
        onClick=${() => setKind(each)}>${t(each)}</button>`)}</div>
      ${kind === "generated" && html`${classes.length > 0 && html`<label for="class">${t("class")}</label>
        <select id="class" value=${label} onChange=${(event) => setLabel(Number(event.target.value))}>${options}</select>`}
        ${number("seed", seed, setSeed, 2 ** 31)}${number("index", index, setIndex, 10 ** 6)}`}
      ${kind === "held-out" && html`${number("index", row, setRow, Math.max(0, (view?.held_out || 10 ** 6) - 1))}
        ${view?.held_out > 0 && html`<p><small>${t("{n} held-out images", { n: view.held_out })}</small></p>`}`}
      ${kind === "drawn" && html`<${Draw} size=${weights.size} channels=${Math.min(3, weights.channels)} from=${view?.channels < 4 ? levels : null} done=${(found) => setDrawn(text(found))} />`}
      ${classes.length > 0 && html`<label for="taken">${t("scored as")}</label><select id="taken" value=${taken} onChange=${(event) => setTaken(event.target.value)}>
        <option value="">${t("its own class")}</option>${options}</select>`}
    </section>
    ${view && html`<div class="stack" data-ready=${String(found.key === key)}>
      <section class="card look"><div><${Subject} view=${view} levels=${levels} looks=${looks} showLooks=${showLooks} unit=${chosen && unit} swap=${swap} picked=${picked} />
          <div class="bar"><button aria-pressed=${String(showLooks)} onClick=${() => setLooks(!showLooks)}>${t("where D looks")}</button>
            ${!isWhole && html`<button onClick=${() => { setQuadrants([0, 1, 2, 3]); pick(null); }}>${t("whole again")}</button>`}</div>
          <p><small>${picked === null ? t("click two quadrants to swap them") : t("now the other one")}</small></p></div>
        <div><h2>${t("what D says of it")}</h2>
          <p class="score numbers"><b data-score=${view.verdict.score}>${figure(view.verdict.score)}</b>
            ${!isWhole && html` <span class="pale">${t("whole: {n}", { n: figure(view.whole.score) })}</span>`}</p>
          <p><small>${t("what a score is")}</small></p>
          ${view.label !== null && html`<p class="pale">${t("scored as")} <b>${classes[view.label]}</b></p>`}
          ${view.verdict.classes.length > 0 && html`<h3>${t("which class D sees")}</h3><${Shares} classes=${view.verdict.classes} />`}</div></section>
      ${chosen && unit && html`<${Sum} unit=${unit} chosen=${chosen} />`}
      <section class="card"><h2>${t("feature maps")}</h2><p><small>${t("what a map is")}</small></p>
        ${view.layers.length ? html`<div class="layers">${view.layers.map((layer) => html`<${Layer} key=${layer.name} layer=${layer} chosen=${chosen} choose=${choose} />`)}</div>`
          : html`<p>${t("this D has no convolutions")}</p>`}</section>
      <section class="card" aria-label=${t("kernels of the first layer")}><h2>${t("kernels of the first layer")}</h2>
        <div class="maps kernels">${Array.from({ length: view.kernels.shown }, (_, at) => html`<${Plane} key=${at} planes=${view.kernels} levels=${kernels} number=${at}
          label=${t("kernel {n}", { n: at })} class=${chosen?.layer === "low" && chosen.unit === at ? "chosen" : ""} />`)}</div></section>
    </div>`}</div>`;
}
