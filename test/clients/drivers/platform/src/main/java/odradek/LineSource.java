package odradek;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.source.SourceConnector;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;

/** Copies the lines of a file to a topic, and goes on behind the line whose number Connect has kept. */
public final class LineSource extends SourceConnector {
  static final String VERSION = "1";
  static final ConfigDef SETTINGS = new ConfigDef()
      .define("file", ConfigDef.Type.STRING, ConfigDef.Importance.HIGH, "The file.")
      .define("topic", ConfigDef.Type.STRING, "", ConfigDef.Importance.HIGH, "Where its lines go.");

  private Map<String, String> settings;

  @Override
  public void start(Map<String, String> given) {
    settings = given;
  }

  @Override
  public Class<? extends Task> taskClass() {
    return LineSourceTask.class;
  }

  @Override
  public List<Map<String, String>> taskConfigs(int maximum) {
    return List.of(settings);
  }

  @Override
  public void stop() {}

  @Override
  public ConfigDef config() {
    return SETTINGS;
  }

  @Override
  public String version() {
    return VERSION;
  }

  /** Reads the whole file each time: it is short. */
  public static final class LineSourceTask extends SourceTask {
    private static final String LINES = "lines";
    private static final int POLL_INTERVAL_MS = 100;

    private Path file;
    private String topic;
    private int read;

    @Override
    public void start(Map<String, String> settings) {
      file = Path.of(settings.get("file"));
      topic = settings.get("topic");
      Map<String, Object> kept = context.offsetStorageReader().offset(place());
      read = kept == null ? 0 : ((Number) kept.get(LINES)).intValue();
    }

    private Map<String, String> place() {
      return Map.of("file", file.toString());
    }

    @Override
    public List<SourceRecord> poll() throws InterruptedException {
      List<String> lines;
      try {
        lines = Files.readAllLines(file, StandardCharsets.UTF_8);
      } catch (IOException error) {
        throw new ConnectException(error);
      }
      if (lines.size() == read) {
        Thread.sleep(POLL_INTERVAL_MS);
        return null;
      }
      List<SourceRecord> records = new ArrayList<>();
      for (; read < lines.size(); read++) {
        Map<String, Integer> behind = Map.of(LINES, read + 1);
        records.add(new SourceRecord(place(), behind, topic, Schema.STRING_SCHEMA, lines.get(read)));
      }
      return records;
    }

    @Override
    public void stop() {}

    @Override
    public String version() {
      return VERSION;
    }
  }
}
