import { throwIfAborted } from "@glof/core";
import { beginOverview, enlargeCanvas, renderPreview } from "@glof/report";
import type { BandName } from "@glof/sentinel2";
import type { Lake } from "./lake_features.js";
import type { MapArea } from "./map_area.js";
import { rowStrips } from "./probability_pass.js";

/** The bands of a true-colour picture; a scene without one of them is shown by what it has. */
const TRUE_COLOR: readonly BandName[] = ["B04", "B03", "B02"];

/** A scene smaller than this is shown enlarged, by a whole factor. */
const COMFORTABLE_SIDE_PX = 900;

/** Reads the scene once more, strip by strip, and draws the preview: around areas of interest as far as the model saw. */
export async function drawPreview(
  { scene, window, grid }: MapArea,
  lakes: readonly Lake[],
  options: { pixelSizeM: number | undefined; signal: AbortSignal | undefined },
): Promise<Uint8Array> {
  const [red, green, blue] = TRUE_COLOR.map((band) => (scene.bands.includes(band) ? band : scene.bands[0]!));
  const overview = beginOverview(grid);
  for (const { y, rowCount } of rowStrips(grid)) {
    throwIfAborted(options.signal, "drawPreview");
    const rows = { ...window, y: window.y + y, height: rowCount };
    const { bandsRefl, validMask } = await scene.readReflectance(rows, [red!, green!, blue!], {
      signal: options.signal,
      // A picture shows clouds; only pixels without numbers stay blank.
      ignoreClassification: true,
    });
    overview.addRows({ red: bandsRefl[0]!, green: bandsRefl[1]!, blue: bandsRefl[2]!, validMask }, rowCount);
  }
  const canvas = overview.toCanvas();
  const factor = Math.max(1, Math.floor(COMFORTABLE_SIDE_PX / Math.max(canvas.width, canvas.height)));
  return renderPreview({
    canvas: enlargeCanvas(canvas, factor),
    grid,
    step: overview.step / factor,
    outlines: lakes.map(({ polygon }) => [polygon]),
    pixelSizeM: options.pixelSizeM,
  });
}
