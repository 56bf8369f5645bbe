import type { Logger } from "@glof/core";
import { type BandName, openScene, type Scene } from "@glof/sentinel2";
import type { SyntheticScene } from "@glof/synthetic";

/** What the form says of a file beside the file itself. */
export interface SceneFileOptions {
  /** Text of the band names field; empty: the file names its bands. */
  readonly bandNames: string;
  /** Offset of the raw numbers; `undefined`: as the file says. */
  readonly offsetDn: number | undefined;
  /** Hears what looks wrong. */
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Opens a GeoTIFF of the user's machine; its blocks are read when they are needed.
 * @throws GlofError what `openScene` throws
 */
export function openSceneFile(file: File, options: SceneFileOptions): Promise<Scene> {
  const { bandNames, offsetDn, logger, signal } = options;
  const bands = bandNames.split(/[\s,;]+/).filter((name) => name !== "");
  return openScene(file, {
    name: file.name,
    bands: bands.length === 0 ? undefined : bands,
    offsetDn,
    logger,
    signal,
  });
}

/** A generated scene behind the same interface as a file. */
export function syntheticAsScene(synthetic: SyntheticScene): Scene {
  const { grid, bands, bandsRefl, validMask, season } = synthetic;
  return {
    id: `demo-${synthetic.seed}-${season}`,
    grid,
    bands,
    level: "L2A",
    radiometry: {},
    acquiredAt: undefined,
    inputs: [],
    blockRows: 1,
    readReflectance: async (window, asked) => {
      const { x, y, width, height } = window;
      const copy = <T extends Float32Array | Uint8Array>(from: T, to: T): T => {
        for (let row = 0; row < height; row++) {
          const start = (y + row) * grid.width + x;
          to.set(from.subarray(start, start + width), row * width);
        }
        return to;
      };
      const names: readonly BandName[] = bands;
      const indices = asked.map((band) => names.indexOf(band));
      return {
        bandsRefl: indices.map((index) => copy(bandsRefl[index]!, new Float32Array(width * height))),
        validMask: copy(validMask, new Uint8Array(width * height)),
      };
    },
    close: async () => {},
  };
}
