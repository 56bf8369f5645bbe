/** One report of progress of a long job. */
export interface ProgressEvent {
  /** What is being done, a short stable word: `"tiles"`, `"train"`, `"polygonize"`. */
  readonly stage: string;
  /** Units finished so far. */
  readonly done: number;
  /** Units in all; `undefined` while it is not known. */
  readonly total: number | undefined;
  /** Name of the unit in the plural: `"tiles"`, `"steps"`, `"rows"`. */
  readonly unit: string;
  /** One more fact worth showing, such as the current loss. */
  readonly note?: string;
  /** Time to the end of the stage where the job can tell it better than `done` over elapsed time does. */
  readonly secondsLeft?: number;
}

/** Called by long jobs after each unit of work. It must not throw. */
export type OnProgress = (event: ProgressEvent) => void;
