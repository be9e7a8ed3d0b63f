importScripts("wasm_exec.js");
const early = [];
onmessage = ({ data }) => early.push(data);
const go = new Go();
WebAssembly.instantiateStreaming(fetch("board.wasm"), go.importObject).then(({ instance }) => {
  void go.run(instance);
  for (const data of early) onmessage({ data });
});
