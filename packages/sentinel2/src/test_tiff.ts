/** What a made-up GeoTIFF of the tests holds. */
export interface TestTiff {
  readonly width: number;
  readonly height: number;
  /** One row-major array per band; of complex and 1-bit files only their number counts. */
  readonly bands: readonly ArrayLike<number>[];
  readonly type?: "uint8" | "uint16" | "int16" | "float32" | "complex64" | "bit";
  readonly names?: readonly (string | undefined)[];
  readonly nodata?: string;
  readonly scale?: number;
  readonly offset?: number;
  /** `undefined` leaves the CRS out. Default 32645. */
  readonly epsg?: number | undefined;
  readonly origin?: readonly [x: number, y: number];
  readonly pixelM?: number;
  /** Shears the image a little. */
  readonly rotated?: boolean;
}

type Tag = readonly [tag: number, type: 2 | 3 | 4 | 12, values: readonly number[]];

const bitsOf = { uint8: 8, uint16: 16, int16: 16, float32: 32, complex64: 64, bit: 1 } as const;
const formatOf = { uint8: 1, uint16: 1, int16: 2, float32: 3, complex64: 6, bit: 1 } as const;
const typeBytes = { 2: 1, 3: 2, 4: 4, 12: 8 } as const;

/** Writes an uncompressed little-endian GeoTIFF of one strip per band: enough to give the reader anything to refuse. */
export function testTiff(tiff: TestTiff): ArrayBuffer {
  const { width, height, bands, type = "uint16" } = tiff;
  const planes = bands.map((band) => planeBytes(band, type, width, height));
  const planeSize = planes[0]!.byteLength;
  const bandCount = planes.length;
  const tags: Tag[] = [
    [256, 4, [width]],
    [257, 4, [height]],
    [258, 3, planes.map(() => bitsOf[type])],
    [259, 3, [1]],
    [262, 3, [1]],
    [273, 4, planes.map((_, index) => 8 + index * planeSize)],
    [277, 3, [bandCount]],
    [278, 4, [height]],
    [279, 4, planes.map(() => planeSize)],
    [284, 3, [2]],
    [339, 3, planes.map(() => formatOf[type])],
    ...placeTags(tiff),
    ...textTags(tiff),
  ];
  return assemble(
    planes,
    tags.sort((a, b) => a[0] - b[0]),
  );
}

function placeTags(tiff: TestTiff): Tag[] {
  const { origin = [500_000, 3_100_000], pixelM = 10, rotated } = tiff;
  const epsg = "epsg" in tiff ? tiff.epsg : 32645;
  const [x, y] = origin;
  const place: Tag[] = rotated
    ? [[34264, 12, [pixelM, 2, 0, x, 2, -pixelM, 0, y, 0, 0, 0, 0, 0, 0, 0, 1]]]
    : [
        [33550, 12, [pixelM, pixelM, 0]],
        [33922, 12, [0, 0, 0, x, y, 0]],
      ];
  if (epsg === undefined) return place;
  return [...place, [34735, 3, [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, epsg]]];
}

function textTags({ names = [], nodata, scale, offset, bands }: TestTiff): Tag[] {
  const items = bands.flatMap((_, sample) => [
    ...(names[sample] === undefined ? [] : [item("DESCRIPTION", sample, "description", names[sample])]),
    ...(scale === undefined ? [] : [item("SCALE", sample, "scale", String(scale))]),
    ...(offset === undefined ? [] : [item("OFFSET", sample, "offset", String(offset))]),
  ]);
  const tags: Tag[] = [];
  if (items.length > 0) {
    tags.push([42112, 2, ascii(`<GDALMetadata>\n${items.join("\n")}\n</GDALMetadata>\n`)]);
  }
  if (nodata !== undefined) tags.push([42113, 2, ascii(nodata)]);
  return tags;
}

const item = (name: string, sample: number, role: string, value: string): string =>
  `  <Item name="${name}" sample="${sample}" role="${role}">${value}</Item>`;

const ascii = (text: string): number[] => [...new TextEncoder().encode(text), 0];

function planeBytes(
  values: ArrayLike<number>,
  type: NonNullable<TestTiff["type"]>,
  width: number,
  height: number,
): Uint8Array {
  const array =
    type === "uint8"
      ? Uint8Array.from(values)
      : type === "uint16"
        ? Uint16Array.from(values)
        : type === "int16"
          ? Int16Array.from(values)
          : type === "float32"
            ? Float32Array.from(values)
            : new Uint8Array(type === "bit" ? Math.ceil(width / 8) * height : width * height * 8);
  return new Uint8Array(array.buffer);
}

function assemble(planes: readonly Uint8Array[], tags: readonly Tag[]): ArrayBuffer {
  const pixelBytes = planes.reduce((sum, plane) => sum + plane.byteLength, 0);
  const directory = 8 + pixelBytes + (pixelBytes % 2);
  let far = directory + 2 + 12 * tags.length + 4;
  const sizes = tags.map(([, type, values]) => typeBytes[type] * values.length);
  const file = new ArrayBuffer(
    far + sizes.reduce((sum, size) => sum + (size > 4 ? size + (size % 2) : 0), 0),
  );
  const view = new DataView(file);
  view.setUint16(0, 0x4949, true);
  view.setUint16(2, 42, true);
  view.setUint32(4, directory, true);
  let at = 8;
  for (const plane of planes) {
    new Uint8Array(file).set(plane, at);
    at += plane.byteLength;
  }
  view.setUint16(directory, tags.length, true);
  tags.forEach(([tag, type, values], index) => {
    const entry = directory + 2 + 12 * index;
    view.setUint16(entry, tag, true);
    view.setUint16(entry + 2, type, true);
    view.setUint32(entry + 4, values.length, true);
    const size = sizes[index]!;
    if (size > 4) view.setUint32(entry + 8, far, true);
    writeValues(view, size > 4 ? far : entry + 8, type, values);
    if (size > 4) far += size + (size % 2);
  });
  return file;
}

function writeValues(view: DataView, at: number, type: Tag[1], values: readonly number[]): void {
  values.forEach((value, index) => {
    const position = at + index * typeBytes[type];
    if (type === 2) view.setUint8(position, value);
    else if (type === 3) view.setUint16(position, value, true);
    else if (type === 4) view.setUint32(position, value, true);
    else view.setFloat64(position, value, true);
  });
}
