// Presigns by the AWS SDK for JavaScript. Each line of standard input is a JSON object: `method`
// (PUT or GET), `endpoint`, `bucket`, `key`, `accessKey`, `secretKey`, `expires` (seconds), `age`
// (how many seconds ago it was signed), and `checksum` (whether the SDK may add the checksum that it
// adds by itself). Answers with one URL a line.

import { createInterface } from 'node:readline';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

const presign = async (wanted) => {
    const client = new S3Client({
        endpoint: wanted.endpoint,
        region: 'us-east-1',
        forcePathStyle: true,
        requestChecksumCalculation: wanted.checksum ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED',
        credentials: { accessKeyId: wanted.accessKey, secretAccessKey: wanted.secretKey },
    });
    const signed = {
        expiresIn: wanted.expires,
        signingDate: new Date(Date.now() - 1000 * wanted.age),
    };
    const place = { Bucket: wanted.bucket, Key: wanted.key };
    if (wanted.method === 'GET') {
        return getSignedUrl(client, new GetObjectCommand(place), signed);
    }
    // docs/protocol.md §8: the server signs `host` and `x-amz-acl`, as a header.
    const command = new PutObjectCommand({ ...place, ACL: 'bucket-owner-full-control' });
    return getSignedUrl(client, command, {
        ...signed,
        unhoistableHeaders: new Set(['x-amz-acl']),
        signableHeaders: new Set(['host', 'x-amz-acl']),
    });
};

const lines = createInterface({ input: process.stdin });
for await (const line of lines) {
    console.log(await presign(JSON.parse(line)));
}
