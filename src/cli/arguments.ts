/** Parses the arguments of a command; a misspelt option is refused with the one that was probably meant. */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { didYouMean } from "../base/nearest-name.ts";

type Parsed<C extends ParseArgsConfig> =
  | ({ readonly ok: true } & ReturnType<typeof parseArgs<C>>)
  | { readonly ok: false; readonly problem: string };

export function readArguments<const C extends ParseArgsConfig>(config: C): Parsed<C> {
  try {
    return { ok: true, ...parseArgs(config) };
  } catch (error) {
    const { code, message } = error as Error & { readonly code?: string };
    const unknown = /'(--?[^'=]+)/.exec(message)?.[1];
    if (code !== "ERR_PARSE_ARGS_UNKNOWN_OPTION" || unknown === undefined) {
      return { ok: false, problem: `${message}.`.replace(/\.+$/, ".") };
    }
    const options = Object.keys(config.options ?? {}).map((name) => `--${name}`);
    return { ok: false, problem: `There is no option ${unknown}${didYouMean(unknown, options)}` };
  }
}
