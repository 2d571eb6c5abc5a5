// The model in the browser: noise and label weights in, images out.
"use strict";

const generator = (() => {
  let session;
  let queue = Promise.resolve();

  // Bytes lie in scripts, as base64: a page from a disk may load scripts, and may not fetch.
  function script(name) {
    return new Promise((resolve, reject) => {
      const element = document.createElement("script");
      element.src = name;
      element.onload = () => { element.remove(); resolve(); };
      element.onerror = () => reject(new Error(`${name} is missing`));
      document.head.append(element);
    });
  }

  function bytesOf(base64) {
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
    return bytes;
  }

  async function load() {
    await Promise.all([script("runtime.js"), script("model.js")]);
    const packed = new Blob([bytesOf(window.GANVAS_RUNTIME.wasm)]).stream();
    ort.env.wasm.wasmBinary = await new Response(packed.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
    const glue = new Blob([window.GANVAS_RUNTIME.glue], { type: "text/javascript" });
    ort.env.wasm.wasmPaths = { mjs: URL.createObjectURL(glue) };
    ort.env.wasm.numThreads = 1; // more would need headers of the host, which a static one may not send
    window.GANVAS_RUNTIME = undefined;
    await open(window.GANVAS_MODEL);
    window.GANVAS_MODEL = undefined;
  }

  // Takes an ONNX model, as base64.
  async function open(model) {
    session = await ort.InferenceSession.create(bytesOf(model), { executionProviders: ["wasm"] });
  }

  async function run(noise, weights, count) {
    const feeds = { noise: new ort.Tensor("float32", noise, [count, noise.length / count]) };
    if (weights) feeds.weights = new ort.Tensor("float32", weights, [count, weights.length / count]);
    const { images } = await session.run(feeds);
    return images.data;
  }

  // Floats in [-1, 1] of `count` images, one after another: noise (count x Z) and weights (count x K, null without
  // classes) as Float32Arrays. Calls wait for each other.
  function generate(noise, weights, count) {
    const result = queue.then(() => run(noise, weights, count));
    queue = result.catch(() => {});
    return result;
  }

  return { load, open, generate };
})();
