/* A function of a judge on MicroPython's WebAssembly port: node wasm.mjs ENGINE LIBRARY module.function, its
 * argument as JSON on stdin, [result, bytes of heap in use] as JSON on stdout.
 *
 * Objects have the size of a board's there, 32 bits. Collections work only between calls from here, and the heap
 * grows when it has to: what does not fit into a board shows elsewhere. */

import fs from "node:fs";
import path from "node:path";

const [engine, library, call] = process.argv.slice(2);
const [module, name] = call.split(".");
const { loadMicroPython } = await import(engine);
const said = [];
const python = await loadMicroPython({ heapsize: 256 * 1024, stdout: (line) => said.push(line) });

function lay(from, to) {
  python.FS.mkdirTree(to);
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const source = path.join(from, entry.name);
    if (entry.isDirectory()) lay(source, `${to}/${entry.name}`);
    else python.FS.writeFile(`${to}/${entry.name}`, fs.readFileSync(source));
  }
}

lay(library, "/lib");
const given = JSON.stringify(fs.readFileSync(0, "utf8"));
python.runPython(`import gc, json, sys\nsys.path.append("/lib")\nargument = json.loads(${given})`);
python.runPython(`result = __import__("${module}").${name}(argument)`);
python.runPython("gc.collect()");
python.runPython("print(json.dumps([result, gc.mem_alloc()]))");
process.stdout.write(said.join("\n"));
