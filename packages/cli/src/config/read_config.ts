import { readFile } from "node:fs/promises";
import { GlofError } from "@glof/core";
import { asGlofError } from "@glof/core/node";
import { LineCounter, parseDocument } from "yaml";
import type * as z from "zod";

/**
 * Reads a YAML config file and checks it. Every fault is told with file, line and column.
 *
 * @throws GlofError `bad-config`, `not-found`
 */
export async function readConfig<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  const text = await asGlofError(path, () => readFile(path, "utf8"));
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const fault = document.errors[0];
  if (fault !== undefined) {
    throw new GlofError("bad-config", `${path}: expected YAML, got ${fault.message}`, { path });
  }
  const placeOf = (keys: readonly PropertyKey[]): string => {
    for (let depth = keys.length; depth >= 0; depth--) {
      const node = document.getIn(keys.slice(0, depth), true) as
        | { range?: [number, number, number] }
        | undefined;
      if (node?.range) {
        const { line, col } = lines.linePos(node.range[0]);
        return `${path}:${line}:${col}`;
      }
    }
    return path;
  };
  return checkConfig(document.toJS() ?? {}, schema, placeOf);
}

/** Checks settings from any source; `placeOf` says where a key was given. */
export function checkConfig<T>(
  settings: unknown,
  schema: z.ZodType<T>,
  placeOf: (keys: readonly PropertyKey[]) => string,
): T {
  const checked = schema.safeParse(settings);
  if (checked.success) return checked.data;
  const faults = checked.error.issues.map(
    ({ path, message }) => `${placeOf(path)} ${path.map(String).join(".")}: ${message}`,
  );
  throw new GlofError("bad-config", faults.join("\n"), { faults });
}
