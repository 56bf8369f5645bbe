import { corruptFile } from "../byte_source.js";
import { unsupportedZip } from "./zip_errors.js";

/**
 * Refuses a path that could lead outside of a folder it is unpacked to, on any system.
 *
 * @throws GlofError `corrupt-file`
 */
export function requireSafePath(name: string, path: string): void {
  const fault = faultOf(path);
  if (fault === undefined) return;
  throw corruptFile(
    name,
    "plain relative paths in the zip",
    `${JSON.stringify(path.slice(0, 100))} (${fault})`,
  );
}

function faultOf(path: string): string | undefined {
  if (path === "") return "empty";
  if (path.includes("\0")) return "with a zero byte";
  if (path.includes("\\")) return "with a backslash";
  if (path.startsWith("/") || /^[a-z]:/i.test(path)) return "absolute";
  const parts = path.replace(/\/$/, "").split("/");
  if (parts.some((part) => part === "" || part === "." || part === "..")) return "with . or .. or //";
  return undefined;
}

const fileTypes = 0o170000;
const regular = 0o100000;
const folder = 0o040000;

/**
 * Refuses links and devices.
 *
 * @param mode the Unix mode in the upper half of the external attributes; 0 when the archive has none
 * @throws GlofError `unsupported-feature`
 */
export function requirePlainFile(name: string, path: string, mode: number): void {
  const type = mode & fileTypes;
  if (type === 0 || type === regular || type === folder) return;
  const what = type === 0o120000 ? "a symbolic link" : "a device or pipe";
  throw unsupportedZip(name, `"${path}" is ${what}`, "Zip the files themselves.");
}
