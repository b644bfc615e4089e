// The peers on Node: `node clients.cjs ws` or `node clients.cjs reference`. Each line of standard
// input is a job (see bench/clients/job.py), answered by a line with its sample. Both read and write
// JSON: `ws` by the two functions of the language, the reference client by itself.

import { createInterface } from 'node:readline';
import { readFileSync, writeFileSync } from 'node:fs';
import WebSocket from 'ws';
import { ApiGatewayWebsocketConnectionClient } from '@casual-simulation/aux-websocket-aws';
import { SocketManager } from '@casual-simulation/websocket';

globalThis.WebSocket = WebSocket;
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
// Standard output is for the samples; the packages' own log lines go beside it.
console.log = console.error;

const HEAD = '[1,-1,{"type":"note","text":""}]'.length;
const HELD = 1024 * 1024;

const memory = (name) => {
    const status = readFileSync('/proc/self/status', 'utf8');
    return Number(status.match(new RegExp(`${name}:\\s+(\\d+)`))[1]) * 1024;
};

const meter = () => {
    writeFileSync('/proc/self/clear_refs', '5');
    const before = memory('VmRSS');
    const cpu = process.cpuUsage();
    const start = process.hrtime.bigint();
    return () => {
        const seconds = Number(process.hrtime.bigint() - start) / 1e9;
        const { user, system } = process.cpuUsage(cpu);
        return {
            started: Number(start) / 1e9,
            seconds,
            cpu: (user + system) / 1e6,
            peak: Math.max(0, memory('VmHWM') - before),
        };
    };
};

// Both are made to look alike: `send` takes a message, `received` is called with one.
const connectWs = (url) =>
    new Promise((resolve, reject) => {
        const socket = new WebSocket(url, { perMessageDeflate: false });
        let number = 0;
        const client = {
            received: () => {},
            send: (message) => socket.send(JSON.stringify([1, ++number, message])),
            waiting: () => socket.bufferedAmount,
            close: () => socket.close(),
        };
        socket.on('message', (data) => client.received(JSON.parse(data)[2]));
        socket.on('open', () => resolve(client));
        socket.on('error', reject);
    });

const connectReference = (url) =>
    new Promise((resolve) => {
        const manager = new SocketManager(url);
        manager.init();
        const connection = new ApiGatewayWebsocketConnectionClient(manager.socket);
        const client = {
            received: () => {},
            send: (message) => connection.send(message),
            waiting: () => 0,
            close: () => connection.disconnect(),
        };
        for (const type of ['note', 'done']) {
            connection.event(type).subscribe((message) => client.received(message));
        }
        connection.connectionState.subscribe(({ connected }) => {
            if (connected) {
                resolve(client);
            }
        });
        connection.connect();
    });

const paths = {
    send: (job) => `sink/${job.count}`,
    receive: (job) => `source/${job.size}/${job.count}`,
    echo: () => 'echo',
};

const modes = {
    send: async (client, job, message) => {
        const done = new Promise((resolve) => (client.received = resolve));
        for (let sent = 0; sent < job.count; sent++) {
            client.send(message);
            while (client.waiting() > HELD) {
                await new Promise(setImmediate);
            }
        }
        await done;
    },
    receive: async (client, job) => {
        let missing = job.count;
        const done = new Promise((resolve) => {
            client.received = () => --missing || resolve();
        });
        client.send({ type: 'go', size: job.size - HEAD, count: job.count });
        await done;
    },
    echo: async (client, job, message) => {
        for (let sent = 0; sent < job.count; sent++) {
            const back = new Promise((resolve) => (client.received = resolve));
            client.send(message);
            await back;
        }
    },
};

const main = async () => {
    const connect = { ws: connectWs, reference: connectReference }[process.argv[2]];
    for await (const line of createInterface({ input: process.stdin })) {
        const job = JSON.parse(line);
        const path = job.at_gateway ? '' : `/${paths[job.mode](job)}`;
        const client = await connect(job.url + path);
        const message = { type: 'note', text: 'x'.repeat(job.size - HEAD) };
        const stop = meter();
        await modes[job.mode](client, job, message);
        say(stop());
        client.close();
    }
    process.exit(0);
};

main();
