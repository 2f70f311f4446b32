"""Where a kernel can run: natively without fast-math flags, in Chromium, and in Node where there is one."""

import base64
import json
import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from rnnkernel.widgets import wasm

STRICT = """
import os, pickle, sys, numba
njit = numba.njit
numba.njit = lambda function=None, fastmath=None, **options: njit(function, **options)
from rnnkernel.widgets.kernels import EXPORTS, TANH
functions = {"phi": (TANH.value,), "remember": (TANH.value,), "train": (TANH.value, TANH.derivative)}
while True:
    name, arguments = pickle.load(sys.stdin.buffer)
    result = EXPORTS[name][0](*functions.get(name, ()), *arguments)
    answer = result, [each for each in arguments if hasattr(each, "shape")]
    sys.stdout.buffer.write(pickle.dumps(answer))
    sys.stdout.buffer.flush()
"""

SCRIPT = """
const KERNELS = %s;
%s
const loaded = load(KERNELS);
async function answer(name, values) {
  const {call, array} = await loaded;
  const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer;
  const given = values.map(value => {
    if (!value.shape) return value;
    const of = {float64: Float64Array, int64: BigInt64Array}[value.of];
    return array(value.shape, new of(bytes(value.data)), of);
  });
  const result = call(name, ...given);
  const text = each => btoa(String.fromCharCode(...new Uint8Array(each.buffer)));
  return [result, given.filter(each => each.shape).map(text)];
}
"""
LINES = """
require("readline").createInterface({input: process.stdin}).on("line", async line =>
  console.log(JSON.stringify(await answer(...JSON.parse(line)))));
"""


def script():
    return SCRIPT % (wasm.KERNELS.read_text(), wasm.KERNELS.with_name("wasm.js").read_text())


class Strict:
    """Python, in a process of its own that compiles without fast-math flags."""

    def __init__(self):
        self.cache = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [sys.executable, "-c", STRICT],
            cwd=Path(__file__).parents[1],
            env={"NUMBA_CACHE_DIR": self.cache.name},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(self, name, *arguments):
        pickle.dump((name, arguments), self.process.stdin)
        self.process.stdin.flush()
        return pickle.load(self.process.stdout)

    def close(self):
        self.process.kill()
        self.process.communicate()
        self.cache.cleanup()


class JavaScript:
    """An engine of JavaScript, which is asked by `ask(name, values)`."""

    def run(self, name, *arguments):
        values = [packed(each) if hasattr(each, "shape") else each for each in arguments]
        result, texts = self.ask(name, values)
        arrays = [each for each in arguments if hasattr(each, "shape")]
        return result, [
            np.frombuffer(base64.b64decode(text), each.dtype).reshape(each.shape)
            for text, each in zip(texts, arrays, strict=True)
        ]


def packed(array):
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"of": str(array.dtype), "shape": array.shape, "data": data}


class Node(JavaScript):
    path = shutil.which("node") or shutil.which("nodejs")

    def __init__(self):
        self.process = subprocess.Popen(
            [self.path, "-e", script() + LINES], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, name, values):
        print(json.dumps([name, values]), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.kill()
        self.process.communicate()


class Chromium(JavaScript):
    def __init__(self, browser):
        self.page = browser.new_page()
        self.page.evaluate(f"() => {{ {script()} window.answer = answer; }}")

    def ask(self, name, values):
        return self.page.evaluate("([name, values]) => answer(name, values)", [name, values])

    def close(self):
        self.page.close()
