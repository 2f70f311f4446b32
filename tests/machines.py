"""Where a kernel can run: natively without fast-math flags, in a worker of Chromium, and in Node where there is one.

All take the name of a kernel and the values given to it, by name, and return arrays by name.
"""

import base64
import json
import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
WIDGETS = ROOT / "rnnkernel" / "widgets"

STRICT = """
import pickle, sys, numba
njit = numba.njit
numba.njit = lambda function=None, fastmath=None, **options: njit(function, **options)
from rnnkernel.widgets.kernels import KERNELS, run
while True:
    name, given = pickle.load(sys.stdin.buffer)
    sys.stdout.buffer.write(pickle.dumps(run(KERNELS[name], given)))
    sys.stdout.buffer.flush()
"""

PACKED = """
function packed(result) {
  return Object.fromEntries(Object.entries(result).map(([name, value]) => {
    const rows = Array.isArray(value) ? value : [value], axes = ArrayBuffer.isView(rows[0]);
    const shape = !axes ? [] : Array.isArray(value) ? [rows.length, rows[0].length] : [value.length];
    const flat = Float64Array.from(rows.flatMap(row => axes ? [...row] : [row]));
    return [name, [shape, btoa(String.fromCharCode(...new Uint8Array(flat.buffer)))]];
  }));
}
"""
NODE = """
require("readline").createInterface({input: process.stdin}).on("line", line => {
  const [first, second] = JSON.parse(line), scope = {};
  new Function("globalThis", "postMessage", WORKER)(scope, result => console.log(JSON.stringify(packed(result))));
  scope.onmessage({data: first});
  scope.onmessage({data: second});
});
"""
CHROMIUM = """([first, second]) => new Promise((resolve, reject) => {
  const worker = new Worker(URL.createObjectURL(new Blob([WORKER])));
  const end = (how, what) => { worker.terminate(); how(what); };
  worker.onmessage = ({data}) => end(resolve, packed(data));
  worker.onerror = ({message}) => end(reject, new Error(message));
  worker.postMessage(first);
  worker.postMessage(second);
})"""


class Strict:
    """Python, in a process of its own that compiles without fast-math flags."""

    def __init__(self):
        self.cache = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [sys.executable, "-c", STRICT],
            cwd=ROOT,
            env={"NUMBA_CACHE_DIR": self.cache.name},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(self, name, given):
        pickle.dump((name, given), self.process.stdin)
        self.process.stdin.flush()
        return {key: np.asarray(value, float) for key, value in pickle.load(self.process.stdout).items()}

    def close(self):
        self.process.kill()
        self.process.communicate()
        self.cache.cleanup()


class JavaScript:
    """An engine of JavaScript, which is asked by `ask(messages)`: the worker of the page, with its two messages."""

    kernels = json.loads((WIDGETS / "kernels.json").read_text())["kernels"]
    script = f"const WORKER = {json.dumps((WIDGETS / 'worker.js').read_text())};{PACKED}"

    def run(self, name, given):
        data = {key: value.tolist() for key, value in given.items() if hasattr(value, "shape")}
        rest = {key: value for key, value in given.items() if key not in data}
        answer = self.ask([{"kernel": self.kernels[name], "data": data}, rest])
        return {key: np.frombuffer(base64.b64decode(text)).reshape(shape) for key, (shape, text) in answer.items()}


class Node(JavaScript):
    path = shutil.which("node") or shutil.which("nodejs")

    def __init__(self):
        self.process = subprocess.Popen(
            [self.path, "-e", self.script + NODE], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, messages):
        print(json.dumps(messages), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.kill()
        self.process.communicate()


class Chromium(JavaScript):
    def __init__(self, browser):
        self.page = browser.new_page()
        self.page.evaluate(f"() => {{ {self.script} Object.assign(window, {{WORKER, packed}}); }}")

    def ask(self, messages):
        return self.page.evaluate(CHROMIUM, messages)

    def close(self):
        self.page.close()
