package main

var inRooms = []fault{
	{
		row: "lying-introducer", what: "what was opened before opens again",
		file: "room/seal.go", by: "room",
		old: "	if counter <= b.opened {\n",
		new: "	if counter == 0 {\n",
	},
	{
		row: "lying-introducer", what: "what a member said opens as said to it",
		file: "room/seal.go", by: "room",
		old: "	in, err := k.between(peer, own)\n",
		new: "	in, err := k.between(own, peer)\n",
	},
	{
		row: "lying-introducer", what: "a seal says nothing of who sealed it for whom",
		file: "room/seal.go", by: "transport/websocket",
		old: `"balsa room 1 seal\x00"+from.Member+"\x00"+to.Member`,
		new: `"balsa room 1 seal"`,
	},
	{
		row: "acquaintance-gone", what: "whom a newcomer asks is nobody but those it was told of",
		file: "transport/websocket/transport.go", by: "transport/websocket",
		old: "if addr = c.seats.another(); addr == \"\" {",
		new: "if addr = \"\"; addr == \"\" {",
	},
	{
		row: "lying-introducer", what: "what was said to a former life opens",
		file: "room/seal.go", by: "room",
		old: "append(from.Nonce[:], to.Nonce[:]...)",
		new: "from.Nonce[:]",
	},
	{
		row: "lying-introducer", what: "numbers start again when a peer does",
		file: "room/seal.go", by: "room",
		old: "return &Box{counter: counter,",
		new: "return &Box{counter: &Counter{},",
	},
	{
		row: "lying-introducer", what: "a description may name two certificates",
		file: "room/signal.go", by: "room",
		old: "		case !strings.EqualFold(strings.TrimSpace(value), sealed):\n",
		new: "		case !found && !strings.EqualFold(strings.TrimSpace(value), sealed):\n",
	},
	{
		row: "lying-member", what: "who shares the secret goes by another's name",
		file: "transport/websocket/conn.go", by: "transport/websocket",
		old: "	if room.MemberAt(card.Addr) != c.member {\n",
		new: "	if card.Addr == \"\" {\n",
	},
	{
		row: "lying-member", what: "a window says that it is a server of its cluster",
		file: "windows/windows.go", by: "windows",
		old: "	if _, known := t.known[card.ID]; known || card.ID == t.card.ID {\n",
		new: "	if card.ID == 0 {\n",
	},
	{
		row: "lying-member", what: "a window is met under the name of a server",
		file: "introducer/visitor.go", by: "introducer",
		old: "	case !v.local && room.IsServer(hello.Member):\n",
		new: "	case v.local && hello.Member == \"\":\n",
	},
	{
		row: "lost-frame", what: "a gap in a stream is not noticed",
		file: "transport/internal/mux/stream.go", by: "transport/internal/mux",
		old: "	if f.Number != s.expected {\n",
		new: "	if f.Number < s.expected {\n",
	},
	{
		row: "flood", what: "more comes on a stream than there was credit for",
		file: "transport/internal/mux/stream.go", by: "transport/internal/mux",
		old: "		case len(f.Data) > s.window:\n",
		new: "		case len(f.Data) > 1<<30:\n",
	},
	{
		row: "flood", what: "what waits for a member that does not read has no bound",
		file: "introducer/outbox.go", by: "introducer",
		old: "o.bytes+p.size()+reserve > o.limit || ",
		new: "",
	},
	{
		row: "flood", what: "words that come too fast are never too fast",
		file: "introducer/rate.go", by: "introducer",
		old: "slow > 0 && now.Sub(k.since) >= tooLong",
		new: "slow > 0 && now.Sub(k.since) < 0",
	},
	{
		row: "wrong-token", what: "a token that is good once is good for ever",
		file: "introducer/token.go", by: "introducer",
		old: "	ts.used[c.ID] = c.Expires\n",
		new: "	ts.used[c.ID] = 0\n	delete(ts.used, c.ID)\n",
	},
	{
		row: "wrong-origin", what: "a page of anybody may use the introducer",
		file: "introducer/origin.go", by: "introducer",
		old: "	if err != nil || !strings.EqualFold(from.Host, r.Host) {\n",
		new: "	if err != nil || from.Host == r.Host+\"x\" {\n",
	},
}
