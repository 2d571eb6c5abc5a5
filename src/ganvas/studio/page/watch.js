// Watch: the previews, with a slider through time, beside live charts.
import { html, useEffect, useRef, useState } from "./vendor/preact-htm.js";
import { of, request, save } from "./api.js";
import { count, t } from "./words.js";
import { Chart } from "./chart.js";

const FRAMES_A_SECOND = 12;

// Every preview is fetched once, the newest first, so that the slider shows each at once.
export function usePreviews(name, previews, version) {
  const kept = useRef(new Map()).current;
  const address = (images) => `${of(name)}/previews/${images}.png?v=${version}`;
  useEffect(() => { kept.clear(); }, [version]);
  useEffect(() => {
    let ended = false;
    (async () => {
      for (const images of [...previews].reverse()) {
        if (ended) return;
        if (kept.has(images)) continue;
        const image = new Image();
        image.src = address(images);
        kept.set(images, image);
        await image.decode().catch(() => kept.delete(images));
      }
    })();
    return () => { ended = true; };
  }, [previews.length, previews.at(-1), version]);
  return address;
}

export function Watch({ name, live, fail }) {
  const { log, previews, version } = live;
  const [chosen, choose] = useState(null); // null follows the newest one
  const [playing, play] = useState(false);
  const [making, make] = useState(false);
  const address = usePreviews(name, previews, version);
  const last = previews.length - 1;
  const index = chosen === null ? last : Math.min(chosen, last);
  const at = previews[index] ?? null;
  const move = (to) => choose(to >= last ? null : to);
  const nearest = (images) => {
    play(false);
    let best = last;
    previews.forEach((each, number) => { if (Math.abs(each - images) < Math.abs(previews[best] - images)) best = number; });
    move(best);
  };
  useEffect(() => {
    if (!playing) return undefined;
    let shown = index >= last ? 0 : index;
    const timer = setInterval(() => {
      if (shown >= previews.length) { play(false); choose(null); } else move(shown++);
    }, 1000 / FRAMES_A_SECOND);
    return () => clearInterval(timer);
  }, [playing]);
  const film = async () => {
    make(true);
    try { await save(await request(`${of(name)}/film.gif`), `${name}.gif`); } catch (error) { fail(error); }
    make(false);
  };
  const chart = (title, series, scale) => html`<${Chart} title=${title} log=${log} series=${series} at=${at} choose=${nearest} scale=${scale} />`;
  return html`<div class="watch">
    <section class="card screen" aria-label=${t("previews")}>
      <div class="frame">${at === null ? html`<p class="pale">${t("the first preview is on its way")}</p>`
        : html`<img src=${address(at)} alt=${t("preview after {n} images", { n: count(at) })} data-images=${at} />`}</div>
      ${last >= 0 && html`<p class="numbers" style=${{ textAlign: "center", margin: ".6rem 0 0" }}>${t("after {n} images", { n: count(at) })}</p>
        <input type="range" min="0" max=${last} value=${index} aria-label=${t("preview")} aria-valuetext=${t("{n} images", { n: count(at) })}
          onInput=${(event) => { play(false); move(Number(event.target.value)); }} />
        <div class="bar" style=${{ justifyContent: "space-between" }}><button onClick=${() => play(!playing)} disabled=${last < 1} aria-pressed=${String(playing)}>
            ${playing ? `❚❚ ${t("pause")}` : `▶ ${t("replay")}`}</button>
          <button onClick=${film} disabled=${making}>${making ? t("making the film") : t("film (GIF)")}</button></div>
        <p><small>${t("what a preview is")}</small></p>`}
    </section>
    <div class="charts">${log && log.images.length ? html`
      ${chart(t("losses"), [["loss_d", "D"], ["loss_g", "G"], ["loss", t("loss")]])}
      ${chart(t("what D says"), [["score_real", t("real")], ["score_fake", t("generated")]])}
      ${chart(t("label accuracy"), [["label_accuracy", t("generated")]], { range: [0, 1] })}
      ${chart("FCD", [["fcd", "FCD"]])} ${chart("AUC", [["auc", "AUC"]])} ${chart("KID", [["kid", "KID"]])}
      ${chart(t("spread within a class"), [["spread", t("grey levels")]])}
      ${chart(t("gradient norms"), [["grad_d", "D"], ["grad_g", "G"], ["grad", t("gradient")]])}
      ${chart(t("images a second"), [["images_per_second", t("images a second")]])}
      ${chart(t("accuracy"), [["accuracy", t("accuracy")]])}
      ${log.events.length > 0 && html`<section class="card"><h3>${t("events")}</h3><ul>${log.events.slice(-8)
        .map((event) => html`<li><small class="numbers">${count(event.images)}: ${event.text}</small></li>`)}</ul></section>`}`
      : html`<p class="pale">${t("the first figures are on their way")}</p>`}</div></div>`;
}
