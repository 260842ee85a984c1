/** Settings of how clients connect: Kafka's listeners, and browsers. */
import { int, text } from "../setting.ts";

export const LISTENER_SETTINGS = {
  "kafka.advertised.host": text(
    "service",
    "localhost",
    "The host that clients of Kafka's protocol are told to connect to. With npm start its default is HOST, unless that stands for all addresses.",
  ),
  "kafka.advertised.port": int(
    "service",
    9_092,
    1,
    65_535,
    "The port that clients are told for broker 1; broker n has the port n - 1 above it.",
  ),
  "kafka.listeners": int(
    "service",
    3,
    1,
    100,
    "The number of ports, from kafka.advertised.port on. Further brokers share them in turn, and clients are told of one broker for each port; any port serves any request.",
  ),
  "connections.max.idle.ms": int(
    "service",
    600_000,
    1_000,
    86_400_000,
    "How long an idle connection of Kafka's protocol is kept, in milliseconds.",
  ),
  "cors.allow.origins": text(
    "service",
    "",
    "Origins that browsers may call from, comma-separated; * for any; empty for none.",
  ),
} as const;
