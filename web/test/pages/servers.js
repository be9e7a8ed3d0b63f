// Of docs/web.md, so that its types are checked.
const secret = "32 random bytes that all share..";

import { open } from "/balsa/balsa.js";
import * as todos from "/reducer.js";     // the file that the servers run: exports initial and apply

const member = await open({ ...todos, room: "team-42", secret, servers: ["wss://a.example.org", "wss://b.example.org"] });
await member.close();
