// A new run: a form made of the schema that the server sends, and a place to drop a set.
import { html, useEffect, useRef, useState } from "./vendor/preact-htm.js";
import { get, post, request } from "./api.js";
import { t } from "./words.js";
import { zipOf } from "./zip.js";

function Field({ field, value, change }) {
  const id = `field-${field.name}`;
  const shown = value ?? "";
  const common = { id, name: field.name, onInput: (event) => change(field.name, event.target.value) };
  const hint = field.default === null ? t("automatic") : String(field.default);
  let entry;
  if (field.entry === "switch") {
    entry = html`<input type="checkbox" id=${id} checked=${value ?? field.default === true}
      onChange=${(event) => change(field.name, event.target.checked)} />`;
  } else if (field.entry === "choice") {
    entry = html`<select ...${common} value=${shown}><option value="">${hint}</option>
      ${field.choices.map((word) => html`<option value=${word}>${word}</option>`)}</select>`;
  } else {
    const isNumber = field.entry !== "text" && !field.choices.length;
    entry = html`<input ...${common} type=${isNumber ? "number" : "text"} step=${field.entry === "whole" ? 1 : "any"} value=${shown}
      min=${isNumber ? field.least : null} max=${isNumber ? field.most : null} placeholder=${hint} maxlength="200" />`;
  }
  return html`<div class="row"><label for=${id}>${field.name.replace(/^(training|data)\./, "")}</label>${entry}
    <small>${field.help}</small></div>`;
}

async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 1 && entries[0].isDirectory) return zipOf(entries[0]);
  return transfer.files[0];
}

export function NewRun({ close, started, fail }) {
  const [sets, setSets] = useState(null);
  const [form, setForm] = useState(null);
  const [recipe, setRecipe] = useState("modern");
  const [source, setSource] = useState("digits");
  const [name, setName] = useState("");
  const [values, setValues] = useState({ "training.minutes": "3" });
  const [over, setOver] = useState(false);
  const [busy, setBusy] = useState("");
  const dialog = useRef(null);
  const load = () => get("/api/sets").then(setSets, fail);
  useEffect(() => { dialog.current.showModal(); load(); }, []);
  useEffect(() => { get(`/api/form?recipe=${encodeURIComponent(recipe)}`).then(setForm, fail); }, [recipe]);

  const change = (key, value) => setValues((before) => ({ ...before, [key]: value }));
  const send = async (event) => {
    event.preventDefault();
    const options = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== "" && value !== undefined));
    setBusy(t("starting"));
    try {
      started((await (await post("/api/runs", { source, recipe, name: name || null, options })).json()).name);
    } catch (error) { fail(error); }
    setBusy("");
  };
  const take = async (transfer) => {
    setOver(false);
    try {
      setBusy(t("reading the set"));
      const file = transfer instanceof File ? transfer : await dropped(transfer);
      if (!file) throw new Error(t("drop one archive or one folder"));
      setBusy(t("sending {name}", { name: file.name }));
      const answer = await request(`/api/sets?name=${encodeURIComponent(file.name)}`,
        { method: "POST", headers: { "content-type": "application/octet-stream" }, body: file });
      const kept = (await answer.json()).name;
      await load();
      setSource(kept);
    } catch (error) { fail(error); }
    setBusy("");
  };
  const fields = (rank) => form?.fields.filter((field) => field.rank === rank)
    .map((field) => html`<${Field} key=${field.name} field=${field} value=${values[field.name]} change=${change} />`);
  return html`<dialog ref=${dialog} class="wide" onClose=${close} aria-label=${t("new run")}>
    <form class="form" onSubmit=${send}>
      <div class="bar"><h2>${t("new run")}</h2><span class="gap"></span>
        <button type="button" class="plain" onClick=${close} aria-label=${t("close")}>✕</button></div>
      <div class="grid">
        <div class="row"><label for="source">${t("set of images")}</label>
          <select id="source" value=${source} onChange=${(event) => setSource(event.target.value)}>
            <optgroup label=${t("known sets")}>${Object.keys(sets?.known ?? {}).map((each) => html`<option value=${each}>${each}</option>`)}</optgroup>
            ${sets?.below.length > 0 && html`<optgroup label=${t("in this folder")}>${sets.below.map((each) => html`<option value=${each}>${each}</option>`)}</optgroup>`}
          </select><small>${sets?.known[source]}</small></div>
        <div class="row"><label for="recipe">${t("recipe")}</label>
          <select id="recipe" value=${recipe} onChange=${(event) => setRecipe(event.target.value)}>
            ${Object.keys(form?.recipes ?? { modern: "" }).map((each) => html`<option value=${each}>${each}</option>`)}</select>
          <small>${form?.recipes[recipe]}</small></div>
      </div>
      <div class=${`drop ${over ? "over" : ""}`} onDragOver=${(event) => { event.preventDefault(); setOver(true); }}
        onDragLeave=${() => setOver(false)} onDrop=${(event) => { event.preventDefault(); take(event.dataTransfer); }}>
        ${t("drop a folder of images or a .zip here, or")} <input type="file" accept=".zip,.tar,.npz" aria-label=${t("choose a file")}
          onChange=${(event) => event.target.files[0] && take(event.target.files[0])} /></div>
      <div class="grid">${fields("first")}
        <div class="row"><label for="run-name">${t("name of the run")}</label>
          <input id="run-name" value=${name} maxlength="100" pattern="[A-Za-z0-9][A-Za-z0-9._\\-]*" placeholder=${t("automatic")}
            onInput=${(event) => setName(event.target.value)} /></div></div>
      <details><summary>${t("more options")}</summary><div class="grid">${fields("usual")}</div></details>
      <details><summary>${t("every option")}</summary><div class="grid">${fields("rare")}</div></details>
      <div class="bar"><span class="pale" role="status">${busy}</span><span class="gap"></span>
        <button type="button" onClick=${close}>${t("cancel")}</button>
        <button class="main" disabled=${busy !== ""}>${t("start training")}</button></div>
    </form></dialog>`;
}
