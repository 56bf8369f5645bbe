/** What a person should know of a model: where it comes from and how good it is. Plain JSON; more fields may be added. */
export interface ModelCard {
  readonly description: string;
  readonly licence?: string;
  /** What it was trained on. */
  readonly data?: readonly string[];
  /** The exact command that trained it. */
  readonly command?: string;
  readonly hours?: number;
  /** Scores by name, such as `khumbu-summer/iou`. */
  readonly scores?: Readonly<Record<string, number>>;
  readonly limits?: readonly string[];
  readonly [field: string]: unknown;
}
