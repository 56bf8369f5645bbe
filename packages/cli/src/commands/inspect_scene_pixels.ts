import { type BandName, SCENE_CLASSES, type Scene } from "@glof/sentinel2";

/** What a sample of a scene's pixels shows. */
export interface ScenePixels {
  readonly width: number;
  readonly height: number;
  /** Sampled pixels. */
  readonly sampled: number;
  /** Share of the sample in which no band holds a number. */
  readonly noDataFraction: number;
  readonly bands: readonly {
    readonly band: BandName;
    /** Of the pixels with a number. */
    readonly meanRefl: number | null;
    readonly noDataFraction: number;
  }[];
  /** Shares of the classes in the pixels that have one; absent without a scene classification. */
  readonly classes?: Readonly<Record<string, number>>;
}

/** The longer side of the sample. */
const samplePx = 512;

/** Looks at every so many-th pixel of all bands, one band after the other. */
export async function pixelFacts(scene: Scene, signal: AbortSignal): Promise<ScenePixels> {
  const { width, height } = scene.grid;
  const window = { x: 0, y: 0, width, height };
  const scale = Math.min(1, samplePx / Math.max(width, height));
  const size = [Math.max(1, Math.round(height * scale)), Math.max(1, Math.round(width * scale))] as const;
  const sampled = size[0] * size[1];
  const outputSize = scale < 1 ? { outputSize: size } : {};
  const hasData = new Uint8Array(sampled);
  const bands: ScenePixels["bands"][number][] = [];
  for (const band of scene.bands) {
    const options = { ignoreClassification: true, signal, ...outputSize };
    const { bandsRefl, validMask } = await scene.readReflectance(window, [band], options);
    let [count, sum] = [0, 0];
    for (let pixel = 0; pixel < sampled; pixel++) {
      if (validMask[pixel] === 0) continue;
      hasData[pixel] = 1;
      count++;
      sum += bandsRefl[0]![pixel]!;
    }
    bands.push({ band, meanRefl: count === 0 ? null : sum / count, noDataFraction: 1 - count / sampled });
  }
  const dataCount = hasData.reduce((sum, has) => sum + has, 0);
  const classes = await scene.classification?.readWindow(window, { signal, ...outputSize });
  return {
    width,
    height,
    sampled,
    noDataFraction: 1 - dataCount / sampled,
    bands,
    ...(classes && { classes: classShares(classes) }),
  };
}

function classShares(classes: Uint8Array): Record<string, number> {
  const counts = new Float64Array(256);
  for (const code of classes) counts[code]!++;
  const known = classes.length - counts[0]!;
  const named = SCENE_CLASSES.map((name, code) => [name, counts[code]!] as const).slice(1);
  return Object.fromEntries(named.map(([name, count]) => [name, known === 0 ? 0 : count / known]));
}
