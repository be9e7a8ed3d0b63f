// Package tracker is a leader's view of a peer: how far its log is known to agree,
// what is on the way to it, and which of its answers still mean anything. The leader
// reports what it sent and heard; the view says what that changes. It sends nothing.
package tracker
