/** Every reason a glof function gives for refusing or failing. A code is part of the public API. */
export type GlofErrorCode =
  // what the caller passed
  | "bad-argument"
  | "bad-config"
  | "shape-mismatch"
  | "already-exists"
  // what a file held
  | "not-found"
  | "unsupported-format"
  | "unsupported-feature"
  | "corrupt-file"
  | "limit-exceeded"
  // scenes
  | "missing-band"
  | "unknown-band"
  | "bad-dtype"
  | "missing-crs"
  | "bad-geotransform"
  | "grid-mismatch"
  | "no-valid-pixels"
  // weights and bundles
  | "parameter-mismatch"
  | "bundle-mismatch"
  | "hash-mismatch"
  // numbers
  | "not-finite"
  // machines
  | "backend-unavailable"
  | "device-lost"
  | "out-of-memory"
  | "no-space"
  | "not-writable"
  | "io"
  | "network"
  // the caller stopped it
  | "aborted"
  // our own fault
  | "internal";

/** Structured facts beside the message: what was expected, what came, which file, which tensor. */
export type GlofErrorDetails = Readonly<Record<string, unknown>>;

/**
 * The one error type of the glof packages.
 *
 * The text reads `where: expected …, got …. Do ….`; `code` is stable and meant for programs.
 */
export class GlofError extends Error {
  override readonly name = "GlofError";
  readonly code: GlofErrorCode;
  readonly details: GlofErrorDetails;

  constructor(code: GlofErrorCode, message: string, details: GlofErrorDetails & { cause?: unknown } = {}) {
    const { cause, ...facts } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = facts;
  }
}

/**
 * True when `error` is a `GlofError`, and of the given code when one is named.
 *
 * It looks at the shape and not at the class, so that two copies of this package in one process agree.
 */
export function isGlofError(error: unknown, code?: GlofErrorCode): error is GlofError {
  if (!(error instanceof Error) || error.name !== "GlofError" || !("code" in error)) return false;
  return code === undefined || error.code === code;
}
