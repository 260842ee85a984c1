/**
 * Writes docs/clients.md from the report of a test run: which real client, at which version, was seen to do what,
 * over which way. With `--check` it says whether the file is what the run has shown.
 *
 * Usage: node scripts/clients-table.ts [--check] REPORT, a report of vitest's JSON reporter.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { FEATURES, type Feature } from "../test/clients/support/protocol.ts";
import type { WayName } from "../test/clients/support/ways.ts";

const PATH = join(import.meta.dirname, "../docs/clients.md");

interface Ran {
  readonly client: string;
  readonly version: string;
  readonly feature: Feature;
  readonly way: WayName;
}

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly status: string;
      readonly meta?: { readonly ran?: Ran };
    }[];
  }[];
}

const DOCS: Readonly<Record<Feature, string>> = {
  metadata: "brokers, topics, partitions",
  produce: "keys, values and headers to a partition, and the offsets told",
  acks: "acks 0, 1 and all",
  idempotence: "an idempotent producer",
  gzip: "written, stored as such, read",
  snappy: "written, stored as such, read",
  lz4: "written, stored as such, read",
  zstd: "written, stored as such, read",
  fetch: "from any offset; the log's ends",
  "seek by time": "the first offset at a time or later",
  group: "two members share, one leaves",
  commit: "committed, and resumed by another",
  topics: "created and deleted, and the refusals",
  configs: "described and altered",
  partitions: "added",
  "delete records": "up to an offset",
  "group admin": "list, describe, offsets and lag, delete",
  SASL: "PLAIN, with a key of the service",
};

const INTRODUCTION = `# Clients

Real clients, unchanged but for the address, that the tests run against the service: over TCP, and through
\`odradek bridge\` to one that wants a key. This page is written from such a run by \`npm run docs:clients\`, and CI
fails when it says anything else than the run there has shown.

**both**: over TCP and through the bridge. **TCP**: there only. **–**: the client has no such thing, or
only for packages that it does not come with.
`;

const BEHIND = `
Beside the table, in \`test/clients\`:

- What each client writes, with each compression, every other reads byte for byte, with keys, headers and
  timestamps; so does HTTP, and they read what HTTP writes (\`across.test.ts\`).
- A group's offsets are the same whichever way they were committed (\`offsets.test.ts\`).
- Groups of three members lose one to \`kill -9\` and go on; a member that shares no assignor with its group is refused
  (\`groups.test.ts\`). kafkajs and librdkafka name theirs differently, so they cannot share a group by their defaults.
- Idempotent producers go on when leaders are lost, and when the service is killed and comes back: nothing lost,
  nothing twice, in order (\`leader-lost.test.ts\`).
- Kafka Streams 4.4.0 (\`at_least_once\`) and Kafka Connect 4.4.0 (distributed) make the topics that they need, and go on where they
  were after \`kill -9\`. Their compacted topics are kept whole (\`streams.test.ts\`, \`connect.test.ts\`).
- A wrong key, or none, is refused (\`sasl.test.ts\`).

Transactions are not served yet: what begins one is answered with an error.
`;

function seen(report: Report): Ran[] {
  return report.testResults.flatMap(({ assertionResults }) =>
    assertionResults.flatMap(({ status, meta }) =>
      status === "passed" && meta?.ran !== undefined ? [meta.ran] : [],
    ),
  );
}

function page(runs: readonly Ran[]): string {
  const titles = [...new Set(runs.map(({ client, version }) => `${client} ${version}`))].toSorted();
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const lines = FEATURES.map((feature) => {
    const cells = titles.map((title) => {
      const ways = runs
        .filter((ran) => ran.feature === feature && `${ran.client} ${ran.version}` === title)
        .map(({ way }) => way);
      return cell(new Set(ways));
    });
    return row([`**${feature}**: ${DOCS[feature]}`, ...cells]);
  });
  const head = [row(["", ...titles]), row(["---", ...titles.map(() => ":-:")])];
  return `${INTRODUCTION}\n${[...head, ...lines].join("\n")}\n${BEHIND}`;
}

function cell(ways: ReadonlySet<WayName>): string {
  if (ways.has("TCP") && ways.has("bridge")) return "both";
  if (ways.size === 0) return "–";
  return ways.has("bridge") ? "bridge" : "TCP";
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { check: { type: "boolean" } },
});
const runs = seen(JSON.parse(readFileSync(positionals[0] ?? "", "utf8")) as Report);
const written = page(runs);
if (values.check !== true) writeFileSync(PATH, written);
else if (readFileSync(PATH, "utf8") !== written) {
  console.error("docs/clients.md is not what this run has shown: npm run docs:clients\n");
  console.error(written);
  process.exitCode = 1;
}
