import { crsFromEpsg, type RasterGrid } from "@glof/geo";
import { decode } from "fast-png";
import { describe, expect, it } from "vitest";
import { blankCanvas, type Canvas, drawLine, fillRect } from "./canvas.js";
import { drawText, textWidth } from "./glyphs.js";
import { areaLabel, histogramSvg, logHistogram } from "./histogram.js";
import { renderPreview } from "./preview.js";
import { type ReportLake, renderReport } from "./report_page.js";
import { drawScaleBar, lengthLabel, niceLengthM } from "./scale_bar.js";
import { beginOverview } from "./true_color.js";

const pixelOf = (canvas: Canvas, x: number, y: number) => [
  ...canvas.rgba.subarray((y * canvas.width + x) * 4, (y * canvas.width + x) * 4 + 3),
];

/** Ink of a canvas as rows of `#` and `.`. */
const inkOf = (canvas: Canvas): string[] =>
  Array.from({ length: canvas.height }, (_, y) =>
    Array.from({ length: canvas.width }, (_, x) => (pixelOf(canvas, x, y)[0]! > 128 ? "#" : ".")).join(""),
  );

const white = [255, 255, 255] as const;

describe("canvas", () => {
  it("mixes colours and cuts off what lies outside", () => {
    const canvas = blankCanvas(3, 2);
    fillRect(canvas, { x: 1, y: -5, width: 9, height: 6 }, [200, 100, 50], 0.5);
    expect([pixelOf(canvas, 0, 0), pixelOf(canvas, 2, 0), pixelOf(canvas, 2, 1)]).toEqual([
      [0, 0, 0],
      [100, 50, 25],
      [0, 0, 0],
    ]);
    expect(canvas.rgba[3]).toBe(255);
  });

  it("draws lines without gaps, also from and to outside", () => {
    const canvas = blankCanvas(5, 5);
    drawLine(canvas, [-3, -3], [7, 7], white);
    expect(inkOf(canvas)).toEqual(["#....", ".#...", "..#..", "...#.", "....#"]);
    const far = blankCanvas(4, 1);
    drawLine(far, [-1e9, 0], [1e9, 0], white);
    expect(inkOf(far)).toEqual(["####"]);
  });
});

describe("text", () => {
  it("prints every character that a scale bar can need, each with another shape", () => {
    const shapes = new Set(
      [..."0123456789.km"].map((character) => {
        const canvas = blankCanvas(textWidth(character, 1), 7);
        drawText(canvas, character, 0, 0, white, 1);
        return inkOf(canvas).join("/");
      }),
    );
    expect(shapes.size).toBe(13);
    expect([...shapes].every((shape) => shape.includes("#"))).toBe(true);
  });

  it("takes size dots a character, and leaves a gap for what it has no shape for", () => {
    const canvas = blankCanvas(textWidth("1?1", 2), 14);
    drawText(canvas, "1?1", 0, 0, white, 2);
    expect(canvas.width).toBe(34);
    const rows = inkOf(canvas);
    expect(rows[0]).toBe(`....##....${".".repeat(14)}....##....`);
    expect(rows[1]).toBe(rows[0]);
  });
});

describe("scale bar", () => {
  it.each([
    [0.7, 0.5],
    [1, 1],
    [4_999, 2_000],
    [5_000, 5_000],
    [99_999, 50_000],
  ])("rounds %d m down to %d m", (limit, nice) => {
    expect(niceLengthM(limit)).toBeCloseTo(nice, 12);
  });

  it("tells lengths in m and km", () => {
    expect([500, 1000, 2_000, 0.5].map(lengthLabel)).toEqual(["500 m", "1 km", "2 km", "0.5 m"]);
  });

  it("is as long as it says", () => {
    const canvas = blankCanvas(400, 200);
    drawScaleBar(canvas, 10);
    // A quarter of 4000 m: 1 km, 100 pixels. The bar is the longest run of ink.
    const longest = Math.max(...inkOf(canvas).flatMap((row) => row.split(".").map((run) => run.length)));
    expect(longest).toBe(100);
  });

  it("leaves pictures alone that are too small for one, or of no size", () => {
    for (const pixelSizeM of [10, Number.NaN, 0]) {
      const canvas = blankCanvas(12, 12);
      drawScaleBar(canvas, pixelSizeM);
      expect(inkOf(canvas).join("")).not.toContain("#");
    }
  });
});

describe("beginOverview", () => {
  const ramp = (width: number, height: number) => {
    const values = Float32Array.from({ length: width * height }, (_, pixel) => pixel / (width * height));
    return { red: values, green: values, blue: values, validMask: new Uint8Array(width * height).fill(1) };
  };

  it("stretches between two quantiles, the same for all bands, brighter in the shadows", () => {
    const overview = beginOverview({ width: 20, height: 20 });
    const rows = ramp(20, 20);
    overview.addRows({ ...rows, green: rows.red.map((value) => value / 2) }, 20);
    const canvas = overview.toCanvas();
    expect(pixelOf(canvas, 0, 0)).toEqual([0, 0, 0]);
    expect(pixelOf(canvas, 19, 19)[0]).toBe(255);
    const [red, green, blue] = pixelOf(canvas, 0, 10);
    expect(red).toBe(blue);
    // Half the reflectance: sqrt(1/2) of the brightness, near enough as black is not quite 0.
    expect(green! / red!).toBeCloseTo(Math.SQRT1_2, 1);
    expect(red).toBeGreaterThan(128);
  });

  it("averages the valid pixels under each pixel, strip by strip alike", () => {
    const rows = ramp(10, 8);
    rows.validMask.fill(0, 0, 10);
    const whole = beginOverview({ width: 10, height: 8 }, { maxSidePx: 4 });
    expect(whole.step).toBe(3);
    whole.addRows(rows, 8);
    const strips = beginOverview({ width: 10, height: 8 }, { maxSidePx: 4 });
    for (let y = 0; y < 8; y += 2) {
      const cut = <T extends Float32Array | Uint8Array>(values: T) => values.slice(y * 10, (y + 2) * 10) as T;
      const { red, validMask } = rows;
      strips.addRows({ red: cut(red), green: cut(red), blue: cut(red), validMask: cut(validMask) }, 2);
    }
    const canvas = whole.toCanvas();
    expect([canvas.width, canvas.height]).toEqual([4, 3]);
    expect(strips.toCanvas()).toEqual(canvas);
    expect(() => strips.addRows(ramp(10, 1), 1)).toThrow(/beginOverview: expected 8 rows/);
  });

  it("is dark grey where there is no data, and copes with a scene of one value", () => {
    const overview = beginOverview({ width: 2, height: 1 });
    const flat = Float32Array.of(0.3, 0);
    overview.addRows({ red: flat, green: flat, blue: flat, validMask: Uint8Array.of(1, 0) }, 1);
    const canvas = overview.toCanvas();
    expect([pixelOf(canvas, 0, 0), pixelOf(canvas, 1, 0)]).toEqual([
      [0, 0, 0],
      [48, 48, 48],
    ]);
  });
});

describe("renderPreview", () => {
  const grid: RasterGrid = {
    width: 40,
    height: 20,
    geoTransform: [500_000, 10, 0, 3_000_000, 0, -10],
    crs: crsFromEpsg(32645),
  };
  const ring = [
    [500_100, 2_999_900],
    [500_200, 2_999_900],
    [500_200, 2_999_950],
    [500_100, 2_999_950],
    [500_100, 2_999_900],
  ] as const;

  it("gives a PNG whose pixels are the picture with the outline drawn on", () => {
    const png = renderPreview({ canvas: blankCanvas(40, 20), grid, step: 1, outlines: [[[ring]]] });
    const { width, height, channels, data } = decode(png);
    expect([width, height, channels]).toEqual([40, 20, 3]);
    const isYellow = (x: number, y: number) => {
      const at = (y * 40 + x) * 3;
      return data[at] === 255 && data[at + 1] === 225 && data[at + 2] === 0;
    };
    // The outline from (10, 5) to (20, 10) runs along pixel edges.
    expect([isYellow(10, 5), isYellow(15, 5), isYellow(20, 8)]).toEqual([true, true, true]);
    expect([isYellow(15, 7), isYellow(25, 5), isYellow(15, 12)]).toEqual([false, false, false]);
  });

  it("draws on a reduced picture at the right place", () => {
    const canvas = blankCanvas(10, 5);
    renderPreview({ canvas, grid, step: 4, outlines: [[[ring]]], outlineColor: white });
    expect(inkOf(canvas)).toEqual(["..........", "..####....", "..####....", "..........", ".........."]);
  });
});

describe("histogram", () => {
  it("counts in steps of a quarter of a decade, ends never empty, gaps kept", () => {
    const bins = logHistogram([1000, 1001, 1779, 99_999, 0, -5]);
    expect(bins[0]).toMatchObject({ from: 1000, count: 2 });
    expect(bins[1]!.count).toBe(1);
    expect(bins).toHaveLength(8);
    expect(bins.at(-1)).toMatchObject({ to: 100_000, count: 1 });
    expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(4);
    expect(logHistogram([0])).toEqual([]);
  });

  it("takes as many values as there may be lakes", () => {
    const areas = Array.from({ length: 200_000 }, (_, index) => 1000 + index);
    expect(logHistogram(areas).reduce((sum, { count }) => sum + count, 0)).toBe(200_000);
  });

  it("draws one bar a bin, the highest over the whole height", () => {
    const svg = histogramSvg(logHistogram([1000, 1001, 2000]), "lake <area>");
    const heights = [...svg.matchAll(/<rect [^>]*height="([\d.]+)"/g)].map(([, height]) => Number(height));
    expect(heights).toEqual([202, 101]);
    expect(svg).toContain("1000 m² to 1778 m²: 2");
    expect(svg).not.toContain("<area>");
  });

  it("labels areas in m² and km²", () => {
    expect([850.4, 9_999, 9_999.7, 12_345, 3.21e9].map(areaLabel)).toEqual([
      "850 m²",
      "9999 m²",
      "0.01 km²",
      "0.0123 km²",
      "3210 km²",
    ]);
  });
});

describe("renderReport", () => {
  const lake: ReportLake = {
    id: "GL086925E27898N",
    areaM2: 1_234_567,
    areaSigmaM2: 20_000,
    perimeterM: 9_876,
    meanProb: 0.876,
    validFraction: 1,
    touchesEdge: false,
    lonDeg: 86.925,
    latDeg: 27.898,
  };
  const page = (lakes: readonly ReportLake[], more: Partial<Parameters<typeof renderReport>[0]> = {}) =>
    renderReport({ title: "Lakes", previewPng: Uint8Array.of(1, 2, 250), lakes, settings: [], ...more });

  it("escapes whatever comes from files", () => {
    const evil = `<script>alert("1")</script>&'`;
    const html = page([{ ...lake, id: evil }], { title: evil, settings: [[evil, evil]] });
    expect(html).not.toContain("<script");
    expect(html.match(/&#60;script&#62;alert\(&#34;1&#34;\)&#60;\/script&#62;&#38;&#39;/g)).toHaveLength(5);
  });

  it("stands alone: the picture is inside, nothing is fetched, no script", () => {
    const html = page([lake]);
    expect(html).toContain(`src="data:image/png;base64,${Buffer.from([1, 2, 250]).toString("base64")}"`);
    expect(html).not.toMatch(/<script|<link|@import|url\(|src="(?!data:)|href=/);
    expect(page([], { previewPng: new Uint8Array(100_000).fill(7) }).length).toBeGreaterThan(133_000);
  });

  it("lists lakes from large to small, with what is not sure about them", () => {
    const small = { ...lake, id: "small", areaM2: 1_000, touchesEdge: true, validFraction: 0.714 };
    const html = page([small, lake]);
    expect(html.indexOf("GL086925E27898N")).toBeLessThan(html.indexOf("small"));
    expect(html).toContain("<b>2</b> lakes, <b>1.24 km²</b> in all, the largest <b>1.23 km²</b>");
    expect(html).toContain("1,234,567");
    expect(html).toContain("reaches the edge of the map; 71 % of the shore seen");
  });

  it("says so where there is no lake, and one lake is one", () => {
    expect(page([])).toContain("<b>0</b> lakes, <b>0 m²</b> in all.");
    expect(page([])).not.toContain("<svg");
    expect(page([lake])).toContain("<b>1</b> lake, ");
  });
});
