import type { RasterSource } from "../../packages/geo/src/index.js";
import type { Scene } from "../../packages/sentinel2/src/index.js";

/** Side of the windows that are read. */
const side = 96;

interface Sized {
  readonly width: number;
  readonly height: number;
}

/** Two opposite corners, which are one window in small rasters. */
function corners({ width, height }: Sized): { x: number; y: number; width: number; height: number }[] {
  const first = { x: 0, y: 0, width: Math.min(side, width), height: Math.min(side, height) };
  const last = { ...first, x: width - first.width, y: height - first.height };
  return last.x === 0 && last.y === 0 ? [first] : [first, last];
}

/** Reads corners of a raster, of its overviews and its mask, at most eight bands, and closes it. */
export async function readCorners(raster: RasterSource): Promise<void> {
  try {
    const parts = [raster, ...(raster.overviews?.slice(0, 3) ?? []), ...(raster.mask ? [raster.mask] : [])];
    for (const part of parts) {
      const bands = part.bands.slice(0, 8).map((_, index) => index);
      for (const window of corners(part.grid)) {
        const pixels = await part.readWindow(window, { bands });
        if (pixels.some((values) => values.length !== window.width * window.height)) {
          throw new Error(
            `a window of ${window.width} x ${window.height} has ${pixels.map((p) => p.length)} pixels`,
          );
        }
      }
    }
  } finally {
    await raster.close();
  }
}

/** Reads corners of a scene and closes it. */
export async function readSceneCorners(scene: Scene): Promise<void> {
  try {
    for (const window of corners(scene.grid)) await scene.readReflectance(window, scene.bands.slice(0, 4));
  } finally {
    await scene.close();
  }
}
