import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;

/**
 * A replacement for jenkins.war with the functions that the demo needs: --httpPort, /login that answers 503 and later 200, secret.key in
 * JENKINS_HOME. -Dforget=true writes a new secret.key at each start; -Dfail=true ends at once.
 */
public final class War {
  public static void main(String[] args) throws IOException {
    if (!Boolean.getBoolean("jenkins.install.runSetupWizard") && System.getProperty("jenkins.install.runSetupWizard") == null) {
      throw new IllegalStateException("the setup wizard is not switched off");
    }
    if (Boolean.getBoolean("fail")) {
      System.out.println("this war is broken");
      System.exit(5);
    }
    Path key = Path.of(System.getenv("JENKINS_HOME"), "secret.key");
    if (Boolean.getBoolean("forget") || !Files.exists(key)) Files.writeString(key, UUID.randomUUID().toString());
    int port = 0;
    for (String arg : args) if (arg.startsWith("--httpPort=")) port = Integer.parseInt(arg.substring(11));
    HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    int[] requests = {0};
    server.createContext("/login", exchange -> {
      exchange.sendResponseHeaders(++requests[0] < 3 ? 503 : 200, -1);
      exchange.close();
    });
    server.start();
  }
}
