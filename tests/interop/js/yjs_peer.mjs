// A Yjs document. Each line of standard input is a JSON object, each answer one line:
// `{"call": "apply", "updates": […]}` applies updates (base64); `{"call": "edit", "steps": […]}` does
// each step in a transaction of its own. The answer has the updates that came of it, and the whole.

import { createInterface } from 'node:readline';
import * as Y from 'yjs';

const doc = new Y.Doc();
const [text, map, array] = [doc.getText('text'), doc.getMap('map'), doc.getArray('array')];
let updates = [];
doc.on('update', (update) => updates.push(Buffer.from(update).toString('base64')));

const nested = (value) => {
    if (Array.isArray(value)) {
        return Y.Array.from(value.map(nested));
    }
    if (value !== null && typeof value === 'object') {
        return new Y.Map(Object.entries(value).map(([key, item]) => [key, nested(item)]));
    }
    return value;
};

const steps = {
    insert: ({ at, value }) => text.insert(at, value),
    erase: ({ at, count }) => text.delete(at, count),
    format: ({ at, count, attributes }) => text.format(at, count, attributes),
    set: ({ key, value }) => map.set(key, nested(value)),
    unset: ({ key }) => map.delete(key),
    push: ({ value }) => array.push([nested(value)]),
    remove: ({ at }) => array.delete(at),
};

const answer = ({ call, ...given }) => {
    updates = [];
    if (call === 'apply') {
        for (const update of given.updates) {
            Y.applyUpdate(doc, Buffer.from(update, 'base64'));
        }
    } else {
        for (const { step, ...more } of given.steps) {
            doc.transact(() => steps[step](more));
        }
    }
    const content = { text: text.toString(), map: map.toJSON(), array: array.toJSON() };
    const whole = Buffer.from(Y.encodeStateAsUpdate(doc)).toString('base64');
    return { updates, content, whole };
};

for await (const line of createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(answer(JSON.parse(line))));
}
