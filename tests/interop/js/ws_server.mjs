// A server on `ws` that speaks the protocol (docs/protocol.md) and sends every message back. Prints
// the URL of its WebSocket as the first line. It ends with its standard input.

import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import { WebSocketServer } from 'ws';

const LIMIT = 32_000;
const objects = new Map();

const server = createServer((request, response) => {
    const key = request.url.split('?')[0];
    if (request.method === 'GET') {
        response.writeHead(objects.has(key) ? 200 : 404).end(objects.get(key));
        return;
    }
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
        objects.set(key, Buffer.concat(parts));
        response.writeHead(200).end();
    });
});
const sockets = new WebSocketServer({
    server,
    maxPayload: 131_072,
    handleProtocols: (offered) => (offered.has('casualos.records') ? 'casualos.records' : false),
});

sockets.on('connection', (socket, request) => {
    const isPlain = request.url === '/websocket';
    const send = (event) => socket.send(JSON.stringify(event));
    const origin = `http://127.0.0.1:${server.address().port}`;

    const say = (message) => {
        const body = JSON.stringify(message);
        if (isPlain || body.length <= LIMIT) {
            send([1, -1, message]);
            return;
        }
        const key = `/${randomUUID()}`;
        objects.set(key, Buffer.from(body));
        send([4, -1, origin + key, 'GET', {}]);
    };

    const sayInFrames = (message, size) => {
        const data = Buffer.from(JSON.stringify([1, -1, message]));
        for (let at = 0; at < data.length; at += size) {
            socket.send(data.subarray(at, at + size), {
                binary: false,
                fin: at + size >= data.length,
            });
        }
    };

    const handle = (message) => {
        switch (message.type) {
            case 'login':
                say({
                    type: 'login_result',
                    success: true,
                    info: { connectionId: message.connectionId, sessionId: null, userId: null },
                });
                break;
            case 'say_in_frames':
                sayInFrames(message, message.size);
                break;
            case 'say_subprotocol':
                say({ type: 'subprotocol', name: socket.protocol || null });
                break;
            case 'ping_me':
                socket.once('pong', (payload) => say({ type: 'ponged', text: `${payload}` }));
                socket.ping(message.text);
                break;
            case 'close':
                socket.close(message.code);
                break;
            case 'drop':
                socket.terminate();
                break;
            default:
                say(message);
        }
    };

    socket.on('message', (data, isBinary) => {
        if (isBinary) {
            socket.close(1003);
            return;
        }
        const [type, id, ...rest] = JSON.parse(data);
        if (type === 1) {
            handle(rest[0]);
        } else if (type === 2 && isPlain) {
            const errorMessage = 'This server takes every message inline.';
            send([5, id, { success: false, errorCode: 'not_supported', errorMessage }]);
        } else if (type === 2) {
            send([3, id, `${origin}/${randomUUID()}?signature=none`, 'PUT', {}]);
        } else if (type === 4) {
            const body = objects.get(new URL(rest[0]).pathname);
            if (body === undefined) {
                const errorMessage = 'There is no such message.';
                send([5, id, { success: false, errorCode: 'message_not_found', errorMessage }]);
            } else {
                handle(JSON.parse(body));
            }
        }
    });
});

server.listen(0, '127.0.0.1', () => console.log(`ws://127.0.0.1:${server.address().port}`));
process.stdin.on('end', () => process.exit(0)).resume();
