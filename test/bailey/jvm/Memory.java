import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/**
 * Replaces jenkins.war and agent.jar: prints the limits that the JVM detected, then uses memory according to its last argument.
 */
final class Memory {
    private static final int MEBIBYTE = 1 << 20;
    private static final List<Object> KEPT = new ArrayList<>();

    public static void main(String[] arguments) throws Exception {
        say("arguments: " + Files.readString(Path.of("/proc/self/cmdline")).replace('\0', ' '));
        say("heap: " + Runtime.getRuntime().maxMemory());
        say("processors: " + Runtime.getRuntime().availableProcessors());
        say("user: " + System.getProperty("user.name"));
        switch (arguments.length == 0 ? "" : arguments[arguments.length - 1]) {
            case "--fill" -> fill();
            case "--leak" -> leak();
            case "--build" -> greedyBuild();
            case "--wait" -> Thread.currentThread().join();
            default -> { }
        }
    }

    /** Fills the heap, and uses non-heap memory: stacks, buffers, code. */
    private static void fill() throws InterruptedException {
        for (int thread = 0; thread < 50; thread++) {
            CountDownLatch deep = new CountDownLatch(1);
            Thread stack = new Thread(() -> descend(500, deep));
            stack.setDaemon(true);
            stack.start();
            deep.await();
        }
        ByteBuffer buffer = ByteBuffer.allocateDirect(16 * MEBIBYTE);
        while (buffer.hasRemaining()) {
            buffer.put((byte) 1);
        }
        KEPT.add(buffer);
        // Small pieces: with large ones G1 wastes the ends of its regions.
        long most = Runtime.getRuntime().maxMemory() * 85 / 100;
        for (long filled = 0; filled < most; filled += 64 * 1024) {
            KEPT.add(piece());
        }
        say("filled");
        KEPT.clear();
    }

    private static void descend(int depth, CountDownLatch deep) {
        if (depth > 0) {
            descend(depth - 1, deep);
            return;
        }
        deep.countDown();
        try {
            Thread.currentThread().join();
        } catch (InterruptedException end) {
            return;
        }
    }

    private static void leak() {
        for (;;) {
            KEPT.add(piece());
        }
    }

    private static byte[] piece() {
        byte[] bytes = new byte[64 * 1024];
        for (int at = 0; at < bytes.length; at += 4096) {
            bytes[at] = 1;
        }
        return bytes;
    }

    /** A child that needs more memory than the limit: dd fills a buffer of that size. */
    private static void greedyBuild() throws IOException, InterruptedException {
        Process build = new ProcessBuilder("dd", "if=/dev/zero", "of=/dev/null", "bs=1073741824", "count=1")
            .redirectErrorStream(true)
            .start();
        say("build ended with " + build.waitFor());
        say("still here");
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
