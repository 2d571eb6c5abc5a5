// The words of the page: one JSON file a language, with the same keys in each.

export const LANGUAGES = { en: "English", ko: "한국어" };
let words = {};

export const preferred = () => {
  const kept = localStorage.getItem("language");
  if (kept in LANGUAGES) return kept;
  return navigator.languages.map((name) => name.slice(0, 2)).find((name) => name in LANGUAGES) ?? "en";
};

export async function speak(language) {
  words = await (await fetch(`/page/words/${language}.json`)).json();
  localStorage.setItem("language", language);
  document.documentElement.lang = language;
}

// t(KEY, {n: 3}) -> the words of a key with {n} filled in.
export const t = (key, values = {}) =>
  (words[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));

export const count = (number) => Math.round(number).toLocaleString(document.documentElement.lang);

export function figure(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  return size >= 1000 ? count(value) : String(Number(value.toPrecision(size >= 100 ? 4 : 3)));
}

export function duration(seconds) {
  const s = Math.round(seconds);
  if (s < 60) return t("{n} s", { n: s });
  if (s < 3600) return t("{m} min {n} s", { m: Math.floor(s / 60), n: s % 60 });
  return t("{h} h {m} min", { h: Math.floor(s / 3600), m: Math.floor((s % 3600) / 60) });
}

export function ago(seconds) {
  const past = Math.max(0, Date.now() / 1000 - seconds);
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const [unit, size] = units.find(([, length]) => past >= length) ?? units.at(-1);
  const format = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
  return format.format(-Math.floor(past / size), unit);
}
