package main

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"

	"github.com/balsaraft/balsa"
)

// replica is the state machine: the page has the reducer and the state, and is asked.
// Commands and results are the JSON of the page's, as bytes.
type replica struct {
	page    *page
	results *results
}

func (r *replica) Apply(e balsa.Entry, c *command) *result {
	return r.ApplyBatch([]balsa.Entry{e}, []*command{c})[0]
}

// ApplyBatch gives the page many commands at once, and does not wait for their results. A
// reducer that throws stops this member, as a panic does.
func (r *replica) ApplyBatch(entries []balsa.Entry, commands []*command) []*result {
	results, come, now, err := r.results.expect(commands)
	if err != nil {
		panic(err)
	}
	size := 13
	for _, c := range commands {
		size += 28 + len(c.text)
	}
	packed := appendCommandsHead(make([]byte, 0, size), len(entries), now, come)
	for i, e := range entries {
		chance := float64(e.Seed>>11) / (1 << 53)
		packed = appendCommand(packed, uint64(e.Index), float64(e.Time.UnixMilli()), chance, commands[i].text)
	}
	r.page.postBytes(wordApply, 0, packed)
	return results
}

// save is the state as the page writes it.
func (r *replica) save() ([]byte, error) {
	answer := r.page.askWord("save", nil)
	if err := answer.err(); err != nil {
		return nil, fmt.Errorf("write the state as a snapshot: %w", err)
	}
	return answer.data, nil
}

func (r *replica) Snapshot() (io.WriterTo, error) {
	state, err := r.save()
	if err != nil {
		return nil, err
	}
	return bytes.NewReader(state), nil
}

func (r *replica) Restore(in io.Reader) error {
	state, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	if err := r.page.askBytes(wordLoad, state).err(); err != nil {
		return fmt.Errorf("read the state of a snapshot: %w", err)
	}
	return nil
}

// hashed is a replica whose state is compared with that of other members.
type hashed struct{ replica }

func (h *hashed) StateHash() uint64 {
	state, err := h.save()
	if err != nil {
		panic(err)
	}
	sum := fnv.New64a()
	sum.Write(state)
	return sum.Sum64()
}
