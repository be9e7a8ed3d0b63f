// The dashboard in a real browser: each control is pressed, and what the page then shows is
// compared with what the members themselves say.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { looks, wrongWith } from "./looks.mjs";
import { browser, eventually as wait, limit, patience, pictures, reads, threePorts, until, workshop } from "./demo.mjs";

/** @type {Awaited<ReturnType<typeof workshop>>} */
let shop;
/** @type {Awaited<ReturnType<typeof browser>>} */
let window_;
/** @type {any} the demo */
let demo;
/** The members' addresses, by name. @type {Record<string, string>} */
let http;
/** @type {import("puppeteer-core").Page} */
let tab;

const names = ["a", "b", "c"];

const begin = () => shop.run(/^ready$/m, "demo", "--no-open", "--dir", "demo", "--http", new URL(http.a).host, "--redis", "127.0.0.1:0");

before(async () => {
  shop = await workshop();
  const first = await threePorts(); // the same again after a restart
  http = Object.fromEntries(names.map((name, i) => [name, `http://127.0.0.1:${first + i}`]));
  demo = await begin();
  window_ = await browser();
  tab = await window_.open(`${http.a}/`);
  await until(tab, "the page to be live", () => document.getElementById("link")?.textContent === "live");
});
after(async () => {
  await window_?.close();
  await demo?.end();
  await shop?.close();
});
// That a stopped member answers 503 is the browser's word, and no complaint of the page.
afterEach(() => assert.deepEqual(window_.complaints.splice(0).filter((text) => !/^Failed to load resource: .* 503 /.test(text)), [], "the page complains"));

const status = async (name) => (await fetch(`${http[name]}/status`, { signal: AbortSignal.timeout(5000) })).json();
const healthy = async (name) => (await fetch(`${http[name]}/healthz`)).ok;
/** What the members and the page say, for who waited in vain. */
const standing = async () => {
  const said = names.map((name) => status(name).then(JSON.stringify, (error) => error.message).then((text) => `${name} says: ${text}`));
  return [...(await Promise.all(said)), `the page says: ${await reads(tab)}`].join("\n");
};
/** @type {<T>(what: string, holds: () => Promise<T>|T) => Promise<T>} */
const eventually = (what, holds) => wait(what, holds, standing);
const badge = (name) => tab.$eval(`#member-${name} .badge`, (node) => node.textContent);
const fact = (name, which) => tab.$eval(`#member-${name} .facts`, (list, which) => [...list.querySelectorAll("dt")].find((dt) => dt.textContent === which)?.nextElementSibling?.textContent, which);
const press = (selector) => tab.$eval(selector, (button) => {
  if (button.hidden || button.disabled) throw new Error(`${button.textContent} cannot be pressed`);
  button.click();
});
const deed = (name, does) => eventually(`${does} ${name} to be pressed`, async () => (await press(`#member-${name} button[data-does=${does}]`), true));

/** The leader that all members that answer agree on. @param {string[]} among */
const leader = (among = names) => eventually(`one leader of ${among}`, async () => {
  const all = await Promise.all(among.map(status));
  return all.every((s) => s.leader && s.leader === all[0].leader && s.term === all[0].term) && among.includes(all[0].leader) && all[0].leader;
});

/** Until all members run, are voters, hold the same, and the page says so. */
const whole = () => eventually("the members to be whole", async () => {
  const all = await Promise.all(names.map(status));
  const [one] = all;
  return all.every((s) => s.leader === one.leader && s.leader && s.applied === one.applied && s.members.length === 3 && s.members.every((m) => m.role === "voter"))
    && (await Promise.all(names.map(badge))).every((is) => is === "leader" || is === "follower");
});

test("the page shows what the members say of themselves", { timeout: limit }, async () => {
  await fetch(`${http.b}/kv/first`, { method: "PUT", body: "light" });
  await whole();
  await eventually("the same figures", async () => {
    for (const name of names) {
      const s = await status(name);
      const shown = { role: await badge(name), term: await fact(name, "Term"), commit: await fact(name, "Committed"), applied: await fact(name, "Applied") };
      const said = { role: s.role, term: String(s.term), commit: String(s.commit), applied: String(s.applied) };
      if (JSON.stringify(shown) !== JSON.stringify(said)) return false;
    }
    return true;
  });
  await eventually("the leader to be crowned", async () =>
    await tab.evaluate(() => document.querySelector(".node.leader strong")?.textContent) === await leader());
  assert.match(await tab.$eval("#summary", (node) => node.textContent), /leads in term \d+; all 3 members answer/);
  await until(tab, "all links to be whole", () => document.querySelectorAll(".edge.whole").length === 3 && /^[\d.]+ ms$/.test(document.querySelector(".middle .rtt").textContent));
});

test("the page is light, whole in itself, and all its controls have names", { timeout: limit }, async () => {
  const { size, foreign } = await tab.evaluate(() => {
    const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].filter((e) => e.entryType === "navigation" || e.name.includes("/page/"));
    return { size: all.reduce((sum, e) => sum + e.decodedBodySize, 0), foreign: performance.getEntriesByType("resource").filter((e) => !e.name.startsWith(location.origin)).map((e) => e.name) };
  });
  assert.ok(size > 20_000 && size < 200_000, `the page weighs ${size} bytes`);
  assert.deepEqual(foreign, [], "it fetches from elsewhere");
  const nameless = await tab.evaluate(() => [...document.querySelectorAll("button, input, [role=region], [role=group], section")]
    .filter((node) => node.checkVisibility() && !node.getAttribute("aria-label") && !node.getAttribute("aria-labelledby") && !node.textContent.trim() && !node.labels?.length).map((node) => node.outerHTML));
  assert.deepEqual(nameless, []);
  const twice = await tab.evaluate(() => { const ids = [...document.querySelectorAll("[id]")].map((node) => node.id); return ids.filter((id, i) => ids.indexOf(id) !== i); });
  assert.deepEqual(twice, [], "two elements have one id");
  assert.equal(await tab.evaluate(() => document.querySelector("#announce").getAttribute("aria-live")), "polite");
});

test("the console writes and reads, the list of keys follows, by keyboard alone", { timeout: limit }, async () => {
  const type = async (line, answer) => {
    await tab.focus("#command");
    await tab.keyboard.type(line);
    await tab.keyboard.press("Enter");
    await until(tab, `${line} to be answered ${answer}`, (line, answer) => {
      const all = [...document.querySelectorAll("#answers li")].map((li) => li.textContent);
      return new RegExp(answer).test(all[all.lastIndexOf(`› ${line}`) + 1] ?? "");
    }, line, answer);
  };
  await type("put fruit apple", "^ok, at entry \\d+");
  assert.equal(await (await fetch(`${http.c}/kv/fruit`)).text(), "apple");
  await type("get fruit", "^apple ");
  await type("cas fruit apple pear", "^ok");
  await type("cas fruit apple plum", "not done: fruit is pear");
  await type("scan fru", "fruit = pear");
  const row = (key) => tab.evaluate((key) => [...document.querySelectorAll("#key-rows tr")].find((tr) => tr.firstChild.textContent === key)?.children[1].textContent, key);
  await eventually("the list to have the pear", async () => (await row("fruit")) === "pear");
  await fetch(`${http.b}/kv/fruit`, { method: "PUT", body: "from elsewhere" });
  await eventually("the list to follow", async () => (await row("fruit")) === "from elsewhere");
  await type("del fruit", "^ok");
  await eventually("the list to forget", async () => (await row("fruit")) === undefined);
  await type("frobnicate", "there is no command frobnicate; there are: put KEY VALUE");
  await press("#examples button");
  await eventually("the example to run", async () => (await (await fetch(`${http.a}/kv/color`)).text()) === "red");
});

test("a cell of a lane shows its entry, and arrow keys lead to the others", { timeout: limit }, async () => {
  const { version } = await (await fetch(`${http.a}/kv/lane`, { method: "PUT", body: "of balsa" })).json();
  const cell = `.cell[aria-label^="Entry ${version} on a: applied"]`;
  await eventually("the cell", () => tab.$(cell));
  await press(cell);
  await until(tab, "what the entry does", () => document.querySelector("#entry").textContent.includes('set "lane" "of balsa"'));
  await tab.focus(cell);
  await tab.keyboard.press("ArrowLeft");
  await tab.keyboard.press("ArrowDown");
  assert.match(await tab.evaluate(() => document.activeElement.getAttribute("aria-label")), new RegExp(`^Entry ${version - 1} on b: `));
  await tab.keyboard.press("Enter");
  await until(tab, "the other entry", (index) => document.querySelector("#entry h3").textContent.startsWith(`Entry ${index} of term`), version - 1);
});

test("a member is stopped, started and killed", { timeout: limit }, async () => {
  const victim = "b";
  await deed(victim, "stop");
  await eventually("it to be stopped", async () => (await badge(victim)) === "stopped" && !(await healthy(victim)));
  await deed(victim, "start");
  await eventually("it to run", async () => (await healthy(victim)) && (await badge(victim)) !== "stopped");
  await whole();
  const old = await leader(), rest = names.filter((name) => name !== old);
  await deed(old, "kill");
  const next = await leader(rest);
  assert.notEqual(next, old);
  await eventually("the page to crown the next", async () => (await badge(next)) === "leader" && (await badge(old)) === "stopped");
  // Its role may be on the page before the event that it noted of it.
  await until(tab, "the event to be listed", (next) => [...document.querySelectorAll("#event-list li")].some((li) => li.textContent.includes(next) && /leads in term/.test(li.textContent)), next);
  await deed(old, "start");
  await whole();
});

test("the page of a member that was killed says what is the matter, and finds it again", { timeout: limit }, async () => {
  const victim = "c", own = await window_.open(`${http[victim]}/`);
  const keys = () => own.evaluate(() => `${document.getElementById("keys-state").textContent}: ${[...document.querySelectorAll("#key-rows td:first-child")].map((td) => td.textContent)}`);
  const run = (line) => own.evaluate((line) => {
    document.getElementById("command").value = line;
    document.getElementById("console-form").requestSubmit();
  }, line);
  const answered = (line, answer) => until(own, `${line} to be answered ${answer}`, (line, answer) => {
    const all = [...document.querySelectorAll("#answers li")].map((li) => li.textContent);
    return new RegExp(answer).test(all[all.lastIndexOf(`› ${line}`) + 1] ?? "");
  }, line, answer);
  await eventually("its keys", async () => /^live: .*lane/.test(await keys()));
  await own.$eval(`#member-${victim} button[data-does=kill]`, (button) => button.click());
  await eventually("its list of keys to say so", async () => /^as they were: c is stopped: start it above, or ask on the page of a or b\.: .*lane/.test(await keys()));
  await run("put lane late");
  await answered("put lane late", "^c is stopped: start it above, or ask on the page of a or b\\. ");
  await own.screenshot({ path: join(pictures, "killed.png"), fullPage: true });
  const other = await window_.open(`${http[victim]}/`); // who comes only now is told the same
  await until(other, "a page that was opened meanwhile to say so", () => /^c is stopped: /.test(document.getElementById("keys-state").textContent));
  await fetch(`${http.a}/kv/lane`, { method: "PUT", body: "of others" });
  await own.bringToFront();
  await own.$eval(`#member-${victim} button[data-does=start]`, (button) => button.click());
  for (const page of [own, other]) {
    await until(page, "its keys again", () => document.getElementById("keys-state").textContent === "live"
      && [...document.querySelectorAll("#key-rows tr")].some((tr) => tr.firstChild.textContent === "lane" && tr.children[1].textContent === "of others"));
  }
  await run("get lane");
  await answered("get lane", "^of others ");
  await own.close();
  await other.close();
  await tab.bringToFront();
  await whole();
});

test("each state of an entry is drawn as what it is, and a loss would be shouted", { timeout: limit }, async () => {
  await until(tab, "a cell for each entry", () => document.querySelector('.cell[aria-label^="Entry "]'));
  const drawn = await tab.evaluate(async () => {
    const { model } = await import("/page/model.js"), lanes = await import("/page/lanes.js");
    const [m] = model.members, before = m.report, { last } = before;
    m.report = { ...before, durable: last - 1, commit: last - 2, applied: last - 3, compacted: last - 4 };
    lanes.show();
    const states = [0, 1, 2, 3, 4].map((back) => document.querySelector(`.cell[aria-label^="Entry ${last - back} on ${m.name}: "]`)).map((cell) => `${cell?.className} ${cell?.getAttribute("aria-label").split(": ")[1]}`);
    m.report = before;
    lanes.show();
    return states;
  });
  assert.deepEqual(drawn, ["appended", "durable", "committed", "applied", "compacted"].map((state) => `cell ${state} ${state}`));
  const shouted = await tab.evaluate(async () => {
    const { model } = await import("/page/model.js"), proof = await import("/page/proof.js");
    const section = document.getElementById("proof"), before = model.stage.proof;
    model.stage.proof = { ...before, acknowledged: 4, lost: 1, findings: ["proof/1 counts 3, and 4 were acknowledged"] };
    proof.show(section);
    const shown = [section.querySelector(".big").className, section.querySelector("dd").textContent, section.querySelector(".verdict").className, section.querySelector(".verdict").textContent];
    model.stage.proof = before;
    proof.show(section);
    return shown;
  });
  assert.deepEqual(shouted, ["big bad", "1", "verdict bad", "Broken: proof/1 counts 3, and 4 were acknowledged"]);
});

test("people can use it on a screen and on a phone, by day and by night", { timeout: limit }, async () => {
  const lead = await leader(), other = names.find((name) => name !== lead), gone = names.find((name) => name !== lead && name !== other);
  await deed(gone, "stop");
  await eventually("it to be stopped", async () => (await badge(gone)) === "stopped");
  await press(`.middle button[aria-label="Cut the link between ${[lead, other].sort().join(" and ")}"]`);
  await until(tab, "the cut to be seen", () => document.querySelector(".edge.broken"));
  await tab.evaluate(() => {
    document.getElementById("command").value = "frobnicate " + "x".repeat(300);
    document.getElementById("console-form").requestSubmit();
  });
  await press(".track .cell:last-child");
  for (const look of looks) {
    await look.take(tab);
    await tab.evaluate(() => { // a colour on its way is none
      for (const one of document.getAnimations()) if (one.effect?.getComputedTiming().endTime !== Infinity) one.finish();
    });
    assert.deepEqual(await wrongWith(tab), [], look.name);
    assert.equal(await tab.$eval("#answers", (list) => list.scrollWidth <= list.clientWidth), true, `${look.name}: answers are read without scrolling aside`);
  }
  await tab.setViewport({ width: 1280, height: 900 });
  await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);
  await press("#heal");
  await deed(gone, "start");
  await whole();
});

test("a member that stands still is missed by the others, and goes on", { timeout: limit }, async () => {
  const lead = await leader(), victim = names.find((name) => name !== lead);
  await deed(victim, "pause");
  await eventually("the leader to miss it", async () => (await status(lead)).members.find((m) => m.name === victim).active === false);
  await eventually("the page to say so", async () => (await badge(victim)) === "paused"
    && (await tab.$eval(`#member-${victim} [data-does=pause]`, (button) => button.getAttribute("aria-pressed"))) === "true");
  await deed(victim, "pause"); // pressed again, it goes on
  await whole();
});

test("a link is cut and healed", { timeout: limit }, async () => {
  const lead = await leader(), other = names.find((name) => name !== lead);
  const label = `Cut the link between ${[lead, other].sort().join(" and ")}`;
  await press(`.middle button[aria-label="${label}"]`);
  await eventually("the leader to miss it", async () => {
    const s = await status(lead);
    return s.role !== "leader" || s.members.find((m) => m.name === other).active === false;
  });
  await until(tab, "the page to say so", (label) => {
    const button = document.querySelector(`.middle button[aria-label="${label}"]`);
    return button.getAttribute("aria-pressed") === "true" && /nothing comes through/.test(button.parentNode.textContent);
  }, label);
  await tab.screenshot({ path: join(pictures, "cut.png"), fullPage: true });
  await press("#heal");
  await until(tab, "the link to be whole", () => document.querySelectorAll(".edge.whole").length === 3 && document.querySelector("#heal").disabled);
  await whole();
});

test("a snapshot is seen while it is taken", { timeout: limit }, async () => {
  const taker = await leader();
  const bulk = [1, 2, 3, 4].map((i) => `${http.a}/kv/bulk/${i}`);
  for (const url of bulk) await fetch(url, { method: "PUT", body: randomBytes(1 << 20) });
  await deed(taker, "slow"); // so that it takes long enough to be looked at
  const seen = tab.waitForFunction((name) => {
    const dd = [...document.querySelectorAll(`#member-${name} dt`)].find((dt) => dt.textContent === "Snapshot").nextElementSibling;
    return /^[\d.]+ [KM]?i?B/.test(dd.textContent);
  }, { timeout: patience, polling: 50 }, taker);
  const { index } = await (await fetch(`${http[taker]}/snapshot`, { method: "POST" })).json();
  await seen;
  await deed(taker, "slow");
  await eventually("it to be there", async () => (await fact(taker, "Snapshot")) === `at ${index.toLocaleString("en")}`);
  await until(tab, "the chart to show it", () => /Snapshot progress .*at most [\d.]+ [KM]iB/.test(document.querySelector("#chart-snapshots svg").getAttribute("aria-label")));
  for (const url of bulk) await fetch(url, { method: "DELETE" });
});

test("slow and full disks, flipped bytes: the writers go on, and nothing is lost", { timeout: limit }, async () => {
  const lead = await leader(), [slow, hurt] = names.filter((name) => name !== lead);
  await press("#proof-write");
  await deed(slow, "slow");
  await until(tab, "its syncs to take their time", (name) => {
    const dd = [...document.querySelectorAll(`#member-${name} dt`)].find((dt) => dt.textContent === "fsync").nextElementSibling;
    return /^\d+ ms$/.test(dd.textContent) && parseInt(dd.textContent) >= 200;
  }, slow);
  await deed(slow, "slow");
  await deed(hurt, "fill");
  await until(tab, "the member to be out of space", (name) => [...document.querySelectorAll("#event-list li")].some((li) => li.children[1].textContent === name && /has no space/.test(li.textContent)), hurt);
  await deed(hurt, "fill");
  await press("#proof-rest");
  await whole();
  const { id } = await status(hurt);
  await deed(hurt, "flip");
  await eventually("it to come back as another", async () => (await status(hurt)).id !== id);
  await whole();
  await press("#proof-rush");
  await eventually("a thousand writes", async () => (await tab.$eval("#proof .big", (node) => Number(node.textContent.replaceAll(",", "")))) > 1000);
  await tab.screenshot({ path: join(pictures, "light.png"), fullPage: true });
  await press("#proof-rest");
  await whole();
  const shown = async () => tab.evaluate(() => {
    const tally = Object.fromEntries([...document.querySelectorAll("#proof dt")].map((dt) => [dt.textContent, Number(dt.nextElementSibling.textContent.replaceAll(",", ""))]));
    return { ...tally, acknowledged: Number(document.querySelector("#proof .big").textContent.replaceAll(",", "")), verdict: document.querySelector("#proof .verdict").textContent };
  });
  let counted = 0;
  for (const i of [1, 2, 3, 4]) counted += Number(await (await fetch(`${http[hurt]}/kv/proof/${i}`)).text());
  await eventually("an audit of all", async () => (await shown()).verdict.includes(`found ${counted.toLocaleString("en")}`));
  const proof = await shown();
  assert.equal(proof.Lost + proof["Ran twice"], 0, JSON.stringify(proof));
  assert.ok(proof.acknowledged <= counted && counted <= proof.acknowledged + proof.Unknown, `${counted} counted, ${JSON.stringify(proof)}`);
});

test("the charts show what was done", { timeout: limit }, async () => {
  const drawn = await tab.$$eval(".chart", (all) => all.map((figure) => [figure.id, [...figure.querySelectorAll("path")].filter((path) => path.getAttribute("d")).length]));
  for (const [id, lines] of drawn) assert.ok(lines >= 3, `${id} has ${lines} lines`);
  assert.match(await tab.$eval("#chart-fsync svg", (node) => node.getAttribute("aria-label")), /over \d+ minutes?: now /);
});

test("the tour of a first visit kills the leader and writes again", { timeout: limit }, async () => {
  const first = await window_.open(`${http[await leader()]}/`, { tour: true, scheme: "dark" }); // the page of who is killed
  const step = (title) => until(first, `the step ${title}`, (title) => document.getElementById("tour-title").textContent === title, title);
  const click = (id) => eventually(`${id} to be pressed`, () => first.$eval(`#${id}`, (button) => !button.hidden && !button.disabled && (button.click(), true)));
  await step("Three members keep one state");
  await click("tour-next");
  await step("Write something");
  await click("tour-do");
  await eventually("the write", async () => (await (await fetch(`${http.b}/kv/tour`)).text()) === "hello");
  await click("tour-next");
  await step("Kill the leader");
  await first.screenshot({ path: join(pictures, "tour.png") });
  await click("tour-do");
  const old = (await first.$eval("#tour-do", (button) => button.textContent)).replace("Kill ", "");
  const next = await leader(names.filter((name) => name !== old));
  await click("tour-next");
  await step("Write again");
  await click("tour-do");
  await eventually("the write", async () => (await (await fetch(`${http[next]}/kv/tour`)).text()) === "still here");
  await click("tour-next");
  await step("Bring it back");
  await click("tour-do");
  await click("tour-next");
  await step("Now hurt them yourself");
  await click("tour-do");
  await until(first, "the tour to be over", () => document.getElementById("tour").hidden && document.getElementById("proof-rest") && !document.getElementById("proof-rest").hidden);
  await first.screenshot({ path: join(pictures, "dark.png"), fullPage: true });
  await first.reload();
  await until(first, "the page to be live", () => document.getElementById("link").textContent === "live");
  assert.equal(await first.$eval("#tour", (tour) => tour.hidden), true, "it comes once");
  await first.close();
  await tab.bringToFront();
  await press("#proof-rest");
  await whole();
});

test("on a phone nothing is wider than the screen", { timeout: limit }, async () => {
  const phone = await window_.open(`${http.b}/`, { width: 360 });
  await until(phone, "the members", () => document.querySelectorAll(".member").length === 3);
  assert.equal(await phone.evaluate(() => document.documentElement.scrollWidth), 360);
  await phone.screenshot({ path: join(pictures, "phone.png"), fullPage: true });
  await phone.close();
  await tab.bringToFront();
});

test("a page that loses its member says so, and finds it again", { timeout: limit }, async () => {
  const said = () => tab.evaluate(() => `${document.getElementById("link").textContent}: ${document.getElementById("lost").hidden ? "" : document.getElementById("lost").textContent}`);
  demo.signal("SIGSTOP");
  await eventually("the page to miss it", async () => /^lost: a does not answer any more/.test(await said()));
  assert.deepEqual(await tab.$$eval("#lost a", (all) => all.map((a) => a.textContent)), ["b", "c"], "who else may answer");
  await tab.screenshot({ path: join(pictures, "lost.png") });
  demo.signal("SIGCONT");
  await eventually("the page to find it", async () => /^live: a answers again/.test(await said()));
  await demo.end("SIGKILL");
  await eventually("the page to miss it again", async () => (await said()).startsWith("lost"));
  demo = await begin();
  await eventually("the page to find it again", async () => (await said()).startsWith("live"));
  await whole();
  assert.equal(await tab.evaluate(() => [...document.querySelectorAll("#key-rows td")].some((td) => td.textContent === "proof/1")), true, "with its keys");
  window_.complaints.splice(0); // the browser tells of each refused connection
});

test("members of their own: who falls silent is shown with the age of what is known, and an election is seen", { timeout: limit }, async () => {
  const first = await threePorts(), list = ["x", "y", "z"];
  const cluster = list.map((name, i) => `${name}=127.0.0.1:${first + i}`);
  const members = Object.fromEntries(await Promise.all(list.map(async (name, i) => [name, await shop.run(/^ready .*$/m, "serve", "--name", name, "--dir", name,
    "--listen", `127.0.0.1:${first + i}`, "--http", "127.0.0.1:0", "--redis", "127.0.0.1:0", "--cluster", cluster.join())])));
  const address = (name) => `http://${/ http=(\S+)/.exec(members[name].said())[1]}`;
  const old = await wait("one leader of them", async () => {
    const [one, ...others] = await Promise.all(list.map(async (name) => (await (await fetch(`${address(name)}/status`)).json()).leader));
    return others.every((leader) => leader === one) && one;
  });
  const [on] = list.filter((name) => name !== old);
  const page = await window_.open(`${address(on)}/`);
  await until(page, "all to answer", () => /all 3 members answer/.test(document.getElementById("summary").textContent));
  await page.evaluate(() => {
    window.roles = [];
    new MutationObserver(() => window.roles.push(...[...document.querySelectorAll(".node")].map((node) => [...node.children].map((child) => child.textContent).join(" ")))).observe(document.getElementById("picture"), { subtree: true, childList: true, characterData: true });
  });
  members[old].signal("SIGSTOP");
  await until(page, "the member to be shown as silent, with its age", (old, on) => {
    const card = document.querySelector(`#member-${old}`);
    return card.querySelector(".badge").textContent === "silent" && new RegExp(`^${on} has not heard of it for [\\d.]+ s`).test(card.querySelector(".why").textContent);
  }, old, on);
  await until(page, "another leader", (old) => document.querySelector(".node.leader strong")?.textContent !== old && !!document.querySelector(".node.leader"), old);
  const next = await page.$eval(".node.leader strong", (node) => node.textContent);
  await until(page, "it to be seen standing for election", (next) => window.roles.some((seen) => seen.startsWith(`${next} candidate`)), next);
  await page.screenshot({ path: join(pictures, "silent.png"), fullPage: true });
  members[old].signal("SIGCONT");
  await until(page, "all to answer again", () => /all 3 members answer/.test(document.getElementById("summary").textContent));
  await page.close();
  await Promise.all(list.map((name) => members[name].end("SIGKILL")));
});

test("members that know their callers ask for a token, and nobody is hurt in earnest", { timeout: limit }, async () => {
  const sha = (token) => createHash("sha256").update(token).digest("hex");
  await writeFile(join(shop.dir, "callers.yaml"), `callers:\n  - name: looker\n    token-sha256: ${sha("a token to look")}\n    grants: [{prefix: "seen/", rights: [read]}]\n`);
  const alone = await shop.run(/^ready .*$/m, "serve", "--name", "alone", "--dir", "alone", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--redis", "127.0.0.1:0", "--access", "callers.yaml");
  const page = await window_.open(`http://${/ http=(\S+)/.exec(alone.said())[1]}/`);
  await until(page, "the page to ask", () => document.getElementById("token-dialog").open);
  await page.type("#token", "a token to look");
  await page.keyboard.press("Enter");
  await until(page, "the page to be live", () => document.getElementById("link").textContent === "live");
  assert.equal(await page.$eval(".node.leader strong", (node) => node.textContent), "alone");
  assert.deepEqual(await page.$$eval("#proof, #stage-tools, .hurt", (all) => all.map((node) => node.hidden)), [true, true, true], "there is nothing to hurt with");
  assert.equal(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie), JSON.stringify({ "balsa-tour-taken": "yes" }), "the token is in memory alone");
  window_.complaints.splice(0); // the browser tells of answers 401 and 403
  await page.close();
  await alone.end();
});
