export {
  type BoundaryIou,
  type BoundaryIouOptions,
  boundaryIou,
  boundaryMask,
  boundaryThickness,
} from "./boundary_iou.js";
export {
  brierScore,
  logLoss,
  type Reliability,
  type ReliabilityBin,
  type ReliabilityOptions,
  reliability,
} from "./calibration.js";
export {
  addConfusion,
  type ConfusionMatrix,
  type ConfusionMatrixOptions,
  cohenKappa,
  confusionMatrix,
  matthewsCorrelation,
  meanRecall,
  normalizeConfusion,
  overallAccuracy,
  perClassCounts,
} from "./confusion_matrix.js";
export {
  addCounts,
  type ConfusionCountsOptions,
  type Counts,
  confusionCounts,
  noCounts,
  sumCounts,
} from "./counts.js";
export {
  averagePrecision,
  type PrecisionRecallCurve,
  precisionRecallCurve,
  type RocCurve,
  rocAuc,
  rocCurve,
} from "./ranking.js";
export {
  accuracy,
  balancedAccuracy,
  f1,
  falseDiscoveryRate,
  falseNegativeRate,
  falseOmissionRate,
  falsePositiveRate,
  fBeta,
  iou,
  negativeLikelihoodRatio,
  negativePredictiveValue,
  positiveLikelihoodRatio,
  precision,
  type Ratio,
  type RatioOptions,
  recall,
  specificity,
} from "./ratios.js";
export {
  legacyBatchMeanIou,
  type RatioReduction,
  type ReduceRatioOptions,
  reduceRatio,
  supportWeights,
} from "./reduce.js";
