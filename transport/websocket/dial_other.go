//go:build !js

package websocket

import (
	"net/http"

	"github.com/coder/websocket"

	"github.com/balsaraft/balsa/room"
)

func dialOptions(client *http.Client) *websocket.DialOptions {
	return &websocket.DialOptions{HTTPClient: client, Subprotocols: []string{room.Subprotocol}}
}
