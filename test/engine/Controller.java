import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A stand-in for jenkins.war: stores builds in JENKINS_HOME, and runs shell steps that leave orphan processes. ORPHANS is
 * their total number (default 0), a few at a time.
 */
final class Controller {
    private static final Path HOME = Path.of(System.getenv("JENKINS_HOME"));

    public static void main(String[] arguments) throws IOException, InterruptedException {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> say("controller: shutting down")));
        say("controller: arguments " + List.of(arguments));
        say("controller: found builds " + builds());
        say("controller: wrote build " + runBuild());
        leaveOrphans(Integer.parseInt(System.getenv().getOrDefault("ORPHANS", "0")));
        answerHealth(List.of(arguments));
        say("controller: ready");
        Thread.currentThread().join();
    }

    private static List<String> builds() throws IOException {
        Path folder = Files.createDirectories(HOME.resolve("builds"));
        try (Stream<Path> found = Files.list(folder)) {
            return found.map(path -> path.getFileName().toString()).sorted().collect(Collectors.toList());
        }
    }

    private static String runBuild() throws IOException {
        String name = String.valueOf(builds().size() + 1);
        Path build = Files.createDirectory(HOME.resolve("builds").resolve(name));
        Files.writeString(build.resolve("log"), "build " + name + "\n");
        return name;
    }

    /** Runs a shell that ends before its background process, which becomes a child of process 1 and ends there. */
    private static void leaveOrphans(int count) throws IOException, InterruptedException {
        for (int left = 0; left < count; left++) {
            new ProcessBuilder("sh", "-c", "sleep 0.05 &").inheritIO().start().waitFor();
        }
        say("controller: left orphans " + count);
    }

    /** Answers GET on any page as a healthy controller answers /health, on the port of --httpPort. */
    private static void answerHealth(List<String> arguments) throws IOException {
        String option = "--httpPort=";
        int port = arguments.stream().filter(word -> word.startsWith(option))
            .mapToInt(word -> Integer.parseInt(word.substring(option.length()))).findFirst().orElse(8080);
        ServerSocket server = new ServerSocket(port);
        Thread answering = new Thread(() -> {
            while (true) {
                try (Socket asking = server.accept()) {
                    asking.getInputStream().read(new byte[4096]);
                    asking.getOutputStream().write("HTTP/1.0 200 OK\r\n\r\n{\"status\":true}".getBytes());
                } catch (IOException gone) {
                    // serve the next connection
                }
            }
        });
        answering.setDaemon(true);
        answering.start();
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
