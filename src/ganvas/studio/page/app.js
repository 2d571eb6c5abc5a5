// The frame of the page: which view is shown, language, theme, and messages.
import { html, render, useEffect, useState } from "./vendor/preact-htm.js";
import { get } from "./api.js";
import { LANGUAGES, preferred, speak, t } from "./words.js";
import { Runs } from "./runs.js";
import { Run } from "./run.js";
import { Compare } from "./compare.js";

const THEMES = ["auto", "light", "dark"];
const dark = matchMedia("(prefers-color-scheme: dark)");

function paint(theme) {
  const isDark = theme === "dark" || (theme === "auto" && dark.matches);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  dispatchEvent(new Event("repaint"));
}

// #/run/NAME/VIEW -> {name, view}; #/compare/A/B -> {pair}; anything else is the list of runs.
function place() {
  const parts = location.hash.replace(/^#\/?/, "").split("/");
  if (!["run", "compare"].includes(parts[0]) || !parts[1]) return {};
  try {
    if (parts[0] === "compare") return { pair: [1, 2].map((part) => decodeURIComponent(parts[part] ?? "")) };
    return { name: decodeURIComponent(parts[1]), view: parts[2] || "watch" };
  } catch { return {}; }
}

function Page() {
  const [at, go] = useState(place());
  const [language, setLanguage] = useState(preferred());
  const [theme, setTheme] = useState(localStorage.getItem("theme") ?? "auto");
  const [about, setAbout] = useState(null);
  const [said, say] = useState(null);

  useEffect(() => {
    const moved = () => { go(place()); scrollTo(0, 0); };
    addEventListener("hashchange", moved);
    get("/api/about").then(setAbout, (error) => say({ text: error.message, bad: true }));
    return () => removeEventListener("hashchange", moved);
  }, []);
  useEffect(() => {
    localStorage.setItem("theme", theme);
    paint(theme);
    const changed = () => paint(theme);
    dark.addEventListener("change", changed);
    return () => dark.removeEventListener("change", changed);
  }, [theme]);
  useEffect(() => {
    if (!said) return undefined;
    const timer = setTimeout(() => say(null), said.bad ? 9000 : 3500);
    return () => clearTimeout(timer);
  }, [said]);
  useEffect(() => {
    document.title = at.name ? `${at.name} · ganvas studio` : "ganvas studio";
  }, [at.name]);

  const tell = (text) => say({ text });
  const fail = (error) => say({ text: error.message, bad: true });
  const choose = async (event) => { await speak(event.target.value); setLanguage(document.documentElement.lang); };
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
  return html`
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.querySelector("main").focus(); }}>
      ${t("skip to content")}</a>
    <header class="top">
      <a class="brand" href="#/"><img src="/page/icon.svg" alt="" />ganvas studio</a>
      <span class="pale folder">${about?.folder}</span><span class="gap"></span>
      <select aria-label=${t("language")} value=${language} onChange=${choose}>
        ${Object.entries(LANGUAGES).map(([key, name]) => html`<option value=${key}>${name}</option>`)}</select>
      <button onClick=${() => setTheme(next)} title=${t("colours")} aria-label=${`${t("colours")}: ${t(theme)}`}>
        ${{ auto: "◐", light: "☀", dark: "☾" }[theme]}</button>
    </header>
    <main id="main" tabindex="-1" key=${language}>
      ${at.pair ? html`<${Compare} key=${at.pair.join("/")} names=${at.pair} />` : at.name ? html`<${Run} key=${at.name} name=${at.name} view=${at.view} tell=${tell} fail=${fail} />`
        : html`<${Runs} tell=${tell} fail=${fail} />`}
    </main>
    <div aria-live="polite">${said && html`<div class=${`said ${said.bad ? "bad" : ""}`} role="status">${said.text}</div>`}</div>`;
}

paint(localStorage.getItem("theme") ?? "auto");
await speak(preferred());
render(html`<${Page} />`, document.getElementById("page"));
