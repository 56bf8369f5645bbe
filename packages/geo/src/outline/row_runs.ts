/** The columns where a row of a mask goes in and out: start of run 0, end of run 0, start of run 1, … */
export interface RowRuns {
  edges: Int32Array;
  /** Edges in use: twice the number of runs. */
  count: number;
}

/** Room for the runs of any row of `width` pixels. */
export function createRowRuns(width: number): RowRuns {
  return { edges: new Int32Array(2 * Math.ceil(width / 2)), count: 0 };
}

/** Adds a run, and room for it. */
export function addRun(runs: RowRuns, from: number, to: number): void {
  if (runs.count + 2 > runs.edges.length) {
    const larger = new Int32Array(2 * runs.edges.length + 2);
    larger.set(runs.edges);
    runs.edges = larger;
  }
  runs.edges[runs.count++] = from;
  runs.edges[runs.count++] = to;
}

/** Finds the runs of ones among the `width` pixels from `start`. */
export function findRuns(mask: Uint8Array, start: number, width: number, runs: RowRuns): void {
  const row = mask.subarray(start, start + width);
  let count = 0;
  // indexOf is a native search: rows without a lake cost next to nothing.
  for (let at = row.indexOf(1); at !== -1; at = row.indexOf(1, at)) {
    runs.edges[count++] = at;
    while (row[at] === 1) at++;
    runs.edges[count++] = at;
  }
  runs.count = count;
}
