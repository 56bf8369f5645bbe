import { importInNode, messageOf } from "./environment.js";

/**
 * Whether Dawn will find the Vulkan loader in Node on Linux, where it has no other door to a GPU. Without the loader Dawn
 * prints a warning of its own on stderr, which nobody who runs on a plain CPU wants to read: ask first.
 */
export async function hasVulkanLoader(): Promise<boolean> {
  if (process.platform !== "linux") return true;
  const { constants } = await importInNode<typeof import("node:os")>("node:os");
  try {
    process.dlopen({ exports: {} }, "libvulkan.so.1", constants.dlopen.RTLD_LAZY);
    return true;
  } catch (error) {
    // It is no Node addon, and Node says so once it has loaded it; anything else means that it is not there.
    return messageOf(error).includes("did not self-register");
  }
}
