// Package balsav1 is the protocol between a cluster and callers outside it: messages and
// stubs, generated from balsa.proto, and what its failures mean in Go. Package rpc is the
// service, package client a caller; few programs need this one.
//
//	failure.go written by hand: errors as Failure, and back
package balsav1

//go:generate go -C ../../tools run ./protogen ../rpc/balsav1
