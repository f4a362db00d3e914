// A resident TypeScript compiler: what `tsc --target esnext FILE` does, once for each request.
//
// Standard input and output carry frames: a length (4 bytes, big-endian) and as many bytes. A request and a reply are
// JSON: {name, text} asks for one file, {good, messages, files} answers, as {name: text}.
//
// Nothing of a request is there for the next one but the declarations of the standard library, which no program
// changes: they are parsed once, and each request has a program and a checker of its own.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const typescript = process.argv[2];
const ts = require(typescript);

const MOST_MESSAGES = 16384;
const ARGUMENTS = ["--target", "esnext"];
const libraries = new Map();

function library(name, options) {
  if (!libraries.has(name)) {
    const text = ts.sys.readFile(name);
    libraries.set(name, text === undefined ? undefined : ts.createSourceFile(name, text, options, false));
  }
  return libraries.get(name);
}

function host(options, sources, written) {
  const folder = path.dirname(ts.getDefaultLibFilePath(options));
  const ours = (name) => name.startsWith(folder + "/");
  return {
    fileExists: (name) => sources.has(name) || (ours(name) && ts.sys.fileExists(name)),
    readFile: (name) => sources.get(name) ?? (ours(name) ? ts.sys.readFile(name) : undefined),
    directoryExists: () => false,
    getDirectories: () => [],
    getSourceFile: (name, language) => {
      if (!sources.has(name)) return ours(name) ? library(name, language) : undefined;
      return ts.createSourceFile(name, sources.get(name), language, false);
    },
    getDefaultLibFileName: (given) => ts.getDefaultLibFilePath(given),
    getDefaultLibLocation: () => folder,
    getCurrentDirectory: () => "/",
    getCanonicalFileName: (name) => name,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => "\n",
    writeFile: (name, text) => written.set(path.basename(name), text),
  };
}

// Whether a file can change what the standard library's declarations mean, so that these must be checked again.
function augments(file, program) {
  if (file.moduleAugmentations?.length || file.ambientModuleNames?.length) return true;
  if (ts.isExternalModule(file) || !file.locals) return false;
  const others = program.getSourceFiles().filter((other) => other !== file && other.locals);
  return [...file.locals.keys()].some((name) => others.some((other) => other.locals.has(name)));
}

// The order and the conditions of the command itself: later kinds are looked for only if the earlier found nothing.
function diagnostics(program, file) {
  const found = [...program.getConfigFileParsingDiagnostics(), ...program.getSyntacticDiagnostics(file)];
  if (found.length) return found;
  found.push(...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics());
  if (found.length) return found;
  return [...program.getSemanticDiagnostics(augments(file, program) ? undefined : file)];
}

function compile(request) {
  const name = "/" + request.name;
  const command = ts.parseCommandLine([...ARGUMENTS, name]);
  const written = new Map();
  const sources = new Map([[name, request.text]]);
  const program = ts.createProgram({
    rootNames: command.fileNames,
    options: command.options,
    host: host(command.options, sources, written),
    configFileParsingDiagnostics: command.errors,
  });
  const file = program.getSourceFile(name);
  const found = diagnostics(program, file);
  // Of all files the declarations would be checked once more.
  found.push(...program.emit(file).diagnostics);
  const say = { getCurrentDirectory: () => "/", getCanonicalFileName: (one) => one, getNewLine: () => "\n" };
  return {
    good: found.length === 0,
    messages: ts.formatDiagnostics(found, say).slice(0, MOST_MESSAGES),
    files: Object.fromEntries(written),
  };
}

function exactly(size) {
  const bytes = Buffer.alloc(size);
  for (let have = 0; have < size; ) {
    const got = fs.readSync(0, bytes, have, size - have, null);
    if (got === 0) process.exit(0);
    have += got;
  }
  return bytes;
}

function send(reply) {
  const body = Buffer.from(JSON.stringify(reply), "utf8");
  const frame = Buffer.alloc(4 + body.length);
  frame.writeUInt32BE(body.length, 0);
  body.copy(frame, 4);
  for (let sent = 0; sent < frame.length; ) sent += fs.writeSync(1, frame, sent);
}

function answered(request) {
  try {
    return compile(request);
  } catch (error) {
    // As the command: a compiler that gives up has not compiled.
    return { good: false, messages: `the compiler ended with ${error}`.slice(0, MOST_MESSAGES), files: {} };
  }
}

for (;;) send(answered(JSON.parse(exactly(exactly(4).readUInt32BE(0)).toString("utf8"))));
