// Command member is a member of a cluster in a window of a browser. It is built for
// js/wasm and runs in a dedicated Worker, which web/worker.js starts; the page beside it
// holds the reducer and its state, and the connections of WebRTC, which exist on pages
// alone.
//
//	page_js.go     what the page and this program say to each other
//	open_js.go     files, and the node
//	replica_js.go  the state machine, which has the page apply commands
//	command.go     what is proposed
//	results.go     what they came to, which the page says later
//	calls_js.go    proposals and reads of the page, and their outcomes
//	channel_js.go  data channels as streams for transport/webrtc
//	events.go      what comes in, many at once
//	packed.go      many small things in one message
package main
