/** Who may call: every way of presenting a key, and every way of having none. */
import { exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { call, environment, expectError, ORIGIN } from "./admin-support.ts";

const KEY = "6f1c0a7e5b3d4c2f";
const OTHER_KEY = "9b8a7c6d5e4f3a2b";

const deployed = environment({});
const keyed = environment({ API_KEYS: `${KEY}, ${OTHER_KEY}` });
const keyedLocal = environment({ API_KEYS: KEY, OPEN_ON_LOOPBACK: "true" });
const local = environment({ OPEN_ON_LOOPBACK: "true" });

const PATH = "/v3/clusters";
const withKey = (authorization: string) => ({ headers: { authorization } });
const basic = (text: string) => `Basic ${btoa(text)}`;

describe("deployed without a key", () => {
  it("refuses every path but /healthz, and says how to set one", async () => {
    for (const path of [PATH, "/", "/docs", "/openapi.json", "/metrics", "/topics", "/no/such"]) {
      const message = await expectError(
        await call(path, {}, deployed),
        "CLUSTER_AUTHORIZATION_FAILED",
      );
      expect(message, path).toContain("wrangler secret put API_KEYS");
    }
    expect((await call("/healthz", {}, deployed)).status).toBe(200);
  });

  it("refuses whatever key is presented, an empty one too", async () => {
    for (const authorization of [`Bearer ${KEY}`, "Bearer ", basic(":")]) {
      await expectError(
        await call(PATH, withKey(authorization), deployed),
        "CLUSTER_AUTHORIZATION_FAILED",
      );
    }
    await expectError(
      await call(PATH, withKey("Bearer "), environment({ API_KEYS: " , " })),
      "CLUSTER_AUTHORIZATION_FAILED",
    );
  });

  it("is what a deployment of wrangler.toml as it stands does", async () => {
    const entry = (exports as unknown as { default: Fetcher }).default;
    await expectError(await entry.fetch(ORIGIN + PATH), "CLUSTER_AUTHORIZATION_FAILED");
    expect(await (await entry.fetch(`${ORIGIN}/healthz`)).json()).toEqual({ status: "ok" });
  });
});

describe("with keys", () => {
  it("accepts each of them, as bearer and as the password of Basic", async () => {
    for (const key of [KEY, OTHER_KEY]) {
      for (const value of [`Bearer ${key}`, `bearer  ${key}`, basic(`anyone:${key}`)]) {
        expect((await call(PATH, withKey(value), keyed)).status, value).toBe(200);
      }
    }
  });

  it("accepts a key as a WebSocket's subprotocol", async () => {
    const headers = { "sec-websocket-protocol": `odradek, bearer.${KEY}` };
    expect((await call(PATH, { headers }, keyed)).status).toBe(200);
    const wrong = { "sec-websocket-protocol": "odradek, bearer.wrong" };
    await expectError(await call(PATH, { headers: wrong }, keyed), "SASL_AUTHENTICATION_FAILED");
  });

  it("asks for one when there is none, with a challenge", async () => {
    const response = await call(PATH, {}, keyed);
    expect(response.headers.get("www-authenticate")).toBe('Bearer realm="odradek"');
    await expectError(response, "SASL_AUTHENTICATION_FAILED");
  });

  it("lets a browser ask its user, when it opens a page", async () => {
    const response = await call("/docs", { headers: { accept: "text/html,*/*" } }, keyed);
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toContain('Basic realm="odradek"');
  });

  it("refuses what is not one of them: near misses, other schemes, unreadable headers", async () => {
    const wrong = [
      `Bearer ${KEY.slice(0, -1)}`,
      `Bearer ${KEY}0`,
      `Bearer ${KEY}${KEY}`,
      `Bearer ${KEY}, ${OTHER_KEY}`,
      `Bearer ${KEY.toUpperCase()}`,
      "Bearer ",
      "Bearer",
      KEY,
      `Token ${KEY}`,
      basic(`${KEY}:`),
      basic(KEY),
      "Basic !!!",
    ];
    for (const authorization of wrong) {
      const response = await call(PATH, withKey(authorization), keyed);
      expect(response.status, authorization).toBe(401);
      await expectError(response, "SASL_AUTHENTICATION_FAILED");
    }
  });

  it("does not take a key from the URL", async () => {
    const response = await call(`${PATH}?key=${KEY}&access_token=${KEY}`, {}, keyed);
    await expectError(response, "SASL_AUTHENTICATION_FAILED");
  });

  it("needs none for /healthz, and tells nobody else which paths there are", async () => {
    expect((await call("/healthz", {}, keyed)).status).toBe(200);
    await expectError(await call("/no/such", {}, keyed), "SASL_AUTHENTICATION_FAILED");
    await expectError(await call(PATH, { method: "OPTIONS" }, keyed), "SASL_AUTHENTICATION_FAILED");
  });
});

describe("open on loopback", () => {
  it("lets every loopback host in", async () => {
    const hosts = ["localhost", "localhost:1234", "127.0.0.1:8787", "127.8.9.10", "[::1]:8787"];
    for (const host of hosts) {
      expect((await call(`http://${host}${PATH}`, {}, local)).status, host).toBe(200);
    }
  });

  it("lets no other host in, however it looks", async () => {
    const hosts = [
      "example.com",
      "localhost.example.com",
      "127.0.0.1.example.com",
      "127.0.0.1@example.com",
      "10.0.0.1",
      "0.0.0.0",
      "[::2]",
    ];
    for (const host of hosts) {
      const response = await call(`http://${host}${PATH}`, {}, local);
      expect(response.status, host).toBe(403);
    }
  });

  it("stands only where the environment says exactly so", async () => {
    for (const value of ["false", "1", "TRUE", ""]) {
      const response = await call(PATH, {}, environment({ OPEN_ON_LOOPBACK: value }));
      expect(response.status, value).toBe(403);
    }
  });

  it("asks for a key over loopback too when keys are configured", async () => {
    await expectError(await call(PATH, {}, keyedLocal), "SASL_AUTHENTICATION_FAILED");
    expect((await call(PATH, withKey(`Bearer ${KEY}`), keyedLocal)).status).toBe(200);
  });

  it("keeps out the pages of other origins, which a browser would let write", async () => {
    const from = (origin: string) => ({ headers: { origin } });
    for (const origin of ["https://example.com", "null", "http://localhost.example.com"]) {
      const response = await call(PATH, from(origin), local);
      expect(response.status, origin).toBe(403);
    }
    expect((await call(PATH, from("http://localhost:5173"), local)).status).toBe(200);
    const allowing = environment({
      OPEN_ON_LOOPBACK: "true",
      CORS_ALLOW_ORIGINS: "https://example.com",
    });
    expect((await call(PATH, from("https://example.com"), allowing)).status).toBe(200);
    expect((await call(PATH, from("https://other.example"), allowing)).status).toBe(403);
  });
});
