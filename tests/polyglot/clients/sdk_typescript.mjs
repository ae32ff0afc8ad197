// The official TypeScript SDK's client over streamable HTTP.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { McpError } from '@modelcontextprotocol/sdk/types.js';

const SLACK = 500; // ms, for a busy machine

function check(what, ok, found) {
  if (!ok) {
    console.log(`FAILED: ${what}:`, found);
    process.exit(1);
  }
  console.log(`ok: ${what}`);
}

async function stats() {
  return (await fetch(process.env.DEMO_STATS)).json();
}

// Looks again and again: what another process does has no other sign.
async function waitUntil(what, condition) {
  const end = Date.now() + 5000;
  let found = await stats();
  while (!condition(found) && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    found = await stats();
  }
  check(what, condition(found), found);
}

async function connect() {
  const client = new Client({ name: 'polyglot', version: '1' });
  const url = new URL(`${process.env.BRIDGE_HTTP}/mcp/`);
  await client.connect(new StreamableHTTPClientTransport(url));
  return client;
}

const call = (client, name, args, options) =>
  client.callTool({ name, arguments: args }, undefined, options);
const textOf = (result) => result.content[0].text;

const client = await connect();
check('initialize names the server', client.getServerVersion()?.name, client.getServerVersion());
check('and says that it has tools', client.getServerCapabilities()?.tools);
await client.ping();

const tools = (await client.listTools()).tools.map((tool) => tool.name);
check('tools/list has the tools',
  ['my_tool', 'echo', 'sleep'].every((name) => tools.includes(name)), tools);

const one = await call(client, 'my_tool', { query: 'one' });
check('a call is answered', textOf(one) === 'result for one', one);

const start = Date.now();
const queries = Array.from({ length: 20 }, (_, i) => `no. ${i}`);
const answers = await Promise.all(queries.map((query) => call(client, 'my_tool', { query })));
check('20 calls at once get an answer each',
  answers.every((answer, i) => textOf(answer) === `result for ${queries[i]}`), answers);
check('and take the time of one', Date.now() - start < 100 + SLACK, Date.now() - start);

const failed = await call(client, 'fail', {});
check("a tool's own failure is a result", failed.isError === true, failed);

const size = 3_000_000;
const large = textOf(await call(client, 'bytes', { n: size }));
check('a large result arrives whole', large.length === size, large.length);

const unknown = await call(client, 'no_such_tool', {}).catch((error) => error);
check("an unknown tool is the server's own error with its code",
  unknown instanceof McpError && unknown.code === -32602 && unknown.message.includes('Unknown tool'),
  unknown);

// Two clients number their requests alike: an abort must find the right one.
const neighbour = await connect();
const before = (await stats()).requests['notifications/cancelled'];
const abort = new AbortController();
const aborted = call(client, 'sleep', { ms: 30000 }, { signal: abort.signal })
  .catch((error) => error);
const others = [call(client, 'sleep', { ms: 700 }), call(neighbour, 'sleep', { ms: 701 })];
await waitUntil('all calls run', (now) => now.in_flight === 3);
abort.abort('not needed any more');
check('an aborted call ends', (await aborted) instanceof Error, await aborted);
await waitUntil('the server is told of one cancelled call',
  (now) => now.requests['notifications/cancelled'] === before + 1 && now.in_flight === 2);
check('the other calls get their answers',
  (await Promise.all(others)).map(textOf).join() === 'slept 700 ms,slept 701 ms');

const end = await stats();
check('the server has a session for each client beside the shared one, and all are open',
  end.sessions_opened === 3 && end.sessions_closed === 0, end);
await neighbour.close();
await client.close();
check('and one cancel', end.requests['notifications/cancelled'] === before + 1, end);
