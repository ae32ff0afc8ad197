'use strict';
// The status page: reads what the admin listener serves, and calls tools through its /mcp. Nothing is
// kept beyond this page: not the key either.

const POLL_MS = 2000;
const SAMPLES = 151; // five minutes
const MINUTE = 60000 / POLL_MS;

const $ = (id) => document.getElementById(id);

function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== false) node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children);
  return node;
}

// --- requests -------------------------------------------------------------------------------------

let key = '';
let asking = null; // while the key is being asked for

function askForKey(wrong) {
  if (asking) return asking;
  asking = new Promise((resolve) => {
    const dialog = $('key-dialog');
    $('key-wrong').hidden = !wrong;
    dialog.addEventListener('cancel', (event) => event.preventDefault());
    $('key-form').onsubmit = (event) => {
      event.preventDefault();
      key = $('key').value;
      $('key').value = '';
      dialog.close();
      asking = null;
      resolve();
    };
    dialog.showModal();
    $('key').focus();
  });
  return asking;
}

async function request(path, options = {}) {
  for (;;) {
    const used = key;
    const headers = { ...options.headers };
    if (used) headers['x-litellm-api-key'] = used;
    const response = await fetch(path, { ...options, headers, cache: 'no-store' });
    if (response.status !== 401) return response;
    if (used === key) await askForKey(used !== '');
  }
}

async function getJson(path) {
  const response = await request(path);
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status}`);
  return response.json();
}

// --- metrics --------------------------------------------------------------------------------------

const LINE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const UNESCAPED = { '\\n': '\n', '\\"': '"', '\\\\': '\\' };

function* parseMetrics(text) {
  for (const line of text.split('\n')) {
    const match = line.startsWith('#') ? null : LINE.exec(line);
    if (!match) continue;
    const labels = {};
    for (const [, name, value] of (match[2] || '').matchAll(LABEL)) {
      labels[name] = value.replace(/\\[n"\\]/g, (escape) => UNESCAPED[escape]);
    }
    yield { name: match[1], labels, value: Number(match[3].replace('Inf', 'Infinity')) };
  }
}

const seriesKey = (labels) => JSON.stringify([labels.server, labels.method, labels.tool]);

// What one look at /metrics says: histograms and failures by server, method and tool.
function sampleOf(text) {
  const sample = { time: performance.now(), series: new Map(), refused: 0, sessions: 0 };
  const of = (labels) => {
    const id = seriesKey(labels);
    if (!sample.series.has(id)) sample.series.set(id, { buckets: new Map(), failed: 0, count: 0 });
    return sample.series.get(id);
  };
  for (const { name, labels, value } of parseMetrics(text)) {
    if (name === 'mcpbridge_call_duration_seconds_bucket') {
      const { buckets } = of(labels);
      const bound = Number(labels.le.replace('+Inf', 'Infinity'));
      buckets.set(bound, (buckets.get(bound) || 0) + value);
    } else if (name === 'mcpbridge_call_duration_seconds_count') {
      of(labels).count += value;
    } else if (name === 'mcpbridge_calls_total' && labels.reason !== 'OK') {
      of(labels).failed += value;
    } else if (name === 'mcpbridge_refused_total') {
      sample.refused += value;
    } else if (name === 'mcpbridge_client_sessions') {
      sample.sessions = value;
    }
  }
  return sample;
}

// The sum of some series (all, if id is empty) in `now` that was not yet in `before`.
function difference(now, before, id) {
  const sum = { buckets: new Map(), failed: 0, count: 0 };
  for (const [name, series] of now.series) {
    if (id && name !== id) continue;
    const old = before && before.series.get(name);
    for (const [bound, count] of series.buckets) {
      const added = count - ((old && old.buckets.get(bound)) || 0);
      sum.buckets.set(bound, (sum.buckets.get(bound) || 0) + added);
    }
    sum.count += series.count - (old ? old.count : 0);
    sum.failed += series.failed - (old ? old.failed : 0);
  }
  return sum;
}

// In seconds, as Prometheus' histogram_quantile() estimates it; null: nothing was counted.
function quantile(buckets, q) {
  const bounds = [...buckets.keys()].sort((a, b) => a - b);
  const total = bounds.length ? buckets.get(bounds[bounds.length - 1]) : 0;
  if (!total) return null;
  const rank = q * total;
  let low = 0;
  let below = 0;
  for (const bound of bounds) {
    const count = buckets.get(bound);
    if (count >= rank) {
      if (bound === Infinity) return low;
      return low + (bound - low) * ((rank - below) / Math.max(count - below, 1));
    }
    low = bound;
    below = count;
  }
  return low;
}

function showTime(seconds) {
  if (seconds === null) return '–';
  if (seconds === 0) return '0';
  const ms = seconds * 1000;
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
  return `${seconds < 100 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}

// --- plots ----------------------------------------------------------------------------------------

function svg(name, attributes, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function niceTop(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((top) => top >= value);
}

// `lines`: [{name, values}], the newest last; null: no point there.
function plot(into, width, lines, show) {
  const height = 210;
  const box = { left: 58, right: 8, top: 10, bottom: 22 };
  const all = lines.flatMap((line) => line.values.filter((value) => value !== null));
  const top = niceTop(Math.max(0, ...all));
  // As far back as there is something, from half a minute to all.
  const span = Math.max(MINUTE / 2, ...lines.map((line) => line.values.length - 1));
  const x = (back) => width - box.right - (back / span) * (width - box.left - box.right);
  const y = (value) => box.top + (1 - value / top) * (height - box.top - box.bottom);
  const newest = lines.map((line) => {
    const value = line.values[line.values.length - 1];
    return `${line.name} ${value === null || value === undefined ? 'nothing' : show(value)}`;
  });
  const picture = svg('svg', {
    viewBox: `0 0 ${width} ${height}`,
    role: 'img',
    'aria-label': `Now: ${newest.join(', ')}`,
  });
  for (const part of [0, 0.5, 1]) {
    const at = y(top * part);
    picture.append(
      svg('line', { class: 'grid', x1: box.left, x2: width - box.right, y1: at, y2: at }),
      svg('text', { x: box.left - 6, y: at + 4, 'text-anchor': 'end' }, show(top * part)),
    );
  }
  for (const [part, anchor] of [[1, 'start'], [2 / 3, 'middle'], [1 / 3, 'middle']]) {
    const seconds = Math.round((part * span * POLL_MS) / 1000);
    const ago = seconds < 100 ? `-${seconds} s` : `-${(seconds / 60).toFixed(1)} min`;
    picture.append(svg('text', { x: x(part * span), y: height - 5, 'text-anchor': anchor }, ago));
  }
  picture.append(svg('text', { x: x(0), y: height - 5, 'text-anchor': 'end' }, 'now'));
  for (const line of lines) {
    let path = '';
    let drawing = false;
    line.values.forEach((value, i) => {
      if (value === null) {
        drawing = false;
        return;
      }
      const point = `${x(line.values.length - 1 - i).toFixed(1)} ${y(value).toFixed(1)}`;
      path += drawing ? `L${point}` : `M${point}h0.01`;
      drawing = true;
    });
    picture.append(svg('path', { class: line.name, d: path || 'M0 0' }));
  }
  into.replaceChildren(picture);
}

const samples = [];

function showLatency() {
  const id = $('latency-of').value;
  const p50 = [];
  const p95 = [];
  const p99 = [];
  const rate = [];
  for (let i = 1; i < samples.length; ++i) {
    const added = difference(samples[i], samples[i - 1], id);
    p50.push(quantile(added.buckets, 0.5));
    p95.push(quantile(added.buckets, 0.95));
    p99.push(quantile(added.buckets, 0.99));
    rate.push((added.count * 1000) / (samples[i].time - samples[i - 1].time));
  }
  plot($('plot-latency'), 600, [
    { name: 'p99', values: p99 },
    { name: 'p95', values: p95 },
    { name: 'p50', values: p50 },
  ], showTime);
  plot($('plot-rate'), 400, [{ name: 'p50', values: rate }], (value) =>
    value >= 10 || value === 0 ? String(Math.round(value)) : value.toFixed(1));
}

function labelOf(id) {
  const [server, method, tool] = JSON.parse(id);
  return { server: server || '(none)', call: method === 'tools/call' ? tool || '(unknown)' : method };
}

function showByTool(now) {
  const rows = [];
  const options = [el('option', { value: '' }, 'all calls')];
  const chosen = $('latency-of').value;
  for (const id of [...now.series.keys()].sort()) {
    const { server, call } = labelOf(id);
    const all = difference(now, null, id);
    options.push(el('option', { value: id, selected: id === chosen }, `${server}: ${call}`));
    rows.push({ count: all.count, row: el('tr', {},
      el('td', {}, server), el('td', {}, call),
      el('td', { class: 'number' }, String(all.count)),
      el('td', { class: 'number' }, String(all.failed)),
      ...[0.5, 0.95, 0.99].map((q) =>
        el('td', { class: 'number' }, showTime(quantile(all.buckets, q))))) });
  }
  rows.sort((a, b) => b.count - a.count);
  if (!rows.length) {
    rows.push({ row: el('tr', {}, el('td', { colspan: '7', class: 'empty' }, 'No calls yet.')) });
  }
  $('by-tool').replaceChildren(...rows.map(({ row }) => row));
  if (options.length !== $('latency-of').options.length) $('latency-of').replaceChildren(...options);
}

function showTiles(now) {
  const latest = samples[samples.length - 2];
  const minute = samples[Math.max(0, samples.length - 1 - MINUTE)];
  $('tile-sessions').value = String(now.sessions);
  if (!latest) return;
  const added = difference(now, latest, '');
  const inMinute = difference(now, minute, '');
  const rate = (added.count * 1000) / (now.time - latest.time);
  $('tile-rate').value = rate >= 10 || rate === 0 ? Math.round(rate) : rate.toFixed(1);
  $('tile-failed').value = String(inMinute.failed);
  $('tile-refused').value = String(now.refused - minute.refused);
  const [p50, p99] = [0.5, 0.99].map((q) => quantile(inMinute.buckets, q));
  $('tile-latency').value = p50 === null ? '–' : `${showTime(p50)} / ${showTime(p99)}`;
}

// --- upstreams and calls --------------------------------------------------------------------------

const WORDS = { serving: 'serving', connecting: 'connecting', not_serving: 'not serving' };
const LOOKS = { serving: 'good', connecting: '', not_serving: 'bad' };
const ERAS = { legacy: 'sessions', modern: '2026-07-28' };

function showUpstreams({ version, ready, upstreams }) {
  $('version').textContent = version;
  $('ready').textContent = ready ? 'serving' : 'stopping';
  $('ready').className = `badge ${ready ? 'good' : 'bad'}`;
  const pair = (name, value) => el('div', {}, el('dt', {}, name), el('dd', {}, String(value)));
  $('upstreams').replaceChildren(...upstreams.map((server) => {
    const about = [server.transport, server.server_name && `${server.server_name} ${server.server_version}`,
      server.protocol_version && `MCP ${server.protocol_version}`].filter(Boolean).join(' · ');
    const card = el('article', { class: `card ${server.health}`, 'aria-label': `Server ${server.name}` },
      el('div', { class: 'head' }, el('h3', {}, server.name),
        el('span', { class: `badge ${LOOKS[server.health]}` }, WORDS[server.health])),
      el('p', {}, about));
    if (server.description) card.append(el('p', {}, server.description));
    if (server.last_error) card.append(el('p', { class: 'error' }, server.last_error));
    const facts = [pair('tools', server.tools), pair('in flight', server.in_flight)];
    if (server.transport === 'stdio') {
      facts.push(pair('processes', server.processes));
    } else if (server.transport !== 'grpc') {
      facts.push(pair('connections', server.connections));
    }
    facts.push(pair('clients’ sessions', server.client_sessions));
    if (ERAS[server.era]) facts.push(pair('era', server.era));
    card.append(el('dl', {}, ...facts));
    return card;
  }));
  showServers(upstreams.map((server) => server.name));
}

const clock = (ms) => (ms === null ? 'none' : showTime(ms / 1000));

function showCalls({ in_flight: inFlight, calls }) {
  const shown = calls.slice(0, 100);
  $('tile-flight').value = String(inFlight);
  $('calls-count').textContent =
    calls.length > shown.length ? `the oldest ${shown.length} of ${inFlight}` : '';
  const rows = shown.map((call) => el('tr', {},
    el('td', {}, call.id), el('td', {}, call.front), el('td', {}, call.server || '–'),
    el('td', {}, call.method), el('td', {}, call.key),
    el('td', { class: 'number' }, clock(call.age_ms)),
    el('td', { class: 'number' }, clock(call.deadline_left_ms))));
  if (!rows.length) {
    rows.push(el('tr', {}, el('td', { colspan: '7', class: 'empty' }, 'None at the moment.')));
  }
  $('calls').replaceChildren(...rows);
}

async function poll() {
  if (!document.hidden) {
    try {
      const [upstreams, calls, metrics] = await Promise.all(
        [getJson('/debug/upstreams'), getJson('/debug/calls'), request('/metrics')]);
      const now = sampleOf(await metrics.text());
      samples.push(now);
      if (samples.length > SAMPLES) samples.shift();
      showUpstreams(upstreams);
      showCalls(calls);
      showTiles(now);
      showByTool(now);
      showLatency();
      $('trouble').hidden = true;
      document.documentElement.dataset.polls = String(Number(document.documentElement.dataset.polls || 0) + 1);
    } catch (error) {
      $('trouble').textContent = `The bridge doesn’t answer: ${error.message}`;
      $('trouble').hidden = false;
      $('ready').textContent = 'no answer';
      $('ready').className = 'badge bad';
    }
  }
  setTimeout(poll, POLL_MS);
}

// --- forms from schemas ---------------------------------------------------------------------------

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const INTEGER = /^-?(0|[1-9]\d*)$/;
let fieldCount = 0;

// Follows references into the schema itself, and takes "X or null" for X.
function resolved(schema, root, depth = 0) {
  if (!schema || typeof schema !== 'object' || depth > 8) return {};
  if (typeof schema.$ref === 'string' && schema.$ref.startsWith('#/')) {
    const target = schema.$ref.slice(2).split('/').reduce(
      (at, part) => (at ? at[part.replace(/~1/g, '/').replace(/~0/g, '~')] : undefined), root);
    return { ...resolved(target, root, depth + 1), ...(schema.description && { description: schema.description }) };
  }
  const choices = schema.anyOf || schema.oneOf;
  if (choices) {
    const real = choices.filter((choice) => choice && choice.type !== 'null');
    if (real.length === 1) return { ...schema, ...resolved(real[0], root, depth + 1), anyOf: undefined, oneOf: undefined };
  }
  if (Array.isArray(schema.type)) {
    const real = schema.type.filter((type) => type !== 'null');
    return { ...schema, type: real.length === 1 ? real[0] : undefined };
  }
  return schema;
}

// A field: {node, read()}, where read() gives {json} (raw text; undefined: left out) or {fault}.
function labelled(name, schema, must, input, read) {
  const id = `field-${++fieldCount}`;
  input.id = id;
  const fault = el('span', { class: 'fault', id: `${id}-fault` });
  fault.hidden = true;
  const described = [`${id}-fault`];
  const node = el('label', { for: id }, el('span', { class: must ? 'caption must' : 'caption' }, name));
  const hints = [schema.description, schema.default !== undefined && `default: ${JSON.stringify(schema.default)}`]
    .filter(Boolean).join(' – ');
  if (hints) {
    node.append(el('span', { class: 'hint', id: `${id}-hint` }, hints));
    described.push(`${id}-hint`);
  }
  node.append(input, fault);
  input.setAttribute('aria-describedby', described.join(' '));
  if (must) input.setAttribute('aria-required', 'true');
  return {
    node,
    read() {
      const value = read();
      fault.hidden = !value.fault;
      fault.textContent = value.fault || '';
      input.setAttribute('aria-invalid', value.fault ? 'true' : 'false');
      return value.fault ? { ...value, input } : value;
    },
  };
}

const missing = (must) => (must ? { fault: 'This is needed.' } : {});

function choiceField(name, schema, must, values) {
  const input = el('select', {}, el('option', { value: '' }, must ? 'choose…' : '(left out)'),
    ...values.map((value) => el('option', { value: JSON.stringify(value) },
      typeof value === 'string' ? value : JSON.stringify(value))));
  return labelled(name, schema, must, input, () => (input.value ? { json: input.value } : missing(must)));
}

function numberField(name, schema, must, pattern) {
  const input = el('input', { type: 'text', inputmode: 'decimal', autocomplete: 'off' });
  return labelled(name, schema, must, input, () => {
    const text = input.value.trim();
    if (!text) return missing(must);
    if (!pattern.test(text)) return { fault: pattern === INTEGER ? 'A whole number, please.' : 'A number, please.' };
    if (schema.minimum !== undefined && Number(text) < schema.minimum) return { fault: `At least ${schema.minimum}.` };
    if (schema.maximum !== undefined && Number(text) > schema.maximum) return { fault: `At most ${schema.maximum}.` };
    return { json: text };
  });
}

function textField(name, schema, must) {
  const input = el('textarea', { rows: '1', spellcheck: 'false' });
  return labelled(name, schema, must, input, () =>
    (input.value || must ? { json: JSON.stringify(input.value) } : {}));
}

function jsonField(name, schema, must) {
  const input = el('textarea', { rows: '3', spellcheck: 'false', placeholder: 'JSON' });
  return labelled(name, schema, must, input, () => {
    const text = input.value.trim();
    if (!text) return missing(must);
    try {
      JSON.parse(text);
    } catch (error) {
      return { fault: `This is not JSON: ${error.message}` };
    }
    return { json: text };
  });
}

function listField(name, schema, must, item) {
  const input = el('textarea', { rows: '3', spellcheck: 'false', placeholder: 'one per line' });
  return labelled(name, schema, must, input, () => {
    const lines = input.value.split('\n').map((line) => line.trim()).filter(Boolean);
    if (!lines.length) return must ? { json: '[]' } : {};
    if (item === 'string') return { json: `[${lines.map((line) => JSON.stringify(line)).join(',')}]` };
    const wrong = lines.find((line) => !(item === 'integer' ? INTEGER : NUMBER).test(line));
    return wrong ? { fault: `Not a number: ${wrong}` } : { json: `[${lines.join(',')}]` };
  });
}

function objectFields(schema, root, depth) {
  const needed = new Set(schema.required || []);
  return Object.entries(schema.properties || {}).map(([name, property]) =>
    ({ name, field: fieldOf(name, property, needed.has(name), root, depth) }));
}

function readObject(fields) {
  const parts = [];
  for (const { name, field } of fields) {
    const value = field.read();
    if (value.fault) return value;
    if (value.json !== undefined) parts.push(`${JSON.stringify(name)}:${value.json}`);
  }
  return { json: `{${parts.join(',')}}`, empty: !parts.length };
}

function fieldOf(name, raw, must, root, depth) {
  const schema = resolved(raw, root);
  const item = schema.items && resolved(schema.items, root).type;
  if (Array.isArray(schema.enum)) return choiceField(name, schema, must, schema.enum);
  if (schema.const !== undefined) return choiceField(name, schema, must, [schema.const]);
  switch (schema.type) {
    case 'boolean':
      return choiceField(name, schema, must, [true, false]);
    case 'integer':
      return numberField(name, schema, must, INTEGER);
    case 'number':
      return numberField(name, schema, must, NUMBER);
    case 'string':
      return textField(name, schema, must);
    case 'array':
      if (['string', 'integer', 'number'].includes(item)) return listField(name, schema, must, item);
      return jsonField(name, schema, must);
    case 'object':
      if (schema.properties && depth < 4) {
        const fields = objectFields(schema, root, depth + 1);
        const node = el('fieldset', {}, el('legend', { class: must ? 'must' : '' }, name),
          ...(schema.description ? [el('span', { class: 'hint' }, schema.description)] : []),
          ...fields.map(({ field }) => field.node));
        // What isn't needed and has nothing in it is left out, whatever its own fields need.
        return {
          node,
          read() {
            const filled = [...node.querySelectorAll('input, select, textarea')].some((input) => input.value);
            return must || filled ? readObject(fields) : {};
          },
        };
      }
      return jsonField(name, schema, must);
    default:
      return jsonField(name, schema, must);
  }
}

// --- the tool browser -----------------------------------------------------------------------------

let tools = [];
let shownTools = [];
let chosen = null;
let fields = [];
let running = null;
let rpcId = 0;

function showServers(names) {
  const select = $('tool-server');
  if ([...select.options].map((option) => option.value).join('\n') === names.join('\n')) return;
  const before = select.value;
  select.replaceChildren(...names.map((name) => el('option', { value: name }, name)));
  if (names.includes(before)) select.value = before;
  loadTools();
}

const rpc = (method, params) =>
  `{"jsonrpc":"2.0","id":${++rpcId},"method":${JSON.stringify(method)},"params":${params}}`;
const mcpPath = () => `/mcp/${encodeURIComponent($('tool-server').value)}`;

async function loadTools() {
  const path = mcpPath();
  tools = [];
  showTools('Loading…');
  let note = '';
  try {
    let cursor;
    do {
      const response = await request(path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
        body: rpc('tools/list', JSON.stringify(cursor ? { cursor } : {})),
      });
      const answer = await response.json();
      if (answer.error) throw new Error(answer.error.message);
      tools.push(...answer.result.tools);
      cursor = answer.result.nextCursor;
    } while (cursor);
  } catch (error) {
    note = `No list: ${error.message}`;
  }
  if (path === mcpPath()) showTools(note);
}

function showTools(note) {
  const wanted = $('tool-filter').value.trim().toLowerCase();
  shownTools = tools.filter((tool) =>
    `${tool.name} ${tool.title || ''} ${tool.description || ''}`.toLowerCase().includes(wanted));
  $('tool-list').replaceChildren(...shownTools.map((tool, i) => {
    const option = el('div', { role: 'option', id: `tool-${i}`, 'aria-selected': 'false' }, tool.name);
    option.addEventListener('click', () => choose(i));
    return option;
  }));
  const at = chosen ? shownTools.findIndex((tool) => tool.name === chosen.name) : -1;
  mark(at);
  $('tool-list-note').textContent = note || `${shownTools.length} of ${tools.length} tools`;
}

function mark(index) {
  [...$('tool-list').children].forEach((option, i) => option.setAttribute('aria-selected', String(i === index)));
  if (index < 0) {
    $('tool-list').removeAttribute('aria-activedescendant');
    return;
  }
  $('tool-list').setAttribute('aria-activedescendant', `tool-${index}`);
  $(`tool-${index}`).scrollIntoView({ block: 'nearest' });
}

function choose(index) {
  chosen = shownTools[index];
  mark(index);
  if (running) running.abort();
  $('tool-name').textContent = chosen.title || chosen.name;
  $('tool-description').textContent = chosen.description || '';
  const schema = chosen.inputSchema || {};
  fields = objectFields(resolved(schema, schema), schema, 0);
  $('tool-fields').replaceChildren(...(fields.length ? fields.map(({ field }) => field.node)
    : [el('p', { class: 'note' }, 'It takes no arguments that it tells of.')]));
  $('raw').value = '{}';
  $('as-json').checked = false;
  showForm();
  $('tool-form').hidden = false;
  $('result').hidden = true;
}

function showForm() {
  $('tool-fields').hidden = $('as-json').checked;
  $('raw-label').hidden = !$('as-json').checked;
}

function onListKey(event) {
  const at = shownTools.findIndex((tool) => chosen && tool.name === chosen.name);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shownTools.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  if (to >= 0 && to < shownTools.length) choose(to);
}

function readArguments() {
  if (!$('as-json').checked) return readObject(fields);
  const text = $('raw').value.trim() || '{}';
  try {
    const value = JSON.parse(text);
    if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Error('an object is needed');
    return { json: text };
  } catch (error) {
    return { fault: error.message, input: $('raw') };
  }
}

function state(word, look) {
  $('result').hidden = false;
  $('result-state').textContent = word;
  $('result-state').className = `badge ${look}`;
}

const PICTURES = /^image\/(png|jpeg|gif|webp)$/;

function contentNode(item) {
  if (item.type === 'text') return el('pre', { tabindex: '0' }, item.text);
  if (item.type === 'image' && PICTURES.test(item.mimeType) && /^[A-Za-z0-9+/=]*$/.test(item.data)) {
    return el('img', { src: `data:${item.mimeType};base64,${item.data}`, alt: 'a picture that the tool gave' });
  }
  return el('pre', { tabindex: '0' }, JSON.stringify(item, null, 2));
}

function showAnswer(text) {
  $('result-raw').textContent = text;
  const answer = JSON.parse(text);
  if (answer.error) {
    const reason = answer.error.data && answer.error.data.reason;
    state(reason || 'error', 'bad');
    $('result-content').replaceChildren(el('pre', { tabindex: '0' }, answer.error.message));
    return;
  }
  state(answer.result.isError ? 'the tool reports an error' : 'OK', answer.result.isError ? 'bad' : 'good');
  const nodes = (answer.result.content || []).map(contentNode);
  if (answer.result.structuredContent !== undefined) {
    nodes.push(el('h3', {}, 'Structured'),
      el('pre', { tabindex: '0' }, JSON.stringify(answer.result.structuredContent, null, 2)));
  }
  $('result-content').replaceChildren(...nodes);
}

function showEvent(data) {
  const message = JSON.parse(data);
  if (!message.method) {
    showAnswer(data);
  } else if (message.method === 'notifications/progress') {
    const { progress, total, message: text } = message.params;
    state(`progress ${progress}${total ? ` of ${total}` : ''}${text ? `: ${text}` : ''}`, '');
  } else if (message.method === 'notifications/message') {
    $('result-content').append(el('pre', {}, `${message.params.level}: ${JSON.stringify(message.params.data)}`));
  }
}

// An answer that something comes before is an event stream.
async function readEvents(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const events = rest.split(/\r?\n\r?\n/);
    rest = events.pop();
    for (const event of events) {
      const data = event.split(/\r?\n/).filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trimStart()).join('\n');
      if (data) showEvent(data);
    }
  }
}

async function run(event) {
  event.preventDefault();
  if (running || !chosen) return;
  const read = readArguments();
  const deadline = Number($('deadline').value);
  if (read.fault || !(deadline >= 1 && deadline <= 600000)) {
    state(read.fault || 'The deadline must be from 1 to 600000 ms', 'bad');
    $('result-content').replaceChildren();
    $('result-time').textContent = '';
    (read.input || $('deadline')).focus();
    return;
  }
  running = new AbortController();
  const begun = performance.now();
  $('run').disabled = true;
  $('cancel').disabled = false;
  state('running…', '');
  $('result-content').replaceChildren();
  $('result-raw').textContent = '';
  $('result-time').textContent = '';
  const params = `{"name":${JSON.stringify(chosen.name)},"arguments":${read.json},` +
    `"_meta":{"progressToken":${rpcId + 1}}}`;
  try {
    const response = await request(mcpPath(), {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
        'grpc-timeout': `${Math.ceil(deadline)}m`,
      },
      body: rpc('tools/call', params),
      signal: running.signal,
    });
    if ((response.headers.get('Content-Type') || '').startsWith('text/event-stream')) {
      await readEvents(response);
    } else {
      showAnswer(await response.text());
    }
  } catch (error) {
    if (error.name === 'AbortError') {
      state('cancelled', '');
    } else {
      state(error.message, 'bad');
    }
  }
  $('result-time').textContent = `after ${showTime((performance.now() - begun) / 1000)}`;
  running = null;
  $('run').disabled = false;
  $('cancel').disabled = true;
}

// --- beginning ------------------------------------------------------------------------------------

async function setUpLogLevel() {
  const select = $('log-level');
  select.value = (await getJson('/debug/log_level')).level;
  select.addEventListener('change', async () => {
    const response = await request('/debug/log_level', { method: 'PUT', body: select.value });
    select.value = (await response.json()).level;
  });
}

function switchTheme() {
  const root = document.documentElement;
  const isDark = root.classList.contains('dark') ||
    (!root.classList.contains('light') && matchMedia('(prefers-color-scheme: dark)').matches);
  root.classList.toggle('dark', !isDark);
  root.classList.toggle('light', isDark);
}

$('theme').addEventListener('click', switchTheme);
$('latency-of').addEventListener('change', showLatency);
$('tool-server').addEventListener('change', () => {
  chosen = null;
  $('tool-name').textContent = 'No tool chosen';
  $('tool-description').textContent = '';
  $('tool-form').hidden = true;
  $('result').hidden = true;
  loadTools();
});
$('tool-filter').addEventListener('input', () => showTools(''));
$('tool-list').addEventListener('keydown', onListKey);
$('as-json').addEventListener('change', () => {
  if ($('as-json').checked) {
    const read = readObject(fields);
    if (!read.fault) $('raw').value = read.json;
  }
  showForm();
});
$('tool-form').addEventListener('submit', run);
$('tool-form').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) run(event);
});
$('cancel').addEventListener('click', () => running && running.abort());
poll();
setUpLogLevel().catch(() => {});
