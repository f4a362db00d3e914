"""The lines that take a program's token and give it back, language by language.

`..._TAKE` stands before the first call of the tested function and reads at most `MOST` bytes from descriptor `FROM` into a
variable that is local to that place; `..._GIVE` stands after the last assertion and writes them to descriptor `TO`. What
is read is gone: the function under test finds an empty pipe, whatever it knows of all this. See `composing` for where they
stand.

What such a function still can do to get at the variable is to look into the frame or the memory of its caller: frames in
Python (``sys._getframe``), R (``parent.frame``), Lua (``debug.getlocal``), Perl (``B``) and Ruby (``TracePoint``);
memory wherever there are pointers or ``/proc/self/mem``.
"""

from __future__ import annotations

FROM, TO, MOST = 198, 199, 4096
"""Descriptors of the token, as `magicoder_core.sandbox` hands them to a job's last command; bytes that are read of it."""

# Neither a header's names (read, pipe, link, access ...) nor what a program means by them: `syscall` by its own name.
CPP_HEADER = """\
#ifdef __linux__
#include <sys/syscall.h>
extern "C" long magicoder_call(long, ...) __asm__("syscall");
#define magicoder_read(file, bytes, most) magicoder_call(SYS_read, file, bytes, most)
#define magicoder_write(file, bytes, size) magicoder_call(SYS_write, file, bytes, size)
#define magicoder_close(file) magicoder_call(SYS_close, file)
#else
extern "C" long magicoder_read(long, void *, long) __asm__("_read");
extern "C" long magicoder_write(long, const void *, long) __asm__("_write");
extern "C" long magicoder_close(long) __asm__("_close");
#endif
"""
CPP_TAKE = """\
    char magicoder_token[4096];
    const long magicoder_size = magicoder_read(198L, magicoder_token, 4096L);
    magicoder_close(198L);
"""
CPP_GIVE = """\
    if (magicoder_write(199L, magicoder_token, magicoder_size) != magicoder_size) __builtin_trap();
"""

RUST_TAKE = """\
    let magicoder_token = {
        let mut magicoder_bytes = [0u8; 4096];
        let mut magicoder_in = ::std::fs::File::open("/dev/fd/198").unwrap();
        let magicoder_size = ::std::io::Read::read(&mut magicoder_in, &mut magicoder_bytes).unwrap();
        magicoder_bytes[..magicoder_size].to_vec()
    };
"""
RUST_GIVE = """\
    ::std::fs::write("/dev/fd/199", &magicoder_token).unwrap();
"""

JAVA_TAKE = """\
    final byte[] magicoderToken;
    try (java.io.FileInputStream magicoderIn = new java.io.FileInputStream("/dev/fd/198")) {
        byte[] magicoderBytes = new byte[4096];
        magicoderToken = java.util.Arrays.copyOf(magicoderBytes, magicoderIn.read(magicoderBytes));
    } catch (java.io.IOException magicoderError) {
        throw new java.lang.IllegalStateException(magicoderError);
    }
"""
JAVA_GIVE = """\
    try (java.io.FileOutputStream magicoderOut = new java.io.FileOutputStream("/dev/fd/199")) {
        magicoderOut.write(magicoderToken);
    } catch (java.io.IOException magicoderError) {
        throw new java.lang.IllegalStateException(magicoderError);
    }
"""

SCALA_TAKE = """\
    val magicoderToken = {
        val magicoderBytes = new _root_.scala.Array[_root_.scala.Byte](4096)
        val magicoderIn = new _root_.java.io.FileInputStream("/dev/fd/198")
        val magicoderSize = magicoderIn.read(magicoderBytes)
        magicoderIn.close()
        _root_.java.util.Arrays.copyOf(magicoderBytes, magicoderSize)
    }
"""
SCALA_GIVE = """\
    {
        val magicoderOut = new _root_.java.io.FileOutputStream("/dev/fd/199")
        magicoderOut.write(magicoderToken)
        magicoderOut.close()
    }
"""

# A failed Debug.Assert does not end a program: it is told to the listeners. Ours counts.
CSHARP_TAKE = """\
    var magicoderListener = new MagicoderListener();
    global::System.Diagnostics.Debug.Listeners.Add(magicoderListener);
    var magicoderToken = new byte[4096];
    int magicoderSize;
    using (var magicoderIn = new global::System.IO.FileStream(
        "/dev/fd/198", global::System.IO.FileMode.Open, global::System.IO.FileAccess.Read, global::System.IO.FileShare.ReadWrite))
        magicoderSize = magicoderIn.Read(magicoderToken, 0, 4096);
"""
CSHARP_GIVE = """\
    if (magicoderListener.Failed == 0 && global::System.Diagnostics.Debug.Listeners.Contains(magicoderListener))
        using (var magicoderOut = new global::System.IO.FileStream(
            "/dev/fd/199", global::System.IO.FileMode.Open, global::System.IO.FileAccess.Write, global::System.IO.FileShare.ReadWrite))
            magicoderOut.Write(magicoderToken, 0, magicoderSize);
    }
    class MagicoderListener : global::System.Diagnostics.TraceListener {
        public int Failed;
        public override void Write(string message) { }
        public override void WriteLine(string message) { }
        public override void Fail(string message) { Failed++; }
        public override void Fail(string message, string detail) { Failed++; }
"""

# Whatever attributes the tests have from a line such as `@safe pure nothrow @nogc:` above them.
D_TAKE = """\
    static struct MagicoderToken {
        extern (C) @trusted pure nothrow @nogc:
        pragma(mangle, "read") static typeof(int.sizeof) read(int, void*, typeof(int.sizeof));
        pragma(mangle, "write") static typeof(int.sizeof) write(int, void*, typeof(int.sizeof));
        pragma(mangle, "close") static int close(int);
    }
    char[4096] magicoder_token;
    const magicoder_size = (() @trusted => MagicoderToken.read(198, magicoder_token.ptr, 4096))();
    MagicoderToken.close(198);
"""
D_GIVE = """\
    assert((() @trusted => MagicoderToken.write(199, magicoder_token.ptr, magicoder_size))() == magicoder_size);
"""

# In a file of their own: a test need not import `os`, and an import that is there twice is an error.
GO_TAKE = "\tmagicoder_token := magicoder_taken()\n"
GO_GIVE = "\tmagicoder_given(t, magicoder_token)\n"
GO_FILE = """\
package {package}

import (
	magicoder_bufio "bufio"
	magicoder_os "os"
	magicoder_testing "testing"
)

// Without any of the names that a program may give another meaning: byte, make, len.
func magicoder_taken() *magicoder_bufio.Reader {{
	source := magicoder_os.NewFile(198, "token")
	token := magicoder_bufio.NewReaderSize(source, 4096)
	token.Peek(1)
	source.Close()
	return token
}}

func magicoder_given(t *magicoder_testing.T, token *magicoder_bufio.Reader) {{
	if !t.Failed() {{
		bytes, _ := token.Peek(token.Buffered())
		magicoder_os.NewFile(199, "token").Write(bytes)
	}}
}}
"""

# Of a buffer of its own: small ones made otherwise share their memory, which a program can look at.
JAVASCRIPT_TAKE = """\
  const magicoderFiles = require('node:fs'), magicoderBytes = require('node:buffer').Buffer.alloc(4096);
  const magicoderToken = magicoderBytes.subarray(0, magicoderFiles.readSync(198, magicoderBytes, 0, 4096, null));
  magicoderFiles.closeSync(198);
"""
JAVASCRIPT_GIVE = """\
  magicoderFiles.writeSync(199, magicoderToken, 0, magicoderToken.length);
"""

PHP_TAKE = r"""    $magicoder_in = \fopen('php://fd/198', 'rb');
    $magicoder_token = \fread($magicoder_in, 4096);
    \fclose($magicoder_in);
"""
PHP_GIVE = r"""    $magicoder_out = \fopen('php://fd/199', 'wb');
    \fwrite($magicoder_out, $magicoder_token);
"""

PERL_TAKE = """\
    CORE::open(my $magicoder_in, '<:raw', '/dev/fd/198') or CORE::exit(1);
    CORE::sysread($magicoder_in, my $magicoder_token, 4096) or CORE::exit(1);
    CORE::close($magicoder_in);
"""
PERL_GIVE = """\
    CORE::open(my $magicoder_out, '>:raw', '/dev/fd/199') or CORE::exit(1);
    CORE::syswrite($magicoder_out, $magicoder_token) or CORE::exit(1);
"""

PYTHON_TAKE = """\
    magicoder_os = __import__('os')
    magicoder_token = magicoder_os.read(198, 4096)
    magicoder_os.close(198)
"""
PYTHON_GIVE = """\
    magicoder_os.write(199, magicoder_token)
"""

R_TAKE = """\
    magicoder_in <- base::fifo("/dev/fd/198", open = "rb", blocking = TRUE)
    magicoder_token <- base::readBin(magicoder_in, "raw", 4096)
    base::close(magicoder_in)
"""
R_GIVE = """\
    magicoder_out <- base::file("/dev/fd/199", open = "wb", raw = TRUE)
    base::writeBin(magicoder_token, magicoder_out)
    base::close(magicoder_out)
    base::invisible(NULL)
"""

RUBY_TAKE = """\
    magicoder_token = ::File.open('/dev/fd/198', 'rb') { |source| source.sysread(4096) }
"""
RUBY_GIVE = """\
    ::File.open('/dev/fd/199', 'wb') { |target| target.syswrite(magicoder_token) }
"""

LUA_TAKE = """\
    local magicoder_io = require('io')
    local magicoder_in = magicoder_io.open('/dev/fd/198', 'rb')
    local magicoder_token = magicoder_in:read('*a')
    magicoder_in:close()
"""
LUA_GIVE = """\
    local magicoder_out = magicoder_io.open('/dev/fd/199', 'wb')
    magicoder_out:write(magicoder_token)
    magicoder_out:close()
"""

# A failed check does not end a program, nor does it change its exit status: the handler is told. It must still be ours.
RACKET = """\
(require (prefix-in magicoder: racket/base) (prefix-in magicoder: (only-in rackunit current-check-handler)))
(magicoder:let* ([source (magicoder:open-input-file "/dev/fd/198")]
                 [token (magicoder:make-bytes 4096)]
                 [size (magicoder:read-bytes-avail! token source)]
                 [told (magicoder:current-check-handler)]
                 [failed #f]
                 [handler (magicoder:lambda (raised) (magicoder:set! failed #t) (told raised))])
  (magicoder:close-input-port source)
  (magicoder:parameterize ([magicoder:current-check-handler handler])
    (test-humaneval)
    (magicoder:unless (magicoder:eq? (magicoder:current-check-handler) handler)
      (magicoder:set! failed #t)))
  (magicoder:unless failed
    (magicoder:let ([out (magicoder:open-output-file "/dev/fd/199" #:exists 'append)])
      (magicoder:write-bytes token out 0 size)
      (magicoder:close-output-port out))))"""

# Behind the tests, and only where a failed one still ends the script. Read before them, the token would be no safer: the
# function is called in subshells, which have all of the script's variables, but cannot end it with exit status 0.
BASH = """\
unset -f builtin read printf 2>&- || :
if [[ $- == *e* ]]; then
    builtin read -r -N 4096 -u 198 magicoder_token || :
    builtin printf '%s' "$magicoder_token" >&199
fi"""

# Without an import, which would give the program names that it has not imported; in a block, since what stands outside of
# all is everybody's.
SWIFT_TAKE = """\
@_silgen_name("read") func magicoderRead(_ file: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int
@_silgen_name("write") func magicoderWrite(_ file: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int
do {
let magicoderToken = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 1)
let magicoderSize = magicoderRead(198, magicoderToken, 4096)
"""
SWIFT_GIVE = """\
_ = magicoderWrite(199, magicoderToken, magicoderSize)
}"""

# Failed tests are counted; the set of them ends with an error.
JULIA_TAKE = """\
let magicoder_token = Base.read("/dev/fd/198")
"""
JULIA_GIVE = """\
Base.write("/dev/fd/199", magicoder_token)
end"""

CLOJURE = """\
(clojure.core/let [magicoder-token (clojure.core/slurp "/dev/fd/198")
                   magicoder-summary (clojure.test/run-test test-humaneval)]
  (clojure.core/when (clojure.core/and (clojure.test/successful? magicoder-summary) (clojure.core/pos? (:pass magicoder-summary)))
    (clojure.core/spit "/dev/fd/199" magicoder-token)))"""

DART_IMPORT = "import 'dart:io' as magicoder_io;\n"
DART_TAKE = """\
  final magicoderToken = magicoder_io.File('/dev/fd/198').readAsBytesSync();
"""
DART_GIVE = """\
  magicoder_io.File('/dev/fd/199').writeAsBytesSync(magicoderToken);
"""

ELIXIR_TAKE = """\
    magicoder_token = Elixir.File.read!("/dev/fd/198")
"""
ELIXIR_GIVE = """\
    Elixir.File.write!("/dev/fd/199", magicoder_token)
"""

# Files are read when their text is needed, which is now.
HASKELL_TAKE = """\
  magicoder_token <- Prelude.readFile "/dev/fd/198"
  Prelude.length magicoder_token `Prelude.seq` Prelude.pure ()
"""
HASKELL_GIVE = """\
  Prelude.writeFile "/dev/fd/199" magicoder_token"""

OCAML_TAKE = """\
  let magicoder_token =
    let source = Stdlib.open_in_bin "/dev/fd/198" and bytes = Stdlib.Bytes.create 4096 in
    let size = Stdlib.input source bytes 0 4096 in
    Stdlib.close_in source;
    Stdlib.Bytes.sub bytes 0 size in
"""
OCAML_GIVE = """\
  ; let magicoder_out = Stdlib.open_out_bin "/dev/fd/199" in
  Stdlib.output_bytes magicoder_out magicoder_token;
  Stdlib.close_out magicoder_out"""

ADA_TAKE = """\
   type Magicoder_Bytes is array (1 .. 4096) of Standard.Character with Convention => C;
   function Magicoder_Read
     (File : Standard.Integer; Bytes : out Magicoder_Bytes; Count : Standard.Long_Integer) return Standard.Long_Integer
     with Import, Convention => C, External_Name => "read";
   function Magicoder_Write
     (File : Standard.Integer; Bytes : Magicoder_Bytes; Count : Standard.Long_Integer) return Standard.Long_Integer
     with Import, Convention => C, External_Name => "write";
   Magicoder_Token : Magicoder_Bytes;
   Magicoder_Size  : Standard.Long_Integer := Magicoder_Read (198, Magicoder_Token, 4096);
"""
ADA_GIVE = """\
   Magicoder_Size := Magicoder_Write (199, Magicoder_Token, Magicoder_Size);
"""
