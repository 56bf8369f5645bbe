import { readFile } from "node:fs/promises";
import { GlofError } from "@glof/core";
import { asGlofError } from "@glof/core/node";
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";
import type * as z from "zod";
import { closestName } from "./closest_name.js";

type Keys = readonly PropertyKey[];

/**
 * Reads a YAML config file and checks it. Every fault is told with file, line and column.
 *
 * @throws GlofError `bad-config`, `not-found`, `io`
 */
export async function readConfig<T>(path: string, schema: z.ZodType<T>): Promise<T> {
  const text = await asGlofError(path, () => readFile(path, "utf8"));
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  const fault = document.errors[0];
  if (fault !== undefined) {
    throw new GlofError("bad-config", `${at(fault.pos[0])}: expected YAML, got: ${fault.message}`, { path });
  }
  return checkConfig(toSettings(document, path) ?? {}, schema, (keys) =>
    [at(offsetOf(document, keys)), ...(keys.length > 0 ? [keys.map(String).join(".")] : [])].join(": "),
  );
}

/** The values of a document. A small file can name huge ones by aliases of aliases: those are refused. */
function toSettings(document: Document, path: string): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    const got = cause instanceof Error ? cause.message : String(cause);
    throw new GlofError("bad-config", `${path}: expected plain settings, got: ${got}. Write them out.`, {
      path,
      cause,
    });
  }
}

/** Where a setting stands: its key if it has one, else its value, else what it is missing from. */
function offsetOf(document: Document, keys: Keys): number {
  for (let depth = keys.length; depth > 0; depth--) {
    const parent = depth === 1 ? document.contents : document.getIn(keys.slice(0, depth - 1), true);
    const key = keys[depth - 1];
    const pair = isMap(parent)
      ? parent.items.find((item) => isScalar(item.key) && item.key.value === key)
      : undefined;
    const node = pair?.key ?? document.getIn(keys.slice(0, depth), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}

/**
 * Checks settings from any source.
 *
 * @param placeOf names a setting, and where it was given, for messages
 * @throws GlofError `bad-config` with one line per fault
 */
export function checkConfig<T>(settings: unknown, schema: z.ZodType<T>, placeOf: (keys: Keys) => string): T {
  const checked = schema.safeParse(settings);
  if (checked.success) return checked.data;
  const faults = checked.error.issues.flatMap((issue) => describeIssue(issue, [], placeOf, schema));
  throw new GlofError("bad-config", faults.join("\n"), { faults });
}

type Issue = z.core.$ZodIssue;

function describeIssue(
  issue: Issue,
  base: Keys,
  placeOf: (keys: Keys) => string,
  schema: z.ZodType,
): string[] {
  const path = [...base, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const meant = closestName(key, namesAt(schema, path));
      const advice = meant === undefined ? "" : ` Did you mean ${meant}?`;
      return `${placeOf([...path, key])} is no setting.${advice}`;
    });
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    // The kind of thing that the fewest faults keep it from being is what was meant.
    const closest = issue.errors.reduce((best, one) => (weight(one) < weight(best) ? one : best));
    return closest.flatMap((inner) => describeIssue(inner, path, placeOf, schema));
  }
  return [`${placeOf(path)}: ${issue.message}`];
}

const weight = (issues: readonly Issue[]): number =>
  issues.reduce((sum, issue) => sum + (issue.code === "unrecognized_keys" ? issue.keys.length : 1), 0);

/** Names of the settings at a place of a schema. */
function namesAt(schema: unknown, keys: Keys): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const { shape, options, element, unwrap } = schema as {
    shape?: Record<string, unknown>;
    options?: readonly unknown[];
    element?: unknown;
    unwrap?: () => unknown;
  };
  if (options !== undefined) return options.flatMap((option) => namesAt(option, keys));
  if (element !== undefined) return namesAt(element, keys.slice(1));
  if (unwrap !== undefined) return namesAt(unwrap.call(schema), keys);
  if (shape === undefined) return [];
  return keys.length === 0 ? Object.keys(shape) : namesAt(shape[String(keys[0])], keys.slice(1));
}
