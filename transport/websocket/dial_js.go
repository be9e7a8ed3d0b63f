package websocket

import (
	"net/http"

	"github.com/coder/websocket"

	"github.com/balsaraft/balsa/room"
)

// dialOptions leaves the client out: a browser has its own.
func dialOptions(*http.Client) *websocket.DialOptions {
	return &websocket.DialOptions{Subprotocols: []string{room.Subprotocol}}
}
