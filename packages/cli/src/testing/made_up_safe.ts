import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { crc32 } from "@glof/core/bytes";
import { writeImage } from "./made_up_files.js";

/** A made-up product of Level-2A, baseline 05.09: four bands of 10 m, one of 20 m, a scene classification. */
export interface MadeUpSafe {
  /** Pixels of 10 m along a side, even. Default 60. */
  readonly side?: number;
  /** Number of a pixel; default 1500 and a little noise. */
  readonly dn?: (band: string, pixel: number) => number;
  /** Class of a pixel of 20 m; default 5 (bare ground) and, in the first column, 9 (cloud). */
  readonly sceneClass?: (pixel: number) => number;
  /** Files left out, by what their path ends with. */
  readonly without?: readonly string[];
}

const epsg = 32645;
const tile = "T45RVL_20230821T045131";

/** Writes a product into a folder; the path of its `.SAFE` folder. */
export async function writeMadeUpSafe(parent: string, safe: MadeUpSafe = {}): Promise<string> {
  const { side = 60, dn = (_, pixel) => 1500 + (pixel % 91), without = [] } = safe;
  const half = side / 2;
  const { sceneClass = (pixel: number) => (pixel % half === 0 ? 9 : 5) } = safe;
  const folder = join(parent, "S2A_MSIL2A_20230821T045131_N0509_R076_T45RVL_20230821T080000.SAFE");
  const granule = join(folder, "GRANULE", "L2A_T45RVL_A042640_20230821T045944");
  const isWanted = (path: string): boolean => !without.some((ending) => path.endsWith(ending));
  const image = async (band: string, metres: 10 | 20): Promise<void> => {
    const path = join(granule, "IMG_DATA", `R${metres}m`, `${tile}_${band}_${metres}m.tif`);
    if (!isWanted(path)) return;
    await mkdir(join(path, ".."), { recursive: true });
    const width = metres === 10 ? side : half;
    const size = {
      width,
      height: width,
      epsg,
      geoTransform: [500_000, metres, 0, 3_100_000, 0, -metres] as const,
    };
    await writeImage(path, {
      ...size,
      bandNames: [band],
      dtype: band === "SCL" ? "uint8" : "uint16",
      dn: (_, pixel) => (band === "SCL" ? sceneClass(pixel) : dn(band, pixel)),
    });
  };
  await mkdir(granule, { recursive: true });
  for (const band of ["B02", "B03", "B04", "B08"]) await image(band, 10);
  for (const band of ["B11", "SCL"]) await image(band, 20);
  const texts = [
    [join(folder, "MTD_MSIL2A.xml"), productXml],
    [join(granule, "MTD_TL.xml"), tileXml(side)],
  ] as const;
  for (const [path, text] of texts) if (isWanted(path)) await writeFile(path, text);
  return folder;
}

const offsets = [1, 2, 3, 7, 11]
  .map((band) => `<BOA_ADD_OFFSET band_id="${band}">-1000</BOA_ADD_OFFSET>`)
  .join("");

const productXml = `<?xml version="1.0"?>
<Level-2A_User_Product><General_Info>
<Product_Info><PRODUCT_START_TIME>2023-08-21T04:51:31.024Z</PRODUCT_START_TIME>
<PRODUCT_URI>S2A_MSIL2A_20230821T045131_N0509_R076_T45RVL_20230821T080000.SAFE</PRODUCT_URI>
<PROCESSING_LEVEL>Level-2A</PROCESSING_LEVEL><PROCESSING_BASELINE>05.09</PROCESSING_BASELINE>
<Datatake><SPACECRAFT_NAME>Sentinel-2A</SPACECRAFT_NAME><SENSING_ORBIT_NUMBER>76</SENSING_ORBIT_NUMBER></Datatake></Product_Info>
<Product_Image_Characteristics><BOA_QUANTIFICATION_VALUE>10000</BOA_QUANTIFICATION_VALUE>
<BOA_ADD_OFFSET_VALUES_LIST>${offsets}</BOA_ADD_OFFSET_VALUES_LIST></Product_Image_Characteristics></General_Info>
<Quality_Indicators_Info><Cloud_Coverage_Assessment>12.5</Cloud_Coverage_Assessment></Quality_Indicators_Info>
</Level-2A_User_Product>`;

function tileXml(side: number): string {
  const grids = [10, 20].map((metres) => {
    const count = (side * 10) / metres;
    return (
      `<Size resolution="${metres}"><NROWS>${count}</NROWS><NCOLS>${count}</NCOLS></Size>` +
      `<Geoposition resolution="${metres}"><ULX>500000</ULX><ULY>3100000</ULY><XDIM>${metres}</XDIM><YDIM>-${metres}</YDIM></Geoposition>`
    );
  });
  return `<?xml version="1.0"?>
<Level-2A_Tile_ID><TILE_ID>S2A_OPER_MSI_L2A_TL_2APS_20230821T080000_A042640_T45RVL_N05.09</TILE_ID>
<SENSING_TIME>2023-08-21T04:59:44.000Z</SENSING_TIME>
<Tile_Geocoding><HORIZONTAL_CS_CODE>EPSG:${epsg}</HORIZONTAL_CS_CODE>${grids.join("")}</Tile_Geocoding>
<Tile_Angles><Mean_Sun_Angle><ZENITH_ANGLE unit="deg">31.5</ZENITH_ANGLE><AZIMUTH_ANGLE unit="deg">141.5</AZIMUTH_ANGLE></Mean_Sun_Angle></Tile_Angles>
</Level-2A_Tile_ID>`;
}

/** Every file below a folder, under its name in the folder that holds it. */
export async function filesOf(folder: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(relative(join(folder, ".."), path).replaceAll("\\", "/"), await readFile(path));
  }
  return files;
}

/** A zip archive of these files, stored as they are. */
export function zipOf(files: ReadonlyMap<string, Uint8Array>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [path, content] of files) {
    const name = Buffer.from(path);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = [Buffer.from("PK\x03\x04", "latin1"), common, name, Buffer.from(content)];
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    directory.push(Buffer.from("PK\x01\x02\x14\x03", "latin1"), common, rest, name);
    parts.push(...local);
    at += local.reduce((sum, part) => sum + part.length, 0);
  }
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(files.size, 8);
  end.writeUInt16LE(files.size, 10);
  end.writeUInt32LE(
    directory.reduce((sum, part) => sum + part.length, 0),
    12,
  );
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

/** Writes a STAC item beside a product's images: assets under the names of Earth Search, by relative paths. */
export async function writeMadeUpItem(
  path: string,
  safe: string,
  changes: Record<string, unknown> = {},
): Promise<void> {
  const images = "GRANULE/L2A_T45RVL_A042640_20230821T045944/IMG_DATA";
  const asset = (band: string, metres: number) => ({
    href: `${safe}/${images}/R${metres}m/${tile}_${band}_${metres}m.tif`,
    type: "image/tiff; application=geotiff",
  });
  const item = {
    type: "Feature",
    stac_version: "1.0.0",
    id: "S2A_45RVL_20230821_0_L2A",
    bbox: [87, 27, 88, 28],
    geometry: {
      type: "Polygon",
      coordinates: [
        [
          [87, 27],
          [88, 27],
          [88, 28],
          [87, 28],
          [87, 27],
        ],
      ],
    },
    collection: "sentinel-2-l2a",
    properties: {
      datetime: "2023-08-21T04:59:44Z",
      platform: "sentinel-2a",
      constellation: "sentinel-2",
      "eo:cloud_cover": 12.5,
      "s2:processing_baseline": "05.09",
    },
    links: [],
    assets: {
      blue: asset("B02", 10),
      green: asset("B03", 10),
      red: asset("B04", 10),
      nir: asset("B08", 10),
      swir16: asset("B11", 20),
      scl: asset("SCL", 20),
    },
    ...changes,
  };
  await writeFile(path, JSON.stringify(item));
}
