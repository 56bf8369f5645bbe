export type { ByteSource } from "@glof/core/bytes";
