import { afterEach, describe, expect, it } from "vitest";
import { planetaryComputerSigner } from "./planetary_computer.js";
import { serve, type TestServer } from "./test_catalogue.js";

let server: TestServer | undefined;
afterEach(() => server?.close());

const file = "https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/06/V/B02.tif";
const inOneHour = (): string => new Date(Date.now() + 3_600_000).toISOString();

describe("planetaryComputerSigner", () => {
  it("fetches a token once per container", async () => {
    server = await serve((path) =>
      JSON.stringify({ token: `sig=${path.length}`, "msft:expiry": inOneHour() }),
    );
    const sign = planetaryComputerSigner({ tokenAddress: `${server.base}/token` });
    expect(await Promise.all([sign(file), sign(file.replace("B02", "B03"))])).toEqual([
      `${file}?sig=34`,
      `${file.replace("B02", "B03")}?sig=34`,
    ]);
    await sign(file);
    expect(server.asked).toEqual(["GET /token/sentinel2l2a01/sentinel2-l2"]);
    await sign(file.replace("sentinel2-l2", "other"));
    expect(server.asked.at(-1)).toBe("GET /token/sentinel2l2a01/other");
  });

  it("fetches another when it ends", async () => {
    server = await serve(() => JSON.stringify({ token: "sig=x", "msft:expiry": new Date().toISOString() }));
    const sign = planetaryComputerSigner({ tokenAddress: server.base });
    await sign(file);
    await sign(file);
    expect(server.asked.length).toBe(2);
  });

  it("lets other and signed addresses pass", async () => {
    const sign = planetaryComputerSigner({ tokenAddress: "http://127.0.0.1:9" });
    for (const href of ["https://example.com/a.tif", `${file}?sv=1&sig=y`])
      expect(await sign(href)).toBe(href);
  });

  it("says when there is no token", async () => {
    server = await serve(() => JSON.stringify({ message: "no" }));
    const sign = planetaryComputerSigner({ tokenAddress: server.base });
    await expect(sign(file)).rejects.toMatchObject({ code: "unsupported-format" });
  });
});
