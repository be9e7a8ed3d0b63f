// Package gate keeps callers of package rpc's service to their rights. The service itself
// knows commands and questions as bytes; here they are a store's, and what they are about
// is looked at before they come to the service:
//
//	path, service := rpc.Handler(node, gate.Guard(store))
//
// Who asks, access.CallerIn says. What is not in the list of rules is for who has every
// right.
//
//	gate.go   requests and streams on their way through
//	rules.go  which right each procedure needs
package gate
