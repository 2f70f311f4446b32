// One kernel of the server that sent this page, over its websocket, and the models of anywidgets in it.
export class Kernel {
  constructor(say, forget) {
    Object.assign(this, {say, forget, session: crypto.randomUUID(), running: new Map(), models: new Map()});
    Object.assign(this, {socket: null, waiting: [], current: null});
  }

  // One request at a time, as the kernel would also drop what comes just after an error: an error drops what waits.
  run(code, cell) {
    this.waiting.push({code, cell});
    this.next();
  }

  async next() {
    if (this.current || !this.waiting.length) return;
    const {code, cell} = this.waiting.shift(), msg_id = this.current = crypto.randomUUID();
    const options = {silent: false, store_history: true, user_expressions: {}, allow_stdin: true, stop_on_error: false};
    try {
      await this.send("shell", "execute_request", {code, ...options}, {cell, msg_id});
    } catch (problem) {
      cell.say(problem.message ?? "no server");
      this.done();
    }
  }

  done() {
    this.current = null;
    this.next();
  }

  async interrupt() { if (this.id) await post(`kernels/${this.id}/interrupt`); }

  async restart() {
    if (!this.id) return;
    await post(`kernels/${this.id}/restart`);
    this.lost("restarted");
  }

  connect() { // a session of this path is made once and then found again, by any page
    return this.socket ??= this.open().catch(problem => {
      this.socket = null;
      this.say("no server");
      throw problem;
    });
  }

  async open() {
    this.say("starting");
    const {kernel} = await post("sessions", {path: "live", name: "live", type: "console", kernel: {name: "python3"}});
    this.id = kernel.id;
    const url = `${location.origin.replace("http", "ws")}/api/kernels/${kernel.id}/channels?session_id=${this.session}`;
    const socket = Object.assign(new WebSocket(url, "v1.kernel.websocket.jupyter.org"), {binaryType: "arraybuffer"});
    socket.onmessage = ({data}) => this.receive(data);
    await new Promise((opened, failed) => Object.assign(socket, {onopen: opened, onerror: failed}));
    socket.onclose = () => { // the next run connects anew: to the same kernel, if the server still has it
      this.socket = null;
      this.lost("disconnected");
    };
    this.say("ready");
    return socket;
  }

  lost(why) {
    this.say(why);
    this.forget();
    Object.assign(this, {waiting: [], current: null});
    this.running.clear();
    this.models.clear();
  }

  async send(channel, msg_type, content, {parent = {}, buffers = [], cell, msg_id = crypto.randomUUID()} = {}) {
    const socket = await this.connect();
    const header = {msg_id, msg_type, session: this.session, username: "", version: "5.4"};
    header.date = new Date().toISOString();
    const texts = [channel, ...[header, parent, {}, content].map(part => JSON.stringify(part))];
    const parts = [...texts.map(text => new TextEncoder().encode(text)), ...buffers];
    const offsets = [8 * (parts.length + 2)];
    for (const part of parts) offsets.push(offsets.at(-1) + part.byteLength);
    if (cell) this.running.set(header.msg_id, cell);
    socket.send(new Blob([new BigUint64Array([offsets.length, ...offsets].map(BigInt)), ...parts]));
  }

  receive(data) {
    const n = Number(new DataView(data).getBigUint64(0, true));
    const offsets = [...new BigUint64Array(data, 8, n)].map(Number);
    const parts = offsets.slice(1).map((end, i) => data.slice(offsets[i], end));
    const [header, parent, , content] = parts.slice(1, 5).map(part => JSON.parse(new TextDecoder().decode(part)));
    const buffers = parts.slice(5).map(part => new DataView(part)), cell = this.running.get(parent.msg_id);
    const id = content.transient?.display_id, asked = parent.session === this.session; // and not by the server itself
    ({
      comm_open: () => this.models.set(content.comm_id, new Model(this, content, buffers)),
      comm_msg: () => this.models.get(content.comm_id)?.receive(content.data, buffers),
      status: () => this.status(content.execution_state, asked, parent.msg_id),
      stream: () => cell?.stream(content.text),
      clear_output: () => cell?.clear(content.wait),
      error: () => this.fail(cell, content.traceback),
      display_data: () => cell?.display(content.data, id),
      execute_result: () => cell?.display(content.data, id),
      update_display_data: () => new Set(this.running.values()).forEach(each => each.update(content.data, id)),
      input_request: () => this.send("stdin", "input_reply", {value: prompt(content.prompt) ?? ""}, {parent: header}),
      execute_reply: () => cell?.say(content.status === "ok" ? `[${content.execution_count}]` : "error"),
    })[header.msg_type]?.();
  }

  status(now, asked, request) {
    if (now === "restarting" || now === "dead") return this.lost("died");
    if (asked) this.say(now === "busy" ? "running" : "ready");
    if (now === "idle" && request === this.current) this.done();
  }

  fail(cell, traceback) {
    cell?.fail(traceback);
    for (const waiting of this.waiting.splice(0)) waiting.cell.say("not run");
  }
}

// Of an anywidget, as its script expects it.
class Model {
  constructor(kernel, {comm_id, data}, buffers) {
    Object.assign(this, {kernel, comm_id, state: {}, changed: {}, listeners: []});
    this.receive({method: "update", ...data}, buffers);
  }

  receive({method, state, buffer_paths = [], content}, buffers) {
    buffer_paths.forEach((path, i) => {
      path.slice(0, -1).reduce((at, key) => at[key], state)[path.at(-1)] = buffers[i];
    });
    if (method === "update") this.merge(state);
    else if (method === "custom") this.emit("msg:custom", content, buffers);
  }

  merge(state) {
    const same = (one, other) => !(other instanceof DataView) && JSON.stringify(one) === JSON.stringify(other);
    const changed = Object.keys(state).filter(key => !same(this.state[key], state[key]));
    Object.assign(this.state, state);
    for (const key of changed) this.emit(`change:${key}`, this, state[key]);
    if (changed.length) this.emit("change", this);
  }

  emit(name, ...values) {
    for (const [event, listener] of [...this.listeners]) if (event === name) listener(...values);
  }

  on(names, listener) { for (const name of names.split(" ")) this.listeners.push([name, listener]); }
  off(name, listener) {
    const stays = ([event, other]) => (name && event !== name) || (listener && other !== listener);
    this.listeners = this.listeners.filter(stays);
  }

  get(key) { return this.state[key]; }
  set(key, value) { this.changed[key] = value; this.merge({[key]: value}); }
  save_changes() { this.message({method: "update", state: this.changed, buffer_paths: []}); this.changed = {}; }
  send(content, callbacks, buffers) { this.message({method: "custom", content}, buffers); }
  message(data, buffers) { this.kernel.send("shell", "comm_msg", {comm_id: this.comm_id, data}, {buffers}); }

  async render(el) {
    const {default: given} = await import(URL.createObjectURL(new Blob([this.get("_esm")], {type: "text/javascript"})));
    const widget = typeof given === "function" ? await given() : given, inner = document.createElement("div");
    const style = Object.assign(document.createElement("style"), {textContent: this.get("_css") ?? ""});
    el.append(style, inner);
    await widget.initialize?.({model: this, el: inner});
    await widget.render?.({model: this, el: inner});
  }
}

async function post(path, body = {}) {
  const token = document.cookie.match(/\b_xsrf=([^;]*)/)?.[1] ?? "";
  const headers = {"Content-Type": "application/json", "X-XSRFToken": token};
  const reply = await fetch(`/api/${path}`, {method: "POST", headers, body: JSON.stringify(body)});
  if (!reply.ok) throw new Error(`${path}: ${reply.status}`);
  return reply.status === 204 ? null : reply.json();
}
