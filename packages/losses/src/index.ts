export { type BceOptions, bceWithLogits } from "./bce.js";
export { type CrossEntropyOptions, crossEntropy } from "./cross_entropy.js";
export { type FocalLossOptions, focalLoss } from "./focal.js";
export { type LovaszHingeOptions, lovaszHinge } from "./lovasz_hinge.js";
export { type LovaszSoftmaxOptions, lovaszSoftmax } from "./lovasz_softmax.js";
export { type MccLossOptions, mccLoss } from "./mcc.js";
export {
  diceLoss,
  jaccardLoss,
  type RegionLossOptions,
  type TverskyLossOptions,
  tverskyLoss,
} from "./region_loss.js";
export type { EmptyOptions, IgnoreOptions, Loss, LossMode, Reduction } from "./types.js";
export { type WeightedLoss, weightedSum } from "./weighted_sum.js";
