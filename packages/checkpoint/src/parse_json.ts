import { corrupt, overLimit } from "./failures.js";

/** A header nests its tensors' shapes three deep. */
const maxDepth = 16;
/** Brackets, commas and colons: about 12 for each tensor. */
const maxTokens = 4_000_000;

const quote = 0x22;
const backslash = 0x5c;

/**
 * Parses a JSON object of a file. Brackets and commas are counted first: of a hundred megabytes of them the parser would
 * make gigabytes. A key that stands twice in an object is refused: readers differ in which one they take.
 *
 * @param what such as "a header", for messages
 * @throws GlofError `corrupt-file`, `limit-exceeded`
 */
export function parseJsonObject(name: string, bytes: Uint8Array, what: string): Record<string, unknown> {
  const stated = countColons(name, bytes, what);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw corrupt(name, `${what} of JSON`, error instanceof Error ? error.message : String(error));
  }
  if (!isObject(value)) throw corrupt(name, `a JSON object as ${what}`, typeof value);
  if (countKeys(value) !== stated) throw corrupt(name, `each name once in ${what}`, "one twice");
  return value;
}

/** Whether a value of JSON is an object. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Colons outside of text: the members of all objects. */
function countColons(name: string, bytes: Uint8Array, what: string): number {
  let colons = 0;
  let tokens = 0;
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === quote) at = endOfText(bytes, at);
    else if (byte === 0x3a) colons++;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > maxDepth) throw overLimit(name, `levels of ${what}`, maxDepth, depth);
    } else if (byte === 0x7d || byte === 0x5d) depth--;
    else if (byte !== 0x2c) continue;
    if (++tokens > maxTokens) throw overLimit(name, `brackets and commas in ${what}`, maxTokens, tokens);
  }
  return colons;
}

/** The place of the quote that ends the text which begins at `at`. */
function endOfText(bytes: Uint8Array, at: number): number {
  let end = at + 1;
  while (end < bytes.length && bytes[end] !== quote) end += bytes[end] === backslash ? 2 : 1;
  return end;
}

function countKeys(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const children = Object.values(value);
  const own = Array.isArray(value) ? 0 : children.length;
  return children.reduce<number>((sum, child) => sum + countKeys(child), own);
}
