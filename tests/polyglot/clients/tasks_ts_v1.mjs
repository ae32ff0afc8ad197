// Tasks of MCP 2025-11-25: the official TypeScript SDK's client, version 1, with the tool of
// server-everything that wants to be called so. tasks_ts_v1.mjs SERVER... names several servers.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const TOOL = 'simulate-research-query';

function check(what, ok, found) {
  if (!ok) {
    console.log(`FAILED: ${what}:`, found);
    process.exit(1);
  }
  console.log(`ok: ${what}`);
}

async function connect(path) {
  const client = new Client({ name: 'polyglot', version: '1' },
    { capabilities: { elicitation: {} } });
  const questions = [];
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    questions.push(params);
    return { action: 'accept', content: { interpretation: 'snake' } };
  });
  const url = new URL(`${process.env.BRIDGE_HTTP}${path}`);
  await client.connect(new StreamableHTTPClientTransport(url));
  check(`${path} has tasks`, client.getServerCapabilities()?.tasks?.requests?.tools?.call,
    client.getServerCapabilities());
  await client.listTools(); // so that the client knows which are called as tasks
  return { client, questions };
}

// The id of the task that answers a call of the tool.
async function research({ client, questions }, tool) {
  const seen = [];
  const before = questions.length;
  let id;
  let result;
  const call = { name: tool, arguments: { topic: 'python', ambiguous: true } };
  for await (const message of client.experimental.tasks.callToolStream(call)) {
    seen.push(message.type);
    if (message.type === 'taskCreated') id = message.task.taskId;
    if (message.type === 'result') result = message.result;
    if (message.type === 'error') check(`${tool} runs`, false, message.error);
  }
  check(`${tool} is a task, and then a result`,
    seen[0] === 'taskCreated' && seen.includes('taskStatus') && seen.at(-1) === 'result', seen);
  check(`${tool} asks its client`, questions.length === before + 1, questions);
  check(`${tool} takes the answer`, JSON.stringify(result).includes('snake'), result);
  return id;
}

const servers = process.argv.slice(2);
const all = await connect('/mcp');
const tasks = all.client.experimental.tasks;
const ids = [];
for (const server of servers) {
  const id = await research(all, `${server}-${TOOL}`);
  check('its id says whose it is', id.startsWith(`${server}-`), id);
  ids.push(id);
}
const listed = (await tasks.listTasks()).tasks.map(({ taskId }) => taskId);
check('all are listed', listed.sort().join() === ids.toSorted().join(), listed);
const stranger = await connect('/mcp');
for (const id of ids) {
  check('it is done', (await tasks.getTask(id)).status === 'completed');
  const late = await tasks.cancelTask(id).catch((error) => error);
  check("it can't be cancelled any more", late.code === -32602, late);
  const stolen = await stranger.client.experimental.tasks.getTask(id).catch((error) => error);
  check("it isn't another client's", stolen instanceof Error, stolen);
}

const alone = await connect(`/mcp/${servers[0]}`);
const id = await research(alone, TOOL);
const known = await alone.client.experimental.tasks.getTask(id);
check('at one server alone its own id is the one', known.taskId === id, known);
check('with nothing before it', !id.startsWith(`${servers[0]}-`), id);
for (const { client } of [all, stranger, alone]) await client.close();
