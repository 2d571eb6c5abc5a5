// The noise of an image: the same normal values that ganvas draws, so that a class and a seed mean the same images here
// as in `ganvas sample`. A block of noise is a function of (seed, purpose, number of the block).
"use strict";

const noise = (() => {
  const BLOCK = 64; // images whose noise is drawn together
  const LOW = (1n << 64n) - 1n;
  const INITIAL = [
    0x6a09e667f3bcc908n, 0xbb67ae8584caa73bn, 0x3c6ef372fe94f82bn, 0xa54ff53a5f1d36f1n,
    0x510e527fade682d1n, 0x9b05688c2b3e6c1fn, 0x1f83d9abfb41bd6bn, 0x5be0cd19137e2179n,
  ];
  const ORDER = [
    "0123456789abcdef", "ea489fd61c02b753", "b8c052fdae367194", "7931dcbe265a40f8", "905724afe1bc683d",
    "2c6a0b834d75fe19", "c51fed4a0763928b", "db7ec13950f4862a", "6fe9b308c2d714a5", "a2847615fb9e3cd0",
  ].map((row) => [...row].map((digit) => parseInt(digit, 16)));
  const MIXED = [
    [0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15],
    [0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14],
  ];

  // BLAKE2b (RFC 7693) with a digest of 8 bytes, as a number whose first byte is the lowest.
  function blake2b(bytes) {
    const state = [...INITIAL];
    state[0] ^= 0x01010008n;
    const blocks = Math.max(1, Math.ceil(bytes.length / 128));
    for (let block = 0; block < blocks; block++) {
      const padded = new Uint8Array(128);
      padded.set(bytes.subarray(128 * block, 128 * (block + 1)));
      const view = new DataView(padded.buffer);
      const words = Array.from({ length: 16 }, (_, index) => view.getBigUint64(8 * index, true));
      const last = block === blocks - 1;
      const v = [...state, ...INITIAL];
      v[12] ^= BigInt(last ? bytes.length : 128 * (block + 1));
      if (last) v[14] ^= LOW;
      const turn = (value, bits) => (value >> bits) | ((value << (64n - bits)) & LOW);
      for (let round = 0; round < 12; round++) {
        const order = ORDER[round % 10];
        MIXED.forEach(([a, b, c, d], index) => {
          v[a] = (v[a] + v[b] + words[order[2 * index]]) & LOW;
          v[d] = turn(v[d] ^ v[a], 32n);
          v[c] = (v[c] + v[d]) & LOW;
          v[b] = turn(v[b] ^ v[c], 24n);
          v[a] = (v[a] + v[b] + words[order[2 * index + 1]]) & LOW;
          v[d] = turn(v[d] ^ v[a], 16n);
          v[c] = (v[c] + v[d]) & LOW;
          v[b] = turn(v[b] ^ v[c], 63n);
        });
      }
      state.forEach((_, index) => { state[index] ^= v[index] ^ v[index + 8]; });
    }
    return state[0];
  }

  // MT19937 (Matsumoto & Nishimura 1998, doi 10.1145/272991.272995): a function that gives 32 bits at a time.
  function mersenneTwister(seed) {
    const state = new Uint32Array(624);
    state[0] = seed;
    for (let index = 1; index < 624; index++) {
      const before = state[index - 1] ^ (state[index - 1] >>> 30);
      state[index] = Math.imul(1812433253, before) + index;
    }
    let next = 624;
    return () => {
      if (next === 624) {
        for (let index = 0; index < 624; index++) {
          const joined = (state[index] & 0x80000000) | (state[(index + 1) % 624] & 0x7fffffff);
          state[index] = state[(index + 397) % 624] ^ (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0);
        }
        next = 0;
      }
      let bits = state[next++];
      bits ^= bits >>> 11;
      bits ^= (bits << 7) & 0x9d2c5680;
      bits ^= (bits << 15) & 0xefc60000;
      return (bits ^ (bits >>> 18)) >>> 0;
    };
  }

  // The values of one block, BLOCK rows of `size`: uniform ones turned into normal ones in groups of 16, as PyTorch
  // does it on a CPU (Box & Muller 1958, doi 10.1214/aoms/1177706645).
  function block(seed, purpose, number, size) {
    const text = new TextEncoder().encode(`${seed}/${purpose}/${number}`);
    const random = mersenneTwister(Number((blake2b(text) >> 1n) & 0xffffffffn));
    const values = Float32Array.from({ length: BLOCK * size }, () => (random() & 0xffffff) / 2 ** 24);
    for (let group = 0; group < values.length; group += 16) {
      for (let index = group; index < group + 8; index++) {
        const radius = Math.sqrt(-2 * Math.log(1 - values[index]));
        const angle = 2 * Math.PI * values[index + 8];
        values[index] = radius * Math.cos(angle);
        values[index + 8] = radius * Math.sin(angle);
      }
    }
    return values;
  }

  // The values of image number `index` of a purpose, as a row of `size`.
  function row(seed, purpose, index, size) {
    const first = (index % BLOCK) * size;
    return block(seed, purpose, Math.floor(index / BLOCK), size).subarray(first, first + size);
  }

  return { BLOCK, block, row };
})();
