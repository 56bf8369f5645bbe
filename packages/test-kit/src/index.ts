export { hasShared, sharedPath } from "./shared_folder.js";
