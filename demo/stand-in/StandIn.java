import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * A replacement for jenkins.war in the demo: a controller that runs one build after another, stores them in JENKINS_HOME
 * (nextBuildNumber, builds/N/log), and whose builds leave orphans. stand-in.mjs does the same for node.
 */
public final class StandIn {
  private static final Path home = Path.of(System.getenv("JENKINS_HOME"));
  private static final Path nextBuildNumber = home.resolve("nextBuildNumber");
  private static final Path orphanCount = home.resolve("orphans");

  /** Twenty orphans a second; each one outlives the shell that started it. */
  private static final String steps =
      "for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 0.3 >/dev/null 2>&1 &); echo step $i; sleep 0.04; done";

  private static Path log;
  private static boolean stopping;
  private static long orphans;

  public static void main(String[] args) throws Exception {
    int number = Files.exists(nextBuildNumber) ? Integer.parseInt(Files.readString(nextBuildNumber).strip()) : 1;
    replace(orphanCount, "0"); // before the line is printed, so that a reader of the line reads the count of this container
    System.out.println(
        number == 1
            ? "JENKINS_HOME is empty: this is its first start"
            : "Found " + (number - 1) + " builds in JENKINS_HOME, the next one is " + number);
    Runtime.getRuntime().addShutdownHook(new Thread(StandIn::stop));
    for (; ; number++) run(number);
  }

  private static void run(int number) throws IOException, InterruptedException {
    if (!begin(number)) Thread.currentThread().join(); // the JVM is stopping; the shutdown hook completes the build
    Process shell = new ProcessBuilder("sh", "-c", steps).redirectErrorStream(true).start();
    try (BufferedReader lines = shell.inputReader()) {
      for (String line; (line = lines.readLine()) != null; ) step(line);
    }
    end(shell.waitFor() == 0 ? "SUCCESS" : "FAILURE");
  }

  private static synchronized boolean begin(int number) throws IOException {
    if (stopping) return false;
    Path folder = Files.createDirectories(home.resolve("builds").resolve(Integer.toString(number)));
    log = folder.resolve("log");
    Files.writeString(log, "Started build " + number + "\n");
    replace(nextBuildNumber, Integer.toString(number + 1));
    return true;
  }

  private static synchronized void step(String line) throws IOException {
    if (log == null) return;
    Files.writeString(log, line + "\n", StandardOpenOption.APPEND);
    replace(orphanCount, Long.toString(++orphans));
  }

  private static synchronized void end(String result) throws IOException {
    if (log != null) Files.writeString(log, "Finished: " + result + "\n", StandardOpenOption.APPEND);
    log = null;
  }

  /** On SIGTERM: completes the log of the running build. The JVM then exits with 143 by itself. */
  private static synchronized void stop() {
    stopping = true;
    try {
      end("ABORTED");
      System.out.println("Stopped; all builds are written");
    } catch (IOException e) {
      System.out.println("A build could not be written: " + e);
    }
  }

  /** Replaces a file atomically: readers see the old text or the new text. */
  private static void replace(Path file, String text) throws IOException {
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    Files.writeString(fresh, text + "\n");
    Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }
}
