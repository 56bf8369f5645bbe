import type { Logger } from "@glof/core";

/** How a command speaks: what for people goes to stderr, what for programs to stdout. */
export interface Console {
  /** A line for people; nothing when quiet or when the output is JSON. */
  say(line: string): void;
  /** The result, for a pipe: one JSON document a call. */
  json(value: unknown): void;
  /** For libraries: warnings are shown unless quiet, the rest only when verbose. */
  readonly logger: Logger;
  /** Whether a progress bar may be drawn over. */
  readonly interactive: boolean;
  readonly quiet: boolean;
  readonly asJson: boolean;
}

/** A console on this process's own streams. */
export function processConsole(options: { quiet?: boolean; json?: boolean; verbose?: boolean }): Console {
  const { quiet = false, json: asJson = false, verbose = false } = options;
  const toStderr = (line: string) => void process.stderr.write(`${line}\n`);
  const withFields = (message: string, fields?: Readonly<Record<string, unknown>>) =>
    verbose && fields !== undefined && Object.keys(fields).length > 0
      ? `${message} ${JSON.stringify(fields)}`
      : message;
  return {
    say: (line) => {
      if (!quiet && !asJson) toStderr(line);
    },
    json: (value) => void process.stdout.write(`${JSON.stringify(value)}\n`),
    logger: {
      debug: (message, fields) => verbose && toStderr(withFields(message, fields)),
      info: (message, fields) => verbose && toStderr(withFields(message, fields)),
      warn: (message, fields) => !quiet && toStderr(`warning: ${withFields(message, fields)}`),
      error: (message, fields) => toStderr(`error: ${withFields(message, fields)}`),
    },
    interactive: process.stderr.isTTY === true && !quiet && !asJson,
    quiet,
    asJson,
  };
}
