package world

import "github.com/balsaraft/balsa/wire"

// garble flips a bit of a message under way. Its frame shows that; then its connection
// ends. It says false where it does not show.
func (n *network) garble(f *flight) (noticed bool) {
	frame := make([]byte, wire.FrameHeaderSize, wire.FrameHeaderSize+len(f.payload))
	wire.PutFrameHeader(frame, wire.FrameMessage, 0, f.payload)
	frame = append(frame, f.payload...)
	bit := n.w.draw.IntN(8 * len(frame))
	frame[bit/8] ^= 1 << (bit % 8)
	n.w.count("message-garbled")
	header, err := wire.ParseFrameHeader(frame, wire.MaxFrame)
	if err == nil {
		err = wire.CheckFrame(frame[:wire.FrameHeaderSize], frame[wire.FrameHeaderSize:])
	}
	if err == nil && header.Length == len(f.payload) && header.Kind == wire.FrameMessage {
		f.payload = frame[wire.FrameHeaderSize:]
		return false
	}
	n.breakConnections(f.from.addr, f.to.addr)
	return true
}
