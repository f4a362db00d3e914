import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.StringWriter;
import java.lang.reflect.Method;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.StandardLocation;
import javax.tools.ToolProvider;

/**
 * A resident compiler for Java or Scala. It compiles what it is sent and never runs any of it.
 *
 * <p>Standard input and output carry frames: a length (4 bytes, big-endian) and as many bytes. A request is a list of
 * entries, a reply is a byte (1: compiled), the messages, and a list of entries: the class files. A list is a count
 * and, for each entry, its name and its content; texts, names and contents are a length and as many bytes.
 *
 * <p>Nothing of a request is there for the next one: files are in memory (Java) or in a folder that is removed
 * (Scala), and the compiler is a new one each time. Only what the virtual machine has learnt stays.
 */
public final class CompileServer {
    private static final int MOST_MESSAGES = 16_384;

    /** What a request came to. No record: Java 11 has none. */
    private static final class Compiled {
        final boolean good;
        final String messages;
        final Map<String, byte[]> files;

        Compiled(boolean good, String messages, Map<String, byte[]> files) {
            this.good = good;
            this.messages = messages;
            this.files = files;
        }
    }

    private interface Compiler {
        Compiled compile(Map<String, byte[]> sources) throws Exception;
    }

    private CompileServer() {}

    public static void main(String[] arguments) throws Exception {
        DataInputStream requests = new DataInputStream(System.in);
        DataOutputStream replies = new DataOutputStream(System.out);
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        PrintStream hushed = new PrintStream(said, true, StandardCharsets.UTF_8);
        System.setOut(hushed);
        System.setErr(hushed);
        Compiler compiler =
                arguments[0].equals("scala") ? new Scala(arguments, said) : new Java(arguments);
        while (true) {
            byte[] request;
            try {
                request = requests.readNBytes(requests.readInt());
            } catch (EOFException end) {
                return;
            }
            said.reset();
            byte[] reply = packed(compiler.compile(unpacked(request)));
            replies.writeInt(reply.length);
            replies.write(reply);
            replies.flush();
        }
    }

    private static Map<String, byte[]> unpacked(byte[] request) throws IOException {
        DataInputStream data = new DataInputStream(new java.io.ByteArrayInputStream(request));
        Map<String, byte[]> entries = new TreeMap<>();
        for (int left = data.readInt(); left > 0; left--) {
            String name = new String(data.readNBytes(data.readInt()), StandardCharsets.UTF_8);
            entries.put(name, data.readNBytes(data.readInt()));
        }
        return entries;
    }

    private static byte[] packed(Compiled compiled) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream data = new DataOutputStream(bytes);
        String messages = compiled.messages;
        data.writeByte(compiled.good ? 1 : 0);
        write(data, messages.substring(0, Math.min(messages.length(), MOST_MESSAGES)).getBytes(StandardCharsets.UTF_8));
        data.writeInt(compiled.files.size());
        for (Map.Entry<String, byte[]> entry : compiled.files.entrySet()) {
            write(data, entry.getKey().getBytes(StandardCharsets.UTF_8));
            write(data, entry.getValue());
        }
        return bytes.toByteArray();
    }

    private static void write(DataOutputStream data, byte[] bytes) throws IOException {
        data.writeInt(bytes.length);
        data.write(bytes);
    }

    /** {@code javac} in this process: no annotation processor, files in memory. Arguments: java CLASSPATH. */
    private static final class Java implements Compiler {
        private final JavaCompiler javac = ToolProvider.getSystemJavaCompiler();
        private final List<String> options;
        private final StandardJavaFileManager installed;

        Java(String[] arguments) {
            options = List.of("-proc:none", "-encoding", "UTF8", "-cp", arguments[1]);
            installed = javac.getStandardFileManager(null, null, StandardCharsets.UTF_8);
        }

        @Override
        public Compiled compile(Map<String, byte[]> sources) {
            StringWriter messages = new StringWriter();
            Memory memory = new Memory(installed);
            List<JavaFileObject> units = new ArrayList<>();
            sources.forEach((name, content) -> units.add(new Source(name, content)));
            boolean good;
            try {
                good = javac.getTask(messages, memory, null, options, null, units).call();
            } catch (StackOverflowError | RuntimeException broken) {
                // As the command does: a compiler that gives up has not compiled.
                good = false;
                messages.write("error: the compiler ended with " + broken);
            }
            return new Compiled(good, messages.toString(), good ? memory.written() : Map.of());
        }
    }

    /** What the compiler writes, kept here; what it reads of the platform and the class path, from the disk. */
    private static final class Memory extends ForwardingJavaFileManager<JavaFileManager> {
        private final Map<String, ByteArrayOutputStream> classes = new TreeMap<>();

        Memory(JavaFileManager installed) {
            super(installed);
        }

        @Override
        public boolean hasLocation(Location location) {
            // Without a source path javac would look for sources on the class path.
            return location == StandardLocation.SOURCE_PATH || super.hasLocation(location);
        }

        @Override
        public Iterable<JavaFileObject> list(
                Location location, String name, java.util.Set<JavaFileObject.Kind> kinds, boolean recurse)
                throws IOException {
            return location == StandardLocation.SOURCE_PATH ? List.of() : super.list(location, name, kinds, recurse);
        }

        @Override
        public JavaFileObject getJavaFileForOutput(
                Location location, String name, JavaFileObject.Kind kind, FileObject sibling) {
            ByteArrayOutputStream content = new ByteArrayOutputStream();
            classes.put(name.replace('.', '/') + kind.extension, content);
            return new SimpleJavaFileObject(URI.create("memory:///" + classes.size() + kind.extension), kind) {
                @Override
                public OutputStream openOutputStream() {
                    return content;
                }
            };
        }

        Map<String, byte[]> written() {
            Map<String, byte[]> files = new TreeMap<>();
            classes.forEach((name, content) -> files.put(name, content.toByteArray()));
            return files;
        }
    }

    /** A source that was sent. */
    private static final class Source extends SimpleJavaFileObject {
        private final String text;

        Source(String name, byte[] content) {
            super(URI.create("file:///" + name), Kind.SOURCE);
            text = new String(content, StandardCharsets.UTF_8);
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }

        @Override
        public String getName() {
            return toUri().getPath().substring(1);
        }
    }

    /** {@code scalac} (2.11 to 2.13) in this process. Arguments: scala CLASSPATH-OF-THE-LIBRARY. */
    private static final class Scala implements Compiler {
        private final String library;
        private final ByteArrayOutputStream said;
        private final Class<?> main;

        Scala(String[] arguments, ByteArrayOutputStream said) throws ClassNotFoundException {
            library = arguments[1];
            this.said = said;
            main = Class.forName("scala.tools.nsc.MainClass");
        }

        @Override
        public Compiled compile(Map<String, byte[]> sources) throws Exception {
            Path folder = Files.createTempDirectory(Path.of("."), "request");
            try {
                return compiled(folder, sources);
            } finally {
                remove(folder);
            }
        }

        private Compiled compiled(Path folder, Map<String, byte[]> sources) throws Exception {
            Path out = Files.createDirectory(folder.resolve("classes"));
            List<String> arguments = new ArrayList<>(List.of("-cp", library, "-encoding", "UTF-8", "-d", out.toString()));
            for (Map.Entry<String, byte[]> source : sources.entrySet()) {
                arguments.add(Files.write(folder.resolve(source.getKey()), source.getValue()).toString());
            }
            Object compiler = main.getConstructor().newInstance();
            main.getMethod("process", String[].class).invoke(compiler, (Object) arguments.toArray(new String[0]));
            Object reporter = main.getMethod("reporter").invoke(compiler);
            Method hasErrors = reporter.getClass().getMethod("hasErrors");
            boolean good = !(Boolean) hasErrors.invoke(reporter);
            return new Compiled(good, said.toString(StandardCharsets.UTF_8), good ? read(out) : Map.of());
        }

        private static Map<String, byte[]> read(Path out) throws IOException {
            Map<String, byte[]> files = new TreeMap<>();
            try (Stream<Path> found = Files.walk(out)) {
                for (Path file : found.filter(Files::isRegularFile).collect(Collectors.toList())) {
                    files.put(out.relativize(file).toString(), Files.readAllBytes(file));
                }
            }
            return files;
        }

        private static void remove(Path folder) throws IOException {
            try (Stream<Path> found = Files.walk(folder)) {
                for (Path path : found.sorted(Comparator.reverseOrder()).collect(Collectors.toList())) {
                    Files.delete(path);
                }
            }
        }
    }
}
