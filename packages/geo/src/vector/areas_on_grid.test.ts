import { describe, expect, it } from "vitest";
import { crsFromEpsg, WGS84 } from "../crs/crs.js";
import { projector } from "../crs/projector.js";
import type { RasterGrid } from "../types.js";
import { areasOnGrid, lonLatBox } from "./areas_on_grid.js";

const grid: RasterGrid = {
  width: 100,
  height: 80,
  geoTransform: [483_000, 10, 0, 3_095_000, 0, -10],
  crs: crsFromEpsg(32645),
};

describe("areasOnGrid", () => {
  it("gives the box in whole pixels, and what lies inside", () => {
    const toLonLat = projector(grid.crs!, WGS84);
    const at = (col: number, row: number) => toLonLat([483_000 + 10 * col, 3_095_000 - 10 * row]);
    const area = {
      geometry: [[[at(10.2, 5.2), at(12.9, 5.2), at(12.9, 6.9), at(10.2, 6.9), at(10.2, 5.2)]]],
    };
    const laid = areasOnGrid([area], grid)!;
    expect(laid.window).toEqual({ x: 10, y: 5, width: 3, height: 2 });
    expect([...laid.insideRows(0, 2)]).toEqual([1, 1, 1, 1, 1, 1]);
    expect([...laid.insideRows(1, 1)]).toEqual([1, 1, 1]);
  });

  it("cuts to the grid, and keeps the boxes as they are", () => {
    const laid = areasOnGrid([lonLatBox(86, 27.5, 88, 28.5)], grid)!;
    expect(laid.window).toEqual({ x: 0, y: 0, width: 100, height: 80 });
    expect(laid.boxes[0]!.x).toBeLessThan(-1000);
    expect(laid.insideRows(3, 2).every((inside) => inside === 1)).toBe(true);
  });

  it("finds nothing elsewhere, also where the CRS shows nothing", () => {
    for (const box of [lonLatBox(0, 0, 1, 1), lonLatBox(80, 27, 81, 28), lonLatBox(-93.2, -28, -93, -27)]) {
      expect(areasOnGrid([box], grid)).toBeUndefined();
    }
    expect(areasOnGrid([], grid)).toBeUndefined();
    expect(areasOnGrid([{ geometry: [] }], grid)).toBeUndefined();
  });

  it("crosses the antimeridian, from either side", () => {
    const fiji: RasterGrid = {
      ...grid,
      geoTransform: [800_000, 100, 0, 8_100_000, 0, -100],
      crs: crsFromEpsg(32760),
    };
    const ask = (box: ReturnType<typeof lonLatBox>) =>
      areasOnGrid([box], { ...fiji, width: 400, height: 400 });
    const across = ask(lonLatBox(179.9, -17.6, -179.9, -17.4))!;
    expect(across.window.width).toBeGreaterThan(190);
    expect(ask(lonLatBox(539.9, -17.6, 540.1, -17.4))!.window).toEqual(across.window);
    expect(ask(lonLatBox(170, -17.6, 171, -17.4))).toBeUndefined();
  });

  it("needs a CRS", () => {
    expect(() => areasOnGrid([], { ...grid, crs: undefined })).toThrow("expected a grid with a coordinate");
  });
});
