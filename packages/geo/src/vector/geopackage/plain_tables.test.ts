import { isGlofError } from "@glof/core";
import initSqlJs from "sql.js";
import { describe, expect, it } from "vitest";
import { crsFromEpsg } from "../../crs/crs.js";
import type { Feature } from "../../types.js";
import { parseGeoPackage } from "./read_geopackage.js";
import { formatGeoPackage } from "./write_geopackage.js";

const square: Feature = {
  geometry: [
    [
      [
        [0, 0],
        [1, 0],
        [1, 1],
        [0, 0],
      ],
    ],
  ],
  properties: { id: 1, name: "a" },
};

/** A sound GeoPackage of one layer `lakes`, after these statements. */
async function changed(...statements: readonly string[]): Promise<Uint8Array> {
  const sql = await initSqlJs();
  const database = new sql.Database(
    await formatGeoPackage([{ layer: "lakes", crs: crsFromEpsg(32645), features: [square, square] }]),
  );
  for (const statement of statements) database.run(statement);
  const bytes = database.export();
  database.close();
  return bytes;
}

const codeOf = async (bytes: Uint8Array): Promise<string> =>
  parseGeoPackage(bytes).then(
    () => "no error",
    (error: unknown) => (isGlofError(error) ? error.code : `not a GlofError: ${error}`),
  );

const endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)";

describe("GeoPackages that want to be computed", () => {
  it("reads the tables of a sound one", async () => {
    const [layer] = await parseGeoPackage(await changed());
    expect(layer!.features.map(({ properties }) => properties)).toEqual([
      { id: 1, name: "a" },
      { id: 1, name: "a" },
    ]);
  });

  it("refuses a layer, or a table of its own, that is an endless view", async () => {
    const layer = await changed(
      "DROP TABLE lakes",
      `CREATE VIEW lakes AS ${endless} SELECT x AS geom FROM c`,
    );
    expect(await codeOf(layer)).toBe("unsupported-feature");
    const contents = await changed(
      "DROP TABLE gpkg_contents",
      `CREATE VIEW gpkg_contents AS ${endless} SELECT 'lakes' AS table_name, 'features' AS data_type FROM c`,
    );
    expect(await codeOf(contents)).toBe("unsupported-feature");
  });

  it("refuses columns that are computed", async () => {
    const bytes = await changed("ALTER TABLE lakes ADD COLUMN bomb AS (hex(zeroblob(400000000)))");
    expect(await codeOf(bytes)).toBe("unsupported-feature");
  });

  it("refuses more than its bytes can hold: one long default for each of many rows", async () => {
    // The triggers of the R-tree want functions of GDAL.
    const trigger = (name: string): string => `DROP TRIGGER IF EXISTS rtree_lakes_geom_${name}`;
    const bytes = await changed(
      trigger("insert"),
      `WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 2000) INSERT INTO lakes(name) SELECT 'b' FROM c`,
      `ALTER TABLE lakes ADD COLUMN long TEXT DEFAULT '${"x".repeat(50_000)}'`,
    );
    expect(await codeOf(bytes)).toBe("corrupt-file");
  });

  it("names layers whose tables are not there", async () => {
    expect(await codeOf(await changed("DROP TABLE lakes"))).toBe("corrupt-file");
  });
});
