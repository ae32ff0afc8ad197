// The official TypeScript SDK, version 1: echo_ts_v1.mjs URL TEXT lists the tools, calls `echo` and
// prints what it answers.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [url, message] = process.argv.slice(2);
const client = new Client({ name: 'polyglot', version: '1' });
await client.connect(new StreamableHTTPClientTransport(new URL(url)));
if ((await client.listTools()).tools.length === 0) throw new Error('no tools');
const result = await client.callTool({ name: 'echo', arguments: { message } });
console.log(result.content[0].text);
await client.close();
