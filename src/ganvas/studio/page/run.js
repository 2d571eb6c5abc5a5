// One run: its live state, and the views of it.
import { html, useEffect, useReducer, useRef, useState } from "./vendor/preact-htm.js";
import { get, of } from "./api.js";
import { count, duration, figure, t } from "./words.js";
import { Actions, scoresOf, State, useActions } from "./runs.js";
import { useLive } from "./live.js";
import { Watch } from "./watch.js";
import { Ask } from "./ask.js";
import { BreakIt } from "./break.js";
import { Evaluate } from "./evaluate.js";

const VIEWS = ["watch", "ask", "break", "results", "record"];
const SHOWN_LIVE = ["losses", "scores", "gradients"]; // charts that Watch has as well

function Results({ name, summary, charts: all, fail }) {
  const [version, again] = useReducer((count) => count + 1, 0);
  const charts = all.filter((chart) => !SHOWN_LIVE.includes(chart));
  return html`
    ${summary.has_scorecard || version
      ? html`<h2>${t("scorecard")}</h2><p><a href=${`${of(name)}/scorecard`} target="_blank" rel="noopener">${t("open in a tab of its own")}</a></p>
        <iframe key=${version} sandbox="" src=${`${of(name)}/scorecard`} title=${t("scorecard")}></iframe>
        ${summary.can_sample && html`<${Evaluate} key="again" name=${name} fail=${fail} done=${again} again />`}`
      : html`<div class="card"><h2>${t("scorecard")}</h2>
        ${summary.can_sample ? html`<p>${t("not measured yet")}</p><${Evaluate} name=${name} fail=${fail} done=${again} />` : html`<p>${t("nothing to measure")}</p>`}</div>`}
    ${charts.length > 0 && html`<h2 style=${{ margin: "1.4rem 0 .6rem" }}>${t("charts")}</h2><div class="plates">
      ${charts.map((chart) => html`<a class="card" href=${`${of(name)}/charts/${encodeURIComponent(chart)}.png`} target="_blank" rel="noopener">
        <img loading="lazy" alt=${chart} src=${`${of(name)}/charts/${encodeURIComponent(chart)}.png`} /></a>`)}</div>`}`;
}

function RecordView({ details }) {
  const { record } = details;
  return html`<div class="card"><h2>${t("record")}</h2>
    ${details.printed && html`<p class="one-plot">${details.printed}</p>`}
    <div class="facts-line numbers">
      <span>${t("training images")} <b>${count(record.data.train)}</b></span>
      <span>${t("held-out images")} <b>${count(record.data.held_out)}</b></span>
      <span>${t("CPU time")} <b>${duration(record.cpu_seconds)}</b></span>
      ${record.peak_memory_bytes && html`<span>${t("memory")} <b>${count(record.peak_memory_bytes / 2 ** 20)} MiB</b></span>`}
      <span>ganvas <b>${record.versions.ganvas}</b></span><span>torch <b>${record.versions.torch}</b></span></div>
    ${record.run.reasons.map((reason) => html`<p>${reason}</p>`)}
    <pre tabindex="0">${JSON.stringify(record, null, 2)}</pre></div>`;
}

export function Run({ name, view, tell, fail }) {
  const [details, setDetails] = useState(null);
  const [missing, setMissing] = useState("");
  const live = useLive(name);
  const tabs = useRef(null);
  const load = () => get(of(name)).then(setDetails, (error) => (error.status === 404 ? setMissing(error.message) : fail(error)));
  const state = live.summary?.state ?? details?.summary.state;
  useEffect(() => { load(); }, [name, state]);
  const actions = useActions(name, { tell, fail, after: load });
  if (missing) return html`<div class="card empty"><h2>${missing}</h2><p><a href="#/">${t("all runs")}</a></p></div>`;
  if (!details) return html`<p class="pale">${t("loading")}</p>`;
  const summary = live.summary ?? details.summary;
  const shown = VIEWS.includes(view) ? view : "watch";
  const address = `#/run/${encodeURIComponent(name)}`;
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = (VIEWS.indexOf(shown) + step + VIEWS.length) % VIEWS.length;
    location.hash = `${address}/${VIEWS[next]}`;
    setTimeout(() => tabs.current?.querySelector('[aria-selected="true"]')?.focus());
  };
  return html`
    <p style=${{ margin: "0 0 .4rem" }}><a href="#/">← ${t("all runs")}</a></p>
    <div class="bar"><h1>${name}</h1><${State} state=${summary.state} /><span class="gap"></span><${Actions} run=${summary} actions=${{
      ...actions, remove: async () => { await actions.remove(); location.hash = "#/"; } }} /></div>
    <div class="facts-line numbers"><span>${t("recipe")} <b>${summary.recipe}</b></span><span>${t("set")} <b>${summary.source}</b></span>
      <span><b>${t("{n} px", { n: summary.size })}</b></span>
      <span><b>${count(summary.images)}</b> / ${count(summary.total)} ${t("images")}</span>
      <span>${t("time")} <b>${duration(summary.seconds)}</b></span>
      ${scoresOf(summary.scores).map((score) => html`<b>${score}</b>`)}</div>
    ${summary.state === "running" && html`<progress value=${summary.images / Math.max(1, summary.total)} max="1" aria-label=${t("progress")}></progress>`}
    ${summary.reason && html`<p class="reason">${summary.reason}</p>`}
    ${live.lost && html`<div class="lost" role="status">${t("the studio does not answer; trying again")}</div>`}
    <div role="tablist" aria-label=${t("views")} ref=${tabs} onKeyDown=${move}>
      ${VIEWS.map((each) => html`<button role="tab" id=${`tab-${each}`} aria-selected=${String(each === shown)} aria-controls="view"
        tabindex=${each === shown ? 0 : -1} onClick=${() => { location.hash = `${address}/${each}`; }}>${t(each)}</button>`)}</div>
    <div id="view" role="tabpanel" aria-labelledby=${`tab-${shown}`}>
      ${shown === "watch" && html`<${Watch} name=${name} live=${live} summary=${summary} fail=${fail} />`}
      ${shown === "ask" && html`<${Ask} name=${name} summary=${summary} fail=${fail} />`}
      ${shown === "break" && html`<${BreakIt} name=${name} fail=${fail} />`}
      ${shown === "results" && html`<${Results} name=${name} summary=${summary} charts=${details.charts} fail=${fail} />`}
      ${shown === "record" && html`<${RecordView} details=${details} />`}</div>`;
}
