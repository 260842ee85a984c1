package odradek;

import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Operations of readers without a group. */
final class Reading {
  static final Duration WAIT = Duration.ofMillis(100);

  private Reading() {}

  static Consumer<byte[], byte[]> consumer(Map<String, Object> settings) {
    return new KafkaConsumer<>(
        Lines.settings(settings), new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  static JsonObject fetch(JsonObject request) {
    TopicPartition place = Lines.place(request);
    int count = request.get("count").getAsInt();
    JsonArray records = new JsonArray();
    try (Consumer<byte[], byte[]> consumer = consumer(Map.of())) {
      consumer.assign(List.of(place));
      consumer.seek(place, request.get("offset").getAsLong());
      while (records.size() < count && !Thread.currentThread().isInterrupted()) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(WAIT)) {
          if (records.size() < count) {
            records.add(Lines.record(record));
          }
        }
      }
    }
    JsonObject answer = new JsonObject();
    answer.add("records", records);
    return answer;
  }

  static JsonObject offsetForTime(JsonObject request) {
    TopicPartition place = Lines.place(request);
    long timestamp = request.get("timestamp").getAsLong();
    OffsetAndTimestamp found =
        ask(consumer -> consumer.offsetsForTimes(Map.of(place, timestamp)).get(place));
    JsonObject answer = new JsonObject();
    answer.add("offset", found == null ? JsonNull.INSTANCE : new JsonPrimitive(found.offset()));
    return answer;
  }

  static JsonObject watermarks(JsonObject request) {
    TopicPartition place = Lines.place(request);
    JsonObject answer = new JsonObject();
    long low = ask(consumer -> consumer.beginningOffsets(List.of(place)).get(place));
    long high = ask(consumer -> consumer.endOffsets(List.of(place)).get(place));
    answer.addProperty("low", low);
    answer.addProperty("high", high);
    return answer;
  }

  private static <T> T ask(Function<Consumer<byte[], byte[]>, T> question) {
    try (Consumer<byte[], byte[]> consumer = consumer(Map.of())) {
      return question.apply(consumer);
    }
  }
}
