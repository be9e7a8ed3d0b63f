package room

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestSeek plays the cases that a browser's side is held to, too.
func TestSeek(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "introducer", "testdata", "seek.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Why    string `json:"why"`
		View   View   `json:"view"`
		Joins  []Seat `json:"joins"`
		Founds bool   `json:"founds"`
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if join, found := c.View.Seek(); !slices.Equal(join, c.Joins) || found != c.Founds {
			t.Errorf("%s: joins %v, founds %v", c.Why, join, found)
		}
	}
	if len(cases) < 10 {
		t.Errorf("%d cases only", len(cases))
	}
}
