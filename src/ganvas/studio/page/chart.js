// A chart of some figures of the log against images shown, with a line where the slider of previews is.
import { html, useEffect, useRef } from "./vendor/preact-htm.js";
import { count, figure } from "./words.js";

const MOST_DRAWN = 1200;
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const short = (value) => (value >= 1e6 ? `${figure(value / 1e6)}M` : value >= 1e3 ? `${figure(value / 1e3)}k` : figure(value));

// Only records that have a figure count, so that scores, which are rare, are joined by a line.
function joined(log, keys) {
  const columns = keys.map((key) => log.columns[key]);
  const kept = [...new Set(columns.flatMap((column) => {
    const rows = log.images.map((_, index) => index).filter((index) => column[index] !== null);
    const every = Math.ceil(rows.length / MOST_DRAWN);
    return rows.filter((_, index) => index % every === 0 || index === rows.length - 1);
  }))].sort((a, b) => a - b);
  return [kept.map((index) => log.images[index]), ...columns.map((column) => kept.map((index) => column[index]))];
}

export function Chart({ title, log, series, at, choose, scale }) {
  const shown = series.filter(([key]) => log.columns[key]?.some((value) => value !== null));
  const place = useRef(null), plot = useRef(null), marker = useRef(at), chosen = useRef(choose);
  marker.current = at; chosen.current = choose;
  const keys = shown.map(([key]) => key).join();
  useEffect(() => {
    if (!keys) return undefined;
    const build = () => {
      plot.current?.destroy();
      const axis = { stroke: colour("--pale"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
      plot.current = new uPlot({
        width: place.current.clientWidth, height: 175, legend: { show: false }, scales: { x: { time: false }, y: scale ?? {} },
        cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
        axes: [{ ...axis, size: 26, gap: 4, values: (_, ticks) => ticks.map(short), space: 60 }, { ...axis, size: 46, values: (_, ticks) => ticks.map(short) }],
        series: [{}, ...shown.map(([, label], index) => ({ label, stroke: colour(`--c${index + 1}`), width: 1.6, points: { show: false }, spanGaps: true }))],
        hooks: { draw: [(chart) => {
          if (marker.current === null) return;
          const x = chart.valToPos(marker.current, "x", true), { top, height } = chart.bbox;
          const { ctx } = chart;
          ctx.save(); ctx.strokeStyle = colour("--pale"); ctx.setLineDash([4, 4]); ctx.beginPath();
          ctx.moveTo(x, top); ctx.lineTo(x, top + height); ctx.stroke(); ctx.restore();
        }] },
      }, joined(log, keys.split(",")), place.current);
      plot.current.over.addEventListener("click", () => {
        const { left } = plot.current.cursor;
        if (left >= 0) chosen.current?.(plot.current.posToVal(left, "x"));
      });
    };
    build();
    const sized = new ResizeObserver(() => plot.current?.setSize({ width: place.current.clientWidth, height: 175 }));
    sized.observe(place.current);
    addEventListener("repaint", build);
    return () => { sized.disconnect(); removeEventListener("repaint", build); plot.current?.destroy(); plot.current = null; };
  }, [keys]);
  useEffect(() => { if (keys) plot.current?.setData(joined(log, keys.split(","))); }, [log.images.length, log, keys]);
  useEffect(() => { plot.current?.redraw(false); }, [at]);
  if (!keys) return null;
  const newest = (key) => log.columns[key].findLast((value) => value !== null);
  const spoken = `${title}: ${shown.map(([key, label]) => `${label} ${figure(newest(key))}`).join(", ")}; ${count(log.images.at(-1))}`;
  return html`<section class="card chart" aria-label=${spoken}><h3 class="numbers">${title}
    ${shown.map(([key, label], index) => html`<span class=${`key k${index}`}>${label === title ? "" : label} ${figure(newest(key))}</span>`)}</h3>
    <div class="plot" ref=${place}></div></section>`;
}
