export { type AdamOptions, adam, adamW } from "./adam.js";
export type { GeometricAugmentation, RadiometricAugmentation } from "./augment.js";
export { type ChipBatchesOptions, chipBatches } from "./chip_batches.js";
export { type BandStatistics, bandStatistics, type Chip, type ChipSet, openChipSet } from "./chips.js";
export { type ClipOptions, clipByGlobalNorm, clipByValue, globalNorm } from "./clip.js";
export { type FitResult, fit, runFit } from "./fit.js";
export type { FitOptions, TrainableRules } from "./fit_options.js";
export {
  disposeOptimizerState,
  noDecayOnVectors,
  type Optimizer,
  type OptimizerOptions,
  type OptimizerSlot,
  type OptimizerState,
  type ParamGroup,
  type UpdateOptions,
} from "./optimizer.js";
export {
  type PlateauOptions,
  type PlateauSchedule,
  type PlateauState,
  reduceLrOnPlateau,
} from "./plateau.js";
export { type RmsPropOptions, rmsProp } from "./rmsprop.js";
export {
  constantLr,
  cosineLr,
  cosineRestartsLr,
  dinov2CosineLr,
  exponentialLr,
  linearLr,
  multiStepLr,
  oneCycleLr,
  polynomialLr,
  type Schedule,
  sequentialLr,
  stepLr,
  warmupCosineLr,
} from "./schedules.js";
export { type SgdOptions, sgd } from "./sgd.js";
export { appendTrainLog, toLogLine } from "./train_log.js";
export { inverseSymmetry, type Symmetry, turnChip } from "./turn_chip.js";
export type {
  BatchIndex,
  BatchSource,
  BestSoFar,
  TrainBatch,
  TrainEvent,
  Validation,
  Validator,
} from "./types.js";
export { type ChipValidatorOptions, chipValidator } from "./validate_chips.js";
export type { VectorBands } from "./vector_bands.js";
