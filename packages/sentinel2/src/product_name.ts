import type { ProcessingLevel } from "./types.js";

/** What the name of a product or of a file made from it tells. */
export interface ProductName {
  readonly level: ProcessingLevel;
  /** Start of sensing, ISO 8601 in UTC. */
  readonly acquiredAt: string | undefined;
}

/**
 * Reads the processing level (`L1C`, `L2A`) and the first time stamp (`20240101T045131`) out of a name, as ESA's naming
 * convention for Sentinel-2 products places them.
 */
export function parseProductName(name: string): ProductName {
  const level = /L1C|L2A/i.exec(name)?.[0].toUpperCase();
  const stamp = /(?<!\d)(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})(?!\d)/.exec(name);
  const acquiredAt = stamp && `${stamp.slice(1, 4).join("-")}T${stamp.slice(4, 7).join(":")}Z`;
  return {
    level: level === "L1C" || level === "L2A" ? level : "unknown",
    acquiredAt: acquiredAt && !Number.isNaN(Date.parse(acquiredAt)) ? acquiredAt : undefined,
  };
}

/** The processing baseline (`05.09`) in the name of a whole product, `S2A_MSIL2A_…_N0509_…`. */
export function baselineInName(name: string): string | undefined {
  const digits = /S2[A-Z]_MSI(?:L1C|L2A)_\d{8}T\d{6}_N(\d{2})(\d{2})_/i.exec(name);
  return digits ? `${digits[1]}.${digits[2]}` : undefined;
}

/** The last part of a path or URL, without folders, query and the extension of an image. */
export function baseName(path: string): string {
  const last = path
    .replace(/[?#].*$/, "")
    .split(/[\\/]/)
    .filter((part) => part !== "")
    .at(-1);
  return (last ?? path).replace(/\.(?:tiff?|jp2)$/i, "");
}
