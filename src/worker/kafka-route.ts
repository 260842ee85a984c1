/** The route of Kafka's protocol over a WebSocket. */
import * as z from "zod";
import { defineRoute, type Route } from "./route.ts";

export const kafkaRoutes: readonly Route[] = [
  defineRoute({
    method: "GET",
    path: "/kafka",
    id: "kafka",
    needs: [],
    tag: "Service",
    summary: "Kafka's wire protocol over a WebSocket",
    description:
      'One connection of a Kafka client: binary messages are its stream of bytes, in pieces of any size. Text messages are acknowledgements, `{"ack": n}`, of the bytes taken so far; neither side sends more than 4 MiB beyond what was acknowledged. A client that sends no more says `{"end":true}`, and the service closes when all is answered. The service closes it now and then between two requests; the client connects again. `odradek bridge` does all this for clients that speak TCP.',
    query: z.object({
      host: z
        .string()
        .optional()
        .describe("Where the client reaches brokers. Default: kafka.advertised.host."),
      port: z
        .string()
        .optional()
        .describe("The port of broker 1 there; broker n has the port n - 1 above it."),
      brokers: z
        .string()
        .optional()
        .describe("How many ports there are; brokers beyond share them. Default: kafka.listeners."),
      reached: z.string().optional().describe("The port at which the client has come in."),
    }),
    answers: { 101: { description: "The connection." } },
    errors: ["INVALID_REQUEST"],
    // Loaded with the first connection, as in index.ts.
    handler: async (c, service) => {
      const { acceptWebSocket } = await import("../kafka/accept-websocket.ts");
      return acceptWebSocket(c.req.raw, service);
    },
  }),
];
