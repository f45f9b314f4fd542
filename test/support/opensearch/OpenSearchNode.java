import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.opensearch.analysis.common.CommonAnalysisPlugin;
import org.opensearch.common.settings.Settings;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.transport.Netty4Plugin;

/**
 * Runs one node of a cluster. Arguments: home directory, name of the node, HTTP port, transport ports of all nodes with its own
 * first, names of all nodes, and further settings as name=value.
 */
public class OpenSearchNode extends Node {
    private OpenSearchNode(Settings settings) {
        super(
            InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> settings.get("node.name")),
            List.of(Netty4Plugin.class, CommonAnalysisPlugin.class),
            true);
    }

    public static void main(String[] args) throws Exception {
        String[] ports = args[3].split(",");
        Settings.Builder builder = Settings.builder()
            .put("path.home", Path.of(args[0]).toAbsolutePath().toString())
            .put("cluster.name", "test")
            .put("node.name", args[1])
            .put("http.port", args[2])
            .put("transport.port", ports[0])
            .put("transport.type", "netty4")
            .put("http.type", "netty4")
            .putList("discovery.seed_hosts", List.of(ports).stream().map(port -> "127.0.0.1:" + port).toList())
            .putList("cluster.initial_cluster_manager_nodes", List.of(args[4].split(",")))
            // The nodes are on one machine, whose disk may be nearly full.
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            // The nodes notice within seconds that another node is frozen.
            .put("cluster.fault_detection.follower_check.timeout", "1s")
            .put("cluster.fault_detection.leader_check.timeout", "1s");
        for (int i = 5; i < args.length; i++) {
            String[] setting = args[i].split("=", 2);
            builder.put(setting[0], setting[1]);
        }
        Node node = new OpenSearchNode(builder.build());
        node.start();
        new CountDownLatch(1).await();
    }
}
