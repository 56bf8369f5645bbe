import type { SideName, Task } from "./protocol.js";
import type { WorkCount } from "./work_counts.js";

/** One row of a suite. */
export interface BenchCase extends WorkCount {
  readonly name: string;
  readonly task: Task;
  /** Sides left out, and why: shown in the table as they stand. */
  readonly leftOut?: Partial<Record<SideName, string>>;
  /** A row that a page cannot do without: in a run of several suites these come first, the rest after them while there is time. */
  readonly isMain?: boolean;
  /** Makes the files that it needs, where they are not there yet. Its time is not counted. */
  readonly setUp?: () => void | Promise<void>;
  /** At most so many measurements of each side: for slow cases. Default: as many as were asked for. */
  readonly repeats?: number | undefined;
  /** Largest relative difference (greatest difference over greatest value) that is still the same result. Default 1e-4. */
  readonly tolerance?: number;
}

/** Cases measured together. */
export interface Suite {
  readonly name: string;
  /** One sentence on what it measures, for the report. */
  readonly about: string;
  /** New processes for each case: peak memory is then that of the case. */
  readonly freshProcesses: boolean;
  /** What ours and stock TensorFlow.js run on here, whatever was asked for. `null`: a GPU that computes nothing. */
  readonly backend?: "null";
  /** Who can take part. */
  readonly sides: readonly SideName[];
  readonly cases: readonly BenchCase[];
}
