// Runs docs/examples/in_pyodide.py in Node's Pyodide, as a page would in a browser.
//
//     node pyodide_client.mjs URL ARCHIVE EXAMPLE…
//
// ARCHIVE is a wheel or a zip with `auxws_proto`; the examples are modules, the first has `main`.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { loadPyodide } from 'pyodide';
import WebSocket from 'ws';

// A page has one; Node has it from version 22 on.
globalThis.WebSocket ??= WebSocket;

const [url, archive, ...examples] = process.argv.slice(2);
const pyodide = await loadPyodide();
// A Buffer is not taken for the array of bytes that it is.
const bytes = (path) => new Uint8Array(readFileSync(path));
pyodide.unpackArchive(bytes(archive), 'zip');
for (const path of examples) {
    pyodide.FS.writeFile(basename(path), bytes(path));
}
console.log('Python', pyodide.runPython('import sys; sys.version.split()[0]'));
await pyodide.pyimport(basename(examples[0], '.py')).main(url, globalThis);
// Timers that Python has cancelled keep Node alive until they would have gone off.
process.exit(0);
