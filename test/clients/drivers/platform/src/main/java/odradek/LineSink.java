package odradek;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkConnector;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;

/** Appends what it is given to a file, a line for each record. */
public final class LineSink extends SinkConnector {
  private Map<String, String> settings;

  @Override
  public void start(Map<String, String> given) {
    settings = given;
  }

  @Override
  public Class<? extends Task> taskClass() {
    return LineSinkTask.class;
  }

  @Override
  public List<Map<String, String>> taskConfigs(int maximum) {
    return List.of(settings);
  }

  @Override
  public void stop() {}

  @Override
  public ConfigDef config() {
    return LineSource.SETTINGS;
  }

  @Override
  public String version() {
    return LineSource.VERSION;
  }

  /** Opens the file for each delivery: there are few. */
  public static final class LineSinkTask extends SinkTask {
    private Path file;

    @Override
    public void start(Map<String, String> settings) {
      file = Path.of(settings.get("file"));
    }

    @Override
    public void put(Collection<SinkRecord> records) {
      List<String> lines = records.stream().map(record -> String.valueOf(record.value())).toList();
      try {
        Files.write(
            file, lines, StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      } catch (IOException error) {
        throw new ConnectException(error);
      }
    }

    @Override
    public void stop() {}

    @Override
    public String version() {
      return LineSource.VERSION;
    }
  }
}
