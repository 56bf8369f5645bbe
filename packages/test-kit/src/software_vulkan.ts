import { constants } from "node:os";
import { join } from "node:path";
import { unpackOnce } from "./unpack_archive.js";

/**
 * Points this process's Vulkan loader at SwiftShader, so that WebGPU runs without a GPU and gives the same numbers on
 * every machine. It must run before the first adapter is asked for.
 *
 * Nothing is changed where the system's own driver is wanted (`GLOF_TEST_ADAPTER=system`) or where the package holds
 * no driver for this machine (anything but Linux on x64).
 */
export async function useSoftwareVulkan(): Promise<void> {
  const { LD_LIBRARY_PATH: folder, ...variables } = await softwareVulkanEnvironment();
  if (folder === undefined) return;
  Object.assign(process.env, variables);
  // The system's loader reads LD_LIBRARY_PATH only when a process starts, hence by hand here.
  keepLibrary(join(folder, "libvulkan.so.1"));
}

/** Environment variables that give a child process the same driver; empty where nothing is to be changed. */
export async function softwareVulkanEnvironment(): Promise<Readonly<Record<string, string>>> {
  if (process.env.GLOF_TEST_ADAPTER === "system") return {};
  if (process.platform !== "linux" || process.arch !== "x64") return {};
  const folder = await unpackOnce("swiftshader", ["swiftshader.tar.br"]);
  return {
    LD_LIBRARY_PATH: folder,
    VK_DRIVER_FILES: join(folder, "vk_swiftshader_icd.json"),
    // The loader complains on stderr without one.
    XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? folder,
  };
}

/** RTLD_NODELETE of Linux, which Node does not name: the library stays when its handle is closed. */
const noDelete = 0x1000;

/**
 * Loads a shared library for good. Dawn opens `libvulkan.so.1` by its bare name, and a bare machine has none; a library
 * of that name which is already in the process is what the system's loader then hands out.
 */
function keepLibrary(path: string): void {
  try {
    process.dlopen(
      { exports: {} },
      path,
      constants.dlopen.RTLD_NOW | constants.dlopen.RTLD_GLOBAL | noDelete,
    );
  } catch (error) {
    // It is no Node addon, and Node says so after it has loaded it.
    if (!(error instanceof Error && error.message.includes("did not self-register"))) throw error;
  }
}
