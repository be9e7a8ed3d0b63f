package floors

// room is a package and what it may do. Its floor is above the floors of all that it
// imports; siblings on a floor never meet.
type room struct {
	dir     string
	floor   int
	imports []string // packages of this module
	foreign []string // modules of others
	powers  power
	why     string
}

// power is what a package may do beside computing. Tests may do all of it.
type power uint

const (
	clock      power = 1 << iota // ask or wait for the time
	goroutines                   // start them
	osFiles                      // import os
	network                      // import net
	chance                       // import math/rand/v2

	// pure is a package whose outputs follow from its inputs alone, so that a seed
	// repeats a run exactly.
	pure power = 0
	free       = clock | goroutines | osFiles | network | chance
)

// Floors from here on are what users build on the library, and may use what the
// library itself may not.
const firstUserFloor = 4

const root = "."

var rooms = []room{
	{"internal/unzeroed", 0, nil, nil, pure, "memory, taken without zeros"},
	{"wire", 0, list("internal/unzeroed"), nil, pure, "the nouns and their one encoding: all may use them, so they use nothing but memory"},
	{"codec", 0, nil, nil, pure, "commands and results as bytes"},
	{"unread", 0, nil, nil, pure, "how much of what was answered waits for its readers: faces that do not know each other share it"},
	{"room", 0, nil, nil, pure, "what those say to each other who meet in a room, and the keys of its secret"},
	{"fsys/internal/filename", 0, nil, nil, pure, "which names a file may have, for every file system alike"},
	{"fsys/internal/sparse", 0, nil, nil, pure, "bytes of files in memory"},
	{"fsys", 0, list("fsys/internal/filename", "fsys/internal/sparse"), nil, osFiles, "the only place that touches the system's files"},
	{"raft/quorum", 0, nil, nil, pure, "arithmetic"},
	{"raft/tracker", 0, list("wire"), nil, pure, "what a leader knows of a peer"},

	{"pki", 0, nil, nil, clock | osFiles | network | chance, "what certificates say, read from files that may change"},
	{"pki/door", 0, nil, nil, clock | goroutines | network, "a listener whose connections have agreed on TLS; it knows no certificates"},

	{"raft", 1, list("wire", "raft/quorum", "raft/tracker"), nil, pure, "the algorithm is a function of its inputs; time and chance come in as values"},
	{"session", 1, nil, nil, pure, "replicated state: every member must compute the same"},
	{"restoring", 1, list("wire"), nil, pure, "replicated state: every member must compute the same"},
	{"storage/identity", 1, list("wire", "fsys"), nil, pure, "a file, reached through fsys so that faults can be injected"},
	{"storage/wal", 1, list("internal/unzeroed", "wire", "fsys"), nil, pure, "files, reached through fsys; the one who turns it runs what waits for the disk"},
	{"storage/snapshot", 1, list("wire", "fsys"), nil, pure, "files, reached through fsys"},
	{"fsys/opfs", 1, list("fsys", "fsys/internal/filename"), nil, clock | goroutines, "a browser's files: it waits for promises, and a while for a Worker that ends"},
	{"fsys/fault", 1, list("fsys", "fsys/internal/filename", "fsys/internal/sparse"), nil, chance, "a disk that fails as a seed says"},
	{"transport/internal/stream", 0, list("internal/unzeroed", "wire"), nil, clock | goroutines | chance, "what transports over streams of bytes share: goroutines and deadlines, for redialling a little chance, and no sockets"},
	{"transport/internal/socket", 0, list("wire"), nil, network, "what those over TCP ask of the system"},
	{"transport/internal/mux", 1, list("room"), nil, clock, "streams made of frames, with deadlines"},
	{"transport/internal/trial", 1, list("wire"), nil, free, "what the tests of transports share: other processes, waiting, benchmarks"},
	{"transport/tcp", 1, list("pki", "wire", "transport/internal/socket", "transport/internal/stream"), nil, clock | goroutines | network, "sockets, which are listened at and waited for"},
	{"transport/webrtc", 1, list("wire", "transport/internal/stream"), nil, clock, "streams that a page makes, bounded by the clock"},
	{"transport/grpc", 1, list("pki", "wire", "transport/internal/socket", "transport/internal/stream"), nil, clock | network, "calls over HTTP/2, through a user's own server"},
	{"transport/memory", 1, list("wire"), nil, clock | goroutines | chance, "a network in memory, delays included"},

	{"host", 2, list("wire", "fsys", "raft", "session", "restoring", "storage/identity", "storage/wal", "storage/snapshot"), nil, pure, "whoever holds a host turns it: the simulator and a server run the very same piece"},

	{"trace", 2, list("wire", "raft"), nil, clock, "what members did, as lines that others can judge"},

	{root, 3, list("wire", "codec", "fsys", "raft", "session", "restoring", "storage/identity", "storage/snapshot", "storage/wal", "transport/tcp", "host"), nil, clock | goroutines | network | chance, "the front door: gives a host goroutines, a clock and the usual parts"},

	{"kv", 4, list(root, "fsys"), list("github.com/cespare/xxhash/v2", "github.com/cockroachdb/pebble/v2"), clock | chance, "a state machine as any user would write it, on disk; its commands know no time but the log's"},
	{"sim/world", 4, list("wire", "fsys", "fsys/fault", "raft", "session", "restoring", "storage/identity", "host"), list("github.com/anishathalye/porcupine"), chance, "whole clusters as a seed says: time is a number, and there is one thread"},
	{"rpc/balsav1", 4, list(root), list("connectrpc.com/connect", "google.golang.org/protobuf"), pure, "what callers outside and the service say to each other"},
	{"client", 4, list(root, "codec", "host", "rpc/balsav1"), list("connectrpc.com/connect"), clock | network | chance, "a caller outside the cluster: deadlines, addresses, and chance so that many do not come back at once"},
	{"backup", 4, list(root, "restoring", "storage/snapshot", "wire"), list("github.com/klauspost/compress"), clock, "what a backup file is, and handlers that serve one and take one"},
	{"balsatest", 4, list("wire", "fsys"), nil, free, "suites that users run on parts of their own"},
	{"web", 4, nil, nil, osFiles, "the scripts and pages for browsers; it builds web/member by the go command"},
	{"transport/websocket", 4, list("room", "wire", "transport/internal/mux", "transport/internal/stream"), list("github.com/coder/websocket"), clock | goroutines | chance, "members of a room; it needs net/http, so it stands above what every program carries"},
	{"steward", 4, list(root), nil, clock, "who votes, where members come and go; it uses a node as any user would"},
	{"reducer", 4, list(root), list("github.com/grafana/sobek"), pure, "a state machine in JavaScript, as any user could write one"},
	{"introducer", 4, list("room"), list("github.com/coder/websocket"), clock | goroutines | network | chance, "a service between members that cannot be dialled; it knows rooms, and no cluster"},

	{"rpc", 5, list(root, "codec", "rpc/balsav1", "unread"), list("connectrpc.com/connect"), clock | goroutines, "a face of any state machine: signs of life on streams, and how old a hint is"},
	{"sim/chaos/history", 4, nil, list("github.com/anishathalye/porcupine"), pure, "judges what callers saw; the search for an order is a library's"},
	{"sim/chaos/proxy", 4, list("wire"), nil, free, "a network between processes that can be cut"},

	{"metrics", 4, list(root, "raft"), list("github.com/prometheus"), clock, "what Prometheus is told; the library knows no such thing, and requests are timed here"},

	{"kv/tracing", 5, list(root, "kv", "rpc/balsav1"), list("go.opentelemetry.io", "connectrpc.com/connect", "google.golang.org/protobuf"), free, "spans of requests; the library knows no such thing"},
	{"kv/access", 5, list(root, "kv"), nil, free, "who may do what with which keys of the store"},
	{"kv/proof", 5, list(root, "kv"), nil, free, "writes and audits; it uses the store as any caller would"},
	{"kv/text", 6, list(root, "kv"), nil, free, "a face of the key-value service"},
	{"transport/webrtc/pion", 5, list("room", "transport/websocket"), list("github.com/pion"), clock | goroutines | chance, "WebRTC for programs: it weighs much, so only who asks for it carries it"},
	{"windows", 5, list(root, "wire", "room", "steward", "introducer", "transport/websocket"), nil, clock | goroutines, "the door of a server for members that cannot be dialled: a room that the server itself is in"},
	{"kv/redis", 6, list(root, "pki", "kv", "kv/access"), nil, free, "a face of the key-value service; it has the connections of kv/text, too, which it is given"},
	{"kv/http", 6, list(root, "pki", "kv", "kv/access", "unread"), nil, free, "a face of the key-value service"},

	{"kv/gate", 6, list(root, "kv", "kv/access", "rpc/balsav1"), list("connectrpc.com/connect"), pure, "callers' rights at the service for callers outside, which itself knows no keys"},

	{"sabotage", 4, list(root, "wire", "fsys"), list("github.com/cockroachdb/pebble"), free, "disks and networks that misbehave on command, around a member that runs"},
	{"dashboard", 6, list(root, "raft", "kv", "kv/access", "kv/proof"), nil, free, "the page of a member; it is served beside kv/http, and knows nothing of it"},

	{"sim/spec", 4, list("trace"), nil, pure, "what the paper says of a run; it judges traces, and knows nothing of the core"},
	{"sim/cover", 4, list("wire", "raft"), nil, pure, "which transitions of the algorithm runs have taken"},
	{"sim/timeline", 4, list("wire", "raft"), nil, pure, "a world as a drawing"},
	{"sim/explore", 5, list("wire", "raft", "raft/quorum", "trace"), nil, free, "every state of a small cluster, made of cores alone"},
	{"sim", 5, list("wire", "raft", "trace", "sim/spec", "sim/cover", "sim/timeline", "sim/world"), nil, free, "plays worlds, as many at a time as there are cores"},

	{"sim/chaos", 6, list("sim/chaos/history", "sim/chaos/proxy"), nil, free, "does to real processes what a machine room does"},
	{"sim/bite", 6, nil, nil, free, "plants faults by the go command; it imports none of what it breaks"},
	{"cmd/balsa", 7, list(root, "backup", "fsys", "storage/identity", "storage/snapshot", "storage/wal", "dashboard", "metrics", "sabotage", "wire", "transport/tcp", "kv", "kv/access", "kv/proof", "kv/text", "kv/redis", "kv/http", "kv/gate", "kv/tracing", "rpc", "client", "introducer", "pki", "pki/door", "reducer", "room", "web", "windows", "trace"), list("github.com/alecthomas/kong", "github.com/prometheus", "go.yaml.in/yaml/v3", "rsc.io/qr", "golang.org/x/term"), free, "composition: names concrete parts"},
	{"web/dist", 5, list("web"), nil, osFiles, "what the npm package has built"},
	{"web/member", 7, list(root, "wire", "fsys", "fsys/opfs", "storage/identity", "steward", "transport/webrtc"), nil, free, "composition: names concrete parts, in a browser"},
	{"examples/counter", 6, list(root), nil, free, "composition: names concrete parts"},
	{"examples/replicatedmap", 6, list(root), nil, free, "composition: names concrete parts"},
	{"examples/join", 6, list(root), nil, free, "composition: names concrete parts"},
	{"examples/archive", 6, list(root, "reducer", "steward", "transport/webrtc/pion", "transport/websocket"), nil, free, "composition: names concrete parts"},
	{"examples/board/notes", 4, list(root), nil, pure, "a state machine that servers and windows share"},
	{"examples/board", 6, list(root, "examples/board/notes", "fsys/opfs", "transport/tcp", "transport/websocket", "windows"), nil, free, "composition: names concrete parts"},
	{"examples/oneport", 6, list(root, "rpc", "transport/grpc"), nil, free, "composition: names concrete parts"},
	{"examples/service", 6, list(root, "client", "rpc"), nil, free, "composition: names concrete parts"},
	{"internal/wasm-size", 6, list(root), nil, free, "the least program, weighed"},
	{"internal/certs", 6, nil, nil, free, "certificates for tests"},
	{"internal/pages", 6, nil, nil, osFiles, "reads the pages, for the tests that hold them to the truth"},
	{"internal/logs", 6, nil, nil, free, "holds the keys of log records to docs/metrics.md"},
	{"internal/formats", 6, list(root, "backup", "kv"), nil, free, "makes the files of each format that its tests run through the present code"},
	{"internal/floors", 6, nil, nil, free, "this table"},
	{"internal/scenarios", 6, nil, nil, free, "holds docs/SCENARIOS.md to the tests there are"},
}

func list(names ...string) []string { return names }

// everybodys are packages that a sibling may use: nouns and memory are no neighbour's secret.
var everybodys = list("internal/unzeroed", "wire", "room", "rpc/balsav1")

// onlyInTests are modules of others that tests use, or what their names begin with.
var onlyInTests = list("go.opentelemetry.io/proto/otlp", "go.yaml.in/yaml", "golang.org/x/sys", "github.com/rogpeppe/go-internal", "github.com/redis", "pgregory.net", "github.com/coder/websocket", "google.golang.org/grpc", "google.golang.org/protobuf")

// serversGuests may import net/http below the floors of users, for what they are is
// to stand on a server that is there anyway. Nothing on these floors may import them in
// turn: only who asks for one carries it.
var serversGuests = list("transport/grpc")

// browserRooms may import syscall/js, once they exist.
var browserRooms = list("fsys/opfs", "transport/webrtc", "transport/websocket", "web", "web/member", "examples/board")
