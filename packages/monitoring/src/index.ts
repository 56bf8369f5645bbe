export { type AreaChange, areaChange, type DatedArea } from "./area_change.js";
export { edgeAreaSigmaM2 } from "./edge_uncertainty.js";
export { type AreaBounds, areaBounds, type EnsembleProb, ensembleProb } from "./ensemble.js";
