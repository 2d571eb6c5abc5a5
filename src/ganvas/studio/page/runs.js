// The list of runs, and what may be done with each.
import { html, useEffect, useRef, useState } from "./vendor/preact-htm.js";
import { get, of, post, remove } from "./api.js";
import { ago, count, duration, figure, t } from "./words.js";
import { NewRun } from "./form.js";

const RESUMABLE = ["interrupted", "died", "diverged"];
const SECONDS_BETWEEN_LISTS = 2;

export const State = ({ state }) => html`<span class=${`state ${state}`}>${t(`state ${state}`)}</span>`;

export function useActions(name, { tell, fail, after }) {
  const act = (send, sentence) => async () => {
    try { await send(); tell(t(sentence, { name })); await after?.(); } catch (error) { fail(error); }
  };
  return {
    stop: act(() => post(`${of(name)}/stop`), "{name} saves and stops"),
    resume: act(() => post(`${of(name)}/resume`), "{name} goes on"),
    remove: act(() => remove(`${of(name)}?confirm=${encodeURIComponent(name)}`), "{name} is removed"),
  };
}

export function Actions({ run, actions, children }) {
  const [asking, ask] = useState(false);
  if (asking) {
    return html`<div class="acts" role="alertdialog" aria-label=${t("remove")}>
      <small>${t("remove {name} for good?", { name: run.name })}</small>
      <button class="bad" onClick=${() => { ask(false); actions.remove(); }} ref=${(node) => node?.focus()}>${t("yes, remove it")}</button>
      <button onClick=${() => ask(false)}>${t("keep it")}</button></div>`;
  }
  return html`<div class="acts">${children}
    ${run.state === "running" && html`<button onClick=${actions.stop}>${t("stop")}</button>`}
    ${RESUMABLE.includes(run.state) && html`<button onClick=${actions.resume}>${t("resume")}</button>`}
    ${!["running", "starting"].includes(run.state) && html`<button class="bad plain" onClick=${() => ask(true)}>${t("remove")}</button>`}
  </div>`;
}

export function scoresOf(scores) {
  const shown = [];
  if (scores.label_accuracy !== null) shown.push(`${t("label accuracy")} ${figure(100 * scores.label_accuracy)} %`);
  if (scores.fcd !== null) shown.push(`FCD ${figure(scores.fcd)}`);
  if (scores.auc !== null) shown.push(`AUC ${figure(scores.auc)}`);
  return shown;
}

// The address of the view of two runs.
export const besides = (names) => `#/compare/${names.map(encodeURIComponent).join("/")}`;

function Row({ run, tell, fail, after, first, pick }) {
  const actions = useActions(run.name, { tell, fail, after });
  const address = `#/run/${encodeURIComponent(run.name)}`;
  const hasRecord = run.recipe !== "";
  const part = run.total ? run.images / run.total : 0;
  const facts = hasRecord ? [
    `${run.recipe} · ${run.source}`, t("{n} px", { n: run.size }),
    run.classes.length ? t("{n} classes", { n: run.classes.length }) : t("without labels"),
    t("{n} of {total} images", { n: count(run.images), total: count(run.total) }), duration(run.seconds),
    run.state === "running" && run.images_per_second ? t("{n} images a second", { n: figure(run.images_per_second) }) : ago(run.changed),
    ...scoresOf(run.scores),
  ] : [];
  return html`<li class="card run">
    ${run.preview !== null
      ? html`<a class="thumb" href=${address} tabindex="-1" aria-hidden="true"><img loading="lazy" alt=""
          src=${`${of(run.name)}/previews/${run.preview}.png?v=${Math.round(run.changed)}`} /></a>`
      : html`<span class="thumb"></span>`}
    <div>
      <div class="bar">${hasRecord ? html`<a class="name" href=${address}>${run.name}</a>` : html`<span class="name">${run.name}</span>`}
        <${State} state=${run.state} /></div>
      <div class="facts numbers">${facts.map((fact) => html`<span>${fact}</span>`)}</div>
      ${run.reason && html`<div class=${run.state === "starting" ? "pale" : "reason"}>${run.reason}</div>`}
      ${run.state === "running" && html`<progress value=${part} max="1" aria-label=${t("progress")}></progress>`}
    </div>
    <${Actions} run=${run} actions=${actions}>
      ${hasRecord && html`<a class="button" href=${address}>${t("watch")}</a>`}
      ${run.can_sample && html`<a class="button" href=${`${address}/ask`}>${t("ask")}</a>`}
      ${hasRecord && html`<button aria-pressed=${String(first === run.name)} onClick=${pick}>${first && first !== run.name ? t("compare with it") : t("compare")}</button>`}
    <//>
  </li>`;
}

export function useRuns() {
  const [runs, setRuns] = useState(null);
  const [lost, setLost] = useState(false);
  const latest = useRef("");
  const load = async () => {
    try {
      const found = await get("/api/runs");
      const text = JSON.stringify(found);
      if (text !== latest.current) { latest.current = text; setRuns(found); }
      setLost(false);
    } catch { setLost(true); }
  };
  useEffect(() => {
    let timer;
    let ended = false;
    const repeat = async () => {
      if (!document.hidden) await load();
      if (!ended) timer = setTimeout(repeat, 1000 * SECONDS_BETWEEN_LISTS);
    };
    repeat();
    return () => { ended = true; clearTimeout(timer); };
  }, []);
  return { runs, lost, load };
}

export function Runs({ tell, fail }) {
  const { runs, lost, load } = useRuns();
  const [making, make] = useState(false);
  const [wanted, want] = useState("");
  const [first, setFirst] = useState("");
  const pick = (name) => () => {
    if (!first || first === name) setFirst(first ? "" : name); else location.hash = besides([first, name]);
  };
  const shown = runs?.filter((run) => `${run.name} ${run.recipe} ${run.source} ${run.state}`.toLowerCase().includes(wanted.toLowerCase()));
  return html`
    <div class="bar"><h1>${t("runs")}</h1>${runs && html`<span class="pale">${count(runs.length)}</span>`}<span class="gap"></span>
      ${runs?.length > 8 && html`<input type="search" placeholder=${t("find")} aria-label=${t("find")} value=${wanted}
        onInput=${(event) => want(event.target.value)} />`}
      <button class="main" onClick=${() => make(true)}>${t("new run")}</button></div>
    ${lost && html`<div class="lost" role="status">${t("the studio does not answer; trying again")}</div>`}
    ${runs && !runs.length && html`<div class="card empty"><h2>${t("no runs yet")}</h2><p class="pale">${t("how to begin")}</p>
      <button class="main" onClick=${() => make(true)}>${t("start the first run")}</button></div>`}
    <ul class="runs">${shown?.map((run) => html`<${Row} key=${run.name} run=${run} tell=${tell} fail=${fail} after=${load} first=${first} pick=${pick(run.name)} />`)}</ul>
    ${making && html`<${NewRun} close=${() => make(false)} fail=${fail}
      started=${(name) => { make(false); tell(t("{name} starts", { name })); load(); }} />`}`;
}
