import type { Crs, Feature } from "../../types.js";
import type { ColumnType } from "./columns.js";

/** A table of outlines. */
export interface VectorLayer {
  /** Name of the table. */
  readonly layer: string;
  readonly crs: Crs | undefined;
  readonly features: readonly Feature[];
  /** Columns and their types; by default found from the values. Needed for typed columns of an empty layer. */
  readonly columns?: Readonly<Record<string, ColumnType>>;
  /** QML text (see `formatQml`), stored as the layer's default style for QGIS. Readers of this package leave it out. */
  readonly style?: string;
}

/** A table of outlines that come one by one, each forgotten once it is written: for more than memory likes to hold. */
export interface StreamedLayer extends Omit<VectorLayer, "features" | "columns"> {
  readonly features: Iterable<Feature>;
  readonly columns: Readonly<Record<string, ColumnType>>;
}
