import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsServer;
import com.sun.net.httpserver.HttpsConfigurator;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/**
 * Replaces jenkins.war and agent.jar. As a controller it reads its response to each request from the file of the property
 * `answers`. As an agent (`-url`, `-direct`) it connects to the addresses of the property `connect`, and reconnects when
 * disconnected. `listen PORT…` opens the ports to which agents connect.
 */
final class Jenkins {
    private static final List<Socket> HELD = new ArrayList<>();

    public static void main(String[] arguments) throws Exception {
        List<String> words = List.of(arguments);
        if (words.contains("-url") || words.contains("-direct")) {
            for (String address : System.getProperty("connect", "").split(" ")) {
                if (!address.isEmpty()) start(() -> stayConnected(address));
            }
        } else if (words.contains("listen")) {
            for (String port : words.subList(1, words.size())) {
                ServerSocket server = new ServerSocket(Integer.parseInt(port));
                start(() -> hold(server));
            }
        } else {
            listen(words);
        }
        System.out.println("ready");
        Thread.sleep(Long.MAX_VALUE);
    }

    private static void listen(List<String> words) throws Exception {
        Map<String, String> options = new HashMap<>();
        for (String word : words) {
            String[] pair = word.substring(2).split("=", 2);
            options.put(pair[0], pair.length == 1 ? "true" : pair[1]);
        }
        String http = options.getOrDefault("httpPort", "8080");
        if (!http.equals("-1")) serve(HttpServer.create(), options, "http", http);
        String https = options.getOrDefault("httpsPort", "-1");
        if (!https.equals("-1")) {
            HttpsServer server = HttpsServer.create();
            server.setHttpsConfigurator(new HttpsConfigurator(tls(options.get("httpsKeyStore"))));
            serve(server, options, "https", https);
        }
    }

    private static void serve(HttpServer server, Map<String, String> options, String kind, String port)
            throws IOException {
        String host = options.getOrDefault(kind + "ListenAddress", "0.0.0.0");
        String prefix = options.getOrDefault("prefix", "");
        server.bind(new InetSocketAddress(InetAddress.getByName(host), Integer.parseInt(port)), 0);
        server.createContext("/", exchange -> answer(exchange, prefix));
        server.start();
    }

    private static SSLContext tls(String file) throws Exception {
        char[] password = "changeit".toCharArray();
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (FileInputStream in = new FileInputStream(file)) {
            keys.load(in, password);
        }
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(keys, password);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(factory.getKeyManagers(), null, null);
        return context;
    }

    private static void answer(HttpExchange exchange, String prefix) throws IOException {
        String answers = Files.readString(Path.of(System.getProperty("answers"))).trim();
        String path = exchange.getRequestURI().getPath();
        if (!path.startsWith(prefix + "/")) {
            reply(exchange, 404, "");
            return;
        }
        String page = path.substring(prefix.length());
        switch (answers) {
            case "well" -> reply(exchange, page.equals("/health") ? 200 : 403, "{\"status\":true,\"data\":[]}");
            case "moved" -> {
                exchange.getResponseHeaders().set("Location", prefix + "/health/");
                reply(exchange, page.equals("/health/") ? 200 : 302, "");
            }
            case "not-well" -> reply(exchange, 503, "{\"status\":false,\"data\":[{\"name\":\"disk\",\"result\":false},"
                + "{\"name\":\"queue\",\"result\":true}]}");
            case "starting" -> reply(exchange, 503, "Please wait while Jenkins is getting ready to work");
            case "older", "older-open", "foreign" -> {
                if (!answers.equals("foreign")) exchange.getResponseHeaders().set("X-Jenkins", "2.440.1");
                reply(exchange, page.equals("/login") ? 200 : answers.equals("older") ? 403 : 404, "");
            }
            case "failed" -> reply(exchange, 500, "");
            case "hung" -> System.out.println("asked"); // no response: the client waits
            default -> throw new IOException(answers);
        }
    }

    private static void reply(HttpExchange exchange, int status, String body) throws IOException {
        byte[] bytes = body.getBytes();
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        if (bytes.length > 0) {
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(bytes);
            }
        }
        exchange.close();
    }

    private static void hold(ServerSocket server) {
        try {
            while (true) {
                Socket socket = server.accept();
                synchronized (HELD) {
                    HELD.add(socket);
                }
            }
        } catch (IOException e) {
            System.exit(1);
        }
    }

    /** Sends data periodically: unacknowledged packets reveal a dead connection. */
    private static void stayConnected(String address) {
        int colon = address.lastIndexOf(':');
        while (true) {
            try (Socket socket = new Socket(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)))) {
                System.out.println("connected");
                socket.setSoTimeout(100);
                while (true) {
                    try {
                        if (socket.getInputStream().read() == -1) break;
                    } catch (java.net.SocketTimeoutException quiet) {
                        socket.getOutputStream().write('.');
                    }
                }
            } catch (IOException refused) {
                // again
            }
            try {
                Thread.sleep(50);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private static void start(Runnable work) {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        thread.start();
    }
}
