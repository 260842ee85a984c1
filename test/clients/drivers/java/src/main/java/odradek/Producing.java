package odradek;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Operations of producers. */
final class Producing {
  /** So that what is given at once is one batch. */
  private static final int LINGER_MS = 50;
  private static final long TELL_NS = 500_000_000L;

  private Producing() {}

  static JsonObject produce(JsonObject request) throws Exception {
    String topic = request.get("topic").getAsString();
    int acks = request.get("acks").getAsInt();
    Map<String, Object> settings = Map.of(
        "compression.type", request.get("compression").getAsString(),
        "acks", acks < 0 ? "all" : String.valueOf(acks),
        "enable.idempotence", request.get("idempotent").getAsBoolean(),
        "linger.ms", LINGER_MS,
        "max.block.ms", 20_000);
    JsonArray offsets = new JsonArray();
    try (Producer<byte[], byte[]> producer = producer(settings)) {
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      for (JsonElement record : request.getAsJsonArray("records")) {
        sent.add(producer.send(
            record(topic, request.get("partition").getAsInt(), record.getAsJsonObject())));
      }
      producer.flush();
      for (Future<RecordMetadata> future : sent) {
        long offset = future.get().offset();
        offsets.add(acks == 0 ? JsonNull.INSTANCE : new JsonPrimitive(offset));
      }
    }
    JsonObject answer = new JsonObject();
    answer.add("offsets", offsets);
    return answer;
  }

  /** Numbered records at a rate; the client retries by itself. */
  static JsonObject stream(JsonObject request) throws Exception {
    String topic = request.get("topic").getAsString();
    int partitions = request.get("partitions").getAsInt();
    int count = request.get("count").getAsInt();
    long periodNs = 1_000_000_000L / request.get("perSecond").getAsInt();
    AtomicInteger acknowledged = new AtomicInteger();
    AtomicInteger failed = new AtomicInteger();
    Map<String, Object> settings = Map.of("enable.idempotence", true, "delivery.timeout.ms", 60_000);
    try (Producer<byte[], byte[]> producer = producer(settings)) {
      long startedNs = System.nanoTime();
      long toldNs = startedNs;
      for (int number = 0; number < count; number++) {
        byte[] value = String.valueOf(number).getBytes(StandardCharsets.UTF_8);
        producer.send(
            new ProducerRecord<>(topic, number % partitions, null, value),
            (metadata, error) -> (error == null ? acknowledged : failed).incrementAndGet());
        long dueNs = startedNs + (number + 1) * periodNs;
        for (long nowNs = System.nanoTime(); nowNs < dueNs; nowNs = System.nanoTime()) {
          Thread.sleep((dueNs - nowNs) / 1_000_000, (int) ((dueNs - nowNs) % 1_000_000));
        }
        if (System.nanoTime() - toldNs > TELL_NS) {
          toldNs = System.nanoTime();
          Lines.tell("acknowledged", "count", new JsonPrimitive(acknowledged.get()));
        }
      }
      producer.flush();
    }
    Lines.tell("acknowledged", "count", new JsonPrimitive(acknowledged.get()));
    JsonObject answer = new JsonObject();
    answer.addProperty("failed", failed.get());
    return answer;
  }

  private static Producer<byte[], byte[]> producer(Map<String, Object> settings) {
    return new KafkaProducer<>(
        Lines.settings(settings), new ByteArraySerializer(), new ByteArraySerializer());
  }

  private static ProducerRecord<byte[], byte[]> record(
      String topic, int partition, JsonObject given) {
    JsonElement timestamp = given.get("timestamp");
    ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(
        topic,
        partition,
        timestamp.isJsonNull() ? null : timestamp.getAsLong(),
        Lines.bytes(given.get("key")),
        Lines.bytes(given.get("value")));
    for (JsonElement header : given.getAsJsonArray("headers")) {
      JsonArray pair = header.getAsJsonArray();
      record.headers().add(pair.get(0).getAsString(), Lines.bytes(pair.get(1)));
    }
    return record;
  }
}
