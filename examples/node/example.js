// Tools through an mcp-bridge, with stubs that proto-loader makes of proto/ as the program starts.
//
//   node example.js [HOST:PORT]
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';

import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const definitions = protoLoader.loadSync(
  ['mcpbridge/v1/tool_service.proto', 'google/rpc/status.proto', 'google/rpc/error_details.proto'],
  {
    includeDirs: [fileURLToPath(new URL('../../proto', import.meta.url))],
    defaults: true,
    enums: String,
    longs: String,
    oneofs: true,
  },
);
const {ToolService} = grpc.loadPackageDefinition(definitions).mcpbridge.v1;

const client = new ToolService(
  process.argv[2] ?? '127.0.0.1:50051',
  grpc.credentials.createInsecure(),
);
const callTool = promisify(client.callTool.bind(client));
const listToolsPage = promisify(client.listTools.bind(client));

const request = (name, args = {}) => ({name, argumentsJson: JSON.stringify(args)});
const within = (ms) => ({deadline: Date.now() + ms});

async function* allTools() {
  let pageToken = '';
  do {
    const page = await listToolsPage({pageToken}, within(10_000));
    yield* page.tools;
    pageToken = page.nextPageToken;
  } while (pageToken);
}

async function listTools() {
  const names = [];
  for await (const tool of allTools()) names.push(tool.name);
  console.log('tools:', ...names);
}

async function call() {
  const result = await callTool(request('echo', {text: 'hello'}), within(10_000));
  console.log('echo:', result.content[0].text.text);
}

async function callPastItsDeadline() {
  try {
    await callTool(request('sleep', {ms: 60_000}), within(300));
  } catch (error) {
    if (error.code !== grpc.status.DEADLINE_EXCEEDED) throw error;
    console.log('sleep: its deadline passed');
  }
}

async function streamProgress() {
  const call = request('count', {to: 3, interval_ms: 20});
  for await (const event of client.callToolStream({call}, within(10_000))) {
    if (event.event === 'progress') {
      console.log(`count: ${event.progress.progress} of ${event.progress.total}`);
    } else if (event.event === 'result') {
      console.log('count:', event.result.content[0].text.text);
    }
  }
}

async function cancel() {
  const stream = client.callToolStream({call: request('count', {to: 1000, interval_ms: 50})});
  stream.once('data', () => stream.cancel()); // it runs
  const error = await new Promise((resolve) => stream.once('error', resolve));
  if (error.code !== grpc.status.CANCELLED) throw error;
  console.log('count: cancelled');
}

// Why the bridge says that the call failed; docs/errors.md lists all reasons.
function reasonOf(error) {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const details = bytes ? definitions['google.rpc.Status'].deserialize(bytes).details : [];
  const info = details.find((detail) => detail.type_url.endsWith('/google.rpc.ErrorInfo'));
  return info
    ? definitions['google.rpc.ErrorInfo'].deserialize(info.value).reason
    : 'no reason given';
}

async function fail() {
  try {
    await callTool(request('no_such_tool'), within(10_000));
  } catch (error) {
    console.log('no_such_tool:', reasonOf(error));
  }
}

for (const step of [listTools, call, callPastItsDeadline, streamProgress, cancel, fail]) {
  await step();
}
client.close();
