// A run as it trains: the log so far as columns, then what the stream of events adds to it.
import { useEffect, useReducer, useRef } from "./vendor/preact-htm.js";
import { get, of, query } from "./api.js";

const MOST_POINTS = 4000;

function add(log, records) {
  for (const record of records) {
    if ("event" in record) { log.events.push({ images: record.images, text: record.event }); continue; }
    log.images.push(record.images);
    for (const [key, value] of Object.entries(record)) {
      if (key === "images" || key === "step") continue;
      log.columns[key] ??= new Array(log.images.length - 1).fill(null);
      log.columns[key].push(value);
    }
    for (const column of Object.values(log.columns)) while (column.length < log.images.length) column.push(null);
  }
  if (log.images.length > MOST_POINTS) { // every second point, but those that hold a rare figure stay
    const rare = Object.values(log.columns).filter((column) => column.filter((value) => value !== null).length < 500);
    const stays = (index) => index % 2 || rare.some((column) => column[index] !== null);
    for (const key in log.columns) log.columns[key] = log.columns[key].filter((_, index) => stays(index));
    log.images = log.images.filter((_, index) => stays(index));
  }
}

export function useLive(name) {
  const state = useRef({ log: null, previews: [], summary: null, lost: false, version: "" }).current;
  const [, redraw] = useReducer((tick) => tick + 1, 0);
  useEffect(() => {
    if (!name) return undefined;
    let stream, timer, frame, ended = false;
    const show = () => { frame ??= requestAnimationFrame(() => { frame = undefined; redraw(); }); };
    const again = () => { stream?.close(); clearTimeout(timer); if (!ended) timer = setTimeout(begin, 1500); };
    async function begin() {
      try {
        const log = await get(`${of(name)}/log`);
        if (ended) return;
        Object.assign(state, { log, lost: false, version: log.end.split("-")[0] });
        show();
      } catch (error) {
        if (error.status === 404) return;
        state.lost = true; show(); again();
        return;
      }
      stream = new EventSource(`${of(name)}/events?${query({ after: state.log.end })}`);
      stream.onopen = () => { state.lost = false; show(); };
      stream.onerror = () => { state.lost = true; show(); if (stream.readyState === EventSource.CLOSED) again(); };
      stream.addEventListener("lines", (event) => { add(state.log, JSON.parse(event.data)); show(); });
      stream.addEventListener("previews", (event) => { state.previews = JSON.parse(event.data); show(); });
      stream.addEventListener("state", (event) => { state.summary = JSON.parse(event.data); show(); });
      stream.addEventListener("reset", () => again());
    }
    begin();
    return () => { ended = true; stream?.close(); clearTimeout(timer); };
  }, [name]);
  return { ...state };
}
