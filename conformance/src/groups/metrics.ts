import {
  accuracy,
  averagePrecision,
  balancedAccuracy,
  boundaryIou,
  boundaryMask,
  boundaryThickness,
  brierScore,
  type Counts,
  cohenKappa,
  confusionCounts,
  confusionMatrix,
  f1,
  falseDiscoveryRate,
  falseNegativeRate,
  falseOmissionRate,
  falsePositiveRate,
  fBeta,
  iou,
  logLoss,
  matthewsCorrelation,
  meanRecall,
  negativeLikelihoodRatio,
  negativePredictiveValue,
  normalizeConfusion,
  overallAccuracy,
  perClassCounts,
  positiveLikelihoodRatio,
  precision,
  precisionRecallCurve,
  type Ratio,
  type RatioReduction,
  recall,
  reduceRatio,
  rocAuc,
  rocCurve,
  specificity,
  supportWeights,
} from "@glof/metrics";
import type { CaseContext, CaseRunner, Got, GroupRunners } from "../case.js";

interface SmpFacts {
  readonly mode: "binary" | "multilabel" | "multiclass";
  readonly threshold?: number;
  readonly num_classes?: number;
  readonly ignore_index?: number;
  readonly class_weights_for_weighted_reductions: number[];
  readonly fbeta_beta: number;
  readonly zero_division: number[];
}

const smpRatios = (beta: number): Record<string, Ratio> => ({
  f1_score: f1,
  iou_score: iou,
  accuracy,
  precision,
  recall,
  sensitivity: recall,
  specificity,
  balanced_accuracy: balancedAccuracy,
  positive_predictive_value: precision,
  negative_predictive_value: negativePredictiveValue,
  false_negative_rate: falseNegativeRate,
  false_positive_rate: falsePositiveRate,
  false_discovery_rate: falseDiscoveryRate,
  false_omission_rate: falseOmissionRate,
  positive_likelihood_ratio: positiveLikelihoodRatio,
  negative_likelihood_ratio: negativeLikelihoodRatio,
  fbeta: (counts, options) => fBeta(counts, beta, options),
});

/** `counts[image][class]` of a batch, as `smp.metrics.get_stats`. */
function smpCounts(context: CaseContext, facts: SmpFacts): Counts[][] {
  const [pred, truth] = [context.values("in.output"), context.values("in.target")];
  const [images = 0, channels = 0] = context.shape("in.output");
  const ignore = facts.ignore_index ?? null;
  const size = pred.length / images;
  return Array.from({ length: images }, (_, image) => {
    const part = (values: Float32Array, from: number, length: number) => values.subarray(from, from + length);
    if (facts.mode === "multiclass") {
      const [seen, real] = [part(pred, image * size, size), part(truth, image * size, size)];
      return perClassCounts(confusionMatrix(seen, real, { classes: facts.num_classes!, ignore }));
    }
    const plane = size / channels;
    return Array.from({ length: channels }, (_, channel) => {
      const from = image * size + channel * plane;
      return confusionCounts(part(pred, from, plane), part(truth, from, plane), {
        threshold: facts.threshold,
        ignore,
      });
    });
  });
}

const smpMetrics: CaseRunner = (context) => {
  const facts = context.golden.options as unknown as SmpFacts;
  const counts = smpCounts(context, facts);
  const results: Record<string, Got> = {};
  for (const kind of ["tp", "fp", "fn", "tn"] as const) {
    results[`out.${kind}`] = counts.flat().map((one) => one[kind]);
  }
  const ratios = smpRatios(facts.fbeta_beta);
  for (const name of Object.keys(context.golden.expected)) {
    const [, metric, reduction, zero] = /^out\.(\w+)\.([\w-]+)(?:\.zd_([\d.]+))?$/.exec(name) ?? [];
    if (!metric || !reduction) continue;
    results[name] = smpReduced(counts, ratios[metric]!, reduction, Number(zero ?? 1), facts);
  }
  return results;
};

/** The reference's reductions with its two oddities, which ours does not share. */
function smpReduced(
  counts: Counts[][],
  ratio: Ratio,
  reduction: string,
  zeroDivision: number,
  { class_weights_for_weighted_reductions: classWeights }: SmpFacts,
): Got {
  if (reduction === "none") return counts.flat().map((one) => ratio(one, { zeroDivision }));
  const value = reduceRatio(counts, ratio, {
    reduction: reduction as RatioReduction,
    classWeights,
    // It does not apply zero_division to "micro",
    zeroDivision: reduction === "micro" ? undefined : zeroDivision,
  });
  // and divides "weighted-imagewise" by the number of classes once more.
  return reduction === "weighted-imagewise" ? value / classWeights.length : value;
}

const sklearn: CaseRunner = (context) => {
  const { labels } = context.golden.options as { labels: number[] };
  const weights = context.has("in.sample_weight") ? context.values("in.sample_weight") : undefined;
  const matrix = confusionMatrix(context.values("in.pred"), context.values("in.target"), {
    classes: labels.length,
    ignore: null,
    weights,
  });
  const counts = perClassCounts(matrix);
  const results: Record<string, Got> = {
    "out.confusion": matrix.values,
    "out.confusion.normalize_true": normalizeConfusion(matrix, "truth").values,
    "out.confusion.normalize_pred": normalizeConfusion(matrix, "prediction").values,
    "out.confusion.normalize_all": normalizeConfusion(matrix, "all").values,
    "out.accuracy": overallAccuracy(matrix),
    "out.balanced_accuracy": meanRecall(matrix),
    "out.cohen_kappa": cohenKappa(matrix),
    "out.matthews": matthewsCorrelation(matrix),
  };
  const ratios = { jaccard_score: iou, f1_score: f1, precision_score: precision, recall_score: recall };
  for (const [name, ratio] of Object.entries(ratios)) {
    for (const reduction of ["micro", "macro", "weighted"] as const) {
      const options = { reduction, zeroDivision: 0, classWeights: supportWeights(counts) };
      results[`out.${name}.${reduction}`] = reduceRatio([counts], ratio, options);
    }
    results[`out.${name}.per_class`] = counts.map((one) => ratio(one, { zeroDivision: 0 }));
  }
  return results;
};

const ranking: CaseRunner = (context) => {
  const { log_loss_clip: epsilon } = context.golden.options as { log_loss_clip: number };
  const [scores, truth] = [context.values("in.score"), context.values("in.target")];
  const curve = precisionRecallCurve(scores, truth);
  const roc = rocCurve(scores, truth);
  return {
    "out.roc_auc": rocAuc(scores, truth),
    "out.average_precision": averagePrecision(scores, truth),
    "out.brier": brierScore(scores, truth),
    "out.log_loss": logLoss(scores, truth, { epsilon }),
    "out.pr.precision": curve.precision,
    "out.pr.recall": curve.recall,
    "out.pr.thresholds": curve.thresholds,
    "out.roc.fpr": roc.falsePositiveRate,
    "out.roc.tpr": roc.truePositiveRate,
    "out.roc.thresholds_from_1": roc.thresholds.subarray(1),
  };
};

const boundary: CaseRunner = (context) => {
  const { dilation_ratios } = context.golden.options as { dilation_ratios: number[] };
  const [pred, truth] = [context.values("in.pred"), context.values("in.target")];
  const [height = 0, width = 0] = context.shape("in.target");
  const results: Record<string, Got> = {};
  for (const ratio of dilation_ratios) {
    const size = { width, height, thicknessPx: boundaryThickness(width, height, ratio) };
    const found = boundaryIou(pred, truth, { width, height, dilationRatio: ratio });
    results[`out.boundary_target.r${ratio}`] = boundaryMask(truth, size);
    results[`out.boundary_pred.r${ratio}`] = boundaryMask(pred, size);
    results[`out.intersection_union.r${ratio}`] = [found.intersection, found.union];
    results[`out.boundary_iou.r${ratio}`] = found.iou;
  }
  return results;
};

/** Golden cases of the metrics. */
export const group: GroupRunners = {
  runners: { "smp.metrics": smpMetrics, sklearn, sklearn_ranking: ranking, boundary_iou: boundary },
};
