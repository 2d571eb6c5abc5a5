// Two runs side by side: facts and scores, previews on one slider, charts of both in one plot.
import { html, useEffect, useMemo, useState } from "./vendor/preact-htm.js";
import { get, of } from "./api.js";
import { count, duration, figure, t } from "./words.js";
import { presetOf } from "./break.js";
import { Chart } from "./chart.js";
import { useLive } from "./live.js";
import { besides, State, useRuns } from "./runs.js";
import { usePreviews } from "./watch.js";

const LETTERS = ["A", "B"];
const EMPTY = { images: [], columns: {} };
const NOT_SHOWN = /^(reasons|recipe|adapts_threads|time|training\.(images|minutes|epochs|threads|precision|memory_format|deterministic|\w+_every))\b/;

// Two logs as one, up to some images: each figure is a column "FIGURE 0" and a column "FIGURE 1".
function merged(logs, end) {
  const images = [...new Set(logs.flatMap((log) => log.images))].filter((at) => at <= end).sort((a, b) => a - b);
  const place = new Map(images.map((at, row) => [at, row]));
  const columns = {};
  logs.forEach((log, which) => {
    for (const [key, values] of Object.entries(log.columns)) {
      const column = columns[`${key} ${which}`] = new Array(images.length).fill(null);
      values.forEach((value, row) => { if (value !== null && log.images[row] <= end) column[place.get(log.images[row])] = value; });
    }
  });
  return { images, columns };
}

function leaves(values, prefix = "") {
  return Object.entries(values ?? {}).flatMap(([key, value]) => (value && typeof value === "object" && !Array.isArray(value)
    ? leaves(value, `${prefix}${key}.`) : [[prefix + key, JSON.stringify(value)]]));
}

function Facts({ runs, records }) {
  const row = (name, show) => [name, runs.map((run) => (run ? show(run) : ""))];
  const score = (name, key, scale = 1, unit = "") => row(name, ({ scores }) => (scores[key] === null ? "–" : figure(scale * scores[key]) + unit));
  const options = records.map((record) => new Map(leaves(record?.run)));
  const changed = records.every(Boolean) ? [...new Set(options.flatMap((each) => [...each.keys()]))]
    .filter((key) => !NOT_SHOWN.test(key) && options.every((each) => each.has(key)) && options[0].get(key) !== options[1].get(key))
    .map((key) => [key, options.map((each) => each.get(key).replaceAll('"', ""))]) : [];
  const rows = [row(t("recipe"), (run) => run.recipe), row(t("set"), (run) => `${run.source} · ${t("{n} px", { n: run.size })}`),
    row(t("images shown"), (run) => count(run.images)), row(t("time"), (run) => duration(run.seconds)),
    score(t("label accuracy"), "label_accuracy", 100, " %"), score("FCD", "fcd"), score("AUC", "auc"), score("KID", "kid")];
  const line = ([name, cells]) => html`<tr><th scope="row">${name}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`;
  return html`<section class="card"><table class="numbers"><thead><tr><td></td>${LETTERS.map((letter, index) => html`<th scope="col" class=${`key k${index}`}>${letter}</th>`)}</tr></thead>
    <tbody>${rows.filter(([, cells]) => cells.some((cell) => cell !== "–")).map(line)}</tbody>
    ${changed.length > 0 && html`<tbody><tr><th colspan="3"><h3>${t("options that differ")}</h3></th></tr>${changed.map(line)}</tbody>`}</table></section>`;
}

function Previews({ names, lives, end }) {
  const [chosen, choose] = useState(null); // null follows the newest
  const addresses = [usePreviews(names[0], lives[0].previews, lives[0].version), usePreviews(names[1], lives[1].previews, lives[1].version)];
  const places = [...new Set(lives.flatMap((live) => live.previews))].filter((each) => each <= end).sort((a, b) => a - b);
  const last = places.length - 1, index = chosen === null ? last : Math.min(chosen, last), at = places[index] ?? null;
  const shown = lives.map((live) => live.previews.findLast((each) => each <= at) ?? live.previews[0] ?? null);
  const node = html`<section class="card" aria-label=${t("previews")}><div class="two">${LETTERS.map((letter, which) => html`<figure>
      ${shown[which] === null ? html`<p class="pale">${t("the first preview is on its way")}</p>`
    : html`<img src=${addresses[which](shown[which])} data-images=${shown[which]} alt=${`${letter}: ${t("preview after {n} images", { n: count(shown[which]) })}`} />`}
      <figcaption class=${`numbers key k${which}`}>${letter} · ${shown[which] !== null && t("after {n} images", { n: count(shown[which]) })}</figcaption></figure>`)}</div>
    ${last > 0 && html`<input type="range" min="0" max=${last} value=${index} aria-label=${t("preview")} aria-valuetext=${t("{n} images", { n: count(at) })}
      onInput=${(event) => choose(Number(event.target.value) >= last ? null : Number(event.target.value))} />`}</section>`;
  const nearest = (images) => choose(places.reduce((best, each, number) => (Math.abs(each - images) < Math.abs(places[best] - images) ? number : best), 0));
  return { node, at, nearest };
}

export function Compare({ names }) {
  const { runs, lost } = useRuns();
  const found = names.map((name) => runs?.find((run) => run.name === name));
  const ready = found.map((run) => Boolean(run?.recipe));
  const lives = [useLive(ready[0] ? names[0] : ""), useLive(ready[1] ? names[1] : "")];
  const summaries = lives.map((live, which) => live.summary ?? found[which]);
  const [records, setRecords] = useState([null, null]);
  useEffect(() => {
    let ended = false;
    Promise.all(names.map((name, which) => (ready[which] ? get(of(name)).then((details) => details.record, () => null) : null)))
      .then((got) => { if (!ended) setRecords(got); });
    return () => { ended = true; };
  }, [ready.join()]);
  const logs = lives.map((live) => live.log ?? EMPTY);
  const [isEqual, setEqual] = useState(true);
  const ends = logs.filter((each) => each.images.length).map((each) => each.images.at(-1));
  const end = isEqual && ends.length ? Math.min(...ends) : Infinity;
  const log = useMemo(() => merged(logs, end), [end, ...logs.flatMap((each) => [each, each.images.length, each.images.at(-1)])]);
  const { node, at, nearest } = Previews({ names, lives, end });
  if (!runs) return html`<p class="pale">${t("loading")}</p>`;
  const chart = (title, key, scale) => html`<${Chart} key=${key} title=${title} log=${log} at=${at} choose=${nearest} scale=${scale}
    series=${LETTERS.map((letter, which) => [`${key} ${which}`, letter])} />`;
  const preset = presetOf(names[0], names[1] ?? "");
  return html`<p style=${{ margin: "0 0 .4rem" }}><a href="#/">← ${t("all runs")}</a></p><h1>${t("side by side")}</h1>
    ${lost && html`<div class="lost" role="status">${t("the studio does not answer; trying again")}</div>`}
    <div class="two heads">${LETTERS.map((letter, which) => {
      const run = summaries[which];
      return html`<div class="card"><div class="bar"><b class=${`key k${which}`}>${letter}</b>
        <select aria-label=${t("run {letter}", { letter })} value=${names[which] ?? ""} onChange=${(event) => { location.hash = besides(names.with(which, event.target.value)); }}>
          ${!run && html`<option value=${names[which] ?? ""}>${t("choose a run")}</option>`}
          ${runs.map((each) => html`<option value=${each.name}>${each.name}</option>`)}</select>
        ${run && html`<${State} state=${run.state} />`}${ready[which] && html`<a href=${`#/run/${encodeURIComponent(names[which])}`}>${t("watch")}</a>`}</div>
        ${run?.state === "running" && html`<progress value=${run.images / Math.max(1, run.total)} max="1" aria-label=${t("progress")}></progress>`}
        ${run?.reason && html`<p class=${run.state === "starting" ? "pale" : "reason"}>${run.reason}</p>`}</div>`;
    })}</div>
    ${preset && html`<p class="lost"><b>${t(`break ${preset}`)}.</b> ${t(`break ${preset} after`)}</p>`}
    <label class="equal"><input type="checkbox" checked=${isEqual} onChange=${(event) => setEqual(event.target.checked)} /> ${t("as far as both")}</label>
    <div class="watch beside"><div>${node}<${Facts} runs=${summaries} records=${records} /></div>
    <div class="charts">${chart(t("loss of D"), "loss_d")}${chart(t("loss of G"), "loss_g")}
      ${chart(t("D of real images"), "score_real")}${chart(t("D of generated images"), "score_fake")}
      ${chart(t("label accuracy"), "label_accuracy", { range: [0, 1] })}${chart("FCD", "fcd")}${chart("AUC", "auc")}${chart("KID", "kid")}
      ${chart(t("spread within a class"), "spread")}${chart(t("gradient norm of D"), "grad_d")}${chart(t("gradient norm of G"), "grad_g")}
      ${chart(t("images a second"), "images_per_second")}</div></div>`;
}
