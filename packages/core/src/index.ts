export { throwIfAborted } from "./cancellation.js";
export { GlofError, type GlofErrorCode, type GlofErrorDetails, isGlofError } from "./errors.js";
export { type Logger, silentLogger } from "./logger.js";
export { parseJson } from "./parse_json.js";
export type { OnProgress, ProgressEvent } from "./progress.js";
export { type Rng, rngFromState, seededRng } from "./random.js";
export { type BandPlace, type BandScaling, standardiseBand } from "./standardise.js";
