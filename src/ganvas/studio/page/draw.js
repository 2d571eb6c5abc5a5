// An image that is drawn with a pointer, or with arrows and the space bar.
import { html, useEffect, useRef, useState } from "./vendor/preact-htm.js";
import { t } from "./words.js";

export function Draw({ size, channels, from, done }) {
  const parts = String(size).split("x").map(Number), height = parts[0], width = parts[1] || parts[0];
  const [isLight, setLight] = useState(true); // a light pen on a dark ground
  const [colour, setColour] = useState("#ff8800");
  const [thickness, setThickness] = useState(2);
  const canvas = useRef(null), last = useRef(null), at = useRef([height >> 1, width >> 1]);
  const [cursor, move] = useState(null);
  const context = () => canvas.current.getContext("2d", { willReadFrequently: true });
  const send = () => {
    const { data } = context().getImageData(0, 0, width, height);
    const levels = new Uint8Array(height * width * channels);
    for (let index = 0; index < height * width; index += 1)
      for (let channel = 0; channel < channels; channel += 1) levels[index * channels + channel] = data[4 * index + channel];
    done(levels);
  };
  const clean = () => {
    context().fillStyle = isLight ? "#000" : "#fff";
    context().fillRect(0, 0, width, height);
    send();
  };
  useEffect(clean, [isLight]);
  const copy = () => {
    const data = context().createImageData(width, height);
    for (let index = 0; index < height * width; index += 1) {
      for (let channel = 0; channel < 3; channel += 1) data.data[4 * index + channel] = from[index * channels + Math.min(channel, channels - 1)];
      data.data[4 * index + 3] = 255;
    }
    context().putImageData(data, 0, 0);
    send();
  };
  const stroke = (x, y) => {
    const pen = context(), [before, above] = last.current ?? [x, y];
    pen.strokeStyle = pen.fillStyle = channels > 1 ? colour : isLight ? "#fff" : "#000";
    pen.lineWidth = thickness;
    pen.lineCap = "round";
    pen.beginPath();
    pen.moveTo(before, above);
    pen.lineTo(x + 0.01, y);
    pen.stroke();
    last.current = [x, y];
  };
  const place = (event) => {
    const box = canvas.current.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height];
  };
  const down = (event) => { event.preventDefault(); canvas.current.setPointerCapture(event.pointerId); last.current = null; stroke(...place(event)); };
  const drag = (event) => { if (last.current) stroke(...place(event)); };
  const up = () => { if (last.current) { last.current = null; send(); } };
  const type = (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], " ": [0, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    at.current = [Math.max(0, Math.min(height - 1, at.current[0] + step[0])), Math.max(0, Math.min(width - 1, at.current[1] + step[1]))];
    move([...at.current]);
    if (event.key === " ") { last.current = null; stroke(at.current[1] + 0.5, at.current[0] + 0.5); last.current = null; send(); }
  };
  return html`<div class="drawing"><div class="subject" style=${{ aspectRatio: `${width} / ${height}` }}>
      <canvas ref=${canvas} width=${width} height=${height} tabindex="0" role="img" aria-label=${t("draw here")} onPointerDown=${down} onPointerMove=${drag}
        onPointerUp=${up} onPointerCancel=${up} onKeyDown=${type} onBlur=${() => move(null)}></canvas>
      ${cursor && html`<div class="seen" style=${{ top: `${(100 * cursor[0]) / height}%`, left: `${(100 * cursor[1]) / width}%`, height: `${100 / height}%`, width: `${100 / width}%` }}></div>`}</div>
    <p><small>${t("how to draw")}</small></p>
    <div class="bar"><button onClick=${clean}>${t("clean sheet")}</button>${from && html`<button onClick=${copy}>${t("begin with the image")}</button>`}
      <button onClick=${() => setLight(!isLight)} aria-label=${t("ground")} title=${t("ground")}>${isLight ? "◐" : "◑"}</button>
      ${channels > 1 && html`<input type="color" value=${colour} aria-label=${t("colour")} onInput=${(event) => setColour(event.target.value)} />`}</div>
    <label>${t("thickness")}<input type="range" min="1" max=${Math.max(4, width >> 3)} step="0.5" value=${thickness} onInput=${(event) => setThickness(Number(event.target.value))} /></label></div>`;
}
