// Images and maps that come as base64, on canvases.
import { html, useEffect, useRef } from "./vendor/preact-htm.js";

export const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
export const text = (levels) => btoa(Array.from(levels, (level) => String.fromCharCode(level)).join(""));

// A canvas of width x height pixels, drawn pixel by pixel: paint(index) -> [red, green, blue, alpha].
export function Raster({ width, height, paint, of, label, children, ...more }) {
  const canvas = useRef(null);
  useEffect(() => {
    const context = canvas.current.getContext("2d");
    const data = context.createImageData(width, height);
    for (let index = 0; index < width * height; index += 1) data.data.set(paint(index), 4 * index);
    context.putImageData(data, 0, 0);
  }, [of, width, height]);
  return html`<canvas ref=${canvas} width=${width} height=${height} role="img" aria-label=${label} ...${more}></canvas>`;
}

// Levels of an image with so many channels -> paint.
export const colours = (levels, channels) => (index) => {
  const at = channels * index;
  if (channels === 1) return [levels[at], levels[at], levels[at], 255];
  return [levels[at], levels[at + 1], levels[at + 2], channels === 4 ? levels[at + 3] : 255];
};

// Below zero blue, above zero orange, zero grey in between: share is -1 to 1.
export function diverging(share) {
  const far = Math.min(1, Math.abs(share)) ** 0.7;
  const [red, green, blue] = share < 0 ? [52, 108, 235] : [240, 116, 24];
  return [128 + (red - 128) * far, 128 + (green - 128) * far, 128 + (blue - 128) * far, 255];
}

// One plane of several.
export function Plane({ planes, levels, number, ...more }) {
  const { width, height } = planes, first = number * width * height;
  return html`<${Raster} width=${width} height=${height} of=${levels} paint=${(index) => diverging((levels[first + index] - 128) / 127)} ...${more} />`;
}

// A matrix of numbers, each cell coloured against `most`, with the numbers where there are few.
export function Matrix({ rows, most, label }) {
  const flat = rows.flat();
  return html`<${Raster} width=${rows[0].length} height=${rows.length} of=${rows} label=${label} class="matrix"
    paint=${(index) => diverging(flat[index] / (most || 1))} />`;
}
