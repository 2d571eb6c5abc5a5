// The button that measures a run: `ganvas evaluate --quick` in a process of its own, and what it prints.
import { html, useEffect, useState } from "./vendor/preact-htm.js";
import { get, of, post, remove } from "./api.js";
import { t } from "./words.js";

export function Evaluate({ name, fail, done, again }) {
  const [now, set] = useState({ state: "none", printed: [] });
  const address = `${of(name)}/evaluation`;
  const isRunning = now.state === "running";
  const [, part, whole] = /(\d+) of (\d+)/.exec(now.printed.at(-1) ?? "") ?? [0, 0, 1]; // of what it does at the moment
  useEffect(() => {
    let timer, ended = false;
    const look = async () => {
      try {
        const found = await get(address);
        if (ended) return;
        set((before) => { if (before.state === "running" && found.state === "done") done(); return found; });
        if (found.state !== "running") return;
      } catch { /* the server is away: look again */ }
      if (!ended) timer = setTimeout(look, 1000);
    };
    look();
    return () => { ended = true; clearTimeout(timer); };
  }, [name, isRunning]);
  const start = () => post(address).then(() => set({ state: "running", printed: [] }), fail);
  return html`<div class="bar">${isRunning
    ? html`<progress value=${part / whole} max="1" aria-label=${t("progress")} style=${{ flex: 1 }}></progress><button onClick=${() => remove(address).catch(fail)}>${t("stop")}</button>`
    : html`<button class=${again ? "" : "main"} onClick=${start}>${again ? t("measure again") : t("measure")}</button><small>${t("what measuring does")}</small>`}</div>
    ${now.printed.length > 0 && (isRunning || now.state === "failed") && html`<pre role="status" class=${now.state === "failed" ? "reason" : ""}>${now.printed.join("\n")}</pre>`}`;
}
