import { GlofError } from "./errors.js";

/** A seeded stream of random numbers. Same seed, same stream, on every machine. */
export interface Rng {
  /** Uniform in [0, 1), 32 bits of randomness. */
  next(): number;
  /** Uniform integer in [0, bound). */
  int(bound: number): number;
  /** Uniform in [low, high). */
  uniform(low: number, high: number): number;
  /** Standard normal (mean 0, standard deviation 1), by Box-Muller. */
  normal(): number;
  /** An independent stream named by `label`; it does not advance this one. */
  split(label: string | number): Rng;
  /** A new array with the items in random order (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[];
  /** The four words of state: pass them to `rngFromState` to go on from here. */
  state(): readonly [number, number, number, number];
}

type State = [number, number, number, number];

/**
 * xoshiro128** (Blackman and Vigna 2021, "Scrambled linear pseudorandom number generators"), seeded through
 * splitmix32 so that near seeds give unrelated streams.
 *
 * @param seed any number (its 64-bit float pattern is used) or text
 */
export function seededRng(seed: number | string): Rng {
  let mix = typeof seed === "number" ? hashNumber(seed) : hashText(seed);
  const word = (): number => {
    mix = (mix + 0x9e3779b9) | 0;
    let z = mix ^ (mix >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  return rngFromState([word(), word(), word(), word()]);
}

/** Continues a stream from the words that `Rng.state()` gave. */
export function rngFromState(words: readonly [number, number, number, number]): Rng {
  if (words.every((word) => word === 0)) {
    throw new GlofError(
      "bad-argument",
      "rngFromState: expected a state that is not all zero, got 0, 0, 0, 0.",
    );
  }
  const s: State = [...words];
  const next32 = (): number => {
    const scrambled = Math.imul(rotateLeft(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotateLeft(s[3], 11);
    return scrambled;
  };
  const next = (): number => next32() / 4294967296;
  const int = (bound: number): number => Math.floor(next() * bound);
  return {
    next,
    int,
    uniform: (low, high) => low + (high - low) * next(),
    // 1 - next() is never 0, so the logarithm is finite.
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    split: (label) => seededRng(`${s.map((word) => word >>> 0).join(",")}/${label}`),
    shuffle: (items) => {
      const shuffled = [...items];
      for (let last = shuffled.length - 1; last > 0; last--) {
        const other = int(last + 1);
        const held = shuffled[last]!;
        shuffled[last] = shuffled[other]!;
        shuffled[other] = held;
      }
      return shuffled;
    },
    state: () => [s[0] >>> 0, s[1] >>> 0, s[2] >>> 0, s[3] >>> 0],
  };
}

const rotateLeft = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits));

function hashNumber(value: number): number {
  const words = new Uint32Array(new Float64Array([value]).buffer);
  return Math.imul(words[0]! ^ 0x85ebca6b, 0xc2b2ae35) ^ words[1]!;
}

/** FNV-1a over UTF-16 code units. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash;
}
