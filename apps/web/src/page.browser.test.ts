import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import html from "../index.html?raw";
import { shippedModelUrl } from "./model_source.js";

const find = <T extends HTMLElement>(selector: string): T => {
  const found = document.querySelector<T>(selector);
  if (!found) throw new Error(`no ${selector} in the page`);
  return found;
};

const text = (selector: string): string => find(selector).textContent ?? "";
const rows = (): HTMLButtonElement[] => [
  ...document.querySelectorAll<HTMLButtonElement>("#lakes tbody button"),
];

/** Waits until no work is under way. */
const idle = (timeout: number) =>
  vi.waitFor(() => expect(find<HTMLButtonElement>("#cancel").disabled).toBe(true), { timeout, interval: 50 });

function slide(selector: string, value: number): void {
  find<HTMLInputElement>(selector).value = String(value);
  find(selector).dispatchEvent(new Event("input"));
}

function choose(selector: string, file: File): void {
  const files = new DataTransfer();
  files.items.add(file);
  find<HTMLInputElement>(selector).files = files.files;
  find(selector).dispatchEvent(new Event("change"));
}

describe("the page", () => {
  beforeAll(async () => {
    const parsed = new DOMParser().parseFromString(html, "text/html");
    document.body.append(...parsed.body.querySelectorAll("header, main"));
    await import("./main.js");
  });
  afterAll(() => document.body.replaceChildren());

  it("shows why a file cannot be opened, and does not offer to run", async () => {
    expect(find<HTMLButtonElement>("#run").disabled).toBe(true);
    choose("#scene-file", new File(["no picture at all"], "notes.tif"));
    await idle(20_000);
    expect(find("#error").hidden).toBe(false);
    expect(text("#error")).toMatch(/notes\.tif.*expected .*got /);
    expect(find<HTMLButtonElement>("#run").disabled).toBe(true);
  }, 30_000);

  it("makes a demo scene, maps it, and outlines it again without the model", async ({ skip }) => {
    skip(shippedModelUrl === undefined, "packages/cli/models/glof-small.safetensors is not there");
    find<HTMLSelectElement>("#demo-side").value = "256";
    find("#make-demo").click();
    await idle(60_000);
    expect(find("#error").hidden).toBe(true);
    expect(text("#scene-fact")).toMatch(/demo-3-autumn: 256 x 256 pixels.*Its truth: \d+ lakes/);
    expect(find("#map-frame").hidden).toBe(false);

    find<HTMLSelectElement>("#backend").value = "wasm";
    find("#run").click();
    await idle(120_000);
    expect(text("#error")).toBe("");
    expect(text("#backend-fact")).toMatch(/^wasm: /);
    expect(rows().length).toBeGreaterThan(0);
    const status = text("#status");
    expect(status).toContain(text("#lakes caption"));

    const few = text("#lakes caption");
    slide("#threshold", 0.1);
    await vi.waitFor(() => expect(text("#lakes caption")).not.toBe(few), { timeout: 10_000 });
    expect(text("#threshold-value")).toBe("0.10");
    expect(text("#status")).toBe(status);

    rows()[0]?.focus();
    rows()[0]?.click();
    expect(rows()[0]?.getAttribute("aria-pressed")).toBe("true");
    expect(document.activeElement).toBe(rows()[0]);
  }, 240_000);

  it("stops when cancelled", async () => {
    find<HTMLSelectElement>("#demo-side").value = "1024";
    find("#make-demo").click();
    find("#cancel").click();
    await idle(20_000);
    expect(text("#status")).toBe("Cancelled.");
  }, 30_000);
});
