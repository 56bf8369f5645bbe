/** What the kernels `GlofClassSums` and `GlofClassSlopes` compute from logits [P, K] and labels. */
export interface ClassLossOptions {
  /**
   * `"entropy"`: cross-entropy of a softmax. `"region"`: what Dice, Jaccard and Tversky losses are made of. `"focal"`: focal
   * loss of each class for itself.
   */
  readonly kind: "entropy" | "region" | "focal";
  /**
   * False: labels are class numbers, one per pixel, and classes share a softmax. True: labels are targets in [0, 1], one per
   * pixel and class, and each class has a sigmoid. Focal loss takes sigmoids in any case.
   */
  readonly multilabel: boolean;
  /** The label that counts nowhere; `null`: none. */
  readonly ignore: number | null;
  /** Of `"entropy"`: share of the target spread over all classes. */
  readonly smoothing: number;
  /** Of `"focal"`: the power, and the weights of targets 1 and 0. */
  readonly gamma: number;
  readonly weightOfTrue: number;
  readonly weightOfFalse: number;
  /** Of `"focal"`: the probability of the truth below which the full loss counts; 0: none. */
  readonly threshold: number;
}
