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
	{"wire", 0, nil, nil, pure, "the nouns and their one encoding: all may use them, so they use nothing"},
	{"codec", 0, nil, nil, pure, "commands and results as bytes"},
	{"fsys/internal/filename", 0, nil, nil, pure, "which names a file may have, for every file system alike"},
	{"fsys/internal/sparse", 0, nil, nil, pure, "bytes of files in memory"},
	{"fsys", 0, list("fsys/internal/filename", "fsys/internal/sparse"), nil, osFiles, "the only place that touches the system's files"},
	{"raft/quorum", 0, nil, nil, pure, "arithmetic"},
	{"raft/tracker", 0, list("wire"), nil, pure, "what a leader knows of a peer"},

	{"raft", 1, list("wire", "raft/quorum", "raft/tracker"), nil, pure, "the algorithm is a function of its inputs; time and chance come in as values"},
	{"session", 1, nil, nil, pure, "replicated state: every member must compute the same"},
	{"storage/identity", 1, list("wire", "fsys"), nil, pure, "a file, reached through fsys so that faults can be injected"},
	{"storage/wal", 1, list("wire", "fsys"), nil, pure, "files, reached through fsys; the one who turns it runs what waits for the disk"},
	{"storage/snapshot", 1, list("wire", "fsys"), nil, pure, "files, reached through fsys"},
	{"fsys/fault", 1, list("fsys", "fsys/internal/filename", "fsys/internal/sparse"), nil, chance, "a disk that fails as a seed says"},
	{"transport/tcp", 1, list("wire"), nil, clock | goroutines | network | chance, "sockets need goroutines and deadlines, redialling a little chance"},
	{"transport/memory", 1, list("wire"), nil, clock | goroutines | chance, "a network in memory, delays included"},

	{"host", 2, list("wire", "fsys", "raft", "session", "storage/identity", "storage/wal", "storage/snapshot"), nil, pure, "whoever holds a host turns it: the simulator and a server run the very same piece"},

	{root, 3, list("wire", "codec", "fsys", "raft", "session", "storage/identity", "storage/wal", "transport/tcp", "host"), nil, clock | goroutines | network | chance, "the front door: gives a host goroutines, a clock and the usual parts"},

	{"kv", 4, list(root), nil, pure, "a state machine as any user would write it"},
	{"sim/world", 4, list("wire", "fsys", "fsys/fault", "raft", "session", "storage/identity", "host"), nil, chance, "whole clusters as a seed says: time is a number, and there is one thread"},
	{"rpc/balsav1", 4, list(root), list("connectrpc.com/connect", "google.golang.org/protobuf"), pure, "what callers outside and the service say to each other"},
	{"client", 4, list(root, "codec", "host", "rpc/balsav1"), list("connectrpc.com/connect"), clock | network | chance, "a caller outside the cluster: deadlines, addresses, and chance so that many do not come back at once"},
	{"balsatest", 4, list("wire"), nil, free, "suites that users run on parts of their own"},

	{"rpc", 5, list(root, "codec", "rpc/balsav1"), list("connectrpc.com/connect"), clock | goroutines, "a face of any state machine: signs of life on streams, and how old a hint is"},
	{"sim/chaos/history", 4, nil, list("github.com/anishathalye/porcupine"), pure, "judges what callers saw; the search for an order is a library's"},
	{"sim/chaos/proxy", 4, list("wire"), nil, free, "a network between processes that can be cut"},

	{"kv/text", 5, list(root, "kv"), nil, free, "a face of the key-value service"},
	{"kv/http", 5, list(root, "kv"), nil, free, "a face of the key-value service"},

	{"sim/spec", 4, list("wire", "raft"), nil, pure, "what the paper says of a run; it judges traces, and knows of the core only how to write one"},
	{"sim/explore", 5, list("wire", "raft", "raft/quorum", "sim/spec"), nil, free, "every state of a small cluster, made of cores alone"},
	{"sim", 5, list("sim/world"), nil, free, "plays worlds, as many at a time as there are cores"},

	{"sim/chaos", 6, list("sim/chaos/history", "sim/chaos/proxy"), nil, free, "does to real processes what a machine room does"},
	{"sim/bite", 6, nil, nil, free, "plants faults by the go command; it imports none of what it breaks"},
	{"cmd/balsa", 6, list(root, "wire", "transport/tcp", "kv", "kv/text", "kv/http"), list("github.com/alecthomas/kong"), free, "composition: names concrete parts"},
	{"examples/counter", 6, list(root), nil, free, "composition: names concrete parts"},
	{"examples/replicatedmap", 6, list(root), nil, free, "composition: names concrete parts"},
	{"examples/join", 6, list(root), nil, free, "composition: names concrete parts"},
	{"examples/service", 6, list(root, "client", "rpc"), nil, free, "composition: names concrete parts"},
	{"internal/wasm-size", 6, list(root), nil, free, "the least program, weighed"},
	{"internal/certs", 6, nil, nil, free, "certificates for tests"},
	{"internal/floors", 6, nil, nil, free, "this table"},
}

func list(names ...string) []string { return names }

// everybodys are packages that a sibling may use: nouns are no neighbour's secret.
var everybodys = list("wire", "rpc/balsav1")

// onlyInTests are modules of others that tests use, or what their names begin with.
var onlyInTests = list("github.com/rogpeppe/go-internal", "pgregory.net", "google.golang.org/grpc")

// browserRooms may import syscall/js, once they exist.
var browserRooms = list("fsys/opfs", "transport/webrtc", "transport/websocket", "web")
