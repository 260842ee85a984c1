/**
 * The layer rules as data, and the lint rule that enforces them: which folder may import which, and which layers must
 * reach the clock, timers, randomness and the network through ports. ARCHITECTURE.md explains them;
 * `test/core/house/layers.test.ts` proves that they are enforced.
 *
 * A plugin of oxlint, in the shape of ESLint's: `.oxlintrc.json` loads it.
 */
import { posix, relative, sep } from "node:path";

interface Layer {
  readonly name: string;
  /** Files of this layer, as paths from the repository's root. The first layer that matches counts. */
  readonly files: RegExp;
  /** Which of our own files it may import. */
  readonly ours: RegExp;
  /** Which modules from outside it may import. */
  readonly outside: RegExp;
  /** Reaches the outside only through ports: no clock, timers, randomness or network of its own. */
  readonly pure: boolean;
}

const NONE = /^$/;
const ANY = /./;
const BASE = "src/base/.+";
const RECORDS = String.raw`src/records/[^/]+`;
const MESSAGES = String.raw`src/kafka/messages/[^/]+`;
const CONTRACTS = String.raw`src/objects/contracts/[^/]+`;
const ENV = String.raw`src/objects/runtime/env\.ts`;
/** The mechanisms under every object class, which do not depend on the platform. */
const MECHANISMS = String.raw`src/objects/runtime/(journal|deadlines|semaphore)\.ts`;
const GATEWAY = "src/gateway/.+";
/** The parts of Kafka's protocol that the worker mounts. */
const KAFKA_WAYS_IN = String.raw`src/kafka/(tcp|accept-websocket)\.ts`;
const only = (...paths: string[]): RegExp => new RegExp(`^(${paths.join("|")})$`);

const LAYERS: readonly Layer[] = [
  { name: "base", files: /^src\/base\//, ours: only(BASE), outside: NONE, pure: true },
  {
    name: "codec",
    files: /^src\/(records|kafka\/messages)\//,
    ours: only(BASE, RECORDS, MESSAGES),
    outside: /^(node:(zlib|buffer)|(?!node:|cloudflare:).+)$/,
    pure: true,
  },
  {
    name: "contract",
    files: only(CONTRACTS),
    ours: only(BASE, RECORDS, CONTRACTS),
    outside: NONE,
    pure: true,
  },
  {
    name: "mechanism",
    files: only(MECHANISMS),
    ours: only(BASE, MECHANISMS),
    outside: NONE,
    pure: true,
  },
  {
    name: "shell",
    files: /^src\/objects\/(runtime\/[^/]+|[^/]+\/object)\.ts$/,
    ours: only(BASE, RECORDS, "src/objects/.+"),
    outside: ANY,
    pure: false,
  },
  {
    name: "rules",
    files: /^src\/objects\//,
    // Neither a shell nor what a shell uses to adapt the platform.
    ours: only(
      BASE,
      RECORDS,
      MESSAGES,
      CONTRACTS,
      MECHANISMS,
      String.raw`src/objects/(partition|controller|coordinator)/(?!object\.ts$).+`,
    ),
    outside: NONE,
    pure: true,
  },
  {
    name: "gateway",
    files: only(GATEWAY),
    ours: only(BASE, RECORDS, CONTRACTS, ENV, GATEWAY),
    outside: ANY,
    pure: false,
  },
  {
    name: "kafka",
    files: /^src\/kafka\//,
    ours: only(BASE, RECORDS, MESSAGES, CONTRACTS, ENV, GATEWAY, "src/kafka/.+"),
    outside: ANY,
    pure: false,
  },
  {
    name: "entry",
    files: /^src\/worker\/index\.ts$/,
    ours: only(ENV, KAFKA_WAYS_IN, String.raw`src/objects/[^/]+/object\.ts`, "src/worker/.+"),
    outside: ANY,
    pure: false,
  },
  {
    name: "worker",
    files: /^src\/worker\//,
    // The description names the program's version.
    ours: only(
      BASE,
      RECORDS,
      CONTRACTS,
      ENV,
      GATEWAY,
      KAFKA_WAYS_IN,
      "src/worker/.+",
      String.raw`package\.json`,
    ),
    outside: ANY,
    pure: false,
  },
];

/** Only a shell may use these; a pure layer gets a port instead. */
const OUTSIDE_GLOBALS: ReadonlySet<string> = new Set([
  "Date",
  "performance",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "scheduler",
  "fetch",
  "caches",
  "crypto",
  "process",
  "console",
  "globalThis",
  "self",
  "WebSocketPair",
]);

interface Node {
  readonly type: string;
  readonly name?: string;
  readonly value?: unknown;
  readonly source?: Node | null;
  readonly object?: Node;
  readonly property?: Node;
}

interface Reference {
  readonly identifier: Node;
}

interface Scope {
  /** References to what no scope declares. */
  readonly through: readonly Reference[];
  readonly variables: readonly {
    readonly defs: readonly unknown[];
    readonly references: readonly Reference[];
  }[];
}

interface Context {
  readonly filename: string;
  readonly cwd: string;
  readonly sourceCode: { readonly scopeManager: { readonly globalScope: Scope } };
  report(finding: { node: Node; message: string }): void;
}

function layerOf(path: string): Layer | undefined {
  return LAYERS.find((layer) => layer.files.test(path));
}

function importProblem(layer: Layer, importer: string, specifier: string): string | null {
  if (!specifier.startsWith(".")) {
    if (layer.outside.test(specifier)) return null;
    return `The ${layer.name} layer must not import ${specifier}.`;
  }
  const target = posix.join(posix.dirname(importer), specifier);
  if (layer.ours.test(target)) return null;
  return `The ${layer.name} layer must not import ${target}.`;
}

const imports = {
  create(context: Context): Record<string, (node: Node) => void> {
    const path = relative(context.cwd, context.filename).split(sep).join("/");
    const layer = layerOf(path);
    if (!layer) return {};
    const check = (node: Node): void => {
      if (!node.source) return;
      const specifier = node.source.value;
      const problem =
        typeof specifier === "string"
          ? importProblem(layer, path, specifier)
          : `The ${layer.name} layer must not import what only its running tells.`;
      if (problem) context.report({ node, message: problem });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
      TSImportType: check,
    };
  },
};

const ports = {
  create(context: Context): Record<string, (node: Node) => void> {
    const path = relative(context.cwd, context.filename).split(sep).join("/");
    const layer = layerOf(path);
    if (!layer?.pure) return {};
    return {
      Program() {
        const { through, variables } = context.sourceCode.scopeManager.globalScope;
        const undeclared = variables.filter((variable) => variable.defs.length === 0);
        const references = [...through, ...undeclared.flatMap((variable) => variable.references)];
        for (const { identifier } of references) {
          if (!OUTSIDE_GLOBALS.has(identifier.name!)) continue;
          const message = `The ${layer.name} layer must not use ${identifier.name}: it is given a port for that.`;
          context.report({ node: identifier, message });
        }
      },
      MemberExpression(node) {
        const property = node.property?.name ?? node.property?.value;
        if (node.object?.name !== "Math" || property !== "random") return;
        const message = `The ${layer.name} layer must not use Math.random: it is given a port for that.`;
        context.report({ node, message });
      },
    };
  },
};

export default { meta: { name: "layers" }, rules: { imports, ports } };
