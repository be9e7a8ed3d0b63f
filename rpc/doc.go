// Package rpc lets callers outside a cluster ask a member: the same service answers gRPC,
// gRPC-Web and JSON over HTTP. It is an http.Handler under a path of its own, to stand
// beside whatever else a server has:
//
//	mux := http.NewServeMux()
//	mux.Handle(rpc.Handler(node))
//	server := &http.Server{Handler: mux, Protocols: rpc.Protocols()}
//
// Package client is the other end in Go; rpc/balsav1/balsa.proto describes the service to
// all other languages. Any member answers, and nobody is authenticated: put the handler
// behind your own, as any other.
//
// Commands and results travel in the encoding of package codec. The handler decodes a
// command before it proposes it, so that no caller can bring into the log what members
// could not read.
//
//	propose.go  sessions and commands
//	query.go    questions
//	watch.go    the stream of commands that were applied
//	held.go     answers whose callers take them slowly
//	members.go  status and operations
//	pages.go    which pages of browsers may call
//	standing.go whom this member takes for the leader, said with each answer
package rpc
