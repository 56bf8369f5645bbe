import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type TestTiff, testTiff } from "../test_tiff.js";
import { BAND_NAMES, type BandName } from "../types.js";

/** A made-up SAFE product: tiny images, metadata of the true shape. */
export interface TestSafe {
  readonly level?: "L1C" | "L2A";
  readonly baseline?: string;
  /** Offsets by band in the metadata; none by default. */
  readonly offsetsDn?: Partial<Record<BandName, number>>;
  readonly quantification?: number;
  /** Images by path inside `IMG_DATA` or `QI_DATA`, without the product's prefix: `R10m/B02_10m`, `B05`, `QI/MSK_CLDPRB_20m`. */
  readonly images: Readonly<Record<string, Partial<TestTiff> & Pick<TestTiff, "bands">>>;
  /** Text files by path inside the granule, such as `QI_DATA/MSK_CLOUDS_B00.gml`. */
  readonly texts?: Readonly<Record<string, string>>;
  /** Side of the tile in pixels of 10 m; a multiple of 12. Default 12. */
  readonly side?: number;
  readonly epsg?: number;
  /** Files left out, by what their path contains. */
  readonly without?: readonly string[];
}

const sideAt = (side: number, metres: number): number => (side * 10) / metres;

/** Pixel size of an image by its name. */
function metresOf(name: string): number {
  const told = /_(\d0)m$/.exec(name)?.[1];
  if (told) return Number(told);
  return /B0[234]$|B08$|TCI$/.test(name) ? 10 : /B01$|B09$|B10$|_B00$/.test(name) ? 60 : 20;
}

/** Paths and contents of a product, for a folder or an archive. */
export function testSafeFiles(safe: TestSafe): { name: string; files: Map<string, Uint8Array> } {
  const { level = "L2A", baseline = "05.09", side = 12, epsg = 32645, without = [] } = safe;
  const name = `S2A_MSI${level}_20230821T045131_N${baseline.replace(".", "")}_R076_T45RVL_20230821T080000.SAFE`;
  const granule = `GRANULE/${level}_T45RVL_A042640_20230821T045944`;
  const files = new Map<string, Uint8Array>();
  const put = (path: string, content: string | ArrayBuffer): void => {
    if (without.some((part) => path.includes(part))) return;
    files.set(
      path,
      typeof content === "string" ? new TextEncoder().encode(content) : new Uint8Array(content),
    );
  };
  const listed: string[] = [];
  for (const [image, tiff] of Object.entries(safe.images)) {
    const metres = metresOf(image);
    const width = sideAt(side, metres);
    const path = image.startsWith("QI/")
      ? `${granule}/QI_DATA/${image.slice(3)}`
      : `${granule}/IMG_DATA/${image.replace(/([^/]+)$/, "T45RVL_20230821T045131_$1")}`;
    if (!image.startsWith("QI/")) listed.push(path);
    put(`${path}.tif`, testTiff({ width, height: width, pixelM: metres, epsg, ...tiff }));
  }
  for (const [path, text] of Object.entries(safe.texts ?? {})) put(`${granule}/${path}`, text);
  put(`MTD_MSI${level}.xml`, productXml(safe, name, listed));
  put(`${granule}/MTD_TL.xml`, tileXml(side, epsg));
  put("manifest.safe", "<manifest/>");
  return { name, files };
}

/** Writes a product into a folder; the path of the `.SAFE` folder. */
export async function writeTestSafe(parent: string, safe: TestSafe): Promise<string> {
  const { name, files } = testSafeFiles(safe);
  for (const [path, content] of files) {
    const target = join(parent, name, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content);
  }
  return join(parent, name);
}

function productXml(safe: TestSafe, name: string, images: readonly string[]): string {
  const { level = "L2A", baseline = "05.09", offsetsDn, quantification = 10_000 } = safe;
  const isL1C = level === "L1C";
  const element = isL1C ? "RADIO_ADD_OFFSET" : "BOA_ADD_OFFSET";
  const list = isL1C ? "Radiometric_Offset_List" : "BOA_ADD_OFFSET_VALUES_LIST";
  const offsets = Object.entries(offsetsDn ?? {}).map(
    ([band, offset]) =>
      `<${element} band_id="${BAND_NAMES.indexOf(band as BandName)}">${offset}</${element}>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<n1:Level-${level.slice(1)}_User_Product xmlns:n1="https://example.org/PSD">
  <n1:General_Info>
    <Product_Info>
      <PRODUCT_START_TIME>2023-08-21T04:51:31.024Z</PRODUCT_START_TIME>
      <PRODUCT_URI>${name}</PRODUCT_URI>
      <PROCESSING_LEVEL>Level-${level.slice(1)}</PROCESSING_LEVEL>
      <PROCESSING_BASELINE>${baseline}</PROCESSING_BASELINE>
      <Datatake><SPACECRAFT_NAME>Sentinel-2A</SPACECRAFT_NAME><SENSING_ORBIT_NUMBER>76</SENSING_ORBIT_NUMBER></Datatake>
      <Granule_List><Granule>${images.map((path) => `<IMAGE_FILE>${path}</IMAGE_FILE>`).join("")}</Granule></Granule_List>
    </Product_Info>
    <Product_Image_Characteristics>
      <Special_Values><SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX></Special_Values>
      <Special_Values><SPECIAL_VALUE_TEXT>SATURATED</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>65535</SPECIAL_VALUE_INDEX></Special_Values>
      ${isL1C ? `<QUANTIFICATION_VALUE>${quantification}</QUANTIFICATION_VALUE>` : `<BOA_QUANTIFICATION_VALUE>${quantification}</BOA_QUANTIFICATION_VALUE>`}
      ${offsets.length === 0 ? "" : `<${list}>${offsets.join("")}</${list}>`}
    </Product_Image_Characteristics>
  </n1:General_Info>
  <n1:Quality_Indicators_Info><Cloud_Coverage_Assessment>12.5</Cloud_Coverage_Assessment></n1:Quality_Indicators_Info>
</n1:Level-${level.slice(1)}_User_Product>`;
}

function tileXml(side: number, epsg: number): string {
  const sizes = [10, 20, 60].map(
    (metres) =>
      `<Size resolution="${metres}"><NROWS>${sideAt(side, metres)}</NROWS><NCOLS>${sideAt(side, metres)}</NCOLS></Size>` +
      `<Geoposition resolution="${metres}"><ULX>500000</ULX><ULY>3100000</ULY><XDIM>${metres}</XDIM><YDIM>-${metres}</YDIM></Geoposition>`,
  );
  const angles = (kind: string, rows: string): string =>
    `<${kind}><COL_STEP unit="m">5000</COL_STEP><ROW_STEP unit="m">5000</ROW_STEP><Values_List>${rows}</Values_List></${kind}>`;
  return `<?xml version="1.0"?>
<n1:Level-2A_Tile_ID xmlns:n1="https://example.org/PSD">
  <TILE_ID>S2A_OPER_MSI_L2A_TL_2APS_20230821T080000_A042640_T45RVL_N05.09</TILE_ID>
  <SENSING_TIME>2023-08-21T04:59:44.000Z</SENSING_TIME>
  <Tile_Geocoding><HORIZONTAL_CS_CODE>EPSG:${epsg}</HORIZONTAL_CS_CODE>${sizes.join("")}</Tile_Geocoding>
  <Tile_Angles>
    <Sun_Angles_Grid>${angles("Zenith", "<VALUES>30 31</VALUES><VALUES>32 NaN</VALUES>")}${angles("Azimuth", "<VALUES>140 141</VALUES><VALUES>142 143</VALUES>")}</Sun_Angles_Grid>
    <Mean_Sun_Angle><ZENITH_ANGLE unit="deg">31.5</ZENITH_ANGLE><AZIMUTH_ANGLE unit="deg">141.5</AZIMUTH_ANGLE></Mean_Sun_Angle>
  </Tile_Angles>
</n1:Level-2A_Tile_ID>`;
}
