// A dropped folder as one ZIP file, stored without compression: images are compressed already.

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

async function* filesBelow(folder, path) {
  const reader = folder.createReader();
  for (;;) { // a reader gives a hundred names at a time
    const entries = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!entries.length) return;
    for (const entry of entries) {
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory) yield* filesBelow(entry, `${path}${entry.name}/`);
      else yield [`${path}${entry.name}`, await new Promise((done, failed) => entry.file(done, failed))];
    }
  }
}

// Fields of 16 and 32 bits, as the format wants them: header([[2, 20], [4, size]]).
function header(fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 2) view.setUint16(at, value, true); else view.setUint32(at, value, true);
    at += bytes;
  }
  return view.buffer;
}

export async function zipOf(folder) {
  const parts = [], central = [];
  let offset = 0, files = 0, centralBytes = 0;
  for await (const [path, file] of filesBelow(folder, "")) {
    const name = new TextEncoder().encode(path), bytes = new Uint8Array(await file.arrayBuffer());
    const shared = [[2, 20], [2, 0x0800], [2, 0], [4, 0x00210000], [4, crc32(bytes)], [4, bytes.length], [4, bytes.length], [2, name.length], [2, 0]];
    const local = header([[4, 0x04034b50], ...shared]);
    const entry = header([[4, 0x02014b50], [2, 20], ...shared, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]);
    parts.push(local, name, file);
    central.push(entry, name);
    offset += local.byteLength + name.length + bytes.length;
    centralBytes += entry.byteLength + name.length;
    files += 1;
    if (files > 65_000 || offset > 4e9) throw new Error("65,000 files or 4 GB are too many to drop: give the folder's path");
  }
  if (!files) throw new Error("the folder is empty");
  const end = header([[4, 0x06054b50], [2, 0], [2, 0], [2, files], [2, files], [4, centralBytes], [4, offset], [2, 0]]);
  return new File([...parts, ...central, end], `${folder.name.replace(/[^\p{L}\p{N}_ .-]+/gu, "-")}.zip`);
}
