export { EXIT } from "./exit_codes.js";
export { runCli } from "./run_cli.js";
export { shippedModelPath } from "./shipped_model.js";
