import type { Rng } from "@glof/core";

/** The project's own source of randomness: the same seed gives the same inputs on every machine. */
export type SeededRng = Rng;

/** One of a list. */
export const pick = <T>(values: readonly T[], rng: SeededRng): T => values[rng.int(values.length)]!;
