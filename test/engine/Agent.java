import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.util.List;

/**
 * A stand-in for agent.jar: prints its arguments, leaves ORPHANS orphan processes (default 0), and connects to port 50000
 * of the host in -url, with retries until that succeeds.
 */
final class Agent {
    public static void main(String[] arguments) throws IOException, InterruptedException {
        List<String> words = List.of(arguments);
        say("agent: arguments " + words);
        System.getenv().forEach((name, value) -> {
            if (name.startsWith("JENKINS_") || name.equals("REMOTING_OPTS")) say("agent: variable " + name + "=" + value);
        });
        for (int left = Integer.parseInt(System.getenv().getOrDefault("ORPHANS", "0")); left > 0; left--) {
            new ProcessBuilder("sh", "-c", "sleep 0.05 &").inheritIO().start().waitFor();
        }
        say("agent: ready");
        int at = words.indexOf("-url");
        String host = at == -1 ? "localhost" : URI.create(words.get(at + 1)).getHost();
        while (true) {
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress(host, 50000), 1000);
                say("agent: connected");
                while (socket.getInputStream().read() != -1) {
                    // the controller sends data
                }
            } catch (IOException refused) {
                // again
            }
            Thread.sleep(100);
        }
    }

    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
