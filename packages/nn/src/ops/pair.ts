import { GlofError } from "@glof/core";

/** One number for rows and columns, or `[rows, cols]`. */
export type Pair = number | readonly [rows: number, cols: number];

/**
 * Both numbers of a pair.
 *
 * @throws GlofError `bad-argument` unless both are integers of at least `least`
 */
export function toPair(pair: Pair, least: number, where: string): [rows: number, cols: number] {
  const [rows, cols] = typeof pair === "number" ? [pair, pair] : pair;
  if (Number.isInteger(rows) && Number.isInteger(cols) && rows >= least && cols >= least) return [rows, cols];
  throw new GlofError(
    "bad-argument",
    `${where}: expected integers of at least ${least}, got ${JSON.stringify(pair)}. Pass a number or [rows, cols].`,
  );
}
