// Of docs/web.md, so that its types are checked.
const secret = "a token", signal = AbortSignal.timeout(1000);

import { connect } from "/balsa/client.js";

const cluster = connect({ servers: ["https://a.example.org", "https://b.example.org"], token: secret });
await cluster.propose({ text: "milk" }, { signal });       // what apply returned; applied once, however often it has to be sent
await cluster.query();                                     // the state, or what the reducer's query(state, question) says
for await (const { index, command } of cluster.watch({ from: 1 })) console.log(index, command);
