/** Pixel types of rasters. `float16` files are read as `float32`. */
export type RasterDtype = "uint8" | "int8" | "uint16" | "int16" | "uint32" | "int32" | "float32" | "float64";

/** The typed array that holds pixels of any `RasterDtype`. */
export type RasterArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/**
 * GDAL's six numbers: `x = g[0] + col·g[1] + row·g[2]`, `y = g[3] + col·g[4] + row·g[5]`, for the upper left corner of
 * the pixel at (col, row). North-up rasters have `g[2] = g[4] = 0` and `g[5] < 0`.
 */
export type GeoTransform = readonly [
  originX: number,
  pixelWidth: number,
  rowRotation: number,
  originY: number,
  columnRotation: number,
  pixelHeight: number,
];

/** A coordinate reference system, as far as rasters and outlines need one. */
export interface Crs {
  /** EPSG code, when the file names one. */
  readonly epsg: number | undefined;
  /** True for longitude/latitude in degrees. */
  readonly geographic: boolean;
  /** What proj4 understands: `"EPSG:32645"` or a proj string. */
  readonly proj4: string;
  /** Human name, such as `WGS 84 / UTM zone 45N`. */
  readonly name: string;
}

/** Where the pixels of a raster lie on the Earth. Sizes are [rows, cols] elsewhere; here each is named. */
export interface RasterGrid {
  readonly width: number;
  readonly height: number;
  readonly geoTransform: GeoTransform;
  /** Absent when the file states none. */
  readonly crs: Crs | undefined;
}

/** A rectangle of pixels. `x` is the column and `y` the row of its upper left pixel. */
export interface PixelWindow {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What a file says of one of its bands. */
export interface RasterBand {
  /** Description in the file (GDAL band description), if any. */
  readonly name: string | undefined;
  readonly dtype: RasterDtype;
  readonly nodata: number | undefined;
  /** `physical = raw · scale + offset`; 1 and 0 when the file states none. */
  readonly scale: number;
  readonly offset: number;
  /** What the band shows, where the file says so: part of a picture, its transparency, or entries of `colorTable`. */
  readonly interpretation?: BandInterpretation;
  /** Colours of the values 0, 1, 2, …; present for `"palette"` bands. */
  readonly colorTable?: readonly Color[];
}

/** Red, green, blue and opacity, each 0 to 255. */
export type Color = readonly [red: number, green: number, blue: number, alpha: number];

/** What a band of a picture shows. */
export type BandInterpretation =
  | "palette"
  | "red"
  | "green"
  | "blue"
  | "alpha"
  | "cyan"
  | "magenta"
  | "yellow"
  | "black";

/** How a file keeps its pixels. */
export interface RasterStorage {
  /** `GeoTIFF`, `BigTIFF`, `JPEG 2000`. */
  readonly format: string;
  /** `none`, `deflate`, `lzw`, `packbits`, `jpeg`, `lerc`, `zstd`, `jpeg2000`. */
  readonly compression: string;
  /** TIFF's predictor: 2 differences, 3 differences of floats; 1 none. */
  readonly predictor?: number;
  /** Tiles, or strips of whole rows. */
  readonly layout: "tiles" | "strips";
}

/** An open raster, read window by window. Same interface whatever the format behind it. */
export interface RasterSource {
  /** Path, URL or a name given by the caller: for messages and provenance. */
  readonly name: string;
  readonly grid: RasterGrid;
  readonly bands: readonly RasterBand[];
  /** Size of the file's own blocks: windows aligned to it read least. */
  readonly blockSize: readonly [rows: number, cols: number];
  /** How the file keeps them, where its reader tells. */
  readonly storage?: RasterStorage;
  /**
   * The same raster at lower resolutions that the file keeps, finest first; its grid has larger pixels and the same
   * outline. Closed together with this source. `openRaster` always gives the list, empty when there are none;
   * `readReduced` picks from it.
   */
  readonly overviews?: readonly RasterSource[];
  /**
   * `"averaged"` where the pixels of the overviews are mixtures by the nature of the format, as in JPEG 2000: `readReduced`
   * leaves them out for `"nearest"`, since a mixture of classes is another class. Absent where the format does not say.
   */
  readonly overviewKind?: "averaged";
  /**
   * Where the pixels are valid, if the file keeps a mask: one `uint8` band of the raster's size, 255 valid, 0 not. Closed
   * together with this source.
   */
  readonly mask?: RasterSource;
  /**
   * Raw pixels of a window that lies inside the raster, one array per asked band (0-based), row by row.
   * @throws GlofError `bad-argument` for a window outside; `corrupt-file` for undecodable blocks.
   */
  readWindow(
    window: PixelWindow,
    options?: { bands?: readonly number[]; signal?: AbortSignal },
  ): Promise<RasterArray[]>;
  close(): Promise<void>;
}

/** A position: [x, y] in the units of its CRS; longitude, latitude in degrees for geographic ones. */
export type Position = readonly [x: number, y: number];
/** Closed ring: first position = last. Exterior rings run counter-clockwise, holes clockwise (RFC 7946). */
export type Ring = readonly Position[];
/** Exterior ring first, then holes. */
export type Polygon = readonly Ring[];
/** One or more polygons of one thing. */
export type MultiPolygon = readonly Polygon[];

/** A value of an attribute column. */
export type AttributeValue = string | number | boolean | null;

/** An outline with attributes. */
export interface Feature {
  readonly geometry: MultiPolygon;
  readonly properties: Readonly<Record<string, AttributeValue>>;
}
