/**
 * Lake areas of south-east Iceland, 1985 to 2026, measured from published outlines: a table on the output, a picture in
 * docs/images/iceland-areas.svg and .png. The outlines (github.com/GeoKauko/glacial_lakes_vdc, `data/output/lake_outlines`)
 * are not part of this repository.
 *
 * Run: npx tsx scripts/show_iceland.ts <folder of glacial_lakes_<year>.gpkg>
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "@glof/core/node";
import { geodesicArea, planarArea, projector, readVectors, reprojectPolygons, WGS84 } from "@glof/geo";
import { chromiumForTests } from "@glof/test-kit";
import { chromium } from "playwright-core";

interface Year {
  readonly year: number;
  readonly lakes: number;
  /** Square kilometres: on the ellipsoid, in the UTM plane, as the file's own column says, and the largest lake. */
  readonly geodesic: number;
  readonly planar: number;
  readonly own: number;
  readonly largest: number;
  /** Largest relative difference of a lake's planar area from the file's. */
  readonly worst: number;
}

async function measureYear(path: string): Promise<Year> {
  const [layer] = await readVectors(path);
  const toLonLat = projector(layer!.crs!, WGS84);
  const lakes = layer!.features.map(({ geometry, properties }) => ({
    own: Number(properties.area_m2),
    planar: geometry.reduce((sum, polygon) => sum + planarArea(polygon), 0),
    geodesic: reprojectPolygons(geometry, toLonLat).reduce((sum, polygon) => sum + geodesicArea(polygon), 0),
  }));
  const total = (key: keyof (typeof lakes)[number]): number =>
    lakes.reduce((sum, lake) => sum + lake[key], 0) / 1e6;
  return {
    year: Number(/(\d{4})\.gpkg$/.exec(path)![1]),
    lakes: lakes.length,
    geodesic: total("geodesic"),
    planar: total("planar"),
    own: total("own"),
    largest: Math.max(...lakes.map((lake) => lake.geodesic)) / 1e6,
    worst: Math.max(...lakes.map((lake) => Math.abs(lake.planar / lake.own - 1))),
  };
}

const frame = { width: 960, height: 460, left: 70, right: 30, top: 56, bottom: 50 };

function draw(years: readonly Year[]): string {
  const { width, height, left, right, top, bottom } = frame;
  const [first, last] = [1985, 2026];
  const high = 10 * Math.ceil(Math.max(...years.map(({ geodesic }) => geodesic)) / 10);
  const x = (year: number): number => left + ((year - first) / (last - first)) * (width - left - right);
  const y = (km2: number): number => height - bottom - (km2 / high) * (height - top - bottom);
  const steps = Array.from({ length: high / 10 + 1 }, (_, index) => 10 * index);
  const grid = steps.map(
    (km2) =>
      `<path d="M${left} ${y(km2)}H${width - right}" stroke="#ddd"/><text x="${left - 8}" y="${y(km2) + 5}" text-anchor="end">${km2}</text>`,
  );
  const ticks = [1985, 1990, 1995, 2000, 2005, 2010, 2015, 2020, 2025].map(
    (year) => `<text x="${x(year)}" y="${height - bottom + 22}" text-anchor="middle">${year}</text>`,
  );
  const series = (value: (year: Year) => number, color: string, radius: number): string =>
    `<polyline fill="none" stroke="${color}" stroke-width="1.5" stroke-opacity="0.5" points="${years.map((year) => `${x(year.year)},${y(value(year))}`).join(" ")}"/>` +
    years
      .map((year) => `<circle cx="${x(year.year)}" cy="${y(value(year))}" r="${radius}" fill="${color}"/>`)
      .join("");
  const rings = years.map(
    ({ year, own }) =>
      `<circle cx="${x(year)}" cy="${y(own)}" r="7" fill="none" stroke="#d95f02" stroke-width="1.5"/>`,
  );
  const legend = [
    ["#08519c", "all lakes, geodesic area"],
    ["#74a9cf", "largest lake, geodesic area"],
    ["#d95f02", "ring: all lakes, sum of the files' own area_m2"],
  ].map(
    ([color, text], index) =>
      `<circle cx="${left + 20}" cy="${top + 12 + 22 * index}" r="5" fill="${index === 2 ? "none" : color}" stroke="${color}" stroke-width="1.5"/><text x="${left + 34}" y="${top + 17 + 22 * index}">${text}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="14" fill="#333">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${left}" y="28" font-size="18">Proglacial lakes of south-east Iceland, km²</text>`,
    `<path d="M${x(2015.5)} ${top}V${height - bottom}" stroke="#999" stroke-dasharray="4 4"/>`,
    `<text x="${x(2015.5) - 6}" y="${height - bottom - 8}" text-anchor="end" fill="#777">Landsat, 30 m</text>`,
    `<text x="${x(2015.5) + 6}" y="${height - bottom - 8}" fill="#777">Sentinel, 10 m</text>`,
    ...grid,
    ...ticks,
    series((year) => year.geodesic, "#08519c", 4),
    series((year) => year.largest, "#74a9cf", 3),
    ...rings,
    ...legend,
    "</svg>",
    "",
  ].join("\n");
}

async function toPng(svg: string): Promise<Uint8Array | undefined> {
  const launch = await chromiumForTests();
  if (launch === undefined) return undefined;
  const browser = await chromium.launch(launch);
  try {
    const page = await browser.newPage({ viewport: { width: frame.width, height: frame.height } });
    await page.setContent(`<body style="margin:0">${svg}</body>`);
    return await page.screenshot();
  } finally {
    await browser.close();
  }
}

async function main(folder: string): Promise<void> {
  const files = (await readdir(folder)).filter((name) => /^glacial_lakes_\d{4}\.gpkg$/.test(name)).sort();
  const years: Year[] = [];
  for (const file of files) years.push(await measureYear(join(folder, file)));
  console.log(
    "| year | lakes | geodesic km² | UTM plane km² | own column km² | geodesic / own | largest km² | worst lake, plane / own - 1 |",
  );
  console.log("|---|---|---|---|---|---|---|---|");
  for (const { year, lakes, geodesic, planar, own, largest, worst } of years) {
    const numbers = [geodesic, planar, own, geodesic / own, largest].map((value) => value.toFixed(4));
    console.log(`| ${year} | ${lakes} | ${numbers.join(" | ")} | ${worst.toExponential(1)} |`);
  }
  const svg = draw(years);
  await writeFileAtomic("docs/images/iceland-areas.svg", svg);
  const png = await toPng(svg);
  if (png !== undefined) await writeFileAtomic("docs/images/iceland-areas.png", png);
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("Give the folder of the outlines.");
await main(folder);
