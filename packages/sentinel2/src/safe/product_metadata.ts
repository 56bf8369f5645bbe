import { GlofError } from "@glof/core";
import { toBandName } from "../band_names.js";
import { BAND_NAMES, type BandName, type ProcessingLevel } from "../types.js";
import { attributeOf, findAll, findFirst, numberOf, parseXml, textOf, type XmlElement } from "./xml.js";

/** What `MTD_MSIL1C.xml` or `MTD_MSIL2A.xml` says; each optional field only where the file has it. */
export interface ProductMetadata {
  readonly level: Exclude<ProcessingLevel, "unknown">;
  /** Name of the product with `.SAFE`. */
  readonly uri: string | undefined;
  readonly spacecraft: string | undefined;
  /** `05.09`. */
  readonly baseline: string | undefined;
  /** Start of sensing, ISO 8601. */
  readonly acquiredAt: string | undefined;
  readonly relativeOrbit: number | undefined;
  readonly orbitDirection: string | undefined;
  /** Divides digital numbers to reflectance. */
  readonly quantification: number;
  /** Added to digital numbers before the division, by band; empty when the product has no list (before 04.00). */
  readonly offsetsDn: Readonly<Partial<Record<BandName, number>>>;
  readonly nodataDn: number;
  readonly saturatedDn: number | undefined;
  readonly cloudPercent: number | undefined;
  /** Image files that the product is made of, without extension. */
  readonly imageFiles: readonly string[];
}

/**
 * Reads the product metadata of a SAFE product (Sentinel-2 Products Specification Document, sections on the user product
 * metadata), Level-1C or Level-2A of any baseline, by the names of its elements.
 *
 * @throws GlofError `corrupt-file` for another file or one without level or quantification; as `parseXml`
 */
export function parseProductMetadata(xml: string, where: string): ProductMetadata {
  const root = parseXml(xml, where);
  const text = (...names: readonly string[]): string | undefined => textOf(findFirst(root, ...names));
  const level = /Level-?(1C|2A)/i.exec(text("PROCESSING_LEVEL") ?? "")?.[1]?.toUpperCase();
  if (level === undefined) {
    throw incomplete(where, "a PROCESSING_LEVEL of Level-1C or Level-2A", text("PROCESSING_LEVEL"));
  }
  const quantifier = findFirst(
    root,
    ...(level === "2A" ? ["BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE"] : []),
    "QUANTIFICATION_VALUE",
  );
  const quantification = numberOf(quantifier);
  if (!(quantification !== undefined && Number.isFinite(quantification) && quantification > 0)) {
    throw incomplete(where, "a positive quantification value", textOf(quantifier));
  }
  const special = specialValues(root);
  const start = text("PRODUCT_START_TIME", "DATATAKE_SENSING_START");
  return {
    level: level === "1C" ? "L1C" : "L2A",
    uri: text("PRODUCT_URI", "PRODUCT_URI_2A", "PRODUCT_URI_1C"),
    spacecraft: text("SPACECRAFT_NAME"),
    baseline: text("PROCESSING_BASELINE"),
    acquiredAt: start !== undefined && !Number.isNaN(Date.parse(start)) ? start : undefined,
    relativeOrbit: finite(numberOf(findFirst(root, "SENSING_ORBIT_NUMBER"))),
    orbitDirection: text("SENSING_ORBIT_DIRECTION"),
    quantification,
    offsetsDn: offsets(root, level === "1C" ? "RADIO_ADD_OFFSET" : "BOA_ADD_OFFSET", where),
    nodataDn: special.get("NODATA") ?? 0,
    saturatedDn: special.get("SATURATED"),
    cloudPercent: finite(numberOf(findFirst(root, "Cloud_Coverage_Assessment"))),
    imageFiles: ["IMAGE_FILE", "IMAGE_FILE_2A", "IMAGE_ID", "IMAGE_ID_2A"]
      .flatMap((name) => findAll(root, name))
      .flatMap((element) => textOf(element) ?? []),
  };
}

const finite = (value: number | undefined): number | undefined =>
  value !== undefined && Number.isFinite(value) ? value : undefined;

function specialValues(root: XmlElement): Map<string, number> {
  return new Map(
    findAll(root, "Special_Values").flatMap((element): [string, number][] => {
      const name = textOf(findFirst(element, "SPECIAL_VALUE_TEXT"));
      const value = finite(numberOf(findFirst(element, "SPECIAL_VALUE_INDEX")));
      return name === undefined || value === undefined ? [] : [[name.toUpperCase(), value]];
    }),
  );
}

/** Offsets by band: the file counts bands by number, and says in another place which number is which band. */
function offsets(root: XmlElement, element: string, where: string): Partial<Record<BandName, number>> {
  const nameOf = new Map<string, BandName>(BAND_NAMES.map((band, id) => [String(id), band]));
  for (const band of findAll(root, "Spectral_Information")) {
    const id = attributeOf(band, "bandId");
    const name = toBandName(attributeOf(band, "physicalBand") ?? "");
    if (id !== undefined && name !== undefined) nameOf.set(id, name);
  }
  const found: Partial<Record<BandName, number>> = {};
  for (const entry of findAll(root, element)) {
    const id = attributeOf(entry, "band_id") ?? attributeOf(entry, "bandId");
    const name = id === undefined ? undefined : nameOf.get(id);
    const value = finite(numberOf(entry));
    if (name === undefined || value === undefined) {
      throw incomplete(where, `${element} values with the number of a band`, `${id} and ${textOf(entry)}`);
    }
    found[name] = value;
  }
  return found;
}

function incomplete(where: string, expected: string, got: string | undefined): GlofError {
  return new GlofError(
    "corrupt-file",
    `${where}: expected ${expected}, got ${got ?? "none"}. Download the product again.`,
  );
}
