package odradek;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.protocol.Errors;

/** The driver of Kafka's own Java client: lines in, lines out. See support/protocol.ts. */
public final class Driver {
  private static final long BOUND_S = 30;
  private static final long STREAM_BOUND_S = 120;
  private static final List<String> FEATURES = List.of(
      "metadata", "produce", "acks", "idempotence", "gzip", "snappy", "lz4", "zstd", "fetch",
      "seek by time", "group", "commit", "topics", "configs", "partitions", "delete records",
      "group admin", "SASL");

  private final Administration administration = new Administration();
  private Member member;

  private Driver() {}

  public static void main(String[] arguments) throws Exception {
    new Driver().serve();
  }

  /** Handles one operation after the other until stdin ends; then the process does, without taking leave. */
  private void serve() throws Exception {
    // A thread, so that an operation which hangs in its client fails by its bound.
    ExecutorService worker = Executors.newSingleThreadExecutor();
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JsonObject request = JsonParser.parseString(line).getAsJsonObject();
      long boundS = request.get("do").getAsString().equals("stream") ? STREAM_BOUND_S : BOUND_S;
      JsonObject answer;
      try {
        answer = worker.submit(() -> handle(request)).get(boundS, TimeUnit.SECONDS);
      } catch (TimeoutException late) {
        answer = refusal("not done within " + boundS + " s", null);
      } catch (ExecutionException failure) {
        answer = refusal(failure.getCause());
      }
      answer.add("id", request.get("id"));
      Lines.print(answer);
    }
    Runtime.getRuntime().halt(0);
  }

  private JsonObject handle(JsonObject request) throws Exception {
    String operation = request.get("do").getAsString();
    return switch (operation) {
      case "hello" -> hello();
      case "produce" -> Producing.produce(request);
      case "stream" -> Producing.stream(request);
      case "fetch" -> Reading.fetch(request);
      case "offsetForTime" -> Reading.offsetForTime(request);
      case "watermarks" -> Reading.watermarks(request);
      case "subscribe" -> {
        member = new Member(request);
        yield new JsonObject();
      }
      case "commit" -> {
        member.commit();
        yield new JsonObject();
      }
      case "unsubscribe" -> {
        member.close();
        yield new JsonObject();
      }
      default -> administration.handle(operation, request);
    };
  }

  private static JsonObject hello() throws IOException {
    Properties build = new Properties();
    try (InputStream file = Driver.class.getResourceAsStream("/kafka/kafka-version.properties")) {
      build.load(file);
    }
    JsonObject answer = new JsonObject();
    answer.addProperty("version", build.getProperty("version"));
    answer.add("features", Lines.strings(FEATURES));
    return answer;
  }

  /** With Kafka's name of it, which stands in the innermost cause. */
  private static JsonObject refusal(Throwable thrown) {
    Throwable cause = thrown;
    while (cause instanceof ExecutionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    String code = cause instanceof Unsupported ? "UNSUPPORTED"
        : cause instanceof ApiException ? Errors.forException(cause).name() : null;
    return refusal(cause.toString(), code);
  }

  private static JsonObject refusal(String message, String code) {
    JsonObject answer = new JsonObject();
    answer.addProperty("error", message);
    if (code != null) {
      answer.addProperty("code", code);
    }
    return answer;
  }

  /** What this client has no way to do. */
  static final class Unsupported extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Unsupported(String operation) {
      super(operation + " cannot be done.");
    }
  }
}
