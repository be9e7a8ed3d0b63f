// Package grpc carries messages between members over HTTP/2, through a server that the
// program has anyway: where only one port is open, or where what stands between the
// members lets gRPC through and nothing else.
//
//	transport, err := grpc.New(grpc.Options{Addr: "10.0.0.1:8080"}) // where others reach the server
//	mux.Handle(transport.Handler())                                 // beside whatever else it serves
//	node, err := balsa.Open(ctx, balsa.Config{Transport: transport, Dir: "data/a", Cluster: …}, …)
//
// The server must speak HTTP/2: with TLS an http.Server does by itself, without TLS it
// takes what rpc.Protocols returns. It must be serving by the time others dial; a member
// that nobody reaches goes on trying. Close the node before http.Server.Shutdown, which
// waits for requests, and these last for as long as their members.
//
// What travels on a connection, when one is made and how it ends is of package stream,
// and the same as over TCP: the same handshake, the same frames with the same checksums.
// Here a connection is one call of
//
//	service Members { // of package balsa.members.v1
//	  rpc Connect(stream google.protobuf.BytesValue) returns (stream google.protobuf.BytesValue);
//	}
//
// whose messages are pieces of a stream of bytes; where one ends says nothing. Each call
// has a connection of TCP to itself, so that no lane waits for another, and a connection
// that is refused says that the process is gone. A transport that was closed says so, too,
// to whoever reaches the server that it was mounted on.
//
// # Who may connect
//
// The port is open to more than members, so who connects is looked at. If Options.TLS has
// a certificate to show, others must show theirs: the server's tls.Config needs ClientAuth
// tls.VerifyClientCertIfGiven, or stricter, and ClientCAs. Certificates must be those of
// the members that show them, as with transport/tcp. Options.Allow decides instead, for
// instance by a header that Options.Sign has put on the request, and is what to use where
// TLS ends at a proxy. Without any of these anyone who reaches the port can speak as a
// member.
//
// # Beside a server of grpc-go
//
// A grpc.Server of google.golang.org/grpc is an http.Handler as well: mount both, with
// mux.Handle("/", server). One that has a port to itself, and serves it by its own
// HTTP/2, does not call handlers; give it a share of the port (as package cmux does), or
// this transport a server of its own.
package grpc
