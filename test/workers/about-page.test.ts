/** The page at /docs: what it shows, what it may do, and that its commands work as they stand. */
import { describe, expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { routes } from "../../src/worker/app.ts";
import { bodyOf, call, environment } from "./admin-support.ts";

async function page(env?: Parameters<typeof call>[2], url = "/docs"): Promise<Response> {
  const headers = { accept: "text/html", authorization: "Bearer k" };
  return call(url, { headers }, env);
}

/** The curl commands in some HTML, as their words. */
function curlsIn(html: string): string[][] {
  return [...html.matchAll(/<pre tabindex="0">(curl [^<]*)<\/pre>/g)].map(([, escaped]) =>
    wordsOf(
      escaped!
        .replaceAll("&quot;", '"')
        .replaceAll("&#39;", "'")
        .replaceAll("&lt;", "<")
        .replaceAll("&gt;", ">")
        .replaceAll("&amp;", "&"),
    ),
  );
}

/** As a shell splits them: words may be quoted, and a backslash before the end of a line joins lines. */
function wordsOf(command: string): string[] {
  const joined = command.replaceAll("\\\n", " ");
  return [...joined.matchAll(/(?:'[^']*'|"[^"]*"|\\.|[^\s'"\\])+/g)].map(([word]) =>
    word.replaceAll(/'([^']*)'|"([^"]*)"|\\(.)/g, (_, a, b, c) => a ?? b ?? c),
  );
}

interface Command {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string | null;
}

function commandOf([curl, ...words]: readonly string[]): Command {
  expect(curl).toBe("curl");
  let method = "GET";
  let url = "";
  let body: string | null = null;
  const headers = new Headers();
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === "-X") method = words.shift()!;
    else if (word === "-d") body = words.shift()!;
    else if (word === "-H") {
      const [name, value] = words.shift()!.split(": ");
      headers.set(name!, value!);
    } else if (word !== "-N") url = word;
  }
  return { method, url, headers, body };
}

function run({ method, url, headers, body }: Command): Promise<Response> {
  return call(url, { method, headers, ...(body !== null && { body }) });
}

/** The part of the page with this id. */
function articleOf(html: string, id: string): string {
  const start = html.indexOf(`<article id="${id}"`);
  expect(start, id).toBeGreaterThan(0);
  return html.slice(start, html.indexOf("</article>", start));
}

describe("the page", () => {
  it("has every route and every error, with nothing loaded from anywhere", async () => {
    const response = await page();
    expect(response.headers.get("content-type")).toContain("text/html");
    const html = await response.text();
    expect(html).not.toMatch(/<link|<img|@import|url\(|(?:href|src)="(?![#/])/);
    for (const { id, path } of routes) {
      expect(articleOf(html, id)).toContain(`<code>${path}</code>`);
      expect(html).toContain(`href="#${id}"`);
    }
    expect(html).toContain("<code>NOT_ENOUGH_REPLICAS</code>");
    expect(html).toContain("<code>retention.ms</code>");
    expect(html).toContain("prefers-color-scheme: dark");
    const text = html.replace(/<script>.*<\/script>/s, "");
    for (const left of ["`", "[object", "undefined", "{{"]) expect(text).not.toContain(left);
  });

  it("may run its own script, and nothing else", async () => {
    const response = await page();
    const scripts = [...(await response.text()).matchAll(/<script([^>]*)>(.*?)<\/script>/gs)];
    expect(scripts.map(([, attributes]) => attributes)).toEqual([""]);
    const script = new TextEncoder().encode(scripts[0]![2]);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", script));
    const hash = btoa(String.fromCharCode(...digest));
    const policy = response.headers.get("content-security-policy");
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`script-src 'sha256-${hash}';`);
  });

  it("has the program's version, and so has the description (issue 11: it was 1.0.0)", async () => {
    expect(await (await page()).text()).toContain(`<small>${manifest.version}</small>`);
    expect((await bodyOf(await call("/openapi.json"))).info.version).toBe(manifest.version);
  });

  it("stays small", async () => {
    const html = await (await page()).text();
    const zipped = new Blob([html]).stream().pipeThrough(new CompressionStream("gzip"));
    expect((await new Response(zipped).arrayBuffer()).byteLength).toBeLessThan(60_000);
  });

  it("is accessible: landmarks, labels, headings in order, and everything within reach of the keyboard", async () => {
    const html = await (await page()).text();
    expect(html).toContain('<html lang="en">');
    expect(html.match(/<main /g)).toHaveLength(1);
    expect(html.match(/<h1>/g)).toHaveLength(1);
    expect(html).toMatch(/<a class="skip" href="#top">/);
    expect(html).toMatch(/<label for="search">[^<]+<\/label>\s*<input\s+id="search"/);
    expect(html).toContain('aria-live="polite"');
    // Whatever scrolls can be reached by the keyboard.
    expect(html.match(/<pre/g)!.length).toBe(html.match(/<pre tabindex="0">/g)!.length);
    expect(html.match(/<table/g)!.length).toBe(
      html.match(/<div class="wide" tabindex="0">/g)!.length,
    );
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const levels = [...html.matchAll(/<h([1-6])/g)].map(([, level]) => Number(level));
    const main = levels.slice(levels.indexOf(1));
    main.forEach((level, i) => expect(level - (main[i - 1] ?? 0)).toBeLessThanOrEqual(1));
  });
});

describe("the page's commands", () => {
  it("are one for each operation whose body has an example, and are taken by the service", async () => {
    const html = await (await page()).text();
    let count = 0;
    for (const { id, method, body } of routes) {
      const hasExample = Object.values(body ?? {}).some(({ example }) => example !== undefined);
      const curls = curlsIn(articleOf(html, id));
      expect(curls.length, id).toBe(body === undefined || hasExample ? 1 : 0);
      // A tail of Kafka's protocol is no plain request, and brokers are left as they are.
      if (curls.length === 0 || id === "kafka" || id.endsWith("Broker")) continue;
      const command = commandOf(curls[0]!);
      expect(command.method, id).toBe(method);
      const response = await run(command);
      const answer = await response.text();
      count += 1;
      // There may be no such topic or group; the request itself is right.
      expect([400, 405, 406, 415, 422, 500], `${id}: ${answer}`).not.toContain(response.status);
      if (response.status === 404)
        expect(JSON.parse(answer).message).not.toContain("nothing at this path");
    }
    expect(count).toBeGreaterThan(60);
  });

  it("of the guides work one after the other (issue 11)", async () => {
    await call("/v3/clusters/odradek/topics/flights", { method: "DELETE" });
    const html = await (await page()).text();
    const guides = html.slice(html.indexOf('<article id="guide-'), html.indexOf('id="tag-'));
    const curls = curlsIn(guides);
    expect(curls.length).toBeGreaterThan(14);
    for (const words of curls) {
      const command = commandOf(words);
      const response = await run(command);
      const stays = command.headers.get("accept") === "text/event-stream";
      const answer = stays ? "" : await response.text();
      await response.body?.cancel().catch(() => undefined);
      expect(response.ok, `${command.method} ${command.url} ${answer}`).toBe(true);
      if (command.url.endsWith("/instances/reader-1/records"))
        expect(JSON.parse(answer)).not.toEqual([]);
    }
  });

  it("name the service as it is reached, its cluster, and its key where it asks for one", async () => {
    const env = environment({ API_KEYS: "k", CLUSTER_ID: "it's" });
    const html = await (await page(env, "https://log.example:8443/docs")).text();
    const [first] = curlsIn(articleOf(html, "guide-first-steps"));
    const { url, headers } = commandOf(first!);
    expect(url).toBe("https://log.example:8443/v3/clusters/it%27s/topics");
    expect(headers.get("authorization")).toBe("Bearer $ODRADEK_KEY");
    const open = await (await page()).text();
    expect(open).not.toContain("$ODRADEK_KEY");
  });
});
