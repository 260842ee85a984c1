/** Captured requests of real clients and their answers, as `npm run capture` has stored them. */
import java from "./golden/java.json" with { type: "json" };
import kafkaPython from "./golden/kafka-python.json" with { type: "json" };
import kafkajs from "./golden/kafkajs.json" with { type: "json" };
import librdkafka from "./golden/librdkafka.json" with { type: "json" };
import platformatic from "./golden/platformatic.json" with { type: "json" };

export interface Capture {
  readonly client: string;
  readonly apiKey: number;
  readonly version: number;
  /** Frames without their lengths. */
  readonly request: Uint8Array;
  /** Null: there was none, or it was long. */
  readonly response: Uint8Array | null;
}

const KEPT = { java, "kafka-python": kafkaPython, kafkajs, librdkafka, platformatic };

export const CAPTURES: readonly Capture[] = Object.entries(KEPT).flatMap(([client, exchanges]) =>
  exchanges.map(({ apiKey, version, request, response }) => ({
    client,
    apiKey,
    version,
    request: bytesOf(request),
    response: response === "" ? null : bytesOf(response),
  })),
);

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
