// Package pki is about certificates: what they say of who shows them, where a process
// keeps its own, and how a small authority makes them.
//
// A certificate says by a URI what it is for: balsa://member/NAME is a member's, and
// balsa://caller/NAME somebody's who asks members. One that was made elsewhere and has no
// such URI is a member's if a DNS name is the member's name and it is good for both ends
// of a connection; who calls is named by its common name then. (subject.go)
//
// A Keeper reads certificate, key, authorities and revocations from files, and again
// when it is told to; connections made afterwards go by the new ones. Files that are not
// right as a whole change nothing. (keeper.go)
//
// An Authority signs. It is good for test clusters and small ones, whose owner keeps one
// key safe. (authority.go)
package pki
