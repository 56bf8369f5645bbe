import type { Checkpoint } from "@glof/checkpoint";
import { GlofError } from "@glof/core";
import {
  disposeParams,
  initParams,
  type LoadOptions,
  linear,
  loadParams,
  type Model,
  type ParamSpec,
  type Params,
  subParams,
} from "@glof/nn";
import * as tf from "@tensorflow/tfjs-core";
import { classifierFeatures } from "./classifier_features.js";
import { type Dinov2Config, type Dinov2Options, toDinov2Config } from "./config.js";
import { buildDinov2 } from "./model.js";
import { mappedCheckpoint, sameTensor } from "./names/mapped_checkpoint.js";
import type { Dinov2LoadOptions, Dinov2Model } from "./types.js";

/** What defines a classifier. */
export interface Dinov2ClassifierConfig {
  readonly backbone: Dinov2Config;
  /** Last blocks whose cls tokens the head sees: 4 (the hub's default) or 1. */
  readonly layers: 1 | 4;
  /** K. The official heads tell ImageNet's 1000. */
  readonly classes: number;
}

/** Options of `buildDinov2Classifier`. */
export interface Dinov2ClassifierOptions {
  /** Such as `buildDinov2Vits14().config`. */
  readonly backbone: Dinov2Options;
  /** Default 4. */
  readonly layers?: 1 | 4;
  /** Default 1000. */
  readonly classes?: number;
}

/** Backbone and linear head as one model; parameters lie behind `backbone.` and `linear_head.`, as at the hub. */
export interface Dinov2Classifier extends Model<tf.Tensor4D, tf.Tensor2D, Dinov2ClassifierConfig> {
  /** The backbone's own definition, for features on the way. */
  readonly backbone: Dinov2Model;
  /**
   * One file that holds both: `backbone.…` and `linear_head.…`, as `state_dict()` of the hub's classifier has them, or
   * Hugging Face's `Dinov2ForImageClassification` (`dinov2.…` and `classifier.…`; one layer).
   */
  load(checkpoint: Checkpoint, options?: Dinov2LoadOptions): Promise<Params>;
  /**
   * The two files in which the official weights come: `dinov2_vits14_pretrain.pth` (any names that `Dinov2Model.load`
   * knows) and `dinov2_vits14_linear4_head.pth` (`weight`, `bias`).
   *
   * @throws GlofError `parameter-mismatch`; nothing stays in memory then
   */
  loadParts(backbone: Checkpoint, head: Checkpoint, options?: Dinov2LoadOptions): Promise<Params>;
}

const backbonePrefix = "backbone.";
const headPrefix = "linear_head.";

/**
 * The hub's image classifiers (`dinov2_vits14_lc` and its like): images to logits [N, K] through one linear layer over
 * cls tokens of the last `layers` blocks and the mean of the last patch tokens.
 * Source: dinov2/hub/classifiers.py.
 *
 * @throws GlofError `bad-config`
 */
export function buildDinov2Classifier(options: Dinov2ClassifierOptions): Dinov2Classifier {
  const config: Dinov2ClassifierConfig = {
    backbone: toDinov2Config(options.backbone),
    layers: options.layers ?? 4,
    classes: options.classes ?? 1000,
  };
  checkClassifier(config);
  const backbone = buildDinov2(config.backbone);
  const headSpecs = linearHeadSpecs(config);
  const specs = [...prefixed(backbone.specs, backbonePrefix), ...prefixed(headSpecs, headPrefix)];
  const loadParts: Dinov2Classifier["loadParts"] = (backboneFile, headFile, loadOptions = {}) =>
    loadBoth(
      () => loadParams(headSpecs, headCheckpoint(headFile), headOptions(loadOptions)),
      () => backbone.load(backboneFile, loadOptions),
    );
  return {
    config,
    backbone,
    specs,
    init: (seed) => initParams(specs, seed),
    loadParts,
    load: (checkpoint, loadOptions) => loadParts(checkpoint, checkpoint, loadOptions),
    forward: (params, images) =>
      tf.tidy(() => {
        const own = subParams(params, backbonePrefix);
        const features = classifierFeatures(backbone, own, images, config.layers);
        return linear(features, params[`${headPrefix}weight`]!, params[`${headPrefix}bias`]);
      }),
  };
}

/** The head first: it is small, and a head of another size is known before a gigabyte was read. */
async function loadBoth(
  loadHead: () => Promise<Params>,
  loadBackbone: () => Promise<Params>,
): Promise<Params> {
  const head = await loadHead();
  try {
    const backbone = await loadBackbone();
    return { ...renamed(backbone, backbonePrefix), ...renamed(head, headPrefix) };
  } catch (error) {
    disposeParams(head);
    throw error;
  }
}

/** Where the head lies in files of a whole classifier: the hub's, Hugging Face's. */
const headPrefixes = [headPrefix, "classifier."];

/** The head's own tensors of a file of the head alone or of the whole classifier, under the head's names. */
function headCheckpoint(file: Checkpoint): Checkpoint {
  const names = [...file.entries.keys()];
  const prefix = headPrefixes.find((one) => names.some((name) => name.startsWith(one))) ?? "";
  const own = names.filter((name) => name.startsWith(prefix));
  return mappedCheckpoint(
    file,
    new Map(
      own.map((full) => [full.slice(prefix.length), sameTensor(file, full, full.slice(prefix.length))]),
    ),
  );
}

/** What of the options concerns the head. The report is the backbone's. */
const headOptions = ({ signal }: LoadOptions): LoadOptions => ({ ...(signal && { signal }) });

/** `nn.Linear((1 + layers) · D, K)`. */
function linearHeadSpecs({ backbone, layers, classes }: Dinov2ClassifierConfig): ParamSpec[] {
  const weight: ParamSpec = {
    name: "weight",
    shape: [classes, (1 + layers) * backbone.embedDim],
    kind: "weight",
    layout: "linear",
    init: { kind: "normal", std: 0.01 },
  };
  return [
    weight,
    { name: "bias", shape: [classes], kind: "weight", layout: "as-is", init: { kind: "zeros" } },
  ];
}

const prefixed = (specs: readonly ParamSpec[], prefix: string): ParamSpec[] =>
  specs.map((spec) => ({ ...spec, name: `${prefix}${spec.name}` }));

const renamed = (params: Params, prefix: string): Params =>
  Object.fromEntries(Object.entries(params).map(([name, tensor]) => [`${prefix}${name}`, tensor]));

function checkClassifier({ layers, classes, backbone }: Dinov2ClassifierConfig): void {
  const fits = (layers === 1 || layers === 4) && layers <= backbone.depth;
  if (fits && Number.isSafeInteger(classes) && classes > 0) return;
  throw new GlofError(
    "bad-config",
    `buildDinov2Classifier(${backbone.name}): expected layers 1 or 4 of a backbone of ${backbone.depth} blocks and a ` +
      `positive number of classes, got layers ${layers} and classes ${classes}. Correct the options.`,
    { layers, classes },
  );
}
