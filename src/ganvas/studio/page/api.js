// Requests to the server. A refusal is thrown as an Error whose message is the server's sentence.

export async function request(path, options = {}) {
  const answer = await fetch(path, options);
  if (answer.ok) return answer;
  let sentence = `${answer.status}`;
  try { sentence = (await answer.json()).error ?? sentence; } catch { /* no JSON: the status has to do */ }
  throw Object.assign(new Error(sentence), { status: answer.status });
}

export const get = async (path) => (await request(path)).json();

export const post = (path, body = {}) =>
  request(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

export const remove = (path) => request(path, { method: "DELETE" });

export const of = (name) => `/api/runs/${encodeURIComponent(name)}`;

export function query(values) {
  const known = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return new URLSearchParams(known.map(([key, value]) => [key, String(value)])).toString();
}

export async function save(answer, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
