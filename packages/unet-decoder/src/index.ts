export { buildLinearClassifier, type LinearClassifierConfig } from "./linear_classifier.js";
export * from "./types.js";
