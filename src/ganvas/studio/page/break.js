// Break it: one thing of a run is changed, and a short run shows beside it what comes of that.
import { html, useEffect, useState } from "./vendor/preact-htm.js";
import { get, of, post } from "./api.js";
import { t } from "./words.js";
import { besides, useRuns } from "./runs.js";

const PRESETS = ["no-labels", "no-penalty", "one-image", "batch-norm", "ten-times-the-rate", "two-seeds"];

// Which preset made a run beside another: its name tells.
export const presetOf = (good, name) => PRESETS.find((preset) => {
  const made = `${good.slice(0, 70)}-${preset}`;
  return name.startsWith(made) && /^(-\d+)?$/.test(name.slice(made.length));
});

export function BreakIt({ name, fail }) {
  const { runs } = useRuns();
  const [allowed, allow] = useState(null);
  const [minutes, setMinutes] = useState("1");
  const [busy, setBusy] = useState(false);
  useEffect(() => { get(`${of(name)}/presets`).then(allow, fail); }, [name]);
  const start = (preset) => async () => {
    setBusy(true);
    try {
      const made = await (await post(`${of(name)}/presets/${preset}`, { minutes: Number(minutes) })).json();
      location.hash = besides([name, made.name]);
    } catch (error) { fail(error); }
    setBusy(false);
  };
  if (!allowed) return html`<p class="pale">${t("loading")}</p>`;
  return html`<div class="bar"><p>${t("what breaking is")}</p><span class="gap"></span>
      <label>${t("minutes")} <input type="number" min="0.1" max="60" step="0.1" value=${minutes} style=${{ width: "5.5rem" }}
        onInput=${(event) => setMinutes(event.target.value)} /></label></div>
    <div class="plates">${PRESETS.map((preset) => html`<section class="card" aria-label=${t(`break ${preset}`)}><h2>${t(`break ${preset}`)}</h2>
      <p>${t(`break ${preset} before`)}</p><div class="bar">
      ${allowed.includes(preset) ? html`<button class="main" disabled=${busy || !(minutes > 0)} onClick=${start(preset)}>${t("start beside")}</button>`
    : html`<small>${t("not for this run")}</small>`}
      ${runs?.filter((run) => presetOf(name, run.name) === preset).map((run) => html`<a href=${besides([name, run.name])}>${t("look at {name}", { name: run.name.slice(name.length + 1) || run.name })}</a>`)}</div></section>`)}</div>`;
}
