import type { ResolvedLayer } from "./check_layers.js";
import { toSqlValue } from "./columns.js";
import { createGeometryEncoder, type Envelope } from "./geometry_blob.js";
import { writeRtreeIndex } from "./rtree_index.js";
import { createBoxList } from "./rtree_nodes.js";
import { spatialRefOf } from "./spatial_refs.js";
import { createByteBuilder } from "./sqlite/byte_builder.js";
import type { PageFile } from "./sqlite/page_file.js";
import { createRecordWriter, type RecordValue } from "./sqlite/record.js";
import { createTablePages } from "./sqlite/table_pages.js";

/** What became of a layer's rows. */
export interface WrittenLayer {
  readonly count: number;
  /** Rectangle around all shapes; `undefined` around none. */
  readonly bounds: Envelope | undefined;
  /** Root pages of the layer's table and of its index, by the tables' names. */
  readonly roots: ReadonlyMap<string, Uint8Array>;
}

/** Writes the rows of a layer and of its spatial index behind the pages there are. */
export async function writeLayerRows(pages: PageFile, layer: ResolvedLayer): Promise<WrittenLayer> {
  const srsId = spatialRefOf(layer.crs).id;
  const columns = [...layer.columns];
  const rows = createTablePages(pages);
  const { encode } = createGeometryEncoder();
  const { write } = createRecordWriter();
  const record = createByteBuilder();
  const boxes = createBoxList();
  let bounds: Envelope | undefined;
  let count = 0;
  for (const { geometry, properties } of layer.features) {
    count++;
    const { blob, envelope } = encode(geometry, srsId);
    // The key is the row's id; its own column is empty.
    const values: RecordValue[] = [null, blob];
    for (const [name, type] of columns) values.push(toSqlValue(properties[name], type));
    record.clear();
    write(record, values);
    rows.add(count, record.content());
    if (envelope !== undefined) {
      boxes.add(count, envelope);
      bounds = bounds === undefined ? envelope : union(bounds, envelope);
    }
    if (pages.isFull()) await pages.drain();
  }
  const roots = new Map([[layer.layer, rows.finish()]]);
  for (const [table, page] of await writeRtreeIndex(pages, layer.layer, boxes)) roots.set(table, page);
  return { count, bounds, roots };
}

const union = (a: Envelope, b: Envelope): Envelope => [
  Math.min(a[0], b[0]),
  Math.max(a[1], b[1]),
  Math.min(a[2], b[2]),
  Math.max(a[3], b[3]),
];
