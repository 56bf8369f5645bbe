import { GlofError } from "@glof/core";
import {
  type MultiPolygon,
  type Polygon,
  type Position,
  type RasterGrid,
  type RasterSource,
  rasterizePolygons,
} from "@glof/geo";
import { sceneClassCode } from "../validity/scene_classes.js";
import { findAll, findFirst, parseXml, textOf, type XmlElement } from "./xml.js";

const codes = {
  opaque: sceneClassCode("cloudHigh"),
  cirrus: sceneClassCode("thinCirrus"),
  snow: sceneClassCode("snowIce"),
  clear: sceneClassCode("unclassified"),
} as const;

/**
 * `MSK_CLASSI_B00` as classes of `SCENE_CLASSES`. The file has three bands of 0 and 1 (Sentinel-2 Products Specification
 * Document 14.9, masks since baseline 04.00): opaque cloud, cirrus, snow. Opaque cloud counts most, then cirrus; all else is
 * "unclassified".
 *
 * @param grid where the file lies, if its own header does not say
 * @throws GlofError `unsupported-feature` for another number of bands
 */
export function classiClasses(raster: RasterSource, grid: RasterGrid, where: string): RasterSource {
  if (raster.bands.length !== 3) {
    throw new GlofError(
      "unsupported-feature",
      `${where}: expected three bands (opaque cloud, cirrus, snow) in ${raster.name}, got ${raster.bands.length}. Take the product from its source.`,
    );
  }
  return {
    ...classSource(raster.name, grid, raster.blockSize),
    async readWindow(window, { signal } = {}) {
      const bands = await raster.readWindow(window, { bands: [0, 1, 2], ...(signal && { signal }) });
      const [opaque, cirrus, snow] = [bands[0]!, bands[1]!, bands[2]!];
      const classOf = (pixel: number): number => {
        if (opaque[pixel] !== 0) return codes.opaque;
        if (cirrus[pixel] !== 0) return codes.cirrus;
        return snow[pixel] !== 0 ? codes.snow : codes.clear;
      };
      return [Uint8Array.from(opaque, (_, pixel) => classOf(pixel))];
    },
    close: () => raster.close(),
  };
}

/** The cloud polygons of `MSK_CLOUDS`, in the CRS of the granule. */
export interface CloudPolygons {
  readonly opaque: readonly Polygon[];
  readonly cirrus: readonly Polygon[];
}

/**
 * Reads `MSK_CLOUDS_B00.gml` (before baseline 04.00): one `MaskFeature` per outline, with `maskType` OPAQUE or CIRRUS.
 *
 * @throws GlofError `corrupt-file` for outlines without positions; as `parseXml`
 */
export function parseCloudGml(xml: string, where: string): CloudPolygons {
  const found: Record<"opaque" | "cirrus", Polygon[]> = { opaque: [], cirrus: [] };
  for (const feature of findAll(parseXml(xml, where), "MaskFeature")) {
    const kind = textOf(findFirst(feature, "maskType"))?.toLowerCase();
    if (kind !== "opaque" && kind !== "cirrus") continue;
    for (const polygon of findAll(feature, "Polygon")) {
      const rings = [...findAll(polygon, "exterior"), ...findAll(polygon, "interior")];
      found[kind].push(rings.map((ring) => readRing(ring, where)));
    }
  }
  return found;
}

function readRing(ring: XmlElement, where: string): Position[] {
  const list = findFirst(ring, "posList");
  const step = typeof list === "object" && list["@srsDimension"] === "3" ? 3 : 2;
  const numbers = (textOf(list) ?? "").split(/\s+/).map(Number);
  if (numbers.length < 3 * step || numbers.length % step !== 0 || !numbers.every(Number.isFinite)) {
    throw new GlofError(
      "corrupt-file",
      `${where}: expected positions of a cloud's outline, got ${numbers.length} numbers that make none. Download the product again.`,
    );
  }
  return Array.from(
    { length: numbers.length / step },
    (_, at): Position => [numbers[at * step]!, numbers[at * step + 1]!],
  );
}

/** Cloud polygons as classes of `SCENE_CLASSES` on a grid; the outlines run along pixels of 60 m, so that grid loses nothing. */
export function cloudClasses(clouds: CloudPolygons, grid: RasterGrid, name: string): RasterSource {
  const classes = new Uint8Array(grid.width * grid.height).fill(codes.clear);
  const burn = (polygons: readonly Polygon[], code: number): void => {
    if (polygons.length === 0) return;
    const features = polygons.map((polygon) => ({ geometry: [polygon] satisfies MultiPolygon }));
    const inside = rasterizePolygons(features, grid);
    for (let pixel = 0; pixel < classes.length; pixel++) if (inside[pixel] === 1) classes[pixel] = code;
  };
  burn(clouds.cirrus, codes.cirrus);
  burn(clouds.opaque, codes.opaque);
  return {
    ...classSource(name, grid, [grid.height, grid.width]),
    async readWindow({ x, y, width, height }) {
      const out = new Uint8Array(width * height);
      for (let row = 0; row < height; row++) {
        const start = (y + row) * grid.width + x;
        out.set(classes.subarray(start, start + width), row * width);
      }
      return [out];
    },
    close: async () => {},
  };
}

/** Everything of a raster of classes but its pixels. Without overviews: a mixture of classes is another class. */
const classSource = (name: string, grid: RasterGrid, blockSize: RasterSource["blockSize"]) => ({
  name,
  grid,
  bands: [{ name: "classes", dtype: "uint8", nodata: undefined, scale: 1, offset: 0 } as const],
  blockSize,
});
