import { expectClose } from "@glof/test-kit";
import { beforeAll } from "vitest";
import { compareOperations } from "./testing/compare_operations.js";
import { startWasm } from "./testing/test_backend.js";

beforeAll(() => startWasm());
compareOperations("operations on our wasm kernels and on the stock ones", expectClose);
