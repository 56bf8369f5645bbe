import type { StopSign } from "./stop_sign.js";
import type { ProbabilityRows } from "./types.js";

/**
 * Hands out finished rows one strip after the other, while the next strip is being computed: one write at a time, and
 * never more than one strip waits for it.
 */
export class RowWriter {
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly write: (rows: ProbabilityRows) => Promise<void>,
    private readonly stop: StopSign,
  ) {}

  /** Begins to write; `end` comes before. The arrays become the writer's. */
  begin(rows: ProbabilityRows): void {
    // A failure stops the other parts at once, and is thrown by whoever looks at the stop sign.
    this.writing = this.write(rows).catch((error: unknown) => this.stop.fail(error));
  }

  /** Resolves when nothing is being written any more. Never throws. */
  end(): Promise<void> {
    return this.writing;
  }
}
