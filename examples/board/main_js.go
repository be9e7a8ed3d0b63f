package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"syscall/js"

	"github.com/balsaraft/balsa"
	"github.com/balsaraft/balsa/examples/board/notes"
	"github.com/balsaraft/balsa/fsys/opfs"
	"github.com/balsaraft/balsa/transport/websocket"
)

// shown is the board, and tells the page of each change.
type shown struct {
	*balsa.State[notes.Board, notes.Command, int]
}

func (s shown) Apply(e balsa.Entry, c notes.Command) int {
	defer s.show()
	return s.State.Apply(e, c)
}

func (s shown) Restore(r io.Reader) error {
	defer s.show()
	return s.State.Restore(r)
}

func (s shown) show() { post("notes", s.Value) }

// post sends a word to the page: its kind, and a value as JSON.
func post(kind string, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	js.Global().Call("postMessage", map[string]any{"kind": kind, "json": string(text)})
}

// main runs in a Worker, where files of the browser are. The first word of the page says
// who this window is; all others are commands.
func main() {
	words := make(chan string, 1024)
	js.Global().Set("onmessage", js.FuncOf(func(_ js.Value, args []js.Value) any {
		words <- args[0].Get("data").String()
		return nil
	}))
	var window struct {
		Name   string
		Secret string
		Doors  []string
	}
	if err := json.Unmarshal([]byte(<-words), &window); err != nil {
		post("failed", err.Error())
		return
	}
	if err := run(window.Name, window.Secret, window.Doors, words); err != nil {
		post("failed", err.Error())
	}
}

func run(name, secret string, doors []string, words <-chan string) error {
	log := slog.New(slog.DiscardHandler)
	files, err := opfs.Open("board", name)
	if err != nil {
		return err
	}
	transport, err := websocket.Meet(websocket.Options{Servers: doors, Room: "board", Secret: []byte(secret), Member: name, Logger: log})
	if err != nil {
		return err
	}
	node, err := balsa.Open(context.Background(), balsa.Config{
		Name: name, Files: files, Transport: transport, Join: []string{websocket.AnyServer}, Logger: log,
	}, shown{notes.New()})
	if err != nil {
		return err
	}
	for word := range words {
		var c notes.Command
		if err := json.Unmarshal([]byte(word), &c); err != nil {
			return err
		}
		go func() {
			_, err := node.Propose(context.Background(), c)
			if err != nil {
				post("refused", err.Error())
			}
			post("status", node.Status())
		}()
	}
	return nil
}
