package odradek;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;

/** Lines of JSON, and what stands in them; how every client is configured. */
final class Lines {
  private static final Gson GSON = new GsonBuilder().serializeNulls().create();
  private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

  private Lines() {}

  static synchronized void print(JsonObject line) {
    OUT.println(GSON.toJson(line));
    OUT.flush();
  }

  /** Prints what a member tells on its own. */
  static void tell(String event, String field, JsonElement value) {
    JsonObject line = new JsonObject();
    line.addProperty("event", event);
    line.add(field, value);
    print(line);
  }

  static JsonArray strings(Collection<String> values) {
    JsonArray array = new JsonArray();
    values.forEach(array::add);
    return array;
  }

  static Map<String, String> map(JsonElement object) {
    Map<String, String> map = new HashMap<>();
    object.getAsJsonObject().entrySet().forEach(
        entry -> map.put(entry.getKey(), entry.getValue().getAsString()));
    return map;
  }

  static byte[] bytes(JsonElement base64) {
    return base64.isJsonNull() ? null : Base64.getDecoder().decode(base64.getAsString());
  }

  static JsonElement base64(byte[] bytes) {
    return bytes == null
        ? JsonNull.INSTANCE
        : new JsonPrimitive(Base64.getEncoder().encodeToString(bytes));
  }

  static TopicPartition place(JsonObject request) {
    return new TopicPartition(
        request.get("topic").getAsString(), request.get("partition").getAsInt());
  }

  static JsonArray place(TopicPartition place) {
    JsonArray pair = new JsonArray();
    pair.add(place.topic());
    pair.add(place.partition());
    return pair;
  }

  static JsonObject record(ConsumerRecord<byte[], byte[]> record) {
    JsonArray headers = new JsonArray();
    for (Header header : record.headers()) {
      JsonArray pair = new JsonArray();
      pair.add(header.key());
      pair.add(base64(header.value() == null ? new byte[0] : header.value()));
      headers.add(pair);
    }
    JsonObject told = new JsonObject();
    told.addProperty("offset", record.offset());
    told.addProperty("timestamp", record.timestamp());
    told.add("key", base64(record.key()));
    told.add("value", base64(record.value()));
    told.add("headers", headers);
    return told;
  }

  static Map<String, Object> settings(Map<String, Object> more) {
    Map<String, Object> settings = new HashMap<>(more);
    settings.put("bootstrap.servers", System.getenv("BOOTSTRAP"));
    String password = System.getenv("SASL_PASSWORD");
    if (password != null) {
      settings.put("security.protocol", "SASL_PLAINTEXT");
      settings.put("sasl.mechanism", "PLAIN");
      settings.put("sasl.jaas.config", String.format(
          "org.apache.kafka.common.security.plain.PlainLoginModule required"
              + " username=\"%s\" password=\"%s\";",
          System.getenv().getOrDefault("SASL_USERNAME", ""), password));
    }
    return settings;
  }
}
