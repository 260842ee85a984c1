package odradek;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.config.ConfigResource;

/** Operations of administration, by one client for all. */
final class Administration {
  private static final int TIMEOUT_MS = 15_000;

  private Admin opened;

  JsonObject handle(String operation, JsonObject request) throws Exception {
    JsonObject answer = new JsonObject();
    switch (operation) {
      case "metadata" -> describeCluster(answer);
      case "createTopic" -> createTopic(request);
      case "createPartitions" -> admin().createPartitions(Map.of(
          topic(request), NewPartitions.increaseTo(request.get("total").getAsInt()))).all().get();
      case "alterTopic" -> alterTopic(request);
      case "describeTopic" -> describeTopic(request, answer);
      case "deleteTopic" -> admin().deleteTopics(List.of(topic(request))).all().get();
      case "deleteRecords" -> admin().deleteRecords(Map.of(
          Lines.place(request),
          RecordsToDelete.beforeOffset(request.get("before").getAsLong()))).all().get();
      case "listGroups" -> {
        Collection<GroupListing> groups = admin().listGroups().all().get();
        answer.add("groups", Lines.strings(groups.stream().map(GroupListing::groupId).toList()));
      }
      case "describeGroup" -> describeGroup(request, answer);
      case "groupOffsets" -> groupOffsets(request, answer);
      case "deleteGroup" -> admin().deleteConsumerGroups(List.of(group(request))).all().get();
      default -> throw new Driver.Unsupported(operation);
    }
    return answer;
  }

  private Admin admin() {
    if (opened == null) {
      opened = Admin.create(Lines.settings(
          Map.of("default.api.timeout.ms", TIMEOUT_MS, "request.timeout.ms", TIMEOUT_MS)));
    }
    return opened;
  }

  private static String topic(JsonObject request) {
    return request.get("topic").getAsString();
  }

  private static String group(JsonObject request) {
    return request.get("group").getAsString();
  }

  private void describeCluster(JsonObject answer) throws Exception {
    JsonArray brokers = new JsonArray();
    for (Node node : admin().describeCluster().nodes().get()) {
      JsonObject broker = new JsonObject();
      broker.addProperty("id", node.id());
      broker.addProperty("host", node.host());
      broker.addProperty("port", node.port());
      brokers.add(broker);
    }
    JsonObject topics = new JsonObject();
    Collection<String> names = admin().listTopics().names().get();
    for (TopicDescription topic : admin().describeTopics(names).allTopicNames().get().values()) {
      topics.addProperty(topic.name(), topic.partitions().size());
    }
    answer.add("brokers", brokers);
    answer.add("topics", topics);
  }

  private void createTopic(JsonObject request) throws Exception {
    NewTopic topic = new NewTopic(
        topic(request),
        Optional.of(request.get("partitions").getAsInt()),
        Optional.of(request.get("replicationFactor").getAsShort()));
    topic.configs(Lines.map(request.get("configs")));
    admin().createTopics(List.of(topic)).all().get();
  }

  private void alterTopic(JsonObject request) throws Exception {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic(request));
    List<AlterConfigOp> changes = Lines.map(request.get("configs")).entrySet().stream()
        .map(set -> new AlterConfigOp(
            new ConfigEntry(set.getKey(), set.getValue()), AlterConfigOp.OpType.SET))
        .toList();
    admin().incrementalAlterConfigs(Map.of(resource, changes)).all().get();
  }

  private void describeTopic(JsonObject request, JsonObject answer) throws Exception {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic(request));
    JsonObject configs = new JsonObject();
    admin().describeConfigs(List.of(resource)).all().get().get(resource).entries()
        .forEach(entry -> configs.addProperty(entry.name(), entry.value()));
    answer.add("configs", configs);
  }

  private void describeGroup(JsonObject request, JsonObject answer) throws Exception {
    ConsumerGroupDescription group = admin().describeConsumerGroups(List.of(group(request)))
        .describedGroups().get(group(request)).get();
    answer.addProperty("state", group.groupState().toString());
    answer.addProperty("members", group.members().size());
    answer.addProperty("protocol", group.partitionAssignor());
  }

  private void groupOffsets(JsonObject request, JsonObject answer) throws Exception {
    JsonObject offsets = new JsonObject();
    admin().listConsumerGroupOffsets(group(request)).partitionsToOffsetAndMetadata().get()
        .forEach((place, committed) -> {
          if (place.topic().equals(topic(request)) && committed != null) {
            offsets.addProperty(String.valueOf(place.partition()), committed.offset());
          }
        });
    answer.add("offsets", offsets);
  }
}
