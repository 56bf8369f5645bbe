import { seededRng } from "@glof/core";
import { describe, expect, it } from "vitest";
import { crsFromEpsg } from "../../crs/crs.js";
import { hasGdal, runGdal } from "../../test_support/gdal.js";
import { useTemporaryFolder } from "../../test_support/temporary_folder.js";
import type { Feature } from "../../types.js";
import type { Envelope } from "./geometry_blob.js";
import { readGeoPackage } from "./read_geopackage.js";
import { createBoxList, packRtree, type RtreeRows } from "./rtree_nodes.js";
import { writeGeoPackage } from "./write_geopackage.js";

const folder = useTemporaryFolder();

interface RtreeEntry {
  readonly id: number;
  readonly envelope: Envelope;
}

function pack(entries: readonly RtreeEntry[]): RtreeRows {
  const boxes = createBoxList();
  for (const { id, envelope } of entries) boxes.add(id, envelope);
  return packRtree(boxes);
}

function randomEntries(count: number): RtreeEntry[] {
  const rng = seededRng(`rtree ${count}`);
  return Array.from({ length: count }, (_, index) => {
    const [x, y] = [rng.uniform(-180, 180), rng.uniform(3e6, 4e6)];
    return { id: index + 1, envelope: [x, x + rng.uniform(0, 9), y, y + rng.uniform(0, 1e4)] };
  });
}

/** Rows whose rectangles meet `box`, found through the tree as SQLite walks it; checks its rules on the way. */
function search(rows: RtreeRows, box: Envelope): { found: number[]; visited: number } {
  const found: number[] = [];
  let visited = 0;
  const visit = (node: number, height: number, within: Envelope): void => {
    visited++;
    const bytes = rows.nodes[node - 1]!;
    expect(bytes.length).toBe(1228);
    const view = new DataView(bytes.buffer);
    for (let cell = 0; cell < view.getUint16(2); cell++) {
      const at = 4 + 24 * cell;
      const id = Number(view.getBigInt64(at));
      const own = [0, 1, 2, 3].map((side) => view.getFloat32(at + 8 + 4 * side)) as unknown as Envelope;
      expect(own[0] >= within[0] && own[1] <= within[1] && own[2] >= within[2] && own[3] <= within[3]).toBe(
        true,
      );
      expect(height === 0 ? rows.leaves[id - 1] : rows.parents[id - 1]).toBe(node);
      if (own[0] > box[1] || own[1] < box[0] || own[2] > box[3] || own[3] < box[2]) continue;
      if (height === 0) found.push(id);
      else visit(id, height - 1, own);
    }
  };
  const root = new DataView(rows.nodes[0]!.buffer);
  visit(1, root.getUint16(0), [-Infinity, Infinity, -Infinity, Infinity]);
  return { found: found.sort((a, b) => a - b), visited };
}

describe("packRtree", () => {
  it.each([0, 1, 51, 52, 400, 6000])("finds what a search through all %i rows finds", (count) => {
    const entries = randomEntries(count);
    const rows = pack(entries);
    const everything: Envelope = [-1e9, 1e9, -1e9, 1e9];
    expect(search(rows, everything).found).toEqual(entries.map(({ id }) => id));
    expect(search(rows, everything).visited).toBe(rows.nodes.length);
    const box: Envelope = [10, 30, 3.2e6, 3.3e6];
    const meets = entries.filter(
      ({ envelope: [minX, maxX, minY, maxY] }) =>
        minX <= box[1] && maxX >= box[0] && minY <= box[3] && maxY >= box[2],
    );
    const { found, visited } = search(rows, box);
    // Rectangles are rounded outwards, so a neighbour within a float's step may come too; none may be missed.
    expect(found).toEqual(expect.arrayContaining(meets.map(({ id }) => id)));
    expect(found.length).toBeLessThanOrEqual(meets.length + 1);
    if (count === 6000) expect(visited).toBeLessThan(rows.nodes.length / 5);
  });

  it("rounds outwards", () => {
    const envelope: Envelope = [-0.1, -0.1, 3_095_000.3, 3_095_000.3];
    const view = new DataView(pack([{ id: 7, envelope }]).nodes[0]!.buffer);
    expect(view.getFloat32(12)).toBeLessThan(-0.1);
    expect(view.getFloat32(16)).toBeGreaterThan(-0.1);
    expect(view.getFloat32(20)).toBe(3_095_000.25);
    // rtree.c goes one step too far upwards, and so do we: byte for byte what SQLite would store.
    expect(view.getFloat32(24)).toBe(3_095_000.75);
  });
});

describe.skipIf(!hasGdal("the R-tree against SQLite's own"))("SQLite and OGR", () => {
  it("check it whole, search it, add to it and delete from it", async () => {
    const rng = seededRng("rtree features");
    const features = Array.from({ length: 3000 }, (_, index): Feature => {
      const [x, y, side] = [rng.uniform(4e5, 5e5), rng.uniform(3e6, 3.1e6), rng.uniform(10, 900)];
      const ring = [
        [x, y],
        [x + side, y],
        [x + side, y + side],
        [x, y],
      ] as const;
      return { geometry: index === 9 ? [] : [[ring]], properties: { index } };
    });
    const path = folder.at("rtree.gpkg");
    await writeGeoPackage(path, [
      { layer: "odd \"la'yer", crs: crsFromEpsg(32645), features },
      { layer: "empty", crs: undefined, features: [], style: "<qgis/>" },
    ]);
    const script = `
import sqlite3
def check(name): return sqlite3.connect(args).execute("SELECT rtreecheck(?)", (name,)).fetchone()[0]
out = [check('rtree_odd "la\\'yer_geom'), check("rtree_empty_geom")]
ds = ogr.Open(args, 1)
layer = ds.GetLayer(0)
out.append(layer.TestCapability("FastSpatialFilter"))
box = (420000, 3020000, 440000, 3030000)
layer.SetSpatialFilterRect(*box)
before = layer.GetFeatureCount()
layer.SetSpatialFilter(None)
envelopes = [f.GetGeometryRef().GetEnvelope() for f in layer if f.GetGeometryRef() and not f.GetGeometryRef().IsEmpty()]
out.append(before == sum(e[0] <= box[2] and e[1] >= box[0] and e[2] <= box[3] and e[3] >= box[1] for e in envelopes))
for k in range(60):
    f = ogr.Feature(layer.GetLayerDefn())
    f.SetGeometry(ogr.CreateGeometryFromWkt("MULTIPOLYGON(((430000 3025000,430010 3025000,430010 3025010,430000 3025000)))"))
    layer.CreateFeature(f)
for fid in range(1, 201): layer.DeleteFeature(fid)
layer.SetSpatialFilterRect(430000, 3025000, 430001, 3025001)
out.append(layer.GetFeatureCount() >= 60)
ds = None
out.append(check('rtree_odd "la\\'yer_geom'))
print(json.dumps(out))`;
    expect(runGdal(script, path)).toEqual(["ok", "ok", true, true, true, "ok"]);
    expect((await readGeoPackage(path)).map((layer) => layer.features.length)).toEqual([2860, 0]);
  });
});
