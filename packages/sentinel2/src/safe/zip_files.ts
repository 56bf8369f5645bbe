import { GlofError } from "@glof/core";
import { openBytes, openZip, type ZipArchive, type ZipEntry } from "@glof/core/bytes";
import { openRaster } from "@glof/geo";
import type { OpenSceneOptions, SceneSource } from "../scene_door.js";
import type { ProductFiles } from "./product_files.js";
import { productMetadataPaths } from "./safe_layout.js";
import { MAX_XML_BYTES } from "./xml.js";

/** Packed images are unpacked into memory to be read by windows; this bounds those of one scene together. */
const mostUnpackedBytes = 2 ** 31;

/** A product has about 100 files. */
const mostEntries = 20_000;

/**
 * The files of the one product in a zip archive, read where they lie: stored images by ranges, packed ones unpacked into
 * memory when they are opened. The archive's directory is checked as `openZip` says (`../`, links, overlaps, …).
 *
 * @throws GlofError `unsupported-format` for an archive without a product; `bad-argument` for several; as `openZip`
 */
export async function zipFiles(
  source: SceneSource,
  { name, signal, http }: Pick<OpenSceneOptions, "name" | "signal" | "http">,
): Promise<ProductFiles> {
  const bytes = await openBytes(source, { name, http });
  try {
    const zip = await openZip(bytes, { maxEntries: mostEntries, signal });
    return filesOf(zip, productRoot(zip));
  } catch (error) {
    await bytes.close();
    throw error;
  }
}

function filesOf(zip: ZipArchive, root: string): ProductFiles {
  const paths = [...zip.entries.values()]
    .filter((entry) => !entry.isFolder && entry.path.startsWith(root))
    .map((entry) => entry.path.slice(root.length))
    .sort();
  let unpacked = 0;
  const countUnpacked = (entry: ZipEntry): void => {
    if (entry.method !== "stored") unpacked += entry.byteLength;
    if (unpacked <= mostUnpackedBytes) return;
    throw new GlofError(
      "limit-exceeded",
      `openScene(${zip.name}): expected packed images of at most ${mostUnpackedBytes} bytes together, got more. ` +
        "Unpack the archive and open the folder, or choose fewer bands.",
    );
  };
  return {
    name: zip.name,
    paths,
    pathOf: (path) => `${zip.name}!/${root}${path}`,
    readText: async (path) =>
      new TextDecoder().decode(await zip.read(zip.entry(root + path), { maxBytes: MAX_XML_BYTES })),
    openRaster: async (path) => {
      const entry = zip.entry(root + path);
      countUnpacked(entry);
      const image = await zip.open(entry);
      try {
        return await openRaster(image);
      } catch (error) {
        await image.close();
        throw error;
      }
    },
    close: () => zip.close(),
  };
}

/** The folder of the product in an archive, with `/` at its end; empty when it is the archive itself. */
function productRoot(zip: ZipArchive): string {
  const paths = [...zip.entries.keys()];
  const roots = new Set(productMetadataPaths(paths).map((path) => path.slice(0, path.lastIndexOf("/") + 1)));
  if (roots.size > 1) {
    throw new GlofError(
      "bad-argument",
      `openScene(${zip.name}): expected one product in the archive, got ${[...roots].join(", ")}. Unpack it and open one.`,
    );
  }
  const [root] = roots;
  if (root !== undefined) return root;
  const granule = paths.map((path) => path.indexOf("GRANULE/")).findIndex((at) => at !== -1);
  if (granule !== -1) return paths[granule]!.slice(0, paths[granule]!.indexOf("GRANULE/"));
  throw new GlofError(
    "unsupported-format",
    `openScene(${zip.name}): expected a SAFE product in the archive (with MTD_MSIL1C.xml or MTD_MSIL2A.xml), got ` +
      `${paths.slice(0, 4).join(", ") || "nothing"}${paths.length > 4 ? ", …" : ""}. Of other files, unpack it first.`,
  );
}
