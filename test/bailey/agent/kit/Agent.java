import java.io.BufferedReader;
import java.io.FileReader;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Replaces agent.jar: expands the arguments that begin with @ as its parser does, starts children, searches for the secret
 * in the places that a process can read, and prints the results as JSON. With -Drestart=LIBRARY it first executes itself
 * again, as the controller makes agents do after a reconnect.
 */
final class Agent {
    private static native void restart();

    public static void main(String[] given) throws Exception {
        String library = System.getProperty("restart");
        Path mark = library == null ? null : Path.of(library + ".restarted");
        List<String> arguments = expand(given);
        if (mark != null && !Files.exists(mark)) {
            Files.createFile(mark);
            System.load(library);
            restart();
        }
        String needle = System.getProperty("needle");
        Map<String, String> report = new TreeMap<>();
        report.put("argv", strings(split(Path.of("/proc/self/cmdline"))));
        report.put("arguments", strings(arguments));
        report.put("env", strings(split(Path.of("/proc/self/environ"))));
        report.put("child", string(child(ProcessBuilder.Redirect.PIPE)));
        report.put("inheritingChild", string(child(ProcessBuilder.Redirect.INHERIT)));
        if (needle != null) report.put("visibleIn", strings(visibleIn(new StringBuilder(needle).reverse().toString())));
        report.put("memoryFiles", strings(memoryFiles()));
        System.out.println(report.entrySet().stream()
            .map(entry -> string(entry.getKey()) + ":" + entry.getValue())
            .collect(Collectors.joining(",", "{", "}")));
    }

    /** The command line, environment, descriptors and standard input of a child. */
    private static String child(ProcessBuilder.Redirect input) throws Exception {
        String script = "tr '\\0' '\\n' < /proc/$$/cmdline; env; ls -l /proc/$$/fd | sed 's/.* -> //'; cat";
        Process process = new ProcessBuilder("sh", "-c", script).redirectInput(input).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String text = new String(process.getInputStream().readAllBytes());
        return process.waitFor() == 0 ? text : "failed: " + text;
    }

    /** The cmdline and environ files of all processes that contain a text. */
    private static List<String> visibleIn(String text) throws IOException {
        List<String> found = new ArrayList<>();
        for (Path process : processes())
            for (String name : List.of("cmdline", "environ")) {
                try {
                    String content = new String(Files.readAllBytes(process.resolve(name)), "ISO-8859-1");
                    if (content.contains(text)) found.add(Files.readString(process.resolve("comm")).trim() + " " + name);
                } catch (IOException gone) {
                    continue; // the process has ended
                }
            }
        return found;
    }

    /** Process id and descriptor of each open memfd. */
    private static List<String> memoryFiles() throws IOException {
        List<String> found = new ArrayList<>();
        for (Path process : processes())
            try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(process.resolve("fd"))) {
                for (Path descriptor : descriptors)
                    if (Files.exists(descriptor) && Files.readSymbolicLink(descriptor).toString().contains("memfd:"))
                        found.add(process.getFileName() + " " + descriptor.getFileName());
            } catch (IOException gone) {
                continue; // the process has ended
            }
        return found;
    }

    private static List<Path> processes() throws IOException {
        List<Path> found = new ArrayList<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            all.forEach(found::add);
        }
        return found;
    }

    /** As in args4j: all arguments are expanded, but not recursively; the file must exist. */
    private static List<String> expand(String[] given) throws IOException {
        List<String> arguments = new ArrayList<>();
        for (String argument : given) {
            if (!argument.startsWith("@")) {
                arguments.add(argument);
                continue;
            }
            if (!new java.io.File(argument.substring(1)).exists()) throw new IOException("no such file: " + argument);
            try (BufferedReader reader = new BufferedReader(new FileReader(argument.substring(1)))) {
                reader.lines().forEach(arguments::add);
            }
        }
        return arguments;
    }

    private static List<String> split(Path file) throws IOException {
        List<String> parts = new ArrayList<>(List.of(Files.readString(file).split("\0", -1)));
        parts.remove(parts.size() - 1);
        return parts;
    }

    private static String strings(List<String> values) {
        return values.stream().map(Agent::string).collect(Collectors.joining(",", "[", "]"));
    }

    private static String string(String value) {
        StringBuilder json = new StringBuilder("\"");
        for (char c : value.toCharArray())
            json.append(c < ' ' || c == '"' || c == '\\' ? String.format("\\u%04x", (int) c) : String.valueOf(c));
        return json.append('"').toString();
    }
}
