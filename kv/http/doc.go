// Package http is the face of the key-value store for programs and pages, on any
// member.
//
//	GET    /kv/KEY   200, the raw value     404 not_found    304 with If-None-Match
//	PUT    /kv/KEY   200 {"version":12}     the body is the value
//	DELETE /kv/KEY   200 {"version":13}     404 not_found
//	GET    /status   200, balsa.Status and this member's ports
//	GET    /healthz  200 ok                 503 why not: no leader, or the member has stopped
//
// KEY is everything after /kv/, unescaped: a/b and a%2Fb are the same key. The ETag of
// an answer is the key's version. Writes take If-Match with one ETag or *, and
// If-None-Match with *; one whose condition does not hold is answered 412
// precondition_failed and changes nothing.
//
// Errors are JSON, {"error":{"code":"…","message":"…"}}. One code alone says that a
// write may have happened: unknown (504). All others say that it has not: not_committed,
// no_leader, overloaded, closed (503), no_space (507), too_large (413), bad_request
// (400), not_found (404), precondition_failed (412), method_not_allowed (405),
// forbidden (403).
//
// A page in a browser cannot be trusted just because it reaches this port. Requests
// from pages of other origins are refused; and so that a page cannot make itself one of
// the same origin by pointing its own name at this address, what a page asks, and all
// that comes over loopback, must call this server by an address, localhost or one of
// the names it was given.
package http
