// Package trace tells what members did, event by event, as lines of JSON in the form that
// the trace validation of etcd-io/raft reads (state_trace.go, tla/Traceetcdraft.tla there).
// A Recorder is a host.Tracer: whoever turns a host, or many, gives it one, and it writes
// to a file or to whoever judges the run. Package sim/spec judges traces.
//
// Beyond that form,
//   - a line says in ts when it was written, in nanoseconds, so that the traces of
//     several members can be read as one;
//   - an InitState says in prop.start where the log begins and in prop.entries what it
//     holds, runs of entries of one term, each membership in a run of its own;
//   - a SendAppendEntriesRequest and its receipt say in prop.entries what they carry, for
//     a trace without the sender's;
//   - a ReceiveSnapshot has no message: it says in prop.start which state has become the
//     member's, and stands where the snapshot has become it, not where its bytes came;
//   - a ChangeConf says in prop.outgoing the voters that are being left;
//   - messages that only tell of a term are SendMessage and ReceiveMessage.
//
// Not told: pre-votes that are granted, the bytes of snapshots, and that a log was cut off
// at its start, which changes nothing that anybody may say of it.
package trace
