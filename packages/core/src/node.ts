export {
  type AtomicFile,
  asGlofError,
  beginAtomicFile,
  fileError,
  markUnfinished,
  removeUnfinishedFiles,
  writeFileAtomic,
} from "./atomic_file.js";
export { beginFileSet, type FileSet } from "./file_set.js";
export { sha256, sha256File } from "./hashing.js";
