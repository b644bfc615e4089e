// The reference client, driven by lines of JSON: `{"call": "send", "message": …}` on standard
// input; on standard output everything that the client tells, one object a line. Arguments: the
// URL, then the types of messages to listen to.

import { createInterface } from 'node:readline';
import WebSocket from 'ws';
import { ApiGatewayWebsocketConnectionClient } from '@casual-simulation/aux-websocket-aws';
import { SocketManager } from '@casual-simulation/websocket';

globalThis.WebSocket = WebSocket;
// Standard output is the test's; the packages' own log lines go beside it.
console.log = console.error;

const [url, ...types] = process.argv.slice(2);
const tell = (what) => process.stdout.write(JSON.stringify(what) + '\n');

const manager = new SocketManager(url);
manager.init();
const client = new ApiGatewayWebsocketConnectionClient(manager.socket);
client.connectionState.subscribe(({ connected }) => tell({ kind: 'state', connected }));
client.onError.subscribe((error) => tell({ kind: 'error', error }));
for (const type of types) {
    client.event(type).subscribe((message) => tell({ kind: 'message', message }));
}

// A browser reports such an error and goes on.
process.on('uncaughtException', () => tell({ kind: 'fault' }));

const commands = createInterface({ input: process.stdin });
commands.on('line', (line) => {
    const { call, message } = JSON.parse(line);
    if (call === 'send') {
        client.send(message);
    } else {
        client[call]();
    }
});
commands.on('close', () => process.exit(0));
