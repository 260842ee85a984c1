/**
 * Reads what the local runtime needs of a wrangler.toml. wrangler has a function for this, but wrangler itself is large,
 * and loading it took most of the time to start; `test/core/cli/worker-config.test.ts` compares the two.
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "smol-toml";

export interface WorkerConfig {
  readonly name: string;
  /** Absolute path of the entry. */
  readonly main: string;
  /** The options of miniflare that follow from the file. */
  readonly options: {
    readonly compatibilityDate: string;
    readonly compatibilityFlags: readonly string[];
    readonly bindings: Readonly<Record<string, string>>;
    readonly durableObjects: Readonly<
      Record<string, { readonly className: string; readonly useSQLite: boolean }>
    >;
  };
}

/** The parts of a wrangler.toml that are read here. */
interface WranglerToml {
  readonly name: string;
  readonly main: string;
  readonly compatibility_date: string;
  readonly compatibility_flags?: readonly string[];
  readonly vars?: Readonly<Record<string, string>>;
  readonly durable_objects?: {
    readonly bindings: readonly { readonly name: string; readonly class_name: string }[];
  };
  readonly migrations?: readonly { readonly new_sqlite_classes?: readonly string[] }[];
}

export function readWorkerConfig(configPath: string): WorkerConfig {
  const toml = parse(readFileSync(configPath, "utf8")) as unknown as WranglerToml;
  const withSqlite = new Set(toml.migrations?.flatMap((one) => one.new_sqlite_classes ?? []));
  const durableObjects = toml.durable_objects?.bindings.map(
    ({ name, class_name: className }) =>
      [name, { className, useSQLite: withSqlite.has(className) }] as const,
  );
  return {
    name: toml.name,
    main: resolve(dirname(configPath), toml.main),
    options: {
      compatibilityDate: toml.compatibility_date,
      compatibilityFlags: toml.compatibility_flags ?? [],
      bindings: toml.vars ?? {},
      durableObjects: Object.fromEntries(durableObjects ?? []),
    },
  };
}
