import { throwIfAborted } from "@glof/core";
import { beginOverview, type Canvas } from "@glof/report";
import type { BandName, Scene } from "@glof/sentinel2";
import { nextTurn } from "./pause.js";
import { NO_PROB, PROB_STEPS, type ProbabilityMap } from "./run.js";

/** Red, green and blue; a scene without one of them shows its first band there. */
const trueColor: readonly BandName[] = ["B04", "B03", "B02"];
const stripRows = 256;
/** Colour of the probability overlay: magenta, which no landscape has. */
const overlayColor = [255, 0, 170] as const;

/** Reads a scene once and makes its true-colour picture, at most 1600 pixels on the longer side. */
export async function drawTrueColor(
  scene: Scene,
  signal?: AbortSignal,
): Promise<{ picture: Canvas; step: number }> {
  const bands = trueColor.map((band) => (scene.bands.includes(band) ? band : scene.bands[0]!));
  const { width, height } = scene.grid;
  const overview = beginOverview(scene.grid);
  for (let y = 0; y < height; y += stripRows) {
    throwIfAborted(signal, "drawTrueColor");
    const rowCount = Math.min(stripRows, height - y);
    const window = { x: 0, y, width, height: rowCount };
    const { bandsRefl, validMask } = await scene.readReflectance(window, bands, { signal });
    const [red, green, blue] = bandsRefl;
    overview.addRows({ red: red!, green: green!, blue: blue!, validMask }, rowCount);
    await nextTurn();
  }
  return { picture: overview.toCanvas(), step: overview.step };
}

/**
 * The probability as a picture: the surer, the less transparent. Each of its pixels is the mean of those under it. The
 * square keeps a faint doubt all over the image from tinting it.
 */
export function drawProbability({ grid, steps }: ProbabilityMap, step: number): Canvas {
  const width = Math.ceil(grid.width / step);
  const height = Math.ceil(grid.height / step);
  const sums = new Float32Array(width * height);
  const counts = new Uint32Array(width * height);
  for (let row = 0; row < grid.height; row++) {
    const target = Math.floor(row / step) * width;
    for (let column = 0; column < grid.width; column++) {
      const value = steps[row * grid.width + column]!;
      if (value === NO_PROB) continue;
      sums[target + Math.floor(column / step)]! += value;
      counts[target + Math.floor(column / step)]!++;
    }
  }
  const rgba = new Uint8Array(width * height * 4);
  for (let pixel = 0; pixel < sums.length; pixel++) {
    rgba.set(overlayColor, pixel * 4);
    const mean = counts[pixel] === 0 ? 0 : sums[pixel]! / counts[pixel]!;
    rgba[pixel * 4 + 3] = Math.round(255 * (mean / PROB_STEPS) ** 2);
  }
  return { width, height, rgba };
}
