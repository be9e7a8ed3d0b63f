package timeline

// style has its colours once for light and once for dark.
const style = `
:root{color-scheme:light dark;--bg:#fbfbf9;--ink:#23262b;--soft:#6b7280;--grid:#e3e4e0;--down:#ececea;--follower:#b9cbe2;--pre:#ead9a2;--candidate:#eaa95a;--leader:#3f8f6b;--on:#fff;--cut:#8352b8;--commit:#2f6fb5;--append:#3f8f6b;--grants:#3f8f6b;--refuses:#b0413e;--asks:#c77b1e;--trouble:#b5771a;--dies:#b0302a;--starts:#3f8f6b;--note:#9aa0a8}
@media(prefers-color-scheme:dark){:root{--bg:#16181c;--ink:#e6e7ea;--soft:#9aa1ad;--grid:#2a2e35;--down:#202328;--follower:#3a4d68;--pre:#6d6230;--candidate:#a8702b;--leader:#3c9a71;--on:#fff;--cut:#b48ae6;--commit:#6fa8e6;--append:#4fb48a;--grants:#5cc79a;--refuses:#e0736c;--asks:#e0a04a;--trouble:#dba446;--dies:#ee6d64;--starts:#5cc79a;--note:#6e7580}}
body{margin:20px;background:var(--bg);color:var(--ink);font:14px/1.45 system-ui,sans-serif}
h1{font-size:18px;margin:0 0 4px}p{margin:2px 0;max-width:1700px;white-space:pre-wrap}.facts,.legend{color:var(--soft)}.kept{color:var(--starts)}.broke{color:var(--dies);font-weight:600}
.scroll{overflow-x:auto;margin:14px 0}text{fill:var(--ink);font:12px system-ui,sans-serif}.tick{fill:var(--soft);font-size:11px}.name{font-weight:600;font-size:13px}.term{font-size:11px;pointer-events:none}
.grid{stroke:var(--grid)}rect.follower{fill:var(--follower)}rect.pre-candidate{fill:var(--pre)}rect.candidate{fill:var(--candidate)}rect.leader{fill:var(--leader)}rect.down{fill:var(--down);stroke:var(--grid)}
rect.leader+text.term{fill:var(--on)}.pause{fill:var(--ink);fill-opacity:.28}.cut{fill:var(--cut);fill-opacity:.08}rect.waiting{fill:none;stroke:var(--note);stroke-dasharray:3 3}.commit{fill:var(--commit)}
line.append{stroke:var(--append);stroke-opacity:.16}line.asks{stroke:var(--asks);stroke-opacity:.6}line.grants{stroke:var(--grants);stroke-opacity:.75}line.refuses{stroke:var(--refuses);stroke-opacity:.45;stroke-dasharray:3 3}
line.healed{stroke:var(--starts);stroke-dasharray:5 4}line.broken{stroke:var(--dies);stroke-width:2}line:hover{stroke-opacity:1;stroke-width:2}
.m circle{fill:var(--note)}.m.dies circle,.m.broken circle{fill:var(--dies)}.m.starts circle,.m.healed circle{fill:var(--starts)}.m.trouble circle{fill:var(--trouble)}.m.cut{fill-opacity:1}.m.cut circle{fill:var(--cut)}.m:hover circle{stroke:var(--ink)}
.legend span{display:inline-block;margin-right:18px}.legend i{display:inline-block;width:14px;height:11px;margin-right:5px;vertical-align:-1px}.legend i.dot{width:9px;height:9px;border-radius:5px}
`

// legend explains the colours.
const legend = `<p class="legend"><span><i style="background:var(--leader)"></i>leader</span><span><i style="background:var(--candidate)"></i>candidate</span><span><i style="background:var(--pre)"></i>pre-candidate</span><span><i style="background:var(--follower)"></i>follower, with its term</span><span><i style="border:1px dashed var(--note)"></i>belongs to no cluster yet</span><span><i style="background:var(--down);border:1px solid var(--grid)"></i>does not run</span><span><i style="background:var(--ink);opacity:.28"></i>stands still</span><span><i style="background:var(--cut);opacity:.15"></i>the network is cut</span><span><i style="background:var(--commit);width:3px"></i>commits</span></p>
<p class="legend"><span><i class="dot" style="background:var(--dies)"></i>dies</span><span><i class="dot" style="background:var(--starts)"></i>starts</span><span><i class="dot" style="background:var(--cut)"></i>cut off</span><span><i class="dot" style="background:var(--trouble)"></i>trouble of disk, clock or connections</span><span><i class="dot" style="background:var(--note)"></i>whatever else is told</span><span style="color:var(--asks)">— asks for a vote</span><span style="color:var(--grants)">— grants it</span><span style="color:var(--refuses)">– – refuses</span><span>pale: Appends. Hover for what it is.</span></p>
`
