export { expectClose, findWorst, type Values, type Worst } from "./expect_close.js";
export { expectNoTensorGrowth } from "./tensor_growth.js";
export { type Tolerance, toleranceHere, tolerances } from "./tolerances.js";
