export { LAKE_COLUMNS, type Lake, measureLakes, toFeature } from "./lake_features.js";
export { metresPerPixel } from "./pixel_size.js";
