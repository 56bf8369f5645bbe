import type { DescribedBand, SceneDescription } from "@glof/sentinel2";
import type { ScenePixels } from "./inspect_scene_pixels.js";
import { boundsText, crsText, line, percentText, tableLines } from "./place_text.js";

/** What `glof inspect` says of a scene. */
export function sceneLines(
  description: SceneDescription,
  pixels: ScenePixels | undefined,
  isOnWeb: boolean,
  warnings: readonly string[],
): string[] {
  const { product, grids, crs } = description;
  return [
    ...line("product", productText(description)),
    ...line("date", description.acquiredAt),
    ...line("tile", tileText(description)),
    ...line("sun", product.sun && sunText(product.sun)),
    ...line("cloud", product.cloudPercent === undefined ? undefined : cloudText(description)),
    ...line("CRS", crs && crsText(crs)),
    ...line("extent", boundsText(description.bounds)),
    ...line("size", grids.map((grid) => `${grid.width} x ${grid.height} of ${grid.resolution} m`).join(", ")),
    "bands",
    ...tableLines(bandRows(description, pixels)),
    ...line("beside", besideText(description)),
    ...pixelLines(pixels, isOnWeb),
    ...warnings.map((warning) => `warning: ${warning}`),
  ];
}

function productText({ id, level, product, sensor }: SceneDescription): string {
  const { spacecraft, processingBaseline } = product;
  const baseline = processingBaseline && `baseline ${processingBaseline}`;
  const facts = [spacecraft ?? sensor, level === "unknown" ? "level unknown" : level, baseline];
  return `${id} (${facts.filter(Boolean).join(", ")})`;
}

function tileText({
  product: { tile, relativeOrbit, orbitDirection },
}: SceneDescription): string | undefined {
  const orbit = relativeOrbit === undefined ? undefined : `relative orbit ${relativeOrbit}`;
  return [tile, orbit, orbitDirection?.toLowerCase()].filter(Boolean).join(", ") || undefined;
}

const sunText = ({
  meanZenithDeg,
  meanAzimuthDeg,
}: {
  meanZenithDeg: number;
  meanAzimuthDeg: number;
}): string =>
  `${(90 - meanZenithDeg).toFixed(1)}° high, from ${meanAzimuthDeg.toFixed(1)}° (clockwise from north)`;

const cloudText = ({ product, kind }: SceneDescription): string =>
  `${Number(product.cloudPercent!.toFixed(2))} % by the ${kind === "STAC item" ? "item" : "product's metadata"}`;

function bandRows({ bands }: SceneDescription, pixels: ScenePixels | undefined): string[][] {
  const means = new Map(pixels?.bands.map((band) => [band.band, band]));
  const row = ({ band, resolutionsM, radiometry, offsetFrom }: DescribedBand): string[] => {
    const seen = means.get(band);
    return [
      band,
      resolutionsM.length === 0 ? "-" : `${resolutionsM.join(", ")} m`,
      formula(radiometry),
      offsetFrom,
      ...(pixels ? [seen?.meanRefl == null ? "-" : seen.meanRefl.toFixed(4)] : []),
    ];
  };
  return [["", "pixels", "reflectance", "offset from", ...(pixels ? ["mean"] : [])], ...bands.map(row)];
}

function formula({ quantification, offsetDn }: DescribedBand["radiometry"]): string {
  const plain = (value: number): string => String(Number(value.toPrecision(8)));
  if (offsetDn === 0) return `DN / ${plain(quantification)}`;
  return `(DN ${offsetDn < 0 ? "-" : "+"} ${plain(Math.abs(offsetDn))}) / ${plain(quantification)}`;
}

function besideText({ hasClassification, hasCloudProbability }: SceneDescription): string {
  const there = [hasClassification && "scene classification", hasCloudProbability && "cloud probability"];
  return there.filter(Boolean).join(", ") || "no scene classification";
}

function pixelLines(pixels: ScenePixels | undefined, isOnWeb: boolean): string[] {
  if (pixels === undefined) return isOnWeb ? line("pixels", "not looked at: pass --pixels") : [];
  const { sampled, noDataFraction, classes } = pixels;
  const shares = Object.entries(classes ?? {}).filter(([, share]) => share >= 0.0005);
  return [
    ...line("no data", `${percentText(noDataFraction)} of ${sampled.toLocaleString("en")} pixels looked at`),
    ...line("classes", shares.map(([name, share]) => `${name} ${percentText(share)}`).join(", ")),
  ];
}
