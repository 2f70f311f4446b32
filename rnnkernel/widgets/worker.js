// The worker of an explorable.  The first message brings a kernel of kernels.json (WebAssembly, and what it takes and
// gives by name) and the data that it takes at each call.  Every other message brings the rest, by name, and is
// answered by what the kernel gives.  A matrix is an array of its rows.
const TYPES = {float64: Float64Array, int64: BigInt64Array};
const STACK = 131072, RESULT = STACK, STATUS = RESULT + 4080, HEAP = RESULT + 4096; // constants and stack come first

function loaded({takes, gives, wasm}, data) {
  const memory = new WebAssembly.Memory({initial: 4});
  let top = HEAP;

  function reserve(size) {
    const at = (top + 63) & ~63;
    top = at + size;
    const missing = top - memory.buffer.byteLength;
    if (missing > 0) memory.grow((missing + 65535) >> 16);
    return at;
  }

  const env = {
    __linear_memory: memory,
    __stack_pointer: new WebAssembly.Global({value: "i32", mutable: true}, STACK),
    __multi3(at, low, high, otherLow, otherHigh) { // the 128 bits of a product: how numba checks the size of an array
      const wide = (l, h) => BigInt.asUintN(64, l) + (h << 64n), product = wide(low, high) * wide(otherLow, otherHigh);
      new BigInt64Array(memory.buffer, at, 2).set([product, product >> 64n]);
    },
    NRT_Allocate: size => reserve(Number(size)),
    NRT_Free() {}, // memory is given back at the next call
    NRT_MemInfo_call_dtor() {},
    NRT_MemInfo_alloc_aligned(size) { // numba's record of an array: references, three pointers, the data, their size
      const at = reserve(64 + Number(size));
      new Uint32Array(memory.buffer, at, 8).set([1, 0, 0, 0, at + 64, 0, Number(size), 0]);
      return at;
    },
  };

  function placed(values, type) { // an array, as the arguments that numba passes for it
    const shape = [];
    for (let inner = values; Array.isArray(inner); [inner] = inner) shape.push(inner.length);
    const flat = TYPES[type] === BigInt64Array ? values.flat(Infinity).map(BigInt) : values.flat(Infinity);
    const at = reserve(8 * flat.length), strides = shape.map((_, k) => shape.slice(k + 1).reduce((a, b) => a * b, 8));
    new TYPES[type](memory.buffer, at, flat.length).set(flat);
    return [0, 0, BigInt(flat.length), 8n, at, ...shape.map(BigInt), ...strides.map(BigInt)];
  }

  function argument(type, value) {
    const [of, axes] = type.split(" ");
    if (of === "function") return [0]; // known when the kernel was compiled
    if (value === undefined) throw new TypeError("the kernel misses an argument");
    return axes ? placed(value, of) : [of === "int64" ? BigInt(value) : value];
  }

  function result() { // scalars, and records of arrays: two pointers, length, size of a number, data, shape, strides
    const view = new DataView(memory.buffer);
    let at = RESULT;
    const read = type => {
      const [of, axes] = type.split(" "), start = at;
      at += axes ? 32 + 16 * axes : 8;
      if (!axes) return of === "int64" ? Number(view.getBigInt64(start, true)) : view.getFloat64(start, true);
      const first = view.getUint32(start + 24, true), size = k => Number(view.getBigInt64(start + 32 + 8 * k, true));
      const row = (k, n) => new TYPES[of](memory.buffer, first + 8 * k * n, n).slice();
      return axes === "1" ? row(0, size(0)) : Array.from({length: size(0)}, (_, k) => row(k, size(1)));
    };
    return Object.fromEntries(Object.entries(gives).map(([key, type]) => [key, read(type)]));
  }

  const fixed = Object.entries(takes).map(([key, type]) => key in data ? argument(type, data[key]) : null);
  const kept = top, code = Uint8Array.from(atob(wasm), letter => letter.charCodeAt(0));
  const {exports} = new WebAssembly.Instance(new WebAssembly.Module(code), {env});
  return given => {
    top = kept;
    const flat = Object.entries(takes).flatMap(([key, type], i) => fixed[i] ?? argument(type, given[key]));
    const status = exports.kernel(RESULT, STATUS, ...flat);
    if (status) throw new Error("the kernel raised a Python exception");
    return result();
  };
}

let run = null;
globalThis.onmessage = ({data: message}) => {
  if (run) postMessage(run(message));
  else run = loaded(message.kernel, message.data);
};
