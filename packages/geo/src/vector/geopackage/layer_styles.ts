import type { SqlDatabase } from "sql.js";

/** The table in which QGIS keeps the styles of a GeoPackage's layers. */
const table = `CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256),
  f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT,
  styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),
  update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')))`;

/** Puts QML styles beside their layers, each as its layer's default: QGIS then draws the layer with it. */
export function addLayerStyles(
  database: SqlDatabase,
  styles: readonly { readonly layer: string; readonly qml: string }[],
  lastChange: string,
): void {
  if (styles.length === 0) return;
  database.run(table);
  database.run(
    "INSERT INTO gpkg_contents (table_name, data_type, identifier, last_change) VALUES ('layer_styles', 'attributes', 'layer_styles', ?)",
    [lastChange],
  );
  for (const { layer, qml } of styles) {
    database.run(
      `INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, styleQML,
         styleSLD, useAsDefault, description, owner, update_time) VALUES ('', '', ?, 'geom', 'default', ?, '', 1, '', '', ?)`,
      [layer, qml, lastChange],
    );
  }
}
