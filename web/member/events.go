package main

// What comes in from the page and over channels comes as events, many at once, packed:
//
//	events  u32 count, each: u8 kind, u32 id of a channel or call, u32 length, bytes
//
// web/lib/inbox.js has the other half.

// eventKind says what an event is about.
type eventKind byte

const (
	channelData    eventKind = 0
	channelOpened  eventKind = 1
	channelDrained eventKind = 2
	channelClosed  eventKind = 3
	callProposals  eventKind = 4
	callRead       eventKind = 5
	callCancel     eventKind = 6
	pageAnswer     eventKind = 7
	pageResults    eventKind = 8
)

type event struct {
	kind  eventKind
	id    uint32
	bytes []byte // a part of what came
}

// unpackEvents calls do with each event, in order.
func unpackEvents(b []byte, do func(event)) error {
	u := unpacker{rest: b}
	for count := u.u32(); count > 0 && u.err == nil; count-- {
		e := event{kind: eventKind(u.take(1)[0]), id: u.u32(), bytes: u.bytes()}
		if u.err == nil {
			do(e)
		}
	}
	return u.err
}
