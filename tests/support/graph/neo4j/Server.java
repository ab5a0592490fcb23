import java.nio.file.Path;
import java.util.Map;
import org.neo4j.configuration.GraphDatabaseSettings;
import org.neo4j.configuration.connectors.BoltConnector;
import org.neo4j.configuration.helpers.SocketAddress;
import org.neo4j.dbms.api.DatabaseManagementServiceBuilder;

/**
 * A Neo4j server: Server HOME PORT [ADDRESS], by default on loopback. It runs until its standard
 * input ends. HOME/neo4j.conf has further settings.
 */
public class Server {
    public static void main(String[] arguments) throws Exception {
        var address = arguments.length > 2 ? arguments[2] : "127.0.0.1";
        var service = new DatabaseManagementServiceBuilder(Path.of(arguments[0]))
                .loadPropertiesFromFile(Path.of(arguments[0], "neo4j.conf"))
                .setConfig(BoltConnector.enabled, true)
                .setConfig(BoltConnector.listen_address,
                        new SocketAddress(address, Integer.parseInt(arguments[1])))
                .setConfig(GraphDatabaseSettings.auth_enabled, true)
                .build();
        // ALTER USER refuses the password that a store served before already has.
        service.database("system").executeTransactionally(
                "CREATE OR REPLACE USER neo4j SET PASSWORD $password CHANGE NOT REQUIRED",
                Map.of("password", System.getenv("NEO4J_PASSWORD")));
        System.out.println("ready");
        while (System.in.read() != -1) { }
        Runtime.getRuntime().halt(0);  // the store is temporary: an orderly shutdown takes 10 s
    }
}
