// The official TypeScript client, version 2: echo_ts_v2.mjs default|auto URL TEXT lists the tools,
// calls `echo` and prints what it answers. auto asks for server/discover first.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const [mode, url, message] = process.argv.slice(2);
const options = mode === 'auto' ? { versionNegotiation: { mode: 'auto' } } : {};
const client = new Client({ name: 'polyglot', version: '1' }, options);
await client.connect(new StreamableHTTPClientTransport(new URL(url)));
if ((await client.listTools()).tools.length === 0) throw new Error('no tools');
const result = await client.callTool({ name: 'echo', arguments: { message } });
console.log(result.content[0].text);
await client.close();
