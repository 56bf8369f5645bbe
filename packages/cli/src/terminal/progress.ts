import type { OnProgress, ProgressEvent } from "@glof/core";
import type { Console } from "./console.js";

/** Shows the progress of one command and tidies up after itself. */
export interface ProgressView {
  readonly onProgress: OnProgress;
  /** Says a line where a bar may stand; the bar comes back with the next event. */
  say(line: string): void;
  /** Ends a bar that stands on the screen. */
  end(): void;
}

/** Least time between two redraws of a bar and between two plain lines. */
const REDRAW_MS = 100;
const PLAIN_LINE_MS = 10_000;
const BAR_WIDTH = 28;
/** Back to the start of the line, and erase it. */
const CLEAR_LINE = "\r\u001b[K";

/** A bar with rate and time left on a terminal; a plain line every ten seconds elsewhere; nothing when quiet. */
export function beginProgress(console: Console, write: (text: string) => void = writeToStderr): ProgressView {
  if (console.quiet || console.asJson) return { onProgress: () => {}, say: () => {}, end: () => {} };
  const rates = new Map<string, { startedMs: number; startedDone: number }>();
  let shownMs = Number.NEGATIVE_INFINITY;
  let barOnScreen = false;
  const onProgress = (event: ProgressEvent) => {
    const nowMs = performance.now();
    if (!rates.has(event.stage)) rates.set(event.stage, { startedMs: nowMs, startedDone: event.done });
    const finished = event.total !== undefined && event.done >= event.total;
    const waitMs = console.interactive ? REDRAW_MS : PLAIN_LINE_MS;
    if (!finished && nowMs - shownMs < waitMs) return;
    shownMs = nowMs;
    const { startedMs, startedDone } = rates.get(event.stage)!;
    const perSecond = (event.done - startedDone) / Math.max(1e-3, (nowMs - startedMs) / 1000);
    if (console.interactive) {
      write(`${CLEAR_LINE}${barLine(event, perSecond)}`);
      barOnScreen = true;
    } else {
      write(`${plainLine(event, perSecond)}\n`);
    }
  };
  return {
    onProgress,
    say: (line) => {
      write(`${barOnScreen ? CLEAR_LINE : ""}${line}\n`);
      barOnScreen = false;
      shownMs = Number.NEGATIVE_INFINITY;
    },
    end: () => {
      if (barOnScreen) write("\n");
      barOnScreen = false;
    },
  };
}

/** `tiles  ███████░░░  120/576  8.3 tiles/s  55 s left  loss 0.12` */
export function barLine(event: ProgressEvent, perSecond: number): string {
  if (event.total === undefined || event.total === 0) return plainLine(event, perSecond);
  const filled = Math.round((BAR_WIDTH * event.done) / event.total);
  const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
  return `${event.stage}  ${bar}  ${countText(event, perSecond)}`;
}

/** `tiles: 120/576  8.3 tiles/s  55 s left` */
export function plainLine(event: ProgressEvent, perSecond: number): string {
  return `${event.stage}: ${countText(event, perSecond)}`;
}

function countText(event: ProgressEvent, perSecond: number): string {
  const { done, total, unit, note, secondsLeft } = event;
  const parts = [total === undefined ? `${done} ${unit}` : `${done}/${total}`];
  if (perSecond > 0) {
    parts.push(`${perSecond >= 10 ? Math.round(perSecond) : perSecond.toPrecision(2)} ${unit}/s`);
    if (total !== undefined && done < total) {
      parts.push(`${durationText(secondsLeft ?? (total - done) / perSecond)} left`);
    }
  }
  if (note !== undefined) parts.push(note);
  return parts.join("  ");
}

/** `55 s`, `4 min 10 s`, `2 h 5 min` */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

const writeToStderr = (text: string): void => void process.stderr.write(text);
