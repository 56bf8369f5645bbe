import { softwareVulkanEnvironment } from "@glof/test-kit";

// Shell lines that point the Vulkan loader at SwiftShader: what a machine without a GPU tries the GPU benchmark with.
for (const [name, value] of Object.entries(await softwareVulkanEnvironment())) {
  console.log(`export ${name}='${value}'`);
}
