import { GlofError } from "@glof/core";
import { requireBandName, requireBands, toBandName } from "./band_names.js";
import { baseName } from "./product_name.js";
import type { OpenSceneOptions } from "./scene_door.js";
import { BAND_NAMES, type BandName } from "./types.js";

/** What a file of a folder is. */
export type FolderRole = BandName | "classification" | "cloud-probability";

/** A file of a folder of loose bands, judged by its name. */
export interface BandFile {
  readonly role: FolderRole;
  readonly path: string;
  /** Metres in the name (`_20m`); absent counts as finest. */
  readonly metres: number;
}

/**
 * Chooses the files of a folder to open: one for each band, and the classification when a validity policy is asked for.
 * @throws GlofError `missing-band` for a folder without bands or without one of those asked for; `unknown-band`
 */
export function chooseBandFiles(
  folder: string,
  names: readonly string[],
  options: OpenSceneOptions,
): BandFile[] {
  const where = `openScene(${baseName(folder)})`;
  const wanted = options.bands?.map((name) => requireBandName(name, where));
  const found = [...names].sort().flatMap((name) => parseFileName(folder, name) ?? []);
  const bands = BAND_NAMES.filter((band) => found.some((file) => file.role === band));
  if (bands.length === 0) throw noBands(folder, names, where);
  if (wanted) requireBands({ id: baseName(folder), bands }, wanted, where);
  const roles: FolderRole[] = [...(wanted ?? bands)];
  const gridMetres =
    options.resolutionM ??
    Math.min(...found.flatMap((file) => (roles.includes(file.role) ? file.metres : [])));
  if (options.validity) roles.push("classification", "cloud-probability");
  return roles.flatMap((role) => chooseFile(found, role, gridMetres) ?? []);
}

/** As `chooseImage` of SAFE products: the grid's own resolution, else the coarsest finer one, else the finest. */
function chooseFile(files: readonly BandFile[], role: FolderRole, gridMetres: number): BandFile | undefined {
  const own = files.filter((file) => file.role === role).sort((a, b) => a.metres - b.metres);
  const finer = own.filter((file) => file.metres <= gridMetres);
  return finer.find((file) => file.metres === finer.at(-1)!.metres) ?? own[0];
}

function parseFileName(folder: string, name: string): BandFile | undefined {
  const match = /(?:^|[_./-])(b\d{1,2}|b8a|scl|cldprb)(?:[_.-](\d+)m)?\.(?:tiff?|jp2)$/i.exec(name);
  if (!match) return undefined;
  const code = match[1]!.toLowerCase();
  const role = code === "scl" ? "classification" : code === "cldprb" ? "cloud-probability" : toBandName(code);
  if (role === undefined) return undefined;
  return { role, path: `${folder.replace(/\/+$/, "")}/${name}`, metres: Number(match[2] ?? 0) };
}

function noBands(folder: string, names: readonly string[], where: string): GlofError {
  return new GlofError(
    "missing-band",
    `${where}: expected files such as B02.tif or T45RVL_B02_10m.jp2 in the folder, got ` +
      `${names.slice(0, 5).join(", ") || "nothing"}${names.length > 5 ? ", …" : ""}. Put one file per band there.`,
    { folder },
  );
}
