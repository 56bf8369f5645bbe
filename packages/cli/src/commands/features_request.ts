import { GlofError } from "@glof/core";
import type { PixelWindow } from "@glof/geo";
import { type FeaturePool, type ForegroundRule, featurePools } from "@glof/vit-dinov2";
import { InvalidArgumentError } from "commander";

/** Longer side in pixels to which larger images are reduced when no size is asked: what DINOv2 was trained on last. */
export const defaultSidePx = 518;

/** `4` is the last four blocks; `2,5,8` and `5,` are blocks by number. */
export function toLayers(text: string): number | readonly number[] {
  const parts = text.split(",").filter((part) => part.trim() !== "");
  const numbers = parts.map(Number);
  if (numbers.length === 0 || !numbers.every((one) => Number.isSafeInteger(one) && one >= 0)) {
    throw new InvalidArgumentError(
      "It must be a number of blocks, such as 4, or a list of blocks, such as 2,5,8.",
    );
  }
  return text.includes(",") ? numbers : numbers[0]!;
}

/** `cls,mean` and so on; `patches` asks for the patch tokens themselves. */
export function toPools(text: string): readonly (FeaturePool | "patches")[] {
  const known: readonly (FeaturePool | "patches")[] = [...featurePools, "patches"];
  return text.split(",").map((part) => {
    const pool = known.find((one) => one === part.trim());
    if (!pool) throw new InvalidArgumentError(`It must list some of ${known.join(", ")}.`);
    return pool;
  });
}

/** `756` is the longer side; `504x756` rows and columns. */
export function toSize(text: string): number | readonly [rows: number, cols: number] {
  const match = /^(\d+)(?:x(\d+))?$/.exec(text.trim());
  if (!match)
    throw new InvalidArgumentError("It must be pixels, such as 756, or rows x columns, such as 504x756.");
  return match[2] === undefined ? Number(match[1]) : [Number(match[1]), Number(match[2])];
}

/** `x,y,width,height`. */
export function toWindow(text: string): PixelWindow {
  const [x, y, width, height, ...more] = text.split(",").map(Number);
  const numbers = [x, y, width, height];
  if (
    more.length > 0 ||
    !numbers.every((one) => Number.isSafeInteger(one) && one! >= 0) ||
    !width ||
    !height
  ) {
    throw new InvalidArgumentError("It must be x,y,width,height in pixels.");
  }
  return { x: x!, y: y!, width, height };
}

/** `above:0.4` or `below:0.4`. */
export function toForeground(text: string): ForegroundRule {
  const match = /^(above|below):(0|1|0?\.\d+)$/.exec(text.trim());
  if (!match) throw new InvalidArgumentError("It must be above:<share> or below:<share>, such as above:0.4.");
  return { side: match[1] as ForegroundRule["side"], threshold: Number(match[2]) };
}

/**
 * The size at which the model sees a window: the asked one, else the window's own with its longer side at most
 * `defaultSidePx`; sides rounded to whole patches, at least one.
 */
export function modelSize(
  window: Pick<PixelWindow, "width" | "height">,
  asked: number | readonly [rows: number, cols: number] | undefined,
  patchPx: number,
): readonly [rows: number, cols: number] {
  const longer = Math.max(window.width, window.height);
  const side = typeof asked === "number" ? asked : Math.min(longer, defaultSidePx);
  const [rows, cols] =
    typeof asked === "object" ? asked : [(window.height * side) / longer, (window.width * side) / longer];
  const whole = (length: number): number => Math.max(1, Math.round(length / patchPx)) * patchPx;
  return [whole(rows), whole(cols)];
}

/** The asked window, or all of the image. */
export function requireWindow(
  asked: PixelWindow | undefined,
  { width, height }: { readonly width: number; readonly height: number },
): PixelWindow {
  if (!asked) return { x: 0, y: 0, width, height };
  if (asked.x + asked.width <= width && asked.y + asked.height <= height) return asked;
  throw new GlofError(
    "bad-argument",
    `glof features: expected a --window inside ${width} x ${height} pixels, got ${asked.x},${asked.y},${asked.width},${asked.height}. Correct it.`,
    { window: asked },
  );
}
