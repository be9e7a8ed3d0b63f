// Package redis is the face of the key-value store for clients of Redis: its protocol in
// versions 2 and 3, on any member.
//
//	server := redis.NewServer(store, redis.Config{Lines: text.Face{}})
//	err := server.Serve(listener)
//
// A command is an array, as clients send it, or a line, as people type it. Lines whose
// first word is one of Config.Lines's are answered by it, in words; each command for
// itself, so one connection may mix them.
//
// Commands that came together go on their way together, and are answered in order. What
// changes something is a kv.Command in the log; what only reads makes no entry, unless
// commands behind it in the same pipeline change something. Every answer is as strong as
// the store's: what is acknowledged is on a majority's disks, and a read sees all that was
// acknowledged before it, on whatever member.
//
// An error says by its first word what has happened: TRYAGAIN and CLUSTERDOWN that nothing
// was changed, UNKNOWN that it may yet happen, ERR that the command makes no sense.
//
// docs/redis.md lists the commands, those that are missing, and the limits. What comes is
// bounded: see Config.
//
//	server.go, conn.go                connections
//	parser.go, reply.go               what they say
//	batch.go                          what came together
//	command.go, about.go              the table of commands
//	subcommand.go                     commands in commands
//	strings.go, keys.go, scan.go      commands on keys
//	transaction.go                    MULTI, WATCH
//	session.go, client.go, info.go    commands about the connection and the member
//	notify.go                         SUBSCRIBE
package redis
