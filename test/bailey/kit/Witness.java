import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Replaces jenkins.war and agent.jar: prints as JSON how it was started. The command line and the environment are read from
 * /proc, so that they are what the kernel passed, without changes by the JVM.
 */
final class Witness {
    public static void main(String[] arguments) throws IOException {
        Map<String, String> report = new TreeMap<>();
        report.put("argv", strings(split("/proc/self/cmdline")));
        report.put("arguments", strings(List.of(arguments)));
        report.put("env", strings(split("/proc/self/environ")));
        report.put("cwd", string(Path.of("").toAbsolutePath().toString()));
        report.put("pid", String.valueOf(ProcessHandle.current().pid()));
        report.put("status", string(Files.readString(Path.of("/proc/self/status"))));
        System.out.println(report.entrySet().stream()
            .map(entry -> string(entry.getKey()) + ":" + entry.getValue())
            .collect(Collectors.joining(",", "{", "}")));
    }

    private static List<String> split(String file) throws IOException {
        String text = Files.readString(Path.of(file));
        List<String> parts = new ArrayList<>(List.of(text.split("\0", -1)));
        parts.remove(parts.size() - 1);
        return parts;
    }

    private static String strings(List<String> values) {
        return values.stream().map(Witness::string).collect(Collectors.joining(",", "[", "]"));
    }

    private static String string(String value) {
        StringBuilder json = new StringBuilder("\"");
        for (char c : value.toCharArray()) {
            if (c < ' ' || c == '"' || c == '\\') {
                json.append(String.format("\\u%04x", (int) c));
            } else {
                json.append(c);
            }
        }
        return json.append('"').toString();
    }
}
