/** A CRS that this package knows without being told. */
export interface KnownCrs {
  readonly name: string;
  readonly proj4: string;
  readonly geographic: boolean;
}

const grs80 = "+ellps=GRS80 +towgs84=0,0,0,0,0,0,0 +units=m +no_defs";
const wgs84 = "+datum=WGS84 +units=m +no_defs";

/** EPSG code, name and PROJ parameters, from the EPSG registry (v10). UTM zones are computed. */
const table: readonly (readonly [number, string, string])[] = [
  [4326, "WGS 84", "+proj=longlat +datum=WGS84 +no_defs"],
  [4258, "ETRS89", "+proj=longlat +ellps=GRS80 +towgs84=0,0,0,0,0,0,0 +no_defs"],
  [4269, "NAD83", "+proj=longlat +datum=NAD83 +no_defs"],
  [
    3857,
    "WGS 84 / Pseudo-Mercator",
    "+proj=merc +a=6378137 +b=6378137 +lat_ts=0 +lon_0=0 +x_0=0 +y_0=0 +k=1 +units=m +nadgrids=@null +no_defs",
  ],
  [
    3413,
    "WGS 84 / NSIDC Sea Ice Polar Stereographic North",
    `+proj=stere +lat_0=90 +lat_ts=70 +lon_0=-45 +k=1 +x_0=0 +y_0=0 ${wgs84}`,
  ],
  [
    3031,
    "WGS 84 / Antarctic Polar Stereographic",
    `+proj=stere +lat_0=-90 +lat_ts=-71 +lon_0=0 +k=1 +x_0=0 +y_0=0 ${wgs84}`,
  ],
  [
    3995,
    "WGS 84 / Arctic Polar Stereographic",
    `+proj=stere +lat_0=90 +lat_ts=71 +lon_0=0 +k=1 +x_0=0 +y_0=0 ${wgs84}`,
  ],
  [
    3976,
    "WGS 84 / NSIDC Sea Ice Polar Stereographic South",
    `+proj=stere +lat_0=-90 +lat_ts=-70 +lon_0=0 +k=1 +x_0=0 +y_0=0 ${wgs84}`,
  ],
  [
    32661,
    "WGS 84 / UPS North (N,E)",
    `+proj=stere +lat_0=90 +lon_0=0 +k=0.994 +x_0=2000000 +y_0=2000000 ${wgs84}`,
  ],
  [
    32761,
    "WGS 84 / UPS South (N,E)",
    `+proj=stere +lat_0=-90 +lon_0=0 +k=0.994 +x_0=2000000 +y_0=2000000 ${wgs84}`,
  ],
  [
    3035,
    "ETRS89-extended / LAEA Europe",
    `+proj=laea +lat_0=52 +lon_0=10 +x_0=4321000 +y_0=3210000 ${grs80}`,
  ],
  [
    3057,
    "ISN93 / Lambert 1993",
    `+proj=lcc +lat_0=65 +lon_0=-19 +lat_1=64.25 +lat_2=65.75 +x_0=500000 +y_0=500000 ${grs80}`,
  ],
  [
    5325,
    "ISN2004 / Lambert 2004",
    `+proj=lcc +lat_0=65 +lon_0=-19 +lat_1=64.25 +lat_2=65.75 +x_0=1700000 +y_0=300000 ${grs80}`,
  ],
  [
    8088,
    "ISN2016 / Lambert 2016",
    `+proj=lcc +lat_0=65 +lon_0=-19 +lat_1=64.25 +lat_2=65.75 +x_0=2700000 +y_0=300000 ${grs80}`,
  ],
  [
    2056,
    "CH1903+ / LV95",
    "+proj=somerc +lat_0=46.9524055555556 +lon_0=7.43958333333333 +k_0=1 +x_0=2600000 +y_0=1200000 +ellps=bessel +towgs84=674.374,15.056,405.346,0,0,0,0 +units=m +no_defs",
  ],
  [
    21781,
    "CH1903 / LV03",
    "+proj=somerc +lat_0=46.9524055555556 +lon_0=7.43958333333333 +k_0=1 +x_0=600000 +y_0=200000 +ellps=bessel +towgs84=674.374,15.056,405.346,0,0,0,0 +units=m +no_defs",
  ],
  [
    2154,
    "RGF93 v1 / Lambert-93",
    `+proj=lcc +lat_0=46.5 +lon_0=3 +lat_1=49 +lat_2=44 +x_0=700000 +y_0=6600000 ${grs80}`,
  ],
  [
    3005,
    "NAD83 / BC Albers",
    "+proj=aea +lat_0=45 +lon_0=-126 +lat_1=50 +lat_2=58.5 +x_0=1000000 +y_0=0 +datum=NAD83 +units=m +no_defs",
  ],
  [
    3338,
    "NAD83 / Alaska Albers",
    "+proj=aea +lat_0=50 +lon_0=-154 +lat_1=55 +lat_2=65 +x_0=0 +y_0=0 +datum=NAD83 +units=m +no_defs",
  ],
  [
    5070,
    "NAD83 / Conus Albers",
    "+proj=aea +lat_0=23 +lon_0=-96 +lat_1=29.5 +lat_2=45.5 +x_0=0 +y_0=0 +datum=NAD83 +units=m +no_defs",
  ],
  [
    3978,
    "NAD83 / Canada Atlas Lambert",
    "+proj=lcc +lat_0=49 +lon_0=-95 +lat_1=49 +lat_2=77 +x_0=0 +y_0=0 +datum=NAD83 +units=m +no_defs",
  ],
  [6933, "WGS 84 / NSIDC EASE-Grid 2.0 Global", `+proj=cea +lat_ts=30 +lon_0=0 +x_0=0 +y_0=0 ${wgs84}`],
];

const byCode = new Map(
  table.map(([code, name, proj4]) => [code, { name, proj4, geographic: proj4.includes("longlat") }]),
);

/** Families of UTM zones: EPSG code minus zone number, name, hemisphere, datum, zones that exist. */
const utmFamilies = [
  { base: 32600, name: "WGS 84 / UTM zone", south: false, datum: wgs84, zones: [1, 60] },
  { base: 32700, name: "WGS 84 / UTM zone", south: true, datum: wgs84, zones: [1, 60] },
  { base: 25800, name: "ETRS89 / UTM zone", south: false, datum: grs80, zones: [28, 38] },
  {
    base: 26900,
    name: "NAD83 / UTM zone",
    south: false,
    datum: "+datum=NAD83 +units=m +no_defs",
    zones: [1, 23],
  },
] as const;

/** Looks an EPSG code up; `undefined` when this package does not know it. */
export function knownCrs(epsg: number): KnownCrs | undefined {
  const listed = byCode.get(epsg);
  if (listed !== undefined) return listed;
  for (const { base, name, south, datum, zones } of utmFamilies) {
    const zone = epsg - base;
    if (zone < zones[0] || zone > zones[1]) continue;
    return {
      name: `${name} ${zone}${south ? "S" : "N"}`,
      proj4: `+proj=utm +zone=${zone} ${south ? "+south " : ""}${datum}`,
      geographic: false,
    };
  }
  return undefined;
}
