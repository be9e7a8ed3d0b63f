// Package webrtc carries messages between members over streams that something else
// makes: the data channels of a room's windows, which meet through an introducer
// (docs/introducer.md).
//
// Who dials a member gets a stream to it from a Dialer, says hello, and from then on
// only it sends; what the other member has to say goes over a stream that it dials. So
// each direction and lane has a stream of its own, as over TCP, and the handshake, the
// frames and the refusals are the same (docs/FORMATS.md).
//
// A Channel, in a browser, is an RTCDataChannel as such a stream: it cuts what is
// written into pieces of at most 16 KiB, which all browsers pass, and waits while too
// much is under way.
package webrtc
