// Calls the kernels of kernels.json on numbers and typed arrays.  An array of more than one dimension carries its shape.
async function load({wasm, kernels}) {
  const TYPES = {float64: Float64Array, int64: BigInt64Array};
  const STACK = 131072, RESULT = STACK, HEAP = STACK + 64; // constants and stack, the result, what a call allocates
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
    NRT_Free() {}, // memory is given back when the call returns
    NRT_MemInfo_call_dtor() {},
    NRT_MemInfo_alloc_aligned(size) { // numba's record of an array: references, three pointers, the data, their size
      const at = reserve(64 + Number(size));
      new Uint32Array(memory.buffer, at, 8).set([1, 0, 0, 0, at + 64, 0, Number(size), 0]);
      return at;
    },
  };
  const {instance} = await WebAssembly.instantiate(Uint8Array.from(atob(wasm), c => c.charCodeAt(0)), {env});

  function call(name, ...values) {
    const {takes, gives} = kernels[name], given = values.values();
    top = HEAP;
    const flat = [RESULT, RESULT + 16], arrays = [];
    for (const type of takes) {
      if (type === "function") { flat.push(0); continue; } // known when the kernel was compiled
      const value = given.next().value, of = TYPES[type.slice("array ".length)];
      if (!of) { flat.push(type === "int64" ? BigInt(value) : value); continue; }
      if (!(value instanceof of)) throw new TypeError(`${name} takes ${type}`);
      const shape = value.shape ?? [value.length], size = value.BYTES_PER_ELEMENT, at = reserve(value.byteLength);
      const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, size));
      flat.push(0, 0, BigInt(value.length), BigInt(size), at, ...shape.map(BigInt), ...strides.map(BigInt));
      arrays.push([value, of, at]);
    }
    for (const [value, of, at] of arrays) new of(memory.buffer, at, value.length).set(value);
    const status = instance.exports[name](...flat);
    if (status && status !== -2) throw new Error(`${name} raised a Python exception`); // −2: it returned None
    for (const [value, of, at] of arrays) value.set(new of(memory.buffer, at, value.length));
    const result = TYPES[gives] && new TYPES[gives](memory.buffer, RESULT, 1)[0];
    return typeof result === "bigint" ? Number(result) : result;
  }

  function array(shape, values = [], of = Float64Array) { // a new array, zero where no values are given
    const made = new of(shape.reduce((a, b) => a * b, 1));
    made.set(values);
    return Object.assign(made, {shape});
  }

  return {call, array};
}
