/** The Prometheus text: escaping, order, nothing without samples. */
import { expect, it } from "vitest";
import { METRICS, renderMetrics } from "../../../src/gateway/metrics.ts";

it("renders each metric with its help and type, labels escaped", () => {
  const text = renderMetrics({
    odradek_topics: [{ labels: {}, value: 2 }],
    odradek_requests_total: [{ labels: { route: 'a"b\\c\nd', class: "2xx" }, value: 1 }],
    odradek_errors_total: [],
  });
  expect(text).toBe(
    [
      `# HELP odradek_requests_total ${METRICS.odradek_requests_total.help}`,
      "# TYPE odradek_requests_total counter",
      String.raw`odradek_requests_total{route="a\"b\\c\nd",class="2xx"} 1`,
      `# HELP odradek_topics ${METRICS.odradek_topics.help}`,
      "# TYPE odradek_topics gauge",
      "odradek_topics 2",
      "",
    ].join("\n"),
  );
});

it("has names and help as Prometheus wants them", () => {
  for (const [name, { type, help }] of Object.entries(METRICS)) {
    expect(name).toMatch(/^odradek_[a-z_]+$/);
    expect(name.endsWith("_total"), name).toBe(type === "counter");
    expect(help).toMatch(/^[^\n\\]+\.$/);
  }
});
