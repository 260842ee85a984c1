package odradek;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;

/** A member of a group: one thread polls, and does in between what it is told, since a consumer is for one thread. */
final class Member {
  private static final int HEARTBEATS_IN_SESSION = 3;

  private final Consumer<byte[], byte[]> consumer;
  private final ConcurrentLinkedQueue<Runnable> tasks = new ConcurrentLinkedQueue<>();
  private final Map<TopicPartition, OffsetAndMetadata> positions = new HashMap<>();
  private boolean isOver = false;

  Member(JsonObject request) {
    int sessionMs = request.get("sessionTimeoutMs").getAsInt();
    Map<String, Object> settings = new HashMap<>();
    settings.put("group.id", request.get("group").getAsString());
    settings.put("auto.offset.reset", "earliest");
    settings.put("enable.auto.commit", false);
    settings.put("session.timeout.ms", sessionMs);
    settings.put("heartbeat.interval.ms", sessionMs / HEARTBEATS_IN_SESSION);
    consumer = Reading.consumer(settings);
    List<String> topics = new ArrayList<>();
    request.getAsJsonArray("topics").forEach(topic -> topics.add(topic.getAsString()));
    consumer.subscribe(topics, new Listener());
    Thread thread = new Thread(this::poll);
    thread.setDaemon(true);
    thread.start();
  }

  /** Behind everything that was told so far. */
  void commit() throws ExecutionException, InterruptedException {
    run(() -> consumer.commitSync(positions));
  }

  void close() throws ExecutionException, InterruptedException {
    run(() -> {
      isOver = true;
      consumer.close();
    });
  }

  private void run(Runnable work) throws ExecutionException, InterruptedException {
    CompletableFuture<Void> done = new CompletableFuture<>();
    tasks.add(() -> {
      try {
        work.run();
        done.complete(null);
      } catch (RuntimeException error) {
        done.completeExceptionally(error);
      }
    });
    done.get();
  }

  private void poll() {
    try {
      while (!isOver) {
        JsonArray records = new JsonArray();
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Reading.WAIT)) {
          TopicPartition place = new TopicPartition(record.topic(), record.partition());
          positions.put(place, new OffsetAndMetadata(record.offset() + 1));
          JsonObject told = Lines.record(record);
          told.addProperty("topic", record.topic());
          told.addProperty("partition", record.partition());
          records.add(told);
        }
        if (!records.isEmpty()) {
          Lines.tell("records", "records", records);
        }
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
          task.run();
        }
      }
    } catch (KafkaException error) {
      Lines.tell("failed", "error", new JsonPrimitive(error.toString()));
    }
  }

  private final class Listener implements ConsumerRebalanceListener {
    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> revoked) {
      List<TopicPartition> kept = new ArrayList<>(consumer.assignment());
      kept.removeAll(revoked);
      // What it has lost is not its own to commit.
      positions.keySet().removeAll(revoked);
      tell(kept);
    }

    /** What is assigned now may be only what is new, so all is asked for. */
    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> assigned) {
      tell(consumer.assignment());
    }

    private void tell(Collection<TopicPartition> owned) {
      JsonArray partitions = new JsonArray();
      owned.stream().map(Lines::place).forEach(place -> partitions.add((JsonElement) place));
      Lines.tell("assigned", "partitions", partitions);
    }
  }
}
