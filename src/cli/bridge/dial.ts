/** Opens the WebSocket to the service, and tells the reasons for failures apart. */
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { PIECE_BYTES_MAX } from "../../kafka/byte-window.ts";
import type { BridgeSettings } from "./settings.ts";

const HANDSHAKE_MS = 10_000;
/** How long a service that cannot be reached is tried again, and at which intervals. */
const PATIENCE_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
const ANSWER_BYTES_MAX = 4_096;

/** `final`: a retry cannot help. */
export interface Failure {
  readonly ok: false;
  readonly final: boolean;
  readonly problem: string;
}

export type Dialled = { readonly ok: true; readonly webSocket: WebSocket } | Failure;

/**
 * One attempt.
 * @param reached the port at which the client has come in
 * @param first the port of broker 1 here
 */
export function dial(
  settings: BridgeSettings,
  first: number,
  reached: number,
  signal: AbortSignal,
): Promise<Dialled> {
  const url = new URL(settings.endpoint);
  url.searchParams.set("host", settings.advertisedHost);
  url.searchParams.set("port", String(first));
  url.searchParams.set("brokers", String(settings.brokers));
  url.searchParams.set("reached", String(reached));
  const webSocket = new WebSocket(url, {
    headers: settings.key === null ? {} : { authorization: `Bearer ${settings.key}` },
    handshakeTimeout: HANDSHAKE_MS,
    // Batches are already compressed where producers want that.
    perMessageDeflate: false,
    maxPayload: PIECE_BYTES_MAX,
  });
  return new Promise((resolve) => {
    const abort = (): void => webSocket.terminate();
    const settle = (dialled: Dialled): void => {
      signal.removeEventListener("abort", abort);
      resolve(dialled);
    };
    signal.addEventListener("abort", abort);
    webSocket.once("open", () => settle({ ok: true, webSocket }));
    webSocket.once("unexpected-response", (request, response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => {
        if (text.length < ANSWER_BYTES_MAX) text += piece;
      });
      response.on("error", () => {});
      response.once("close", () => {
        settle(refusal(settings, response.statusCode ?? 0, text));
        request.destroy();
      });
    });
    webSocket.on("error", (error) => {
      const reason = (error as Error & { code?: string }).code ?? error.message;
      const problem = `${settings.service} cannot be reached: ${reason}`;
      settle({ ok: false, final: false, problem });
    });
    if (signal.aborted) abort();
  });
}

/** Retries until it succeeds, is refused for good, or has taken too long. */
export async function dialWithRetries(
  settings: BridgeSettings,
  first: number,
  reached: number,
  signal: AbortSignal,
  failed: (problem: string) => void,
): Promise<Dialled> {
  const startedMs = performance.now();
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    const dialled = await dial(settings, first, reached, signal);
    if (dialled.ok || signal.aborted) return dialled;
    failed(dialled.problem);
    if (dialled.final || performance.now() - startedMs + pauseMs > PATIENCE_MS) return dialled;
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

function refusal({ service, key }: BridgeSettings, status: number, text: string): Failure {
  if (status === 401) {
    const problem =
      key === null
        ? `${service} wants a key: set ODRADEK_KEY, or --key-file.`
        : `${service} does not accept the key.`;
    return { ok: false, final: true, problem };
  }
  const said = messageOf(text);
  const problem = `${service} answers ${status}${said === "" ? "" : `: ${said}`}`;
  if (status === 404) {
    return { ok: false, final: true, problem: `${problem} Is it the URL of an Odradek service?` };
  }
  return { ok: false, final: status >= 400 && status < 500 && status !== 429, problem };
}

/** The message of the service's error. */
function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === "string" ? message : "";
  } catch {
    // The answer of something else, such as a proxy's page.
    return "";
  }
}
