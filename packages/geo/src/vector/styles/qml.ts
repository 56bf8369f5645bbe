import { GlofError } from "@glof/core";
import { loadCoreNode } from "../../node_only.js";

/** A class of a graduated style: shapes whose value lies in [lower, upper]. */
export interface StyleClass {
  readonly lower: number;
  readonly upper: number;
  /** Fill as `#rrggbb` or `#rrggbbaa`. */
  readonly fill: string;
  /** Text of the legend; `lower - upper` by default. */
  readonly label?: string;
}

/** How QGIS shall draw polygons: filled by the value of one attribute. */
export interface GraduatedStyle {
  /** Name of a numeric column. */
  readonly attribute: string;
  /** In rising order, without gaps; at least one. */
  readonly classes: readonly StyleClass[];
  /** Colour of the outline, default `#08306b`. */
  readonly outline?: string;
  /** Width of the outline in millimetres of the map, default 0.26. */
  readonly outlineWidthMm?: number;
}

/** Lakes by the mean of their probabilities, 0.5 to 1: pale is doubtful. The column is that of `glof map`. */
export const LAKES_BY_PROBABILITY: GraduatedStyle = {
  attribute: "mean_probability",
  classes: [
    { lower: 0, upper: 0.6, fill: "#fdd49ecc", label: "below 0.6" },
    { lower: 0.6, upper: 0.7, fill: "#c6dbefcc" },
    { lower: 0.7, upper: 0.8, fill: "#9ecae1cc" },
    { lower: 0.8, upper: 0.9, fill: "#4292c6cc" },
    { lower: 0.9, upper: 1, fill: "#08519ccc" },
  ],
};

/** Lakes by their area in m2, by the usual size classes of glacial lake inventories. The column is that of `glof map`. */
export const LAKES_BY_AREA: GraduatedStyle = {
  attribute: "area_m2",
  classes: [
    { lower: 0, upper: 1e4, fill: "#deebf7cc", label: "below 0.01 km²" },
    { lower: 1e4, upper: 1e5, fill: "#9ecae1cc", label: "0.01 - 0.1 km²" },
    { lower: 1e5, upper: 1e6, fill: "#4292c6cc", label: "0.1 - 1 km²" },
    { lower: 1e6, upper: 1e7, fill: "#08519ccc", label: "1 - 10 km²" },
    { lower: 1e7, upper: 1e12, fill: "#08306bcc", label: "over 10 km²" },
  ],
};

/**
 * The style as QGIS's QML text. Saved as `lakes.qml` beside `lakes.gpkg` or `lakes.geojson`, QGIS takes it up when it
 * opens the file; `VectorLayer.style` puts it into a GeoPackage.
 *
 * @throws GlofError `bad-argument` for colours that are none, and classes that fall or overlap
 */
export function formatQml(style: GraduatedStyle): string {
  const { attribute, classes, outline = "#08306b", outlineWidthMm = 0.26 } = style;
  checkClasses(classes);
  const ranges = classes.map(
    ({ lower, upper, label = `${lower} - ${upper}` }, index) =>
      `<range lower="${lower}" upper="${upper}" symbol="${index}" label="${xmlText(label)}" render="true"/>`,
  );
  const symbols = classes.map(
    ({ fill }, index) =>
      `<symbol name="${index}" type="fill" alpha="1" clip_to_extent="1" force_rhr="0"><layer class="SimpleFill" enabled="1" locked="0" pass="0"><Option type="Map">` +
      [
        ["color", color(fill)],
        ["outline_color", color(outline)],
        ["outline_style", "solid"],
        ["outline_width", String(outlineWidthMm)],
        ["outline_width_unit", "MM"],
        ["style", "solid"],
      ]
        .map(([name, value]) => `<Option type="QString" name="${name}" value="${value}"/>`)
        .join("") +
      "</Option></layer></symbol>",
  );
  return [
    "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>",
    '<qgis version="3.22.0" styleCategories="Symbology">',
    `<renderer-v2 type="graduatedSymbol" attr="${xmlText(attribute)}" graduatedMethod="GraduatedColor" symbollevels="0" enableorderby="0" forceraster="0">`,
    `<ranges>${ranges.join("")}</ranges>`,
    `<symbols>${symbols.join("")}</symbols>`,
    "</renderer-v2>",
    "<layerGeometryType>2</layerGeometryType>",
    "</qgis>",
    "",
  ].join("\n");
}

/** Writes `formatQml`'s text, whole or not at all. Node only. */
export async function writeQml(path: string, style: GraduatedStyle): Promise<void> {
  const { writeFileAtomic } = await loadCoreNode();
  await writeFileAtomic(path, formatQml(style));
}

function checkClasses(classes: readonly StyleClass[]): void {
  const isOrdered = classes.every(
    ({ lower, upper }, index) => lower <= upper && (index === 0 || classes[index - 1]!.upper <= lower),
  );
  if (classes.length === 0 || !isOrdered) {
    throw new GlofError(
      "bad-argument",
      `formatQml: expected classes in rising order, got ${JSON.stringify(classes.map(({ lower, upper }) => [lower, upper]))}. Sort them.`,
    );
  }
}

/** QGIS's "red,green,blue,alpha" of a colour. */
function color(hex: string): string {
  const parts = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})?$/i.exec(hex);
  if (parts === null) {
    throw new GlofError(
      "bad-argument",
      `formatQml: expected a colour such as #4292c6 or #4292c6cc, got ${hex}. Give two hexadecimal digits each.`,
    );
  }
  return [parts[1], parts[2], parts[3], parts[4] ?? "ff"].map((part) => Number.parseInt(part!, 16)).join(",");
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const xmlText = (text: string): string => text.replace(/[&<>"]/g, (character) => entities[character]!);
