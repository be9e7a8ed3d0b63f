// Package http is the face of the key-value store for programs and pages, on any
// member.
//
//	GET    /kv/KEY   200, the raw value     404 not_found    304 with If-None-Match
//	PUT    /kv/KEY   200 {"version":12}     the body is the value; ?ttl=30s, ?lease-id=7
//	DELETE /kv/KEY   200 {"version":13}     404 not_found
//	GET    /kv/?prefix=P                    200, a page of keys; ?limit, ?after, ?keys-only
//	POST   /txn      200, what came of it   conditions, then operations, else others
//	POST   /lock/KEY 200 {"token":14}       423 locked; ?ttl, ?owner, ?wait. GET shows the holder,
//	                                        PUT and DELETE, with ?token, keep it and give it back
//	GET    /watch?prefix=P                  200, server-sent events; ?from, ?previous
//	GET    /status   200, balsa.Status and this member's ports
//	GET    /healthz  200 ok                 503 if the member has stopped, and why
//	GET    /readyz   200 ok                 503 if it can answer nothing yet: there is no leader
//	       /readyz?role=leader              503 on all others, too; or ?role=follower
//	GET    /openapi.json                    all of this, for programs
//
// KEY is everything after /kv/, unescaped: a/b and a%2Fb are the same key. The ETag of
// an answer is the key's version. Writes take If-Match with one ETag or *, and
// If-None-Match with *; one whose condition does not hold is answered 412
// precondition_failed and changes nothing. Reads take ?stale=5s, ?lease or
// ?at-least=INDEX, and ?at=INDEX for what was there then. The header Balsa-Index of an
// answer says how far it has read, for at-least. A parameter that there is not is refused.
//
// Errors are JSON, {"error":{"code":"…","message":"…"}}. One code alone says that a
// write may have happened: unknown (504). All others say that it has not: not_committed,
// no_leader, other_role, overloaded, damaged, closed (503), no_space (507), too_large (413),
// bad_request (400), unauthorized (401), forbidden (403), not_found (404),
// method_not_allowed (405), slow_body (408), compacted (410), precondition_failed (412), locked (423);
// and (409) cluster_version, future, not_number, overflow, too_long, no_lease, lease_exists, no_value, lock_lost.
//
// Callers are known by tokens, Authorization: Bearer TOKEN, if Config has a Book of them;
// each may do what its grants say. /healthz, /readyz and /openapi.json answer everybody.
//
// A page in a browser cannot be trusted just because it reaches this port. Requests
// from pages of other origins are refused; and so that a page cannot make itself one of
// the same origin by pointing its own name at this address, what a page asks, and all
// that comes over loopback, must call this server by an address, localhost or one of
// the names it was given.
//
//	route.go, caller.go, origin.go     what is asked, by whom
//	key.go, list.go, read.go           keys
//	txn.go, operation.go, condition.go transactions; decode.go reads their JSON
//	watch.go                           changes
//	lock.go                            locks
//	problem.go                         errors
//	health.go, openapi.go              the rest
package http
