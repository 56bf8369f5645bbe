import type { Checkpoint } from "@glof/checkpoint";
import { GlofError } from "@glof/core";

/** Whose names a checkpoint uses. */
export type Dinov2Naming = "official" | "timm" | "hugging-face";

/** What a checkpoint turned out to be. */
export interface RecognizedDinov2 {
  readonly naming: Dinov2Naming;
  /** What stands before every name of the backbone: `teacher.backbone.`, `model.`, nothing. */
  readonly prefix: string;
  /** Whether blocks are numbered `blocks.<chunk>.<block>`, as sharded training saves them. */
  readonly chunked: boolean;
  /** Blocks in the file. */
  readonly depth: number;
  /** Names without the prefix: heads, losses, optimiser state. They are not loaded. */
  readonly outside: readonly string[];
}

/**
 * Tells whose names a checkpoint uses and where in it the backbone lies.
 *
 * A file with student and teacher gives the teacher.
 *
 * @throws GlofError `parameter-mismatch` when no backbone is found, or several that cannot be told apart
 */
export function recognizeDinov2(checkpoint: Checkpoint): RecognizedDinov2 {
  const names = [...checkpoint.entries.keys()];
  const prefix = findPrefix(checkpoint.name, names);
  const inside = names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  const outside = names.filter((name) => !name.startsWith(prefix));
  const chunked = inside.some((name) => /^blocks\.\d+\.\d+\./.test(name));
  const naming = inside.includes("embeddings.cls_token")
    ? "hugging-face"
    : isTimm(checkpoint, prefix, inside)
      ? "timm"
      : "official";
  return { naming, prefix, chunked, outside, depth: countBlocks(inside) };
}

/** timm has no mask token and calls registers `reg_token`. */
function isTimm(checkpoint: Checkpoint, prefix: string, inside: readonly string[]): boolean {
  if (inside.includes("reg_token")) return true;
  return (
    !checkpoint.entries.has(`${prefix}mask_token`) && !checkpoint.entries.has(`${prefix}register_tokens`)
  );
}

function findPrefix(file: string, names: readonly string[]): string {
  const prefixes = names.flatMap((name) => {
    const match = /^(.*?)(?:embeddings\.)?cls_token$/.exec(name);
    return match && (match[1] === "" || match[1]!.endsWith(".")) ? [match[1]!] : [];
  });
  const teachers = prefixes.filter((prefix) => /(^|\.)teacher\./.test(prefix));
  const candidates = teachers.length > 0 ? teachers : prefixes;
  if (candidates.length === 1) return candidates[0]!;
  const found =
    candidates.length === 0 ? `none among ${names.slice(0, 8).join(", ")}, …` : candidates.join(", ");
  throw new GlofError(
    "parameter-mismatch",
    `recognizeDinov2(${file}): expected one backbone with a cls_token, got ${found}. Save the backbone alone.`,
    { file, candidates },
  );
}

function countBlocks(inside: readonly string[]): number {
  const blocks = inside.flatMap((name) => {
    const match = /^(?:blocks\.(?:\d+\.)?(?=\d+\.\D)|encoder\.layer\.)(\d+)\./.exec(name);
    return match ? [Number(match[1])] : [];
  });
  return blocks.length === 0 ? 0 : blocks.reduce((most, block) => Math.max(most, block)) + 1;
}
